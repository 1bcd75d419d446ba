#include "agent/control/engine/input_queue.h"

#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

class InputQueueTest : public testing::Test {
 protected:
  std::uint64_t open() {
    channels.push_back(std::make_shared<FakeChannel>());
    return queue.open(channels.back(), [](Step&, std::uint64_t) {});
  }
  void say(std::uint64_t session, std::size_t bytes = 1) {
    queue.say(session, bytes, [](Step&) {});
  }
  std::size_t take_all() {
    std::size_t taken = 0;
    while (!queue.empty()) {
      for (const Input& input : queue.take(256, 256)) {
        queue.finished(input);
        ++taken;
      }
    }
    return taken;
  }
  InputQueue queue;
  std::vector<std::shared_ptr<FakeChannel>> channels;
};

TEST_F(InputQueueTest, ClosesASessionOfWhichTooMuchWaitsAndNoOther) {
  const auto loud = open();
  const auto quiet = open();
  for (std::size_t i = 1; i < kMaxWaitingOfSession; ++i) say(loud);  // its beginning waits too
  EXPECT_EQ(channels[0]->closed, "");
  say(loud);
  EXPECT_EQ(channels[0]->closed, "control is behind: too much that was said waits for its turn");
  say(loud);
  say(quiet);
  EXPECT_EQ(channels[1]->closed, "");
  queue.close(loud, [](Step&) {});
  queue.close(loud, [](Step&) {});
  say(loud);
  // The beginning, what it said, its end; and two of the other.
  EXPECT_EQ(take_all(), kMaxWaitingOfSession + 1 + 2);
}

TEST_F(InputQueueTest, BoundsWhatAllSessionsSayTogether) {
  std::vector<std::uint64_t> sessions;
  while (sessions.size() < kMaxWaitingOfSessions / 2) sessions.push_back(open());
  for (const std::uint64_t each : sessions) say(each);
  const auto late = open();
  EXPECT_NE(channels.back()->closed, "");
  queue.close(late, [](Step&) {});
  say(sessions.front());
  EXPECT_NE(channels.front()->closed, "");
  EXPECT_EQ(take_all(), kMaxWaitingOfSessions);
  say(sessions.back());
  EXPECT_EQ(channels[sessions.size() - 1]->closed, "");
  EXPECT_EQ(take_all(), 1u);
}

TEST_F(InputQueueTest, BoundsTheBytesThatSessionsSay) {
  const auto one = open();
  const auto other = open();
  say(one, kMaxWaitingBytes);
  say(other, 1);
  EXPECT_NE(channels[1]->closed, "");
  take_all();
  say(one, kMaxWaitingBytes);
  EXPECT_EQ(channels[0]->closed, "");
}

TEST_F(InputQueueTest, CountsWhatWasTakenUntilItIsOverWith) {
  const auto session = open();
  for (std::size_t i = 1; i < kMaxWaitingOfSession; ++i) say(session);
  std::vector<Input> taken = queue.take(kMaxWaitingOfSession, 0);
  ASSERT_EQ(taken.size(), kMaxWaitingOfSession);
  for (Input& each : taken) queue.keep(std::move(each));
  say(session);
  EXPECT_NE(channels[0]->closed, "");
}

TEST_F(InputQueueTest, GivesWhatWasKeptFirstAndCallsWithoutSessions) {
  std::vector<std::string> applied;
  const auto note = [&](const std::string& name) {
    return [&applied, name](Step&) -> shared::Result<void> {
      applied.push_back(name);
      return {};
    };
  };
  const auto session = open();
  say(session);
  ASSERT_TRUE(queue.call(note("call"), [](const shared::Result<void>&) {}));
  std::vector<Input> calls = queue.take_calls(10);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].session, 0u);
  EXPECT_FALSE(queue.has_calls());
  std::vector<Input> said = queue.take(1, 1);
  ASSERT_EQ(said.size(), 1u);
  queue.keep(std::move(said[0]));
  ASSERT_TRUE(queue.call(note("later"), [](const shared::Result<void>&) {}));
  said = queue.take(10, 10);
  ASSERT_EQ(said.size(), 3u);
  EXPECT_EQ(said[0].session, session);
  EXPECT_EQ(said[1].session, session);
  EXPECT_EQ(said[2].session, 0u);
}

}  // namespace
}  // namespace agent::control::test
