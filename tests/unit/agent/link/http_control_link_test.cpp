#include "agent/link/http_control_link.h"

#include <gtest/gtest.h>

#include <optional>

#include "shared/httpd/server.h"

namespace agent::link {
namespace {

using shared::http::Request;
using shared::http::Response;

constexpr shared::Millis kPatience{30'000};

// Control's side of the wire: checks every signature.
class HttpControlLinkTest : public testing::Test {
 protected:
  void SetUp() override {
    auto listening = shared::httpd::Server::listen(
        loop, {"127.0.0.1", 0, ""}, {},
        [this](Request request, shared::httpd::Reply reply) {
          check_signature(request);
          seen.push_back(request);
          reply.send(answer);
        },
        [this](const Request& request) -> std::variant<shared::httpd::WebSocketHandlers, Response> {
          check_signature(request);
          seen.push_back(request);
          if (refuse)
            return shared::http::make_response(400, "application/json",
                                               R"({"InactiveInstanceException":"x"})");
          shared::httpd::WebSocketHandlers handlers;
          handlers.on_open = [this](auto socket) { accepted = socket; };
          handlers.on_text = [this](const std::string& text) { heard.push_back(text); };
          handlers.on_close = [this](const shared::Error&) { accepted.reset(); };
          return handlers;
        });
    ASSERT_TRUE(listening) << listening.error().text();
    server = std::move(*listening);
    url = "http://127.0.0.1:" + std::to_string(server->endpoint().port);
    ControlLinkOptions options;
    options.endpoint = url + "/";
    options.credentials = {"AKIA", "secret", ""};
    options.engine_version = [] { return "20.10"; };
    auto made = HttpControlLink::create(loop, options);
    ASSERT_TRUE(made) << made.error().text();
    link = std::move(*made);
  }
  void check_signature(const Request& request) {
    const auto claimed = aws::parse_authorization(request);
    ASSERT_TRUE(claimed) << claimed.error().text();
    const auto valid = aws::verify(request, *claimed, "secret", loop.wall_now(), {"us-east-1", "ecs"});
    EXPECT_TRUE(valid) << (valid ? "" : valid.error().text());
  }
  shared::Result<std::string> call(const std::string& operation, const std::string& body) {
    std::optional<shared::Result<std::string>> got;
    link->call(operation, body, [&](auto result) { got.emplace(std::move(result)); });
    EXPECT_TRUE(loop.run_until([&] { return got.has_value(); }, kPatience));
    return got ? *got : shared::Result<std::string>(shared::Error("test", "no answer"));
  }
  SessionHandlers handlers() {
    return {[this](auto opened) { channel = opened; },
            [this](const std::string& text) { texts.push_back(text); },
            [this](const shared::Error& error) { closed.emplace(error); }};
  }

  shared::httpd::IoLoop loop;
  std::unique_ptr<shared::httpd::Server> server;
  std::string url;
  Response answer = shared::http::make_response(200, "application/x-amz-json-1.1", "{}");
  bool refuse = false;
  std::vector<Request> seen;
  std::vector<std::string> heard;
  std::shared_ptr<shared::httpd::WebSocket> accepted;
  std::shared_ptr<Channel> channel;
  std::vector<std::string> texts;
  std::optional<shared::Error> closed;
  std::unique_ptr<HttpControlLink> link;
};

TEST_F(HttpControlLinkTest, CallsAreSignedJson11Requests) {
  answer.body = R"({"acknowledgment":"ok"})";
  const auto got = call("SubmitTaskStateChange", R"({"task":"t"})");
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(*got, R"({"acknowledgment":"ok"})");
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].method, "POST");
  EXPECT_EQ(seen[0].target, "/");
  EXPECT_EQ(seen[0].headers.get("X-Amz-Target"), "AmazonEC2ContainerServiceV20141113.SubmitTaskStateChange");
  EXPECT_EQ(seen[0].headers.get("Content-Type"), "application/x-amz-json-1.1");
  EXPECT_EQ(seen[0].body, R"({"task":"t"})");
}

TEST_F(HttpControlLinkTest, ServiceErrorsKeepTheirCode) {
  answer = shared::http::make_response(
      400, "application/x-amz-json-1.1",
      R"({"__type":"com.amazonaws.ecs#ClusterNotFoundException","message":"gone"})");
  const auto refused = call("RegisterContainerInstance", "{}");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), "ClusterNotFoundException");
  EXPECT_EQ(refused.error().text(), "gone");
  EXPECT_EQ(refused.error().retry(), shared::Retry::kNo);
  answer = shared::http::make_response(503, "text/html", "<html>");
  const auto busy = call("RegisterContainerInstance", "{}");
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code(), "ServerException");
  EXPECT_EQ(busy.error().retry(), shared::Retry::kYes);
}

