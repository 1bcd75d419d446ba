// What hosts do to a balancer: it goes on serving its last good table, and says what is wrong.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "tests/integration/balancer/fake_control.h"
#include "tests/integration/balancer/place.h"

namespace balancer::test {
namespace {

// Clients that come again whatever happens, and count.
class Clients {
 public:
  explicit Clients(std::uint16_t port) {
    for (int i = 0; i < 4; ++i) {
      threads_.emplace_back([this, port] {
        while (!stopping_) {
          Wire wire = Wire::connect(port);
          if (!wire.valid()) continue;
          for (;;) {
            if (!wire.send(get("/"))) break;
            const Message answer = wire.read_message();
            if (answer.head.empty()) break;
            (answer.status == 200 && answer.complete ? good : bad).fetch_add(1);
            if (stopping_ || answer.field("Connection") == "close") break;
          }
        }
      });
    }
  }
  ~Clients() {
    stopping_ = true;
    for (auto& thread : threads_) thread.join();
  }
  std::atomic<int> good{0};
  std::atomic<int> bad{0};  // answered, and not well

 private:
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

TEST(BalancerResilience, KilledUnderLoadWhileItsConfigurationChangesItServesWhatItHadAcknowledged) {
  Target one(answer_all), other(answer_all);
  const auto port = free_port(), control_port = free_port();
  const Place place(port);
  Clients clients(port);
  std::uint64_t version = 0;
  for (int round = 0; round < 3; ++round) {
    FakeControl control(control_port);
    auto balancer = Balancer::with_arguments(place.arguments(control_port));
    ASSERT_TRUE(control.wait([&] { return control.last<lb::Hello>() != nullptr; })) << balancer->log();
    EXPECT_GE(control.last<lb::Hello>()->applied_version, version) << "it is on the disk once acknowledged";
    const bool has_served = version != 0;
    EXPECT_TRUE(!has_served || status_of(port) == 200) << "before control has said anything";
    lb::Config last = config(version + 10, port, {{one.port(), ""}});
    version = last.version;
    control.send(lb::Snapshot{last});
    ASSERT_TRUE(control.wait([&] { return control.last<lb::Ack>() != nullptr; }));
    const int before = clients.good;
    for (int i = 0; i < 20; ++i) {
      const lb::Config next = config(last.version + 1, port, {{(i % 2 == 0 ? other : one).port(), ""}});
      control.send(lb::diff(last, next));
      last = next;
    }
    ASSERT_TRUE(control.wait(
        [&] { return control.last<lb::Ack>()->version > version + 5 && clients.good > before + 50; }));
    version = control.last<lb::Ack>()->version;
    balancer->signal(SIGKILL);
    balancer->wait_exit();
  }
  auto alone = Balancer::with_arguments(place.arguments(control_port));
  const int before = clients.good;
  EXPECT_TRUE(eventually([&] { return clients.good > before + 50; })) << alone->log();
  EXPECT_EQ(clients.bad, 0);
}

// A file system of 256 KiB.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=256k") == 0;
    if (!mounted_) why_ = std::strerror(errno);
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  const std::string& why_not() const { return why_; }
  void fill() const {
    std::ofstream filler(path_ + "/filler");
    const std::string block(4096, 'x');
    while (filler.write(block.data(), 4096).flush()) {
    }
  }
  void clear() const { std::filesystem::remove(path_ + "/filler"); }

