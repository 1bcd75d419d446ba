// Orders on the whole engine, with an ACME server played by the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "agent/control/acme/requests.h"
#include "agent/control/certificates/certificates.h"
#include "agent/control/elb/listeners.h"
#include "agent/control/elb/load_balancers.h"
#include "tests/support/certificates.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using acme::Ask;
using acme::Reply;
using model::RequestStatus;
using shared::Millis;
using testing::HasSubstr;

constexpr const char* kDirectory = "https://ca.test/dir";

// Answers later, when the test says so; proves a host by what the balancers have acknowledged.
class PlayedServer final : public acme::Authority {
 public:
  explicit PlayedServer(World& world) : world_(world) {}
  void ask(Ask ask, std::function<void(Reply)> done) override {
    asks.push_back(ask);
    waiting.push_back({std::move(ask), std::move(done)});
  }
  void tell(const std::string&, const std::string& what) override { told.push_back(what); }

  // Answers all that waits, until nobody asks any more at this moment.
  void serve() {
    world_.rest();
    while (!waiting.empty()) serve_one();
  }
  void serve_one() {
    if (waiting.empty()) return;
    auto [ask, done] = std::move(waiting.front());
    waiting.pop_front();
    done(answer(ask));
    world_.rest();
  }
  void run(Millis time) {
    for (Millis passed{0}; passed < time; passed += Millis(1'000)) {
      serve();
      world_.pass(Millis(1'000));
    }
    serve();
  }
  static Reply problem(const std::string& type, int status = 400) {
    Reply reply;
    reply.problem = acme::Problem{type, "so it is", status};
    return reply;
  }

  bool unreachable = false;
  long life = 90L * 24 * 3600;  // of certificates, in seconds
  std::map<Ask::Kind, std::deque<Reply>> instead;
  std::vector<Ask> asks;
  std::deque<std::pair<Ask, std::function<void(Reply)>>> waiting;
  std::vector<std::string> told;
  int issued = 0;

 private:
  bool answered_by_all() const {
    return !world_.balancers.empty() &&
           std::all_of(world_.balancers.begin(), world_.balancers.end(), [](const auto& balancer) {
             const auto& all = balancer->config.acme_challenges;
             return std::any_of(all.begin(), all.end(),
                                [](const auto& each) { return each.token == "token"; });
           });
  }
  Reply answer(const Ask& ask) {
    if (unreachable) return problem("unreachable", 0);
    if (auto& special = instead[ask.kind]; !special.empty()) {
      Reply reply = std::move(special.front());
      special.pop_front();
      return reply;
    }
    Reply reply;
    const std::string host = "www.example.test";
    const auto order = [&](const std::string& status) {
      return R"({"status": ")" + status +
             R"(", "authorizations": ["https://ca.test/authorization"], "finalize": "https://ca.test/finalize",
               "certificate": "https://ca.test/certificate"})";
    };
    switch (ask.kind) {
      case Ask::Kind::kMakeKey: {
        tests::support::Wish wish;
        wish.names = {host};
        wish.key_number = ++keys_;
        // The executor's clock stands in 2023.
        const long behind =
            static_cast<long>(shared::epoch_millis(world_.executor.wall_now()) / 1000 - std::time(nullptr));
        wish.from_seconds = behind;
        wish.to_seconds = behind + life;
        const tests::support::Issued made = tests::support::make_certificate(wish);
        reply.key = made.key;
        reply.thumbprint = "thumbprint";
        certificates_[made.key] = made.certificate;
        break;
      }
      case Ask::Kind::kNewAccount:
        reply.location = "https://ca.test/account/1";
        break;
      case Ask::Kind::kNewOrder:
        proved_ = false;
        reply.location = "https://ca.test/order/1";
        reply.body = order("pending");
        break;
      case Ask::Kind::kRespond:
        EXPECT_TRUE(answered_by_all()) << "the server looks at a challenge that nobody answers";
        proved_ = answered_by_all();
        break;
      case Ask::Kind::kFinalize:
        EXPECT_TRUE(proved_);
        key_ = ask.certificate_key;
        reply.body = order("valid");
        break;
      case Ask::Kind::kRead:
        if (ask.url == "https://ca.test/certificate") {
          ++issued;
          reply.body = certificates_[key_];
        } else {
          reply.body =
              R"({"status": ")" + std::string(proved_ ? "valid" : "pending") +
              R"(", "identifier": {"type": "dns", "value": ")" + host +
              R"("}, "challenges": [{"type": "http-01", "url": "https://ca.test/challenge", "token": "token"}]})";
        }
        break;
    }
    return reply;
  }

  World& world_;
  int keys_ = 0;
  bool proved_ = false;
  std::string key_;
  std::map<std::string, std::string> certificates_;
};

