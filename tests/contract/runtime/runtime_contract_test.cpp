// What every Runtime promises, asked of the scripted twin, of the docker driver (which is skipped where no
// engine answers) and of the one without a daemon (which needs root and runc).
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <memory>
#include <optional>

#include "agent/runtime/docker/docker_runtime.h"
#include "agent/runtime/pause/pause_image.h"
#include "shared/base/unique_fd.h"
#include "tests/support/docker_host.h"
#include "tests/support/manual_executor.h"
#include "tests/support/oci_host.h"
#include "tests/support/scripted_runtime.h"

namespace agent::runtime {
namespace {

constexpr const char* kLabel = "berth.contract-test";
constexpr shared::Millis kPatience{60'000};

shared::UniqueFd listen_on(int port) {
  shared::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::listen(fd.get(), 1);
  return fd;
}

// A runtime and a way to let time pass until something happened.
class Bench {
 public:
  virtual ~Bench() = default;
  virtual Runtime& runtime() = 0;
  virtual bool run_until(const std::function<bool()>& done) = 0;
};

class ScriptedBench final : public Bench {
 public:
  ScriptedBench() {
    runtime_.local_images[tests::kTestImage] = {"sha256:1", ""};
    runtime_.any_image = false;
  }
  Runtime& runtime() override { return runtime_; }
  bool run_until(const std::function<bool()>& done) override {
    for (int i = 0; i < 10'000 && !done(); ++i) executor_.advance(shared::Millis(1));
    return done();
  }

 private:
  tests::ManualExecutor executor_;
  tests::ScriptedRuntime runtime_{executor_};
};

class DockerBench final : public Bench {
 public:
  Runtime& runtime() override { return runtime_; }
  bool run_until(const std::function<bool()>& done) override { return loop_.run_until(done, kPatience); }

 private:
  shared::httpd::IoLoop loop_;
  docker::DockerRuntime runtime_{loop_, docker::DockerSettings{}};
};

class OciBench final : public Bench {
 public:
  OciBench() {
    auto opened = oci::OciRuntime::open(loop_, host_.settings);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().text());
    if (!opened) return;
    runtime_ = *std::move(opened);
    bool there = false;
    runtime_->import_image(tests::kTestImage, tests::busybox_tree(), [&](shared::Result<ImageInfo> made) {
      EXPECT_TRUE(made) << (made ? "" : made.error().text());
      there = true;
    });
    run_until([&] { return there; });
  }
  ~OciBench() override {
    runtime_.reset();
    EXPECT_FALSE(tests::shell("nft list tables | grep -q " + host_.settings.bridge.bridge))
        << "no rule is left";
    EXPECT_FALSE(tests::shell("ip link show " + host_.settings.bridge.bridge + " >/dev/null 2>&1"))
        << "no bridge is left";
    EXPECT_FALSE(tests::shell("grep -q " + host_.folder() + " /proc/mounts")) << "no mount is left";
  }
  Runtime& runtime() override { return *runtime_; }
  bool run_until(const std::function<bool()>& done) override { return loop_.run_until(done, kPatience); }

 private:
  tests::OciHost host_;
  shared::httpd::IoLoop loop_;
  std::unique_ptr<oci::OciRuntime> runtime_;
};

class RuntimeContract : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "Docker") {
      if (const std::string why = tests::no_docker(); !why.empty()) GTEST_SKIP() << why;
      bench = std::make_unique<DockerBench>();
    } else if (std::string(GetParam()) == "Oci") {
      if (const std::string why = tests::no_oci(); !why.empty()) GTEST_SKIP() << why;
      bench = std::make_unique<OciBench>();
      ASSERT_FALSE(HasFailure());
    } else {
      bench = std::make_unique<ScriptedBench>();
    }
    ASSERT_TRUE(ask<std::string>([&](auto done) { bench->runtime().ping(done); }));
  }
  void TearDown() override {
    if (!bench) return;
    for (const auto& handle : made) {
      (void)ask<ContainerInfo>([&](auto done) { bench->runtime().stop(handle, shared::Millis(0), done); });
      (void)ask<bool>([&](auto done) { bench->runtime().remove(handle, done); });
    }
    if (std::string(GetParam()) != "Docker") return;
    for (const std::string& image : imported)
      EXPECT_TRUE(tests::shell("docker rmi -f " + image + " >/dev/null"));
  }

