// The docker driver and an engine that answers late, differently or not at all.
#include "agent/runtime/docker/docker_runtime.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "shared/httpd/server.h"

namespace agent::runtime::docker {
namespace {

using shared::Result;
using shared::http::Request;
using shared::httpd::Reply;

constexpr shared::Millis kPatience{30'000};  // of a test that fails

// An engine on a socket: answers what every engine answers, keeps the event stream open, and leaves out what
// a test wants it to.
class FakeEngine {
 public:
  explicit FakeEngine(shared::httpd::IoLoop& loop) : loop_(loop) {
    socket = testing::TempDir() + "berth-engine-" + std::to_string(::getpid()) + ".sock";
    start();
  }
  void start() {
    shared::net::Endpoint at;
    at.unix_path = socket;
    auto server = shared::httpd::Server::listen(
        loop_, at, {}, [this](const Request& request, Reply reply) { answer(request, std::move(reply)); });
    ASSERT_TRUE(server) << server.error().text();
    server_ = *std::move(server);
  }
  void stop() {
    held_.clear();
    server_.reset();
  }
  std::size_t asked(const std::string& part) const {
    return static_cast<std::size_t>(std::count_if(
        seen.begin(), seen.end(), [&](const auto& path) { return path.find(part) != std::string::npos; }));
  }

  std::string socket;
  std::string cgroup_driver = "cgroupfs";
  std::vector<std::string> silent;  // parts of paths that get no answer
  std::vector<std::string> seen;
  int ports_in_use = 0;   // that many starts find another program on the port that the engine chose
  std::string host_port;  // of a container, as it was asked for

 private:
  void answer(const Request& request, Reply reply) {
    const std::string path(request.target);
    seen.push_back(path);
    const auto is = [&](const std::string& part) { return path.find(part) != std::string::npos; };
    if (std::any_of(silent.begin(), silent.end(), is) || is("/events")) {
      held_.push_back(std::move(reply));
      return;
    }
    int status = 200;
    std::string body = "OK";
    if (is("/version")) body = R"({"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"})";
    if (is("/info")) body = R"({"CgroupDriver":")" + cgroup_driver + "\"}";
    if (is("/start") && ports_in_use > 0) {
      --ports_in_use;
      status = 500;
      body =
          R"({"message":"Error starting userland proxy: listen tcp4 0.0.0.0:4: bind: address already in use"})";
    }
    if (is("/containers/") && is("/json")) {
      body = R"({"Id":"1","Name":"/web","State":{"Status":"running","Running":true,"ExitCode":0},)"
             R"("HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":")" +
             host_port + R"("}]}}})";
    }
    if (is("/images/web")) {
      status = 404;
      body = R"({"message":"No such image: web"})";
    }
    reply.send(shared::http::make_response(status, "application/json", body));
  }

  shared::httpd::IoLoop& loop_;
  std::unique_ptr<shared::httpd::Server> server_;
  std::vector<Reply> held_;
};

class DockerRuntimeTest : public testing::Test {
 protected:
  DockerRuntimeTest() {
    settings.socket = engine.socket;
    settings.ping_timeout = settings.version_timeout = settings.inspect_timeout = shared::Millis(100);
    settings.pull_first_answer = shared::Millis(50);
    settings.reconnect = shared::Millis(5);
  }
  bool until(const std::function<bool()>& done) { return loop.run_until(done, kPatience); }
  template <class T>
  Result<T> wait(const std::function<void(Runtime::Done<T>)>& call) {
    std::optional<Result<T>> out;
    call([&](Result<T> result) { out = std::move(result); });
    if (!until([&] { return out.has_value(); })) return shared::Error("test", "no callback");
    return *std::move(out);
  }
  Result<std::string> ping(DockerRuntime& runtime) {
    return wait<std::string>([&](auto done) { runtime.ping(done); });
  }

  shared::httpd::IoLoop loop;
  FakeEngine engine{loop};
  DockerSettings settings;
};