class AcmeOrders : public testing::Test {
 protected:
  AcmeOrders() {
    world.settings.acme_directory = kDirectory;
    restart();
    listen(80);
  }
  void restart() {
    server.waiting.clear();
    world.crash_and_restart();
    world.engine->use(server);
    for (auto& balancer : world.balancers) balancer->connect();
    world.rest();
  }
  void listen(std::uint16_t port) {
    ASSERT_TRUE(world.submit([&](Step& step) -> shared::Result<void> {
      CreateLoadBalancer balancer;
      balancer.name = "web";
      const auto arn = create_load_balancer(step, balancer);
      if (!arn) return arn.error();
      CreateListener request;
      request.load_balancer_arn = *arn;
      request.protocol = "HTTP";
      request.port = port;
      lb::Action fixed;
      fixed.type = lb::ActionType::kFixedResponse;
      request.default_actions = {fixed};
      const auto made = create_listener(step, request);
      if (!made) return made.error();
      listener = *made;
      return {};
    }));
  }
  shared::Result<std::string> request(const std::string& token = "") {
    RequestCertificate wanted;
    wanted.names = {"www.example.test"};
    wanted.key_algorithm = "EC-prime256v1";
    wanted.validation_method = "DNS";
    wanted.idempotency_token = token;
    std::string arn;
    const auto done = world.submit([&](Step& step) -> shared::Result<void> {
      auto made = request_certificate(step, wanted);
      if (!made) return made.error();
      arn = *made;
      return {};
    });
    if (!done) return done.error();
    return arn;
  }
  const model::Certificate& row(const std::string& arn) const {
    return *world.state().certificates.find(arn);
  }
  const model::AcmeOrder* order(const std::string& arn) const { return world.state().acme_orders.find(arn); }
  RequestStatus status(const std::string& arn) const { return row(arn).request->status; }
  std::size_t asked(Ask::Kind kind) const {
    return static_cast<std::size_t>(std::count_if(server.asks.begin(), server.asks.end(),
                                                  [&](const Ask& each) { return each.kind == kind; }));
  }

  World world;
  PlayedServer server{world};
  std::string listener;
};