  template <class T>
  shared::Result<T> ask(const std::function<void(Runtime::Done<T>)>& call) {
    std::optional<shared::Result<T>> answer;
    int answers = 0;
    call([&](shared::Result<T> r) {
      answer.emplace(std::move(r));
      ++answers;
    });
    EXPECT_EQ(answers, 0) << "answered inside the call";
    EXPECT_TRUE(bench->run_until([&] { return answers > 0; }));
    EXPECT_EQ(answers, 1);
    return answer ? std::move(*answer) : shared::Result<T>(shared::Error("test", "no answer"));
  }
  ContainerSpec spec(const std::string& name) {
    ContainerSpec s;
    s.name = "berth-contract-" + std::to_string(::getpid()) + "-" + name;
    s.image = tests::kTestImage;
    s.command = {"sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"};
    s.labels = {{kLabel, std::to_string(::getpid())}};
    return s;
  }
  ContainerHandle create(const ContainerSpec& s) {
    auto handle = ask<ContainerHandle>([&](auto done) { bench->runtime().create(s, done); });
    EXPECT_TRUE(handle) << (handle ? "" : handle.error().text());
    if (handle) made.push_back(*handle);
    return handle ? *handle : ContainerHandle{};
  }
  ContainerInfo start(const ContainerHandle& handle) {
    auto info = ask<ContainerInfo>([&](auto done) { bench->runtime().start(handle, done); });
    EXPECT_TRUE(info) << (info ? "" : info.error().text());
    return info ? *info : ContainerInfo{};
  }
  // Its shell has a child once its trap is set: before, the kernel keeps SIGTERM from a first process.
  void settle(const ContainerInfo& info) {
    if (std::string(GetParam()) == "Scripted") return;
    const std::string children =
        "/proc/" + std::to_string(info.pid) + "/task/" + std::to_string(info.pid) + "/children";
    EXPECT_TRUE(bench->run_until([&] {
      std::string any;
      std::ifstream(children) >> any;
      return !any.empty() || !std::ifstream(children);
    }));
  }
  shared::Result<ContainerInfo> stop(const ContainerHandle& handle) {
    return ask<ContainerInfo>(
        [&](auto done) { bench->runtime().stop(handle, shared::Millis(10'000), done); });
  }
  shared::Result<ContainerInfo> inspect(const ContainerHandle& handle) {
    return ask<ContainerInfo>([&](auto done) { bench->runtime().inspect(handle, done); });
  }
  shared::Result<bool> remove(const ContainerHandle& handle) {
    return ask<bool>([&](auto done) { bench->runtime().remove(handle, done); });
  }
  template <class T>
  static std::string code(const shared::Result<T>& r) {
    return r ? "success" : r.error().code();
  }

  std::vector<Event>
      events;  // before the bench: the runtime's watch lives, and tells, until the bench is gone
  std::unique_ptr<Bench> bench;
  std::vector<ContainerHandle> made;
  std::vector<std::string> imported;  // ids of this test's own images
};

TEST_P(RuntimeContract, ContainerGoesThroughItsPhases) {
  const auto handle = create(spec("phases"));
  EXPECT_EQ(inspect(handle)->phase, ContainerPhase::kCreated);
  const auto running = start(handle);
  EXPECT_EQ(running.phase, ContainerPhase::kRunning);
  EXPECT_EQ(running.handle.id, handle.id);
  EXPECT_TRUE(running.started_at);
  EXPECT_GT(running.pid, 0);
  EXPECT_EQ(running.exit_code, std::nullopt);
  settle(running);
  const auto stopped = stop(handle);
  ASSERT_TRUE(stopped) << stopped.error().text();
  EXPECT_EQ(stopped->phase, ContainerPhase::kExited);
  EXPECT_EQ(stopped->exit_code, 0);
  EXPECT_TRUE(stopped->finished_at);
  EXPECT_TRUE(remove(handle));
  EXPECT_EQ(code(inspect(handle)), "not_found");
}

TEST_P(RuntimeContract, EveryCallMayBeRepeated) {
  const auto handle = create(spec("repeat"));
  EXPECT_EQ(create(spec("repeat")).id, handle.id);
  start(handle);
  EXPECT_EQ(start(handle).phase, ContainerPhase::kRunning);
  EXPECT_EQ(code(remove(handle)), "CannotRemoveContainerError") << "it runs";
  EXPECT_TRUE(stop(handle));
  EXPECT_TRUE(stop(handle));
  EXPECT_TRUE(remove(handle));
  EXPECT_TRUE(remove(handle));
}

TEST_P(RuntimeContract, UnknownThingsAreNotFound) {
  const ContainerHandle nobody{"", "berth-contract-nobody"};
  EXPECT_EQ(code(inspect(nobody)), "not_found");
  EXPECT_EQ(code(stop(nobody)), "not_found");
  EXPECT_EQ(code(ask<ContainerInfo>([&](auto done) { bench->runtime().start(nobody, done); })), "not_found");
  EXPECT_TRUE(remove(nobody));
  EXPECT_EQ(code(ask<ImageInfo>([&](auto done) { bench->runtime().find_image("berth-test/none:1", done); })),
            "not_found");
  auto s = spec("none");
  s.image = "berth-test/none:1";
  EXPECT_EQ(code(ask<ContainerHandle>([&](auto done) { bench->runtime().create(s, done); })),
            "CannotCreateContainerError");
  EXPECT_EQ(code(ask<ImageInfo>([&](auto done) { bench->runtime().pull("127.0.0.1:1/none:1", done); })),
            "CannotPullContainerError");
}

TEST_P(RuntimeContract, NameAloneFindsAContainer) {
  const auto handle = create(spec("name"));
  const ContainerHandle by_name{"", spec("name").name};
  EXPECT_EQ(start(by_name).handle.id, handle.id);
  EXPECT_TRUE(stop(by_name));
  EXPECT_TRUE(remove(by_name));
  EXPECT_EQ(code(inspect(handle)), "not_found");
}

TEST_P(RuntimeContract, StopOfAContainerThatNeverRanSucceeds) {
  const auto handle = create(spec("unstarted"));
  const auto stopped = stop(handle);
  ASSERT_TRUE(stopped) << stopped.error().text();
  EXPECT_NE(stopped->phase, ContainerPhase::kRunning);
}

TEST_P(RuntimeContract, RecoverFindsWhatCarriesTheLabelInEveryPhase) {
  const auto fresh = create(spec("r-created"));
  const auto running = create(spec("r-running"));
  start(running);
  auto other = spec("r-other");
  other.labels = {{"unrelated", "x"}};
  create(other);
  const auto found =
      ask<std::vector<ContainerInfo>>([&](auto done) { bench->runtime().recover(kLabel, done); });
  ASSERT_TRUE(found) << found.error().text();
  std::map<std::string, ContainerPhase> phases;
  for (const auto& info : *found) {
    if (info.labels.at(kLabel) == std::to_string(::getpid())) phases[info.handle.id] = info.phase;
  }
  EXPECT_EQ(phases, (std::map<std::string, ContainerPhase>{{fresh.id, ContainerPhase::kCreated},
                                                           {running.id, ContainerPhase::kRunning}}));
}

TEST_P(RuntimeContract, EventsTellOfStartAndExit) {
  const auto saw = [&](const std::string& id, EventType type) {
    return std::any_of(events.begin(), events.end(),
                       [&](const Event& e) { return e.handle.id == id && e.type == type; });
  };
  bench->runtime().watch([this](Event e) { events.push_back(std::move(e)); }, [] {});
  // The stream may open only after a first container came and went unseen.
  const auto handle = create(spec("events"));
  for (int attempt = 0; attempt < 20 && !saw(handle.id, EventType::kStarted); ++attempt) {
    start(handle);
    ASSERT_TRUE(stop(handle));
  }
  start(handle);
  EXPECT_TRUE(stop(handle));
  EXPECT_TRUE(bench->run_until([&] { return saw(handle.id, EventType::kExited); }));
  EXPECT_TRUE(saw(handle.id, EventType::kStarted));
}

TEST_P(RuntimeContract, PortsAreChosenAndReported) {
  auto s = spec("ports");
  s.ports = {{80, 0, "tcp", "0.0.0.0"}};
  const auto info = start(create(s));
  ASSERT_EQ(info.ports.size(), 1u);
  EXPECT_EQ(info.ports[0].container_port, 80);
  EXPECT_GT(info.ports[0].host_port, 0);
  EXPECT_EQ(info.ports[0].bind_ip, "0.0.0.0");
  auto taken = spec("taken");
  taken.ports = {{80, info.ports[0].host_port, "tcp", "0.0.0.0"}};
  const auto handle = create(taken);
  const auto second = ask<ContainerInfo>([&](auto done) { bench->runtime().start(handle, done); });
  EXPECT_EQ(code(second), "CannotStartContainerError");
  EXPECT_EQ(inspect(handle)->phase, ContainerPhase::kCreated);
}

TEST_P(RuntimeContract, ContainersJoinTheNamespacesOfARunningOneOfAnImportedImage) {
  Runtime& runtime = bench->runtime();
  const std::string image = "berth-test/pause:" + std::to_string(::getpid());
  const auto import = [&](const std::string& tree) {
    auto info = ask<ImageInfo>([&](auto done) { runtime.import_image(image, tree, done); });
    if (info) imported.push_back(info->id);
    return info;
  };
  EXPECT_EQ(code(import("no tar")), "CannotImportImageError");
  const auto info = import(pause::image_tree());
  ASSERT_TRUE(info) << info.error().text();
  EXPECT_EQ(info->digest, "") << "of no registry";
  EXPECT_EQ(code(ask<ImageInfo>([&](auto done) { runtime.find_image(image, done); })), "success");
  ASSERT_TRUE(import(pause::image_tree())) << "once more";
  auto pause = spec("pause");
  pause.image = image;
  pause.command = {};
  pause.entry_point = {pause::kEntryPoint};
  pause.network_mode = "none";
  pause.ipc_mode = "shareable";
  const auto owner = create(pause);
  auto joining = spec("joining");
  joining.pid_mode = joining.ipc_mode = "container:" + pause.name;
  const auto member = create(joining);
  EXPECT_EQ(code(ask<ContainerInfo>([&](auto done) { runtime.start(member, done); })),
            "CannotStartContainerError")
      << "its owner does not run yet";
  EXPECT_EQ(start(owner).phase, ContainerPhase::kRunning);
  EXPECT_EQ(start(member).phase, ContainerPhase::kRunning);
  // The kernel ends a pid namespace with its first process.
  ASSERT_TRUE(ask<ContainerInfo>([&](auto done) { runtime.stop(owner, shared::Millis(0), done); }));
  EXPECT_TRUE(bench->run_until([&] { return inspect(member)->phase == ContainerPhase::kExited; }));
  EXPECT_EQ(inspect(member)->exit_code, 137);
}

// The first port of the range belongs to a program that is no container.
TEST_P(RuntimeContract, StatsAreOfAContainerThatIsThere) {
  const ContainerHandle handle = create(spec("stats"));
  start(handle);
  const auto stats = ask<std::string>([&](auto done) { bench->runtime().stats(handle, done); });
  ASSERT_TRUE(stats) << stats.error().text();
  EXPECT_NE(stats->find("\"memory_stats\""), std::string::npos) << *stats;
  const auto none = ask<std::string>([&](auto done) { bench->runtime().stats({"", "nobody"}, done); });
  EXPECT_EQ(none.error().code(), "not_found");
}

TEST_P(RuntimeContract, PortsAreChosenWithinTheRangeThatIsAskedFor) {
  constexpr int kRange = 3;  // others on this machine may have one of them
  auto s = spec("range-probe");
  s.ports = {{80, 0, "tcp", "0.0.0.0"}};
  const auto probe = create(s);
  const auto started = start(probe);
  settle(started);
  const int free = started.ports.at(0).host_port;
  ASSERT_TRUE(stop(probe));
  const shared::UniqueFd other_program = listen_on(free);
  const auto chosen = [&](const char* name) {
    auto each = spec(name);
    each.ports = {{80, 0, "tcp", "0.0.0.0", free, free + kRange}};
    return start(create(each)).ports.at(0).host_port;
  };
  const int first = chosen("range-a");
  const int second = chosen("range-b");
  EXPECT_NE(first, second);
  for (const int port : {first, second}) {
    EXPECT_GE(port, free);
    EXPECT_LE(port, free + kRange);
  }
}

TEST_P(RuntimeContract, VolumesAreMadeOnceFoundByTheirLabelAndRemovedWhenUnused) {
  Runtime& runtime = bench->runtime();
  const std::string name = spec("volume").name;
  const VolumeSpec wanted{name, "local", {}, {{kLabel, name}, {"team", "x"}}};
  const auto create_volume = [&](const VolumeSpec& s) {
    return ask<VolumeInfo>([&](auto done) { runtime.create_volume(s, done); });
  };
  const auto remove_volume = [&] { return ask<bool>([&](auto done) { runtime.remove_volume(name, done); }); };
  EXPECT_EQ(code(ask<VolumeInfo>([&](auto done) { runtime.find_volume(name, done); })), "not_found");
  const auto created = create_volume(wanted);
  ASSERT_TRUE(created) << created.error().text();
  EXPECT_EQ(created->driver, "local");
  EXPECT_EQ(created->labels.at("team"), "x");
  auto other = wanted;
  other.labels = {};
  ASSERT_TRUE(create_volume(other)) << "an existing one is taken";
  EXPECT_EQ(ask<VolumeInfo>([&](auto done) { runtime.find_volume(name, done); })->labels.at(kLabel), name);
  other.driver = "berth-no-such-driver";
  EXPECT_EQ(code(create_volume(other)), "CannotCreateVolumeError");
  const auto labelled =
      ask<std::vector<VolumeInfo>>([&](auto done) { runtime.labelled_volumes(kLabel, name, done); });
  ASSERT_TRUE(labelled) << labelled.error().text();
  ASSERT_EQ(labelled->size(), 1u);
  EXPECT_EQ((*labelled)[0].name, name);

  auto holder = spec("holder");
  holder.engine_host_config = R"({"Binds":[")" + name + R"(:/data"]})";
  const auto handle = create(holder);
  EXPECT_EQ(code(remove_volume()), "CannotRemoveVolumeError") << "a container mounts it";
  EXPECT_TRUE(remove(handle));
  EXPECT_TRUE(remove_volume());
  EXPECT_TRUE(remove_volume()) << "gone already";
  EXPECT_EQ(code(ask<VolumeInfo>([&](auto done) { runtime.find_volume(name, done); })), "not_found");
}

INSTANTIATE_TEST_SUITE_P(Runtimes, RuntimeContract, testing::Values("Scripted", "Docker", "Oci"),
                         [](const auto& instance) { return std::string(instance.param); });

}  // namespace
}  // namespace agent::runtime