 private:
  std::string path_;
  std::string why_;
  bool mounted_ = false;
};

TEST(BalancerResilience, AFullDiskCostsLogLinesAndNoRequestAndHoldsBackTheAcknowledgement) {
  Target one(answer_all), other(answer_all);
  const auto port = free_port(), control_port = free_port();
  const Place place(port);
  const SmallDisk disk(place.path + "/state");
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a small file system: " << disk.why_not();
  FakeControl control(control_port);
  auto arguments = place.arguments(control_port);
  arguments.insert(arguments.end(), {"--access-log", place.path + "/state/access.log"});
  auto balancer = Balancer::with_arguments(arguments);
  ASSERT_TRUE(control.wait([&] { return control.last<lb::Hello>() != nullptr; })) << balancer->log();
  lb::Config first = config(1, port, {{one.port(), ""}});
  lb::Listener logged = *first.listeners[0];
  logged.options.access_log = true;
  first.listeners[0] = logged;
  control.send(lb::Snapshot{first});
  ASSERT_TRUE(control.wait([&] { return control.last<lb::Ack>() != nullptr; }));
  disk.fill();
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(status_of(port), 200);
    return balancer->metric("berth_lb_access_log_dropped_lines_total") > 0;
  }));
  // A change is carried out, though it cannot be kept; control hears of it once it is.
  lb::Config second = first;
  second.version = 2;
  lb::TargetGroup group = *second.target_groups[0];
  group.targets = config(2, port, {{other.port(), ""}}).target_groups[0]->targets;
  second.target_groups[0] = group;
  control.send(lb::Snapshot{second});
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(status_of(port), 200);
    return other.connections() > 0;
  }));
  ASSERT_TRUE(eventually(
      [&] { return balancer->admin("/readyz").find("not kept over a restart") != std::string::npos; }));
  EXPECT_EQ(control.last<lb::Ack>()->version, 1U);
  EXPECT_NE(balancer->log().find("snapshot_not_saved"), std::string::npos);
  EXPECT_NE(balancer->log().find("No space left on device"), std::string::npos);
  EXPECT_EQ(balancer->admin_status("/readyz"), 200);
  EXPECT_NE(balancer->admin("/readyz").find("not kept over a restart"), std::string::npos)
      << balancer->admin("/readyz");
  // The next process would serve an older one.
  auto successor_arguments = arguments;
  successor_arguments.push_back("--take-over");
  auto successor = Balancer::with_arguments(successor_arguments);
  EXPECT_NE(successor->wait_exit(), 0);
  EXPECT_NE(successor->log().find("its configuration is not on the disk"), std::string::npos)
      << successor->log();
  // Once there is room it is kept, without another change.
  disk.clear();
  EXPECT_TRUE(eventually(
      [&] { return balancer->admin("/readyz").find("not kept over a restart") == std::string::npos; }));
  EXPECT_TRUE(control.wait([&] { return control.last<lb::Ack>()->version == 2; }));
  balancer->signal(SIGKILL);
  balancer->wait_exit();
  control.received.clear();
  auto restarted = Balancer::with_arguments(arguments);
  ASSERT_TRUE(control.wait([&] { return control.last<lb::Hello>() != nullptr; })) << restarted->log();
  EXPECT_EQ(control.last<lb::Hello>()->applied_version, 2U);
}

TEST(BalancerResilience, ANameOfControlThatNobodyResolvesLeavesItWithWhatItHad) {
  Target target(answer_all);
  const auto port = free_port();
  const Place place(port);
  std::filesystem::create_directories(place.path + "/state");
  std::ofstream(place.path + "/state/snapshot.json")
      << lb::config_to_json(config(7, port, {{target.port(), ""}}));
  auto balancer = Balancer::with_arguments(place.arguments("http://control.invalid:7350"));
  ASSERT_TRUE(eventually([&] { return status_of(port) == 200; })) << balancer->log();
  EXPECT_EQ(balancer->admin_status("/readyz"), 200);
  EXPECT_TRUE(eventually([&] { return balancer->log().find("control_lost") != std::string::npos; }));
  EXPECT_NE(balancer->admin("/readyz").find("not connected: "), std::string::npos);
  EXPECT_NE(balancer->admin("/readyz").find("control.invalid"), std::string::npos)
      << balancer->admin("/readyz");
  EXPECT_EQ(balancer->metric("berth_lb_control_connected"), 0U);
}

}  // namespace
}  // namespace balancer::test
