// Clients that send a body slowly, in a time that the test makes.
#include <gtest/gtest.h>

#include <string>

#include "balancer/proxy/exchange/body_pace.h"
#include "tests/unit/balancer/proxy/rig.h"

namespace balancer::proxy {
namespace {

using std::chrono::seconds;

constexpr std::string_view kUpload = "POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";

// Sends `piece` each `pause` until there is an answer or an end, or `most` pieces were sent; the time it
// took.
shared::SteadyTime::duration trickle(Rig& rig, Rig::End& client, const std::string& piece,
                                     shared::Millis pause, int most) {
  const shared::SteadyTime began = rig.now;
  for (int i = 0; i < most && client.got.empty() && !client.ended; ++i) {
    rig.on_loop([&] { rig.now += pause; });
    rig.settle();
    if (client.got.empty() && !client.ended) rig.say(client, piece);
  }
  return rig.now - began;
}

TEST(BodyPace, TakesNoTimeForWhatIsFastEnoughAndEndsWhatIsNot) {
  shared::SteadyTime now{std::chrono::hours(1)};
  BodyPace pace;
  pace.start();
  for (int i = 0; i < 10'000; ++i) {
    pace.wait(now);
    now += seconds(1);
    ASSERT_FALSE(pace.over(now));
    pace.came(kMinBodyRate, now);
  }
  pace.came(1'000'000'000, now);
  pace.wait(now);
  EXPECT_EQ(pace.limit(), now + kBodyGrace) << "no credit beyond the grace";
  now += seconds(30);
  pace.came(0, now);
  now += seconds(1'000);  // its target did not read: nobody waited for the client
  pace.wait(now);
  EXPECT_EQ(pace.limit(), now + kBodyGrace - seconds(30));
  EXPECT_TRUE(pace.over(now + seconds(30)));
}

TEST(SlowBody, EndsWhenItIsTooSlowThoughNoPauseIsLong) {
  Rig rig;
  Rig::End& client = rig.connect();
  rig.say(client, kUpload);
  const auto took = trickle(rig, client, "x", shared::Millis(7'000), 100);
  EXPECT_TRUE(client.got.starts_with("HTTP/1.1 408 ")) << client.got;
  EXPECT_GE(took, kBodyGrace);
  EXPECT_LE(took, kBodyGrace + seconds(14));
}

TEST(SlowBody, MayBeAsSlowAsTheRate) {
  Rig rig;
  Rig::End& client = rig.connect();
  rig.say(client, kUpload);
  trickle(rig, client, std::string(2'400, 'x'), shared::Millis(10'000), 30);
  EXPECT_EQ(client.got, "");
  EXPECT_FALSE(client.ended);
}

TEST(SlowBody, OfACallOfGrpcOrBehindTheHeadOfItsAnswerHasNoLimit) {
  for (const bool answers : {false, true}) {
    Rig rig;
    Rig::End& client = rig.connect();
    std::string head(kUpload);
    if (!answers) head.insert(head.find("\r\n") + 2, "Content-Type: application/grpc\r\n");
    rig.say(client, head);
    if (answers) {
      rig.say(rig.target(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
      EXPECT_TRUE(client.take().starts_with("HTTP/1.1 200 "));
    }
    trickle(rig, client, "x", shared::Millis(7'000), 40);
    EXPECT_EQ(client.got, "");
    EXPECT_FALSE(client.ended) << answers;
  }
}

}  // namespace
}  // namespace balancer::proxy
