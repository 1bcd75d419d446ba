// Requests that wait for the keys of a jwt-validation action, with a source of keys that the test plays.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <future>
#include <mutex>
#include <thread>

#include "balancer/jwt/key_cache.h"
#include "balancer/proxy/worker/worker.h"
#include "balancer/targets/drain.h"
#include "tests/support/rsa_signer.h"

namespace balancer::proxy {
namespace {

constexpr const char* kEndpoint = "https://issuer.example/keys";

const tests::RsaSigner& key_of_issuer() {
  static const tests::RsaSigner made;
  return made;
}
jwt::KeyAnswer keys_named(const std::string& id) {
  return jwt::KeyCache::read(200, "{\"keys\":[" + key_of_issuer().jwk(id) + "]}");
}
std::string token_of_key(const std::string& id) {
  return key_of_issuer().token(R"({"alg":"RS256","kid":")" + id + "\"}", R"({"iss":"i","exp":9999999999})");
}

class PlayedKeys final : public jwt::KeySource {
 public:
  std::optional<jwt::KeyAnswer> look_up(const std::string& endpoint) override {
    EXPECT_EQ(endpoint, kEndpoint);
    const std::lock_guard lock(mutex_);
    return known_;
  }
  std::optional<jwt::KeyAnswer> look_up_newer(const std::string&, const jwt::KeySet&) override {
    const std::lock_guard lock(mutex_);
    return newer_;
  }
  void await(const std::string&, Done done) override {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(done));
  }

  void know(std::optional<jwt::KeyAnswer> answer) {
    const std::lock_guard lock(mutex_);
    known_ = std::move(answer);
  }
  void know_newer(std::optional<jwt::KeyAnswer> answer) {
    const std::lock_guard lock(mutex_);
    newer_ = std::move(answer);
  }
  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  void tell(const jwt::KeyAnswer& answer) {
    std::vector<Done> told;
    {
      const std::lock_guard lock(mutex_);
      told.swap(waiting_);
    }
    for (const Done& done : told) done(answer);
  }

 private:
  std::mutex mutex_;
  std::optional<jwt::KeyAnswer> known_;
  std::optional<jwt::KeyAnswer> newer_;
  std::vector<Done> waiting_;
};

constexpr int kLongest = 10'000;  // ms, of any one wait

bool holds_soon(const std::function<bool()>& condition) {
  for (int waited = 0; !condition(); waited += 5) {
    if (waited > kLongest) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

// A worker whose one listener says 200 to a valid token.
class TokenTest : public ::testing::Test {
 protected:
  TokenTest() {
    shared::lbconfig::Config config;
    shared::lbconfig::Listener web;
    web.id = "web";
    web.default_action.type = shared::lbconfig::ActionType::kFixedResponse;
    web.default_action.fixed_response.status = 200;
    web.default_action.jwt = shared::lbconfig::JwtValidation{1, kEndpoint, "i", {}};
    web.address = "127.0.0.1";
    web.port = 1;
    config.listeners.push_back(web);
    loop = std::move(loop::Loop::create([this] {
             return shared::SteadyTime(shared::Millis(now.load()));
           })).value();
    WorkerOptions options;
    options.keys = &keys;
    worker = std::make_unique<Worker>(*loop, options);
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->listeners = ListenerCompiler("", stats).compile(config, {}).value();
    auto listener =
        loop::open_listener(*loop::make_address("127.0.0.1", 0), loop::Sharing::kExclusive).value();
    sockaddr_in address{};
    socklen_t length = sizeof address;
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port = ntohs(address.sin_port);
    std::vector<NewSocket> sockets;
    sockets.push_back({"127.0.0.1:1", std::move(listener)});
    worker->apply(snapshot, std::move(sockets));
    thread = std::thread([this] { loop->run(); });
  }
  ~TokenTest() override {
    loop->stop();
    thread.join();
  }

  shared::UniqueFd ask(const std::string& token) const {
    shared::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const loop::Address to = *loop::make_address("127.0.0.1", port);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length), 0);
    const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + token + "\r\n\r\n";
    EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    return fd;
  }
  // 0: none came.
  static int status_of(const shared::UniqueFd& fd) {
    std::string got;
    while (got.find("\r\n\r\n") == std::string::npos) {
      pollfd wanted{fd.get(), POLLIN, 0};
      char chunk[4096];
      const ssize_t n = ::poll(&wanted, 1, kLongest) == 1 ? ::recv(fd.get(), chunk, sizeof chunk, 0) : 0;
      if (n <= 0) return 0;
      got.append(chunk, static_cast<std::size_t>(n));
    }
    return std::stoi(got.substr(9, 3));
  }
  std::uint64_t in_flight() { return stats.all().at("web")->per_worker[0].in_flight.get(); }

  std::atomic<std::int64_t> now{1'000'000};
  PlayedKeys keys;
  StatsRegistry stats{1};
  std::unique_ptr<loop::Loop> loop;
  std::unique_ptr<Worker> worker;
  std::uint16_t port = 0;
  std::thread thread;
};

