// Both sides in one process, over a real socket.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "balancer/handover/giver.h"
#include "balancer/handover/service_manager.h"
#include "balancer/handover/spawn.h"
#include "balancer/handover/taker.h"
#include "balancer/loop/socket.h"

namespace balancer::handover {
namespace {

constexpr shared::Millis kLimit{10'000};

shared::UniqueFd listening() {
  return std::move(loop::open_listener(*loop::make_address("127.0.0.1", 0), loop::Sharing::kFirst)).value();
}

TEST(HandoverPacket, IsAWordAndTheRest) {
  const Packet packet = parse_packet("tickets 12 ab cd");
  EXPECT_EQ(packet.word, "tickets");
  EXPECT_EQ(packet.rest, "12 ab cd");
  EXPECT_EQ(parse_packet("lock").rest, "");
  EXPECT_EQ(parse_packet("").word, "");
}

struct Sides : ::testing::Test {
  void SetUp() override {
    // Longer than the address of a unix socket may be.
    path = ::testing::TempDir() + "/" + std::string(120, 'd');
    std::filesystem::create_directories(path);
    path += "/handover";
    GiverEvents events;
    events.wished = [this] { wished = true; };
    events.serving = [this](int pid) { serving = pid; };
    events.gone = [this](const std::string& why) { gone = why.empty() ? "-" : why; };
    auto made = Giver::listen(loop, path, std::move(events));
    ASSERT_TRUE(made) << made.error().text();
    giver = std::move(made).value();
  }
  void TearDown() override {
    if (taking.joinable()) taking.join();
    std::filesystem::remove_all(std::filesystem::path(path).parent_path());
  }
  void take() {
    taking = std::thread([this] { taker = Taker::take(path, offer); });
    EXPECT_TRUE(loop.run_until([this] { return wished; }, kLimit));
  }

  shared::httpd::IoLoop loop;
  std::string path;
  std::unique_ptr<Giver> giver;
  bool wished = false;
  int serving = 0;
  std::string gone;
  std::thread taking;
  Offer offer;
  shared::Result<std::unique_ptr<Taker>> taker = shared::Error("none", "none");
};

TEST_F(Sides, WhatIsOfferedArrivesAndEachLearnsWhatTheOtherDid) {
  take();
  const shared::UniqueFd first = listening(), second = listening();
  giver->offer("listener 127.0.0.1:1", first.get());
  giver->offer("listener 127.0.0.1:1", second.get());
  giver->offer("something-newer 1 2 3", first.get());
  giver->offer("lock", second.get());
  giver->offer("tickets 1500 abcd");
  giver->offer("offered");
  taking.join();
  ASSERT_TRUE(taker) << taker.error().text();
  ASSERT_EQ(offer.listeners.size(), 1U);
  ASSERT_EQ(offer.listeners["127.0.0.1:1"].size(), 2U);
  EXPECT_EQ(loop::local_address(offer.listeners["127.0.0.1:1"][1].get()).port(),
            loop::local_address(second.get()).port());
  EXPECT_TRUE(offer.lock);
  EXPECT_EQ(offer.tickets, "abcd");
  EXPECT_EQ(offer.tickets_age, shared::Millis(1500));

  bool yours = false, ended = false;
  (*taker)->serving(
      loop, [&] { yours = true; }, [&] { ended = true; });
  ASSERT_TRUE(loop.run_until([this] { return serving != 0; }, kLimit));
  EXPECT_EQ(serving, ::getpid());
  EXPECT_FALSE(yours);
  giver->yours();
  ASSERT_TRUE(loop.run_until([&] { return yours; }, kLimit));
  EXPECT_FALSE(ended);
  giver.reset();
  EXPECT_TRUE(loop.run_until([&] { return ended; }, kLimit));
  EXPECT_EQ(gone, "");
}

TEST_F(Sides, OneThatEndsBeforeItServesIsToldAndAnotherMayCome) {
  take();
  giver->offer("offered");
  taking.join();
  ASSERT_TRUE(taker);
  (*taker).reset();
  ASSERT_TRUE(loop.run_until([this] { return !gone.empty(); }, kLimit));
  EXPECT_EQ(gone, "it has ended");
  wished = false;
  take();
  giver->offer("offered");
  taking.join();
  EXPECT_TRUE(taker);
}

TEST_F(Sides, ARefusalSaysWhyAndASecondOneIsRefusedMeanwhile) {
  take();
  Offer other;
  std::thread second([&] {
    auto refused = Taker::take(path, other);
    const std::string why = refused ? "taken" : refused.error().text();
    EXPECT_NE(why.find("takes over already"), std::string::npos) << why;
    loop.post([this] { wished = false; });
  });
  EXPECT_TRUE(loop.run_until([this] { return !wished; }, kLimit));
  second.join();
  giver->refuse("it drains");
  taking.join();
  ASSERT_FALSE(taker);
  EXPECT_NE(taker.error().text().find("refuses: it drains"), std::string::npos) << taker.error().text();
  EXPECT_EQ(gone, "") << "nothing was begun";
}

TEST_F(Sides, AnOlderOneThatEndsInTheMiddleIsAnError) {
  take();
  giver->offer("listener 127.0.0.1:1", 0);
  giver.reset();
  taking.join();
  EXPECT_FALSE(taker);
  Offer none;
  const auto nobody = Taker::take(path, none);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code(), "nobody");
}

TEST(PassedSockets, AreOnlyThoseForThisProcess) {
  ::setenv("LISTEN_FDS", "1", 1);
  ::setenv("LISTEN_PID", "1", 1);
  const Passed passed = take_passed_sockets();
  EXPECT_TRUE(passed.listeners.empty());
  EXPECT_TRUE(passed.problems.empty());
  EXPECT_EQ(std::getenv("LISTEN_FDS"), nullptr) << "no child may take them for its own";
}

TEST(Spawn, StartsAChildWhoseEndIsSeenAndSaysWhatCannotBeStarted) {
  auto spawned = spawn("/bin/sh", {"sh", "-c", "exit 3"}, Parent::kThis);
  ASSERT_TRUE(spawned) << spawned.error().text();
  pollfd end{spawned->end.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&end, 1, static_cast<int>(kLimit.count())), 1);
  siginfo_t how{};
  ASSERT_EQ(::waitid(P_PIDFD, static_cast<id_t>(spawned->end.get()), &how, WEXITED), 0);
  EXPECT_EQ(how.si_pid, spawned->pid);
  EXPECT_EQ(how.si_status, 3);

  auto none = spawn("/nowhere/berth-balancer", {"berth-balancer"}, Parent::kThis);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().text().find("/nowhere/berth-balancer: No such file"), std::string::npos)
      << none.error().text();
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a process is left";
}

}  // namespace
}  // namespace balancer::handover