TEST_F(AcmeOrders, BringACertificateOnceEveryBalancerAnswers) {
  FakeBalancer& one = world.add_balancer("one");
  FakeBalancer& two = world.add_balancer("two");
  two.acknowledges = false;
  const std::string arn = *request();
  server.run(Millis(20'000));
  EXPECT_EQ(one.config.acme_challenges.size(), 1U);
  EXPECT_EQ(one.config.acme_challenges[0].key_authorization, "token.thumbprint");
  EXPECT_EQ(asked(Ask::Kind::kRespond), 0U) << "one balancer does not answer yet";
  EXPECT_THAT(order(arn)->problem, HasSubstr("every balancer"));
  two.acknowledges = true;
  two.apply(two.received);
  server.run(Millis(5'000));
  ASSERT_EQ(status(arn), RequestStatus::kIssued);
  EXPECT_EQ(row(arn).domain_name, "www.example.test");
  EXPECT_FALSE(row(arn).body.empty());
  EXPECT_EQ(order(arn), nullptr);
  EXPECT_TRUE(two.received.acme_challenges.empty()) << "the challenge is gone with the order";
  EXPECT_EQ(server.told.back(), "issued");
}

TEST_F(AcmeOrders, WaitForAListenerAndSayIt) {
  ASSERT_TRUE(world.submit([&](Step& step) { return delete_listener(step, listener); }));
  world.add_balancer("one");
  const std::string arn = *request();
  server.run(Millis(5'000));
  EXPECT_THAT(server.told, testing::ElementsAre(HasSubstr("listener with protocol HTTP")));
  EXPECT_EQ(asked(Ask::Kind::kRespond), 0U);
  ASSERT_TRUE(world.submit([&](Step& step) -> shared::Result<void> {
    CreateListener again;
    again.load_balancer_arn = step.state.load_balancers.rows().begin()->first;
    again.protocol = "HTTP";
    again.port = 80;
    lb::Action fixed;
    fixed.type = lb::ActionType::kFixedResponse;
    again.default_actions = {fixed};
    const auto made = create_listener(step, again);
    if (!made) return made.error();
    return {};
  }));
  server.run(Millis(5'000));
  EXPECT_EQ(status(arn), RequestStatus::kIssued);
}

TEST_F(AcmeOrders, GoOnAfterACrashAtEveryPoint) {
  world.add_balancer("one");
  // Each time, the crash comes after one more answer of the server.
  for (int answers = 0; answers < 12; ++answers) {
    const std::string arn = *request();
    for (int i = 0; i < answers; ++i) {
      world.rest();
      if (server.waiting.empty()) world.pass(Millis(2'000));
      server.serve_one();
    }
    restart();
    server.run(Millis(20'000));
    EXPECT_EQ(status(arn), RequestStatus::kIssued) << "crash after " << answers << " answers";
    ASSERT_TRUE(world.submit([&](Step& step) { return delete_certificate(step, arn); }));
  }
  EXPECT_EQ(world.state().acme_accounts.size(), 1U);
}

TEST_F(AcmeOrders, AskNothingThatIsNotDurable) {
  world.add_balancer("one");
  world.commits.hold = true;
  RequestCertificate wanted;
  wanted.names = {"www.example.test"};
  wanted.key_algorithm = "EC-prime256v1";
  world.engine->submit(
      [&](Step& step) -> shared::Result<void> {
        const auto made = request_certificate(step, wanted);
        if (!made) return made.error();
        return {};
      },
      [](const shared::Result<void>&) {});
  world.rest();
  EXPECT_TRUE(server.asks.empty());
  world.store.fail_next_commits(1, shared::Error("disk_full", "no room"));
  world.commits.hold = false;
  world.commits.release();
  world.rest();
  EXPECT_TRUE(server.asks.empty()) << "it was taken back";
  world.pass(Millis(2'000));  // the store is tried again
  ASSERT_TRUE(request());
  server.run(Millis(5'000));
  EXPECT_EQ(server.issued, 1);
}

TEST_F(AcmeOrders, AreTriedAgainWhenTheServerComesBack) {
  world.add_balancer("one");
  server.unreachable = true;
  const std::string arn = *request();
  server.run(Millis(30'000));
  EXPECT_EQ(status(arn), RequestStatus::kPending);
  const std::size_t tries = server.asks.size();
  EXPECT_LT(tries, 6U) << "with growing pauses";
  server.unreachable = false;
  server.run(Millis(60'000));
  EXPECT_EQ(status(arn), RequestStatus::kIssued);
}

TEST_F(AcmeOrders, FailForGoodWithAReason) {
  world.add_balancer("one");
  server.instead[Ask::Kind::kNewOrder].push_back(PlayedServer::problem("rejectedIdentifier"));
  const std::string arn = *request();
  server.run(Millis(2'000));
  EXPECT_EQ(status(arn), RequestStatus::kFailed);
  EXPECT_EQ(row(arn).request->failure_reason, "DOMAIN_NOT_ALLOWED");
  EXPECT_EQ(order(arn), nullptr);
}

TEST_F(AcmeOrders, FailWhereTheServerGivesNoAccount) {
  server.instead[Ask::Kind::kNewAccount].push_back(PlayedServer::problem("externalAccountRequired"));
  const std::string arn = *request();
  server.run(Millis(2'000));
  EXPECT_EQ(row(arn).request->failure_reason, "ADDITIONAL_VERIFICATION_REQUIRED");
}

TEST_F(AcmeOrders, MakeTheAccountAnewWithTheSameKey) {
  world.add_balancer("one");
  ASSERT_TRUE(request());
  server.run(Millis(5'000));
  const std::string key = world.state().acme_accounts.find(kDirectory)->key;
  server.instead[Ask::Kind::kNewOrder].push_back(PlayedServer::problem("accountDoesNotExist"));
  const std::string arn = *request();
  server.run(Millis(5'000));
  EXPECT_EQ(status(arn), RequestStatus::kIssued);
  EXPECT_EQ(asked(Ask::Kind::kNewAccount), 2U);
  EXPECT_EQ(world.state().acme_accounts.find(kDirectory)->key, key);
}

TEST_F(AcmeOrders, AreGivenUpAfterThreeDays) {
  const std::string arn = *request();  // no balancer
  server.run(Millis(2'000));
  EXPECT_THAT(order(arn)->problem, HasSubstr("balancer"));
  world.executor.advance(kValidationLimit);
  world.rest();
  EXPECT_EQ(status(arn), RequestStatus::kTimedOut);
  EXPECT_EQ(order(arn), nullptr);
}

TEST_F(AcmeOrders, OfOneTokenAreOneOrder) {
  const std::string arn = *request("tf1");
  EXPECT_EQ(*request("tf1"), arn);
  EXPECT_NE(*request("tf2"), arn);
  world.executor.advance(kIdempotencyLife);
  EXPECT_NE(*request("tf1"), arn) << "an hour later";
}

TEST_F(AcmeOrders, EndWithTheirCertificate) {
  world.add_balancer("one");
  const std::string arn = *request();
  world.rest();
  ASSERT_TRUE(world.submit([&](Step& step) { return delete_certificate(step, arn); }));
  EXPECT_EQ(order(arn), nullptr);
  server.run(Millis(5'000));  // what is answered now is for nobody
  EXPECT_EQ(asked(Ask::Kind::kNewOrder), 0U);
}

TEST_F(AcmeOrders, RenewBeforeTheEndAndGoOnWhenThatFails) {
  world.add_balancer("one");
  server.life = 300;
  const std::string arn = *request();
  server.run(Millis(5'000));
  ASSERT_EQ(status(arn), RequestStatus::kIssued);
  const std::string first = row(arn).serial + row(arn).key;
  server.instead[Ask::Kind::kNewOrder].push_back(PlayedServer::problem("rejectedIdentifier"));
  server.run(Millis(200'000));
  EXPECT_EQ(status(arn), RequestStatus::kIssued) << "the old one serves on";
  EXPECT_EQ(row(arn).request->renewal_status, "FAILED");
  EXPECT_EQ(row(arn).serial + row(arn).key, first);
  server.run(Millis(120'000));
  EXPECT_EQ(row(arn).request->renewal_status, "SUCCESS");
  EXPECT_NE(row(arn).serial + row(arn).key, first);
  EXPECT_EQ(order(arn), nullptr);
}

TEST_F(AcmeOrders, NeedAServer) {
  world.settings.acme_directory.clear();
  restart();
  const auto refused = request();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), "InvalidParameterException");
  EXPECT_THAT(refused.error().text(), HasSubstr("--acme-directory"));
}

}  // namespace
}  // namespace agent::control::test
