#include "shared/httpd/io_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>

#include "shared/base/unique_fd.h"
#include "tests/unit/shared/httpd/raw_peer.h"

namespace shared::httpd {
namespace {

using ::testing::ElementsAre;

TEST(IoLoop, RunsPostedWorkAfterTheCurrentCallback) {
  IoLoop loop;
  std::vector<std::string> seen;
  loop.post([&] {
    loop.post([&] { seen.push_back("second"); });
    seen.push_back("first");
  });
  ASSERT_TRUE(loop.run_until([&] { return seen.size() == 2; }, kPatience));
  EXPECT_THAT(seen, ElementsAre("first", "second"));
}

TEST(IoLoop, RunsTimersInTheOrderOfTheirDelaysAndNotEarly) {
  IoLoop loop;
  std::vector<int> seen;
  const SteadyTime begin = loop.now();
  const auto late = loop.after(Millis(20), [&] { seen.push_back(20); });
  const auto soon = loop.after(Millis(5), [&] { seen.push_back(5); });
  const auto at_once = loop.after(Millis(0), [&] { seen.push_back(0); });
  ASSERT_TRUE(loop.run_until([&] { return seen.size() == 3; }, kPatience));
  EXPECT_THAT(seen, ElementsAre(0, 5, 20));
  EXPECT_GE(loop.now() - begin, Millis(20));
}

TEST(IoLoop, NeverRunsADroppedTimerEvenIfItIsAlreadyDue) {
  IoLoop loop;
  bool ran = false;
  bool over = false;
  env::Timer victim;
  // Both are due in the same turn; the first drops the second.
  const auto killer = loop.after(Millis(1), [&] { victim.cancel(); });
  victim = loop.after(Millis(1), [&] { ran = true; });
  const SteadyTime begin = loop.now();
  while (loop.now() - begin < Millis(3)) {
  }
  const auto end = loop.after(Millis(2), [&] { over = true; });
  ASSERT_TRUE(loop.run_until([&] { return over; }, kPatience));
  EXPECT_FALSE(ran);
}

TEST(IoLoop, LetsATimerReplaceItselfFromItsOwnCallback) {
  IoLoop loop;
  env::Timer timer;
  int rounds = 0;
  std::function<void()> work = [&] {
    if (++rounds < 3) timer = loop.after(Millis(0), work);
  };
  timer = loop.after(Millis(0), work);
  ASSERT_TRUE(loop.run_until([&] { return rounds == 3; }, kPatience));
}

TEST(IoLoop, FreesWhatADroppedTimerHeld) {
  IoLoop loop;
  const auto held = std::make_shared<int>(1);
  auto timer = loop.after(Millis(60'000), [held] {});
  EXPECT_EQ(held.use_count(), 2);
  timer.cancel();
  EXPECT_EQ(held.use_count(), 1);
}

TEST(IoLoop, TakesPostsAndStopFromOtherThreads) {
  IoLoop loop;
  int ran = 0;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) loop.post([&] { ++ran; });
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  other.join();
  EXPECT_EQ(ran, 1000);
  loop.stop();  // before run: it returns at once
  loop.run();
}

TEST(IoLoop, RunUntilGivesUpAtItsLimit) {
  IoLoop loop;
  EXPECT_FALSE(loop.run_until([] { return false; }, Millis(5)));
}

TEST(IoLoop, DeliversSignalsAgainAndAgain) {
  IoLoop loop;
  std::vector<int> seen;
  loop.on_signals({SIGUSR1, SIGUSR2}, [&](int signal) { seen.push_back(signal); });
  ::raise(SIGUSR1);
  ASSERT_TRUE(loop.run_until([&] { return seen.size() == 1; }, kPatience));
  ::raise(SIGUSR2);
  ASSERT_TRUE(loop.run_until([&] { return seen.size() == 2; }, kPatience));
  EXPECT_THAT(seen, ElementsAre(SIGUSR1, SIGUSR2));
}

TEST(IoLoop, StopsAtASignalWithoutWorkingOffWhatWaits) {
  constexpr int kWaiting = 20'000;
  int done = 0;
  IoLoop loop;
  loop.stop_on_signals({SIGUSR2});
  EXPECT_EQ(loop.stopped_by(), 0);
  loop.post([] { ::raise(SIGUSR2); });
  for (int i = 0; i < kWaiting; ++i) {
    loop.post([&done] {
      ++done;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // work
    });
  }
  loop.run();
  EXPECT_LT(done, kWaiting);
  EXPECT_EQ(loop.stopped_by(), SIGUSR2);
}

TEST(IoLoop, WatchesADescriptorAsLongAsItHasSomethingToRead) {
  IoLoop loop;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  std::string got;
  auto watch = loop.watch_readable(reader.get(), [&] {
    char byte = 0;
    if (::read(reader.get(), &byte, 1) == 1)
      got.push_back(byte);  // one at a time: the rest must be told again
  });
  ASSERT_TRUE(watch);
  ASSERT_EQ(::write(writer.get(), "abc", 3), 3);
  ASSERT_TRUE(loop.run_until([&] { return got == "abc"; }, kPatience));

  watch.cancel();
  ASSERT_EQ(::write(writer.get(), "d", 1), 1);
  bool over = false;
  const auto end = loop.after(Millis(5), [&] { over = true; });
  ASSERT_TRUE(loop.run_until([&] { return over; }, kPatience));
  EXPECT_EQ(got, "abc");
}

TEST(IoLoop, LetsTwoWatchOneDescriptorAndAWatchDropItself) {
  IoLoop loop;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  int first = 0;
  int second = 0;
  env::Timer one;
  env::Timer two;
  one = loop.watch_readable(reader.get(), [&] { ++first, one.cancel(); });
  two = loop.watch_readable(reader.get(), [&] { ++second, two.cancel(); });
  ASSERT_EQ(::write(writer.get(), "x", 1), 1);
  ASSERT_TRUE(loop.run_until([&] { return first + second == 2; }, kPatience));
  EXPECT_EQ(first, 1);
  EXPECT_FALSE(loop.watch_readable(-1, [] {}));
}

TEST(IoLoop, MayDieWithWorkPending) {
  auto held = std::make_shared<int>(1);
  {
    IoLoop loop;
    loop.post([held] {});
    loop.on_signals({SIGUSR1}, [held](int) {});
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace shared::httpd