TEST_F(TokenTest, AllWhoWaitAreAnsweredByOneFetchEachByItsOwnToken) {
  const auto good = ask(token_of_key("a")), other = ask(token_of_key("a")), bad = ask("nonsense");
  ASSERT_TRUE(holds_soon([&] { return keys.waiting() == 1 && in_flight() == 3; }));
  keys.tell(keys_named("a"));
  EXPECT_EQ(status_of(good), 200);
  EXPECT_EQ(status_of(other), 200);
  EXPECT_EQ(status_of(bad), 401);
}

TEST_F(TokenTest, AClientThatLeavesWhileItWaitsIsForgotten) {
  auto leaves = ask(token_of_key("a"));
  const auto stays = ask(token_of_key("a"));
  ASSERT_TRUE(holds_soon([&] { return in_flight() == 2; }));
  const linger at_once{1, 0};
  ::setsockopt(leaves.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  leaves.reset();
  ASSERT_TRUE(holds_soon([&] { return in_flight() == 1; }));
  keys.tell(keys_named("a"));
  EXPECT_EQ(status_of(stays), 200);
}

TEST_F(TokenTest, KeysThatCannotBeHadAreNoTokensFault) {
  const auto waits = ask(token_of_key("a"));
  ASSERT_TRUE(holds_soon([&] { return keys.waiting() == 1; }));
  keys.tell({nullptr, jwt::Reason::kKeysInvalid});
  EXPECT_EQ(status_of(waits), 562);
  keys.know(jwt::KeyAnswer{nullptr, jwt::Reason::kKeysFailed});
  EXPECT_EQ(status_of(ask(token_of_key("a"))), 500);
}

TEST_F(TokenTest, ATokenOfAnUnknownKeyWaitsOnceForNewerKeys) {
  keys.know(keys_named("a"));
  const auto rotated = ask(token_of_key("b"));
  ASSERT_TRUE(holds_soon([&] { return keys.waiting() == 1; }));
  EXPECT_EQ(status_of(ask(token_of_key("a"))), 200) << "nobody else waits";
  keys.tell(keys_named("b"));
  EXPECT_EQ(status_of(rotated), 200);
  const auto unknown = ask(token_of_key("c"));
  ASSERT_TRUE(holds_soon([&] { return keys.waiting() == 1; }));
  keys.tell(keys_named("b"));
  EXPECT_EQ(status_of(unknown), 401);
  EXPECT_EQ(keys.waiting(), 0U);
  keys.know_newer(keys_named("d"));
  EXPECT_EQ(status_of(ask(token_of_key("d"))), 200) << "another worker has seen to it";
  EXPECT_EQ(status_of(ask(token_of_key("e"))), 401);
}

TEST_F(TokenTest, ASourceThatSaysNothingHoldsARequestForALimitedTime) {
  const auto waits = ask(token_of_key("a"));
  ASSERT_TRUE(holds_soon([&] { return keys.waiting() == 1; }));
  now += kKeyWaitLimit.count() + 1'000;
  loop->post([] {});
  EXPECT_EQ(status_of(waits), 500);
  keys.tell(keys_named("a"));
  keys.know(keys_named("a"));
  EXPECT_EQ(status_of(ask(token_of_key("a"))), 200);
}

}  // namespace
}  // namespace balancer::proxy