TEST_F(HttpControlLinkTest, AcsSessionOpensWithTheAgentsQueryAndCarriesMessagesBothWays) {
  link->open_acs(url, "arn:ci/1", "default", handlers());
  ASSERT_TRUE(loop.run_until([&] { return channel && accepted; }, kPatience));
  EXPECT_EQ(seen.back().target,
            "/ws?agentHash=berth&agentVersion=0.1.0&clusterArn=default&containerInstanceArn=arn%3Aci%2F1&"
            "dockerVersion=DockerVersion%3A%2020.10&protocolVersion=2&sendCredentials=true&seqNum=1");
  channel->send("from the node");
  accepted->send("from control");
  ASSERT_TRUE(loop.run_until([&] { return !heard.empty() && !texts.empty(); }, kPatience));
  EXPECT_EQ(heard[0], "from the node");
  EXPECT_EQ(texts[0], "from control");
  accepted->close(1000, "done");
  ASSERT_TRUE(loop.run_until([&] { return closed.has_value(); }, kPatience));
  link->open_acs(url, "arn:ci/1", "default", handlers());
  ASSERT_TRUE(loop.run_until([&] { return seen.size() == 2; }, kPatience));
  EXPECT_NE(seen.back().target.find("sendCredentials=false"), std::string::npos);
}

TEST_F(HttpControlLinkTest, TelemetryHasItsOwnQueryAndEveryFrameIsSigned) {
  link->open_telemetry(url, "arn:ci/1", "default", handlers());
  ASSERT_TRUE(loop.run_until([&] { return channel && accepted; }, kPatience));
  EXPECT_EQ(seen.back().target,
            "/ws?agentHash=berth&agentVersion=0.1.0&cluster=default&containerInstance=arn%3Aci%2F1&"
            "dockerVersion=20.10");
  for (const std::string message : {R"({"type":"one"})", R"({"type":"two"})"}) {
    heard.clear();
    channel->send(message);
    ASSERT_TRUE(loop.run_until([&] { return !heard.empty(); }, kPatience));
    const std::string& frame = heard[0];
    const auto blank = frame.find("\r\n\r\n");
    ASSERT_NE(blank, std::string::npos) << frame;
    Request signed_part;
    signed_part.target = seen.back().target;
    signed_part.body = frame.substr(blank + 4);
    EXPECT_EQ(signed_part.body, message);
    for (std::size_t at = 0; at < blank;) {
      const auto end = frame.find("\r\n", at);
      const auto colon = frame.find(": ", at);
      signed_part.headers.set(frame.substr(at, colon - at), frame.substr(colon + 2, end - colon - 2));
      at = end + 2;
    }
    check_signature(signed_part);
  }
  link->open_acs(url, "arn:ci/1", "default", handlers());
  ASSERT_TRUE(loop.run_until([&] { return seen.size() == 2; }, kPatience));
  EXPECT_NE(seen.back().target.find("sendCredentials=true"), std::string::npos) << "telemetry is no session";
}

TEST_F(HttpControlLinkTest, RefusalBringsTheReason) {
  refuse = true;
  link->open_acs(url, "arn:ci/1", "default", handlers());
  ASSERT_TRUE(loop.run_until([&] { return closed.has_value(); }, kPatience));
  EXPECT_EQ(closed->code(), "refused");
  EXPECT_NE(closed->text().find("InactiveInstanceException"), std::string::npos);
  EXPECT_FALSE(channel);
}

TEST_F(HttpControlLinkTest, UnreachableControlIsAConnectError) {
  server.reset();
  const auto got = call("DiscoverPollEndpoint", "{}");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), "connect");
  link->open_acs(url, "arn:ci/1", "default", handlers());
  EXPECT_TRUE(loop.run_until([&] { return closed.has_value(); }, kPatience));
}

TEST_F(HttpControlLinkTest, EndpointsThatCannotBeDialledAreRefusedAtOnce) {
  const auto error_of = [&](const std::string& endpoint) {
    ControlLinkOptions options;
    options.endpoint = endpoint;
    const auto made = HttpControlLink::create(loop, options);
    return made ? std::string("made") : made.error().text();
  };
  EXPECT_EQ(error_of("https://control"), "control endpoint 'https://control': only http is supported");
  EXPECT_EQ(error_of("http://"), "control endpoint 'http://': no host");
  EXPECT_EQ(error_of("http://control:x"), "control endpoint 'http://control:x': the port is no number");
  EXPECT_EQ(error_of("control:7000"), "made");
  EXPECT_EQ(error_of("http://[::1]:7000/path/"), "made");
}

}  // namespace
}  // namespace agent::link
