#include "balancer/loop/loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "balancer/loop/socket.h"

namespace balancer::loop {
namespace {

std::unique_ptr<Loop> a_loop() {
  auto loop = Loop::create();
  EXPECT_TRUE(loop);
  return std::move(loop).value();
}

TEST(Loop, WorkPostedFromAnotherThreadRunsInOrderOnTheLoopsThread) {
  auto loop = a_loop();
  std::string order;
  std::thread::id ran_on;
  std::thread other([&] {
    for (char c = 'a'; c <= 'z'; ++c) loop->post([&order, c] { order.push_back(c); });
    loop->post([&] { ran_on = std::this_thread::get_id(); });
    loop->stop();
  });
  loop->run();
  other.join();
  EXPECT_EQ(order, "abcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(Loop, TimersFireInOrderOfDeadlineAndNotBeforeIt) {
  auto loop = a_loop();
  struct Shot {
    Loop& loop;
    std::string& order;
    char name;
    shared::SteadyTime due;
    TimerNode node;
  };
  std::string order;
  Shot late{*loop, order, 'b', {}, {}};
  Shot early{*loop, order, 'a', {}, {}};
  for (Shot* shot : {&late, &early}) {
    shot->due = loop->now() + shared::Millis(shot == &late ? 120 : 30);
    shot->node.bind(shot, [](void* self) {
      auto* s = static_cast<Shot*>(self);
      EXPECT_GE(s->loop.now(), s->due);
      s->order.push_back(s->name);
      if (s->order.size() == 2) s->loop.stop();
    });
    loop->arm_at(shot->node, shot->due);
  }
  loop->run();
  EXPECT_EQ(order, "ab");
}

TEST(Loop, AnAcceptedConnectionReportsDataAndTheEndThatCameWithIt) {
  auto loop = a_loop();
  auto listener = open_listener(*make_address("127.0.0.1", 0), Sharing::kExclusive);
  ASSERT_TRUE(listener);
  int error = 0;
  shared::UniqueFd client = start_connect(local_address(listener->get()), &error);
  ASSERT_EQ(error, 0);
  ASSERT_EQ(connect_error(client.get()), 0);

  struct Side {
    Loop& loop;
    int listening;
    Accepted accepted;
    FdWatch accept_watch;
    FdWatch watch;
    std::string got;
    bool ended = false;
  } side{*loop, listener->get(), {}, {}, {}, {}, false};
  ASSERT_TRUE(side.accept_watch.start(
      *loop, side.listening, FdWatch::Interest::kReadLevel, &side, [](void* p, Ready) {
        auto* s = static_cast<Side*>(p);
        s->accepted = accept_one(s->listening);
        ASSERT_TRUE(s->accepted.fd.valid());
        s->accept_watch.stop();
        ASSERT_TRUE(s->watch.start(
            s->loop, s->accepted.fd.get(), FdWatch::Interest::kReadWrite, s, [](void* q, Ready ready) {
              auto* t = static_cast<Side*>(q);
              if (!ready.readable && !ready.ended) return;
              char buffer[64];
              const IoResult read = read_some(t->accepted.fd.get(), buffer);
              if (read.state == Io::kDone) t->got.append(buffer, read.bytes);
              // Data and FIN may be one edge: the flag says that another read is owed.
              if (ready.ended && read_some(t->accepted.fd.get(), buffer).state == Io::kEnded) {
                t->ended = true;
                t->loop.stop();
              }
            }));
      }));
  const std::string text = "last words";
  const iovec part{const_cast<char*>(text.data()), text.size()};
  ASSERT_EQ(write_some(client.get(), std::span(&part, 1)).bytes, text.size());
  shutdown_write(client.get());
  loop->run();
  EXPECT_EQ(side.got, text);
  EXPECT_TRUE(side.ended);
  EXPECT_EQ(side.accepted.peer.ip(), "127.0.0.1");
}

// Two are reported at once; the one that is told first closes the other, whose number a quiet socket gets.
TEST(Loop, WhatWasReportedOfAClosedDescriptorIsNotToldToTheNextOfThatNumber) {
  auto loop = a_loop();
  struct All;
  struct Side {
    All* all = nullptr;
    shared::UniqueFd fd, peer;
    FdWatch watch;
    int told = 0;
  };
  struct All {
    Loop& loop;
    Side sides[2];
    Side quiet;
  } all{*loop, {}, {}};
  for (Side* side : {&all.sides[0], &all.sides[1], &all.quiet}) {
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    side->all = &all;
    side->fd.reset(fds[0]);
    side->peer.reset(fds[1]);
  }
  for (Side& side : all.sides) {
    const iovec byte{const_cast<char*>("x"), 1};
    ASSERT_EQ(write_some(side.peer.get(), std::span(&byte, 1)).bytes, 1U);
    ASSERT_TRUE(
        side.watch.start(*loop, side.fd.get(), FdWatch::Interest::kReadLevel, &side, [](void* self, Ready) {
          Side& me = *static_cast<Side*>(self);
          Side& other = me.all->sides[&me == &me.all->sides[0] ? 1 : 0];
          Side& quiet = me.all->quiet;
          ++me.told;
          me.watch.stop();
          other.watch.stop();
          ASSERT_EQ(::dup2(quiet.fd.get(), other.fd.get()), other.fd.get());
          ASSERT_TRUE(quiet.watch.start(me.all->loop, other.fd.get(), FdWatch::Interest::kReadLevel, &quiet,
                                        [](void* next, Ready) { ++static_cast<Side*>(next)->told; }));
          me.all->loop.stop();
        }));
  }
  loop->run();
  EXPECT_EQ(all.sides[0].told + all.sides[1].told, 1);
  EXPECT_EQ(all.quiet.told, 0);
}

TEST(Socket, ATakenPortIsNamedWithTheKernelsReason) {
  auto first = open_listener(*make_address("127.0.0.1", 0), Sharing::kPerWorker);
  ASSERT_TRUE(first);
  const Address taken = local_address(first->get());
  auto second = open_listener(taken, Sharing::kExclusive);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), "address_in_use");
  EXPECT_NE(second.error().text().find(to_string(taken) + ": Address already in use"), std::string::npos)
      << second.error().text();
  EXPECT_TRUE(open_listener(taken, Sharing::kPerWorker));
}

TEST(Socket, AddressesAreWrittenForPeople) {
  EXPECT_EQ(to_string(*make_address("::1", 80)), "[::1]:80");
  EXPECT_EQ(make_address("::ffff:10.0.0.7", 1)->ip(), "10.0.0.7");
  EXPECT_EQ(make_address("255.0.19.100", 1)->ip(), "255.0.19.100");
  EXPECT_FALSE(make_address("example.com", 80));
}

}  // namespace
}  // namespace balancer::loop