TEST_F(DockerRuntimeTest, EngineThatHangsIsDownAndNoImageIsMissing) {
  DockerRuntime runtime(loop, settings);
  ASSERT_TRUE(ping(runtime));
  engine.silent = {"/"};
  const auto image = wait<ImageInfo>([&](auto done) { runtime.find_image("web", done); });
  EXPECT_EQ(image.error().code(), "engine_down") << image.error().text();
  const auto box = wait<ContainerInfo>([&](auto done) { runtime.inspect({"1", "web"}, done); });
  EXPECT_EQ(box.error().code(), "engine_down") << box.error().text();
  const auto alive = ping(runtime);
  EXPECT_EQ(alive.error().code(), "engine_down");
  EXPECT_NE(alive.error().text().find("no answer within"), std::string::npos) << alive.error().text();
}

TEST_F(DockerRuntimeTest, AHostPortThatIsTakenIsTriedAgainOnlyWhereTheEngineMayChooseAnother) {
  DockerRuntime runtime(loop, settings);
  ASSERT_TRUE(ping(runtime));
  const auto start = [&](const std::string& host_port, int in_use) {
    engine.host_port = host_port;
    engine.ports_in_use = in_use;
    engine.seen.clear();
    return wait<ContainerInfo>([&](auto done) { runtime.start({"1", "web"}, done); });
  };
  EXPECT_TRUE(start("32768-51677", 2));
  EXPECT_EQ(engine.asked("/start"), 3u);
  const auto fixed = start("8080", 2);
  EXPECT_EQ(fixed.error().code(), "CannotStartContainerError");
  EXPECT_NE(fixed.error().text().find("address already in use"), std::string::npos) << fixed.error().text();
  EXPECT_EQ(engine.asked("/start"), 1u);
  const auto all = start("32768-51677", 1000);
  EXPECT_EQ(all.error().code(), "CannotStartContainerError");
  EXPECT_EQ(engine.asked("/start"), static_cast<std::size_t>(kPortAttempts));
}

TEST_F(DockerRuntimeTest, SilentPullIsTheEnginesWhereTheEngineIsSilent) {
  DockerRuntime runtime(loop, settings);
  ASSERT_TRUE(ping(runtime));
  engine.silent = {"/images/create"};
  const auto registry = wait<ImageInfo>([&](auto done) { runtime.pull("web", done); });
  EXPECT_EQ(registry.error().code(), "CannotPullContainerError") << registry.error().text();
  engine.silent = {"/images/create", "/_ping"};
  const auto hung = wait<ImageInfo>([&](auto done) { runtime.pull("web", done); });
  EXPECT_EQ(hung.error().code(), "engine_down") << hung.error().text();
}

TEST_F(DockerRuntimeTest, EngineThatIsKnownIsOnlyAskedWhetherItAnswers) {
  DockerRuntime runtime(loop, settings);
  ASSERT_TRUE(ping(runtime));
  EXPECT_EQ(*ping(runtime), "20.10.24");
  EXPECT_EQ(engine.asked("/info"), 1u);
  EXPECT_EQ(engine.asked("/version"), 1u);
}

TEST_F(DockerRuntimeTest, EngineThatCameBackAsAnotherIsAskedAnew) {
  DockerRuntime runtime(loop, settings);
  ASSERT_TRUE(ping(runtime));
  EXPECT_EQ(runtime.cgroup_driver(), "cgroupfs");
  runtime.watch([](const Event&) {}, [] {});
  ASSERT_TRUE(until([&] { return engine.asked("/events") == 1; }));
  engine.stop();
  engine.cgroup_driver = "systemd";
  engine.start();
  ASSERT_TRUE(until([&] { return engine.asked("/events") == 2; }));
  ASSERT_TRUE(ping(runtime));
  EXPECT_EQ(runtime.cgroup_driver(), "systemd");
}

}  // namespace
}  // namespace agent::runtime::docker
