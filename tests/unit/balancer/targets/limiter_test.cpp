// Requests of a group whose targets have so many at a time: who goes, who waits, and in which order.
#include "balancer/targets/limiter.h"

#include <gtest/gtest.h>

#include "shared/env/random.h"

namespace balancer::targets {
namespace {

using Number = RequestLimiter::Ticket;
using Place = RequestLimiter::Target;
using Numbers = std::vector<Number>;

const int kA = 0, kB = 0, kC = 0;

struct Limited {
  RequestLimiter limiter;
  RequestLimiter::Settings settings{1, 10};
  explicit Limited(std::size_t per_target = 1, std::size_t queue = 10) : settings{per_target, queue} {
    members({{&kA, true}, {&kB, true}});
  }
  Numbers members(std::vector<RequestLimiter::Member> all) { return limiter.update(settings, all); }
  Number wait(Place only = nullptr, std::vector<Place> never = {}) {
    return limiter.wait(only, never).value_or(0);
  }
};

TEST(RequestLimiter, ATargetHasNoMoreThanItsNumber) {
  Limited rig(2);
  rig.limiter.take(&kA);
  EXPECT_TRUE(rig.limiter.has_room(&kA));
  rig.limiter.take(&kA);
  EXPECT_FALSE(rig.limiter.has_room(&kA));
  EXPECT_TRUE(rig.limiter.has_room(&kB));
  rig.limiter.give_back(&kA);
  EXPECT_TRUE(rig.limiter.has_room(&kA));
}

TEST(RequestLimiter, RequestsLeaveTheQueueInTheOrderInWhichTheyCame) {
  Limited rig;
  rig.limiter.take(&kA);
  rig.limiter.take(&kB);
  const Numbers came = {rig.wait(), rig.wait(), rig.wait()};
  Numbers left;
  for (const Place target : {Place(&kB), Place(&kA), Place(&kB)}) {
    for (const Number ticket : rig.limiter.give_back(target)) {
      left.push_back(ticket);
      EXPECT_EQ(rig.limiter.collect(ticket), target) << "the target that was free";
    }
  }
  EXPECT_EQ(left, came);
  EXPECT_EQ(rig.limiter.waiting(), 0U);
}

TEST(RequestLimiter, TheQueueIsBounded) {
  Limited rig(1, 2);
  EXPECT_NE(rig.wait(), 0U);
  const Number second = rig.wait();
  EXPECT_EQ(rig.wait(), 0U);
  EXPECT_TRUE(rig.limiter.leave(second).empty());
  EXPECT_NE(rig.wait(), 0U);
  EXPECT_EQ(Limited(1, 0).wait(), 0U) << "without a queue nobody waits";
}

TEST(RequestLimiter, WhileNobodyIsInRotationOthersWaitThanForRoom) {
  Limited rig(0, 0);
  rig.settings.hold = 2;
  rig.members({{&kA, true}});
  EXPECT_EQ(rig.wait(), 0U) << "nobody waits for room";
  rig.members({{&kA, false}});
  const Numbers came{rig.wait(), rig.wait()};
  EXPECT_EQ(rig.wait(), 0U) << "no more than are held";
  EXPECT_EQ(rig.members({}), Numbers()) << "still nobody to go to";
  EXPECT_EQ(rig.members({{&kB, true}}), came) << "without a limit all at once";
  EXPECT_EQ(rig.limiter.collect(came[0]), Place(&kB));
}

TEST(RequestLimiter, WhoLeavesAfterItWasLetInMakesRoomForTheNext) {
  Limited rig;
  rig.limiter.take(&kA);
  rig.limiter.take(&kB);
  const Number first = rig.wait(), second = rig.wait();
  EXPECT_EQ(rig.limiter.give_back(&kA), Numbers{first});
  EXPECT_EQ(rig.limiter.leave(first), Numbers{second});
  EXPECT_EQ(rig.limiter.collect(first), std::nullopt);
  EXPECT_EQ(rig.limiter.collect(second), Place(&kA));
  EXPECT_TRUE(rig.limiter.leave(second).empty()) << "what was collected is given back by itself";
  EXPECT_FALSE(rig.limiter.has_room(&kA));
}

TEST(RequestLimiter, WhoWaitsForItsOwnTargetDoesNotHoldUpOthers) {
  Limited rig;
  rig.limiter.take(&kA);
  rig.limiter.take(&kB);
  const Number sticky = rig.wait(&kA), any = rig.wait();
  EXPECT_EQ(rig.limiter.give_back(&kB), Numbers{any});
  EXPECT_EQ(rig.limiter.give_back(&kA), Numbers{sticky});
}

TEST(RequestLimiter, WhoWaitsForATargetThatIsGoneGoesToAnother) {
  for (const bool deregistered : {false, true}) {
    Limited rig;
    rig.limiter.take(&kA);
    rig.limiter.take(&kB);
    const Number sticky = rig.wait(&kA);
    if (deregistered) {
      EXPECT_TRUE(rig.members({{&kB, true}}).empty());
    } else {
      EXPECT_TRUE(rig.members({{&kA, false}, {&kB, true}}).empty());
    }
    EXPECT_EQ(rig.limiter.give_back(&kB), Numbers{sticky});
    EXPECT_TRUE(rig.limiter.give_back(&kA).empty());
  }
}

TEST(RequestLimiter, ATargetThatComesIntoRotationTakesThoseWhoWait) {
  Limited rig(2);
  for (int i = 0; i < 2; ++i) rig.limiter.take(&kA), rig.limiter.take(&kB);
  const Numbers came = {rig.wait(), rig.wait(), rig.wait()};
  EXPECT_EQ(rig.members({{&kA, true}, {&kB, true}, {&kC, true}}), (Numbers{came[0], came[1]}));
  EXPECT_EQ(rig.limiter.collect(came[0]), Place(&kC));
}

TEST(RequestLimiter, ATargetOutOfRotationTakesNobodyFromTheQueue) {
  Limited rig;
  rig.limiter.take(&kA);
  rig.members({{&kA, false}, {&kB, false}});
  const Number waits = rig.wait();
  EXPECT_TRUE(rig.limiter.give_back(&kA).empty());
  EXPECT_EQ(rig.members({{&kA, true}, {&kB, false}}), Numbers{waits});
}

TEST(RequestLimiter, WhoTriedATargetWaitsForAnother) {
  Limited rig;
  rig.limiter.take(&kA);
  rig.limiter.take(&kB);
  const Number again = rig.wait(nullptr, {&kA});
  EXPECT_TRUE(rig.limiter.give_back(&kA).empty());
  EXPECT_EQ(rig.limiter.give_back(&kB), Numbers{again});
}

TEST(RequestLimiter, AHigherLimitOrNoneLetsThemIn) {
  Limited rig;
  rig.limiter.take(&kA);
  rig.limiter.take(&kB);
  const Numbers came = {rig.wait(), rig.wait(), rig.wait(), rig.wait(), rig.wait()};
  rig.settings.per_target = 2;
  EXPECT_EQ(rig.members({{&kA, true}, {&kB, true}}), (Numbers{came[0], came[1]}));
  rig.settings.per_target = 0;
  EXPECT_EQ(rig.members({{&kA, true}, {&kB, true}}), (Numbers{came[2], came[3], came[4]}));
}

// Whatever happens: no target has more than its number, nobody waits while a target could take it, and nobody
// is passed by one who came later and could go to the same target.
TEST(RequestLimiter, KeepsItsPromisesOverAnyHistory) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    shared::env::SeededRandom random(seed);
    const std::size_t limit = 1 + random.below(3);
    const int ids[4] = {};
    Limited rig(limit, 1 + random.below(8));
    std::vector<RequestLimiter::Member> members;
    for (const int& id : ids) members.push_back({&id, random.below(3) != 0});
    std::map<Place, std::size_t> used;
    std::vector<Number> let_in;
    std::map<Number, Place> wanted;
    const auto note = [&](const Numbers& granted) {
      for (const Number ticket : granted) {
        let_in.push_back(ticket);
        ASSERT_EQ(wanted.count(ticket), 1U) << "somebody who does not wait";
        for (const auto& [other, only] : wanted) {
          if (other >= ticket) break;
          EXPECT_NE(only, nullptr) << "passed by a later one";
        }
        wanted.erase(ticket);
      }
    };
    note(rig.members(members));
    for (int step = 0; step < 200; ++step) {
      const auto& member = members[random.below(members.size())];
      switch (random.below(6)) {
        case 0:
        case 1:
          if (member.in_rotation && rig.limiter.has_room(member.target)) {
            rig.limiter.take(member.target);
            ++used[member.target];
          } else {
            const Place only = random.below(3) == 0 ? member.target : nullptr;
            bool any_room = false;
            for (const auto& each : members)
              any_room |= each.in_rotation && rig.limiter.has_room(each.target);
            if (any_room) break;  // it would have been sent there
            if (const auto ticket = rig.limiter.wait(only, {})) wanted[*ticket] = only;
          }
          break;
        case 2:
        case 3:
          if (used[member.target] != 0) {
            --used[member.target];
            note(rig.limiter.give_back(member.target));
          }
          break;
        case 4: {
          if (let_in.empty()) break;
          const Number ticket = let_in.back();
          let_in.pop_back();
          if (random.below(2) == 0) {
            note(rig.limiter.leave(ticket));
          } else {
            ++used[*rig.limiter.collect(ticket)];
          }
          break;
        }
        default:
          members[random.below(members.size())].in_rotation = random.below(3) != 0;
          note(rig.members(members));
      }
      for (const auto& each : members) {
        ASSERT_LE(used[each.target], limit) << "seed " << seed;
        if (!each.in_rotation || !rig.limiter.has_room(each.target)) continue;
        for (const auto& [ticket, only] : wanted)
          ASSERT_TRUE(only != nullptr && only != each.target) << "one waits for nothing, seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace balancer::targets
