#include "balancer/jwt/key_cache.h"

#include <gtest/gtest.h>

#include "tests/unit/balancer/jwt/signer.h"

namespace balancer::jwt {
namespace {

using shared::Millis;

const std::string kEndpoint = "https://issuer.example/keys";
std::string document() { return R"({"keys":[)" + signer().jwk("a") + "]}"; }

struct World {
  KeyCache cache;
  shared::SteadyTime now{Millis(1'000'000)};

  // "keys", "wait" or a reason's word; " fetch" when one is to be started.
  std::string ask() {
    const auto found = cache.look_up(kEndpoint, now);
    std::string out = "wait";
    if (found.known) out = found.answer.keys ? "keys" : std::string(row_of(found.answer.reason).word);
    return out + (found.fetch ? " fetch" : "");
  }
  KeyAnswer outcome(KeyAnswer fetched) { return cache.on_fetched(kEndpoint, std::move(fetched), now); }
  bool answer() { return outcome(KeyCache::read(200, document())).keys != nullptr; }
  Reason fail(Reason reason) { return outcome({nullptr, reason}).reason; }
};

TEST(KeyCache, FetchesOnceForAllWhoAsk) {
  World world;
  EXPECT_EQ(world.ask(), "wait fetch");
  EXPECT_EQ(world.ask(), "wait");
  EXPECT_TRUE(world.answer());
  EXPECT_EQ(world.ask(), "keys");
}

TEST(KeyCache, UsesOldKeysWhileNewOnesAreFetched) {
  World world;
  world.ask();
  world.answer();
  world.now += kKeysFresh - Millis(1);
  EXPECT_EQ(world.ask(), "keys");
  world.now += Millis(1);
  EXPECT_EQ(world.ask(), "keys fetch");
  EXPECT_EQ(world.ask(), "keys");
  EXPECT_EQ(world.fail(Reason::kKeysTimeout), Reason::kValid);
  EXPECT_EQ(world.ask(), "keys");
  world.now += kFetchAgainAfter;
  EXPECT_EQ(world.ask(), "keys fetch");
  world.fail(Reason::kKeysTimeout);
  world.now += kKeysKept;
  EXPECT_EQ(world.ask(), "wait fetch") << "an hour without the issuer";
}

TEST(KeyCache, AnswersAFailureForAWhile) {
  World world;
  world.ask();
  EXPECT_EQ(world.outcome(KeyCache::read(404, document())).reason, Reason::kKeysFailed);
  EXPECT_EQ(world.ask(), "JWKSRequestFailed");
  world.now += kFetchAgainAfter;
  EXPECT_EQ(world.ask(), "wait fetch");
  EXPECT_EQ(world.outcome(KeyCache::read(200, "{}")).reason, Reason::kKeysInvalid);
  EXPECT_EQ(world.ask(), "JWKSResponseInvalid");
}

TEST(KeyCache, FetchesForAnUnknownKeyAtOnceAndThenOnceInAWhile) {
  World world;
  world.ask();
  ASSERT_TRUE(world.answer());
  const auto newer = [&world](const std::shared_ptr<const KeySet>& seen) {
    const auto found = world.cache.look_up_newer(kEndpoint, *seen, world.now);
    std::string out = !found.known ? "wait" : found.answer.keys == seen ? "the same" : "newer";
    return out + (found.fetch ? " fetch" : "");
  };
  const auto first = world.cache.look_up(kEndpoint, world.now).answer.keys;
  EXPECT_EQ(newer(first), "wait fetch") << "keys may rotate just after they were fetched";
  EXPECT_TRUE(world.cache.fetching(kEndpoint));
  EXPECT_EQ(newer(first), "wait") << "one is under way";
  EXPECT_EQ(world.ask(), "keys") << "for tokens of known keys";
  ASSERT_TRUE(world.answer());
  EXPECT_FALSE(world.cache.fetching(kEndpoint));
  EXPECT_EQ(newer(first), "newer");
  const auto second = world.cache.look_up(kEndpoint, world.now).answer.keys;
  EXPECT_EQ(newer(second), "the same");
  world.now += kUnknownKeyAfter - Millis(1);
  EXPECT_EQ(newer(second), "the same");
  world.now += Millis(1);
  EXPECT_EQ(newer(second), "wait fetch");
  EXPECT_EQ(world.fail(Reason::kKeysTimeout), Reason::kValid);
  EXPECT_EQ(newer(second), "the same");
}

TEST(KeyCache, ForgetsTheEndpointThatWasAskedForLongestAgo) {
  World world;
  world.ask();
  world.answer();
  for (std::size_t i = 0; i < kMaxEndpoints; ++i) {
    world.now += Millis(1);
    world.cache.look_up("https://other.example/" + std::to_string(i), world.now);
  }
  EXPECT_EQ(world.ask(), "wait fetch");
}

}  // namespace
}  // namespace balancer::jwt
