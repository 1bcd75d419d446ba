// The gateway with everything real around it but the disk: server, client, engine, keys and signatures.
#include "agent/api/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "agent/api/sockets.h"
#include "agent/link/tcs.h"
#include "agent/store/async_store.h"
#include "shared/httpd/client.h"
#include "shared/httpd/io_loop.h"
#include "shared/net/endpoint.h"

namespace agent::api {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
namespace http = shared::http;
namespace httpd = shared::httpd;

constexpr shared::Millis kPatience{30'000};  // only reached by a test that fails

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest()
      : folder_(make_folder()),
        keys_(*agent::iam::Keys::open({folder_, {"aws", "us-east-1", "000000000000"}})),
        engine_(loop_, random_, commits_, settings()),
        gateway_(GatewayParts{engine_, loop_, random_,
                              [this](const http::Request& request, aws::Service service) {
                                return keys_.authenticate(request, service, loop_.wall_now());
                              },
                              [this](std::string_view token) { return keys_.is_balancer_token(token); },
                              [this] { return checks_; }, nullptr}) {
    EXPECT_TRUE(engine_.start());
    listen({});
  }
  ~GatewayTest() override { std::filesystem::remove_all(folder_); }

  static std::string make_folder() {
    std::string pattern = ::testing::TempDir() + "gateway_XXXXXX";
    return std::string(::mkdtemp(pattern.data())) + "/data";
  }
  static control::Settings settings() {
    control::Settings settings;
    settings.poll_endpoint = "http://127.0.0.1:1";
    return settings;
  }

  void listen(const httpd::ServerLimits& limits) {
    server_ = *httpd::Server::listen(loop_, *shared::net::parse_endpoint("127.0.0.1:0"), limits,
                                     gateway_.handler(), gateway_.acceptor(), gateway_.refuser());
    client_ = httpd::Client::create(loop_, server_->endpoint());
  }
  http::Response send(http::Request request) {
    std::optional<shared::Result<http::Response>> got;
    const auto call = client_->request(std::move(request), {}, [&](auto result) { got = std::move(result); });
    EXPECT_TRUE(loop_.run_until([&] { return got.has_value(); }, kPatience));
    EXPECT_TRUE(got && got->has_value());
    return got && got->has_value() ? **std::move(got) : http::Response{};
  }
  void sign(http::Request& request, const aws::Credentials& credentials, const char* service) {
    request.headers.set("Host", shared::net::to_string(server_->endpoint()));
    aws::sign(request, credentials, "us-east-1", service, loop_.wall_now());
  }
  http::Request ecs_request(const std::string& operation, const std::string& body) {
    http::Request request;
    request.method = "POST";
    request.headers.set("X-Amz-Target", "AmazonEC2ContainerServiceV20141113." + operation);
    request.headers.set("Content-Type", "application/x-amz-json-1.1");
    request.body = body;
    return request;
  }
  http::Response ecs(const std::string& operation, const std::string& body,
                     const aws::Credentials& credentials) {
    http::Request request = ecs_request(operation, body);
    sign(request, credentials, "ecs");
    return send(std::move(request));
  }
  http::Response ecs(const std::string& operation, const std::string& body) {
    return ecs(operation, body, keys_.administrator());
  }
  http::Response query(const std::string& form, const char* service) {
    http::Request request;
    request.method = "POST";
    request.headers.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    request.body = form;
    sign(request, keys_.administrator(), service);
    return send(std::move(request));
  }
  static http::Request get(const std::string& target) {
    http::Request request;
    request.target = target;
    return request;
  }

  // A websocket of a client, with all it was told.
  struct Peer {
    std::shared_ptr<httpd::WebSocket> socket;
    std::deque<std::string> texts;
    std::optional<shared::Error> closed;
    httpd::Call call;
  };
  std::unique_ptr<Peer> dial(http::Request request) {
    auto peer = std::make_unique<Peer>();
    httpd::WebSocketHandlers handlers;
    handlers.on_open = [peer = peer.get()](auto socket) { peer->socket = std::move(socket); };
    handlers.on_text = [peer = peer.get()](std::string text) { peer->texts.push_back(std::move(text)); };
    handlers.on_close = [peer = peer.get()](shared::Error error) { peer->closed = std::move(error); };
    peer->call = client_->websocket(std::move(request), std::move(handlers));
    EXPECT_TRUE(loop_.run_until([&] { return peer->socket || peer->closed; }, kPatience));
    return peer;
  }
  std::unique_ptr<Peer> dial_agent(const std::string& query, const aws::Credentials& credentials) {
    http::Request request = get("/ws?" + query);
    sign(request, credentials, "ecs");
    return dial(std::move(request));
  }
  std::string register_instance() {
    EXPECT_EQ(ecs("CreateCluster", "{}").status, 200);
    const http::Response answer =
        ecs("RegisterContainerInstance", R"({"attributes":[{"name":"berth.address","value":"127.0.0.1"}]})",
            keys_.node());
    return json::parse(answer.body).at("containerInstance").at("containerInstanceArn");
  }
  void define_web() {
    EXPECT_EQ(ecs("RegisterTaskDefinition", R"({"family":"web","containerDefinitions":[
        {"name":"main","image":"i","memory":16,"healthCheck":{"command":["CMD","true"]}},
        {"name":"side","image":"i","memory":16,"essential":false}]})")
                  .status,
              200);
  }
  // With what a task of define_web() needs.
  std::string register_instance_for_web() {
    EXPECT_EQ(ecs("CreateCluster", "{}").status, 200);
    const json registration{{"attributes",
                             {{{"name", "ecs.capability.container-health-check"}},
                              {{"name", "berth.address"}, {"value", "127.0.0.1"}}}},
                            {"totalResources",
                             {{{"name", "CPU"}, {"type", "INTEGER"}, {"integerValue", 1024}},
                              {{"name", "MEMORY"}, {"type", "INTEGER"}, {"integerValue", 1024}}}}};
    return json::parse(ecs("RegisterContainerInstance", registration.dump(), keys_.node()).body)
        .at("containerInstance")
        .at("containerInstanceArn");
  }
  bool connected(const std::string& arn) {
    const auto it = engine_.state().live.agents.find(arn);
    return it != engine_.state().live.agents.end() && it->second.connected;
  }

  std::string folder_;
  httpd::IoLoop loop_;
  shared::env::SystemRandom random_;
  store::MemoryStore store_;
  store::DirectStore commits_{store_};
  agent::iam::Keys keys_;
  std::vector<ReadyCheck> checks_;
  control::Engine engine_;
  Gateway gateway_;
  std::unique_ptr<httpd::Server> server_;
  std::unique_ptr<httpd::Client> client_;
};

TEST_F(GatewayTest, SignedCallsReachTheServiceTheyAreFor) {
  const http::Response created = ecs("CreateCluster", R"({"clusterName":"prod"})");
  EXPECT_EQ(created.status, 200) << created.body;
  EXPECT_EQ(created.headers.get("content-type"), "application/x-amz-json-1.1");
  EXPECT_EQ(created.headers.get("x-amzn-requestid").value_or("").size(), 36U);
  EXPECT_TRUE(created.headers.get("date"));
  EXPECT_EQ(json::parse(created.body)["cluster"]["clusterArn"],
            "arn:aws:ecs:us-east-1:000000000000:cluster/prod");
  EXPECT_TRUE(store_.records().contains("cluster/prod"));

  const http::Response groups =
      query("Action=DescribeTargetGroups&Version=2015-12-01", "elasticloadbalancing");
  EXPECT_EQ(groups.status, 200) << groups.body;
  EXPECT_THAT(groups.body, HasSubstr("<DescribeTargetGroupsResponse"));
  EXPECT_THAT(groups.body, HasSubstr(std::string(groups.headers.get("x-amzn-requestid").value_or("none"))));
  const http::Response who = query("Action=GetCallerIdentity&Version=2011-06-15", "sts");
  EXPECT_EQ(who.status, 200) << who.body;
  EXPECT_THAT(who.body, HasSubstr("<Account>000000000000</Account>"));
}

TEST_F(GatewayTest, ErrorsComeInTheFormOfTheServiceAndNeverAsNotFound) {
  const auto type = [](const http::Response& response) {
    return json::parse(response.body)["__type"].get<std::string>();
  };
  http::Response answer = ecs("DescribeTasks", R"({"cluster":"none","tasks":["a"]})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(type(answer), "ClusterNotFoundException");
  EXPECT_EQ(json::parse(answer.body)["message"], "Cluster not found.");
  EXPECT_EQ(type(ecs("MakeCoffee", "{}")), "UnknownOperationException");
  EXPECT_EQ(type(ecs("CreateDaemon", "{}")), "UnsupportedFeatureException");
  EXPECT_EQ(type(send(ecs_request("ListClusters", "{}"))), "MissingAuthenticationTokenException");
  aws::Credentials wrong = keys_.administrator();
  wrong.secret_access_key += "x";
  EXPECT_EQ(type(ecs("ListClusters", "{}", wrong)), "InvalidSignatureException");
  wrong.access_key_id = "AKIAUNKNOWN";
  EXPECT_EQ(type(ecs("ListClusters", "{}", wrong)), "UnrecognizedClientException");
  EXPECT_EQ(type(ecs("RunTask", R"({"taskDefinition":"x"})", keys_.node())), "AccessDeniedException");
  http::Request misdirected = ecs_request("ListClusters", "{}");
  sign(misdirected, keys_.administrator(), "elasticloadbalancing");
  EXPECT_EQ(send(std::move(misdirected)).status, 400);

  answer = query("Action=MakeCoffee&Version=2015-12-01", "elasticloadbalancing");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("<Code>InvalidAction</Code>"));
  answer = send(get("/no/such/page"));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("<Code>MissingAction</Code>"));
}

TEST_F(GatewayTest, WhatTheServerRefusesHasTheShapeOfTheService) {
  const std::string large(httpd::ServerLimits{}.max_body_bytes + 1, ' ');
  const http::Response json_answer = ecs("ListClusters", large);
  EXPECT_EQ(json_answer.status, 413);
  EXPECT_EQ(json::parse(json_answer.body)["__type"], "RequestEntityTooLargeException");
  EXPECT_THAT(std::string(json::parse(json_answer.body)["message"]), HasSubstr("1048576 bytes"));
  const http::Response xml =
      query("Action=DescribeRules&Version=2015-12-01&x=" + large, "elasticloadbalancing");
  EXPECT_EQ(xml.status, 413);
  EXPECT_THAT(xml.body, HasSubstr("<Code>RequestEntityTooLarge</Code>"));
  http::Request head = get("/");
  head.headers.set("X-Large", std::string(httpd::ServerLimits{}.max_head_bytes, 'x'));
  const http::Response refused = send(std::move(head));
  EXPECT_EQ(refused.status, 431);
  EXPECT_THAT(refused.body, HasSubstr("<Code>RequestHeaderFieldsTooLarge</Code>"));
}

TEST_F(GatewayTest, ACallBeyondTheLimitOfConnectionsIsToldInTheShapeOfTheService) {
  listen({.max_connections = 1});
  EXPECT_EQ(ecs("ListClusters", "{}").status, 200);
  const auto holds_the_connection = std::exchange(client_, httpd::Client::create(loop_, server_->endpoint()));
  const http::Response json_answer = ecs("ListClusters", "{}");
  EXPECT_EQ(json_answer.status, 503);
  EXPECT_EQ(json_answer.headers.get("Retry-After"), "5");
  EXPECT_EQ(json::parse(json_answer.body)["__type"], "ServiceUnavailableException");
  EXPECT_THAT(std::string(json::parse(json_answer.body)["message"]), HasSubstr("too many connections"));
  const http::Response xml = query("Action=DescribeRules&Version=2015-12-01", "elasticloadbalancing");
  EXPECT_EQ(xml.status, 503);
  EXPECT_EQ(xml.headers.get("Retry-After"), "5");
  EXPECT_THAT(xml.body, HasSubstr("<Code>ServiceUnavailable</Code>"));
}

TEST_F(GatewayTest, AnAgentBeyondTheLimitOfWebSocketsReadsAnExceptionThatItKnows) {
  listen({.max_websockets = 0});
  const std::string arn = register_instance();
  const auto agent =
      dial_agent("clusterArn=default&containerInstanceArn=" + http::percent_encode(arn, http::Slash::kEncode),
                 keys_.node());
  ASSERT_TRUE(agent->closed);
  EXPECT_EQ(agent->closed->retry(), shared::Retry::kYes);
  EXPECT_EQ(
      agent->closed->text(),
      R"(503 Service Unavailable: {"ServerException":"There are too many websockets; try again in a moment."})");
}

TEST_F(GatewayTest, AgentsOpenTheirSocketsAlthoughTheConnectionsAreFull) {
  listen({.max_connections = 1});
  const std::string arn = register_instance();
  const auto holds_the_connection = std::exchange(client_, httpd::Client::create(loop_, server_->endpoint()));
  const auto agent =
      dial_agent("clusterArn=default&containerInstanceArn=" + http::percent_encode(arn, http::Slash::kEncode),
                 keys_.node());
  ASSERT_TRUE(agent->socket) << agent->closed->text();
  EXPECT_TRUE(loop_.run_until([&] { return connected(arn); }, kPatience));
}

TEST_F(GatewayTest, ServicesThatAreNotHereAreNamed) {
  http::Request logs = ecs_request("ListClusters", "{}");
  logs.headers.set("X-Amz-Target", "AmazonDynamoDBX.ListTables");
  sign(logs, keys_.administrator(), "dynamodb");
  const http::Response answer = send(std::move(logs));
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(std::string(json::parse(answer.body)["message"]), HasSubstr("'dynamodb' is not offered here"));
  const http::Response vpcs = query("Action=DescribeAutoScalingGroups&Version=2011-01-01", "autoscaling");
  EXPECT_EQ(vpcs.status, 400);
  EXPECT_THAT(vpcs.body, HasSubstr("<Message>The service 'autoscaling' is not offered here"));
  http::Request bucket = get("/bucket?list-type=2");
  sign(bucket, keys_.administrator(), "s3");
  EXPECT_THAT(send(std::move(bucket)).body, HasSubstr("The service 's3' is not offered here"));
}

TEST_F(GatewayTest, AFailedCommitIsAServerErrorAndNothingIsKept) {
  // The first commit is the engine's own, of the configuration it publishes when it starts.
  EXPECT_EQ(ecs("CreateCluster", R"({"clusterName":"before"})").status, 200);
  store_.fail_next_commits(
      1, shared::Error("disk_full", "the disk is full", shared::Blame::kSelf, shared::Retry::kYes));
  const http::Response failed = ecs("CreateCluster", "{}");
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(json::parse(failed.body)["__type"], "ServerException");
  EXPECT_EQ(json::parse(ecs("ListClusters", "{}").body)["clusterArns"].size(), 1U);
  EXPECT_EQ(ecs("CreateCluster", "{}").status, 200);
}

TEST_F(GatewayTest, HealthNeedsNoSignatureAndReadinessNamesWhatIsMissing) {
  EXPECT_EQ(send(get("/healthz")).status, 200);
  EXPECT_EQ(send(get("/readyz")).status, 200);
  checks_ = {{"node", "cannot reach unix:/run/docker.sock"}};
  const http::Response not_ready = send(get("/readyz"));
  EXPECT_EQ(not_ready.status, 503);
  EXPECT_EQ(json::parse(not_ready.body)["checks"], json::parse(R"([{"name":"control","ok":true,"reason":""},
                            {"name":"node","ok":false,"reason":"cannot reach unix:/run/docker.sock"}])"));
}

TEST_F(GatewayTest, AnAgentsSocketMakesItsInstanceConnectedWhileItLasts) {
  const std::string arn = register_instance();
  const auto agent =
      dial_agent("agentVersion=1.105.0&clusterArn=default&containerInstanceArn=" +
                     http::percent_encode(arn, http::Slash::kEncode) + "&protocolVersion=2&seqNum=1",
                 keys_.node());
  ASSERT_TRUE(agent->socket) << agent->closed->text();
  EXPECT_TRUE(loop_.run_until([&] { return connected(arn) && !agent->texts.empty(); }, kPatience));
  EXPECT_TRUE(json::parse(agent->texts.front()).contains("type"));
  EXPECT_TRUE(loop_.run_until(
      [&] { return engine_.state().instances.rows().begin()->second.agent_version == "1.105.0"; },
      kPatience));
  agent->socket->close(1000, "bye");
  EXPECT_TRUE(loop_.run_until([&] { return !connected(arn) && agent->closed; }, kPatience));
}

TEST_F(GatewayTest, SocketsAreRefusedWithTheExceptionAgentsKnow) {
  const std::string arn = register_instance();
  const std::string encoded = http::percent_encode(arn, http::Slash::kEncode);
  const auto refused = [&](const std::string& query, const aws::Credentials& credentials) {
    const auto peer = dial_agent(query, credentials);
    EXPECT_FALSE(peer->socket);
    return peer->closed ? peer->closed->code() + " " + peer->closed->text() : std::string();
  };
  EXPECT_THAT(refused("clusterArn=default&containerInstanceArn=nobody", keys_.node()),
              HasSubstr("\"InvalidInstanceException\""));
  for (const char* cluster : {"other", "arn:aws:ecs:ap-south-1:000000000000:cluster/default",
                              "arn:aws:ecs:us-east-1:123456789012:cluster/default"}) {
    EXPECT_THAT(
        refused(std::string("clusterArn=") + cluster + "&containerInstanceArn=" + encoded, keys_.node()),
        HasSubstr("\"InvalidClusterException\""))
        << cluster;
  }
  aws::Credentials wrong = keys_.node();
  wrong.secret_access_key += "x";
  EXPECT_THAT(refused("clusterArn=default&containerInstanceArn=" + encoded, wrong),
              HasSubstr("\"InvalidSignatureException\""));
  ecs("DeregisterContainerInstance", json{{"containerInstance", arn}}.dump());
  EXPECT_THAT(refused("clusterArn=default&containerInstanceArn=" + encoded, keys_.node()),
              HasSubstr("\"InactiveInstanceException\""));
  EXPECT_THAT(dial(get("/berth/v1/feed"))->closed->text(), HasSubstr("balancer token"));
  EXPECT_TRUE(dial(get("/elsewhere"))->closed);
}

TEST_F(GatewayTest, TelemetryIsAcknowledgedAfterItsPseudoHead) {
  const std::string arn = register_instance();
  const auto agent = dial_agent(
      "cluster=default&containerInstance=" + http::percent_encode(arn, http::Slash::kEncode), keys_.node());
  ASSERT_TRUE(agent->socket) << agent->closed->text();
  agent->socket->send("Host: h\r\nX-Amz-Date: d\r\n\r\n{\"type\":\"PublishMetricsRequest\",\"message\":{}}");
  agent->socket->send("{\"type\":\"PublishHealthRequest\",\"message\":{\"tasks\":[]}}");
  ASSERT_TRUE(loop_.run_until([&] { return agent->texts.size() == 2; }, kPatience));
  EXPECT_EQ(json::parse(agent->texts[0])["type"], "AckPublishMetric");
  EXPECT_EQ(json::parse(agent->texts[1])["type"], "AckPublishHealth");
  EXPECT_FALSE(connected(arn));
  EXPECT_EQ(read_telemetry("broken").type, "");
}

TEST_F(GatewayTest, AConflictNamesTheTasksThatTheTokenStarted) {
  define_web();
  const std::string arn = register_instance_for_web();
  const auto session =
      dial_agent("clusterArn=default&containerInstanceArn=" + http::percent_encode(arn, http::Slash::kEncode),
                 keys_.node());
  const json started = json::parse(ecs("RunTask", R"({"taskDefinition":"web","clientToken":"once"})").body);
  const http::Response refused =
      ecs("RunTask", R"({"taskDefinition":"web","clientToken":"once","startedBy":"me"})");
  EXPECT_EQ(refused.status, 400);
  const json body = json::parse(refused.body);
  EXPECT_EQ(body.at("__type"), "ConflictException");
  EXPECT_EQ(body.at("resourceIds"), json::array({started.at("tasks").at(0).at("taskArn")}));
  EXPECT_FALSE(json::parse(ecs("RunTask", R"({"taskDefinition":"none"})").body).contains("resourceIds"));
}

TEST_F(GatewayTest, HealthFromTelemetryIsWhatDescribeTasksShows) {
  define_web();
  const std::string arn = register_instance_for_web();
  const std::string encoded = http::percent_encode(arn, http::Slash::kEncode);
  const auto session = dial_agent("clusterArn=default&containerInstanceArn=" + encoded, keys_.node());
  const json started = json::parse(ecs("RunTask", R"({"taskDefinition":"web"})").body);
  ASSERT_EQ(started.at("failures"), json::array()) << started;
  const std::string task = started.at("tasks").at(0).at("taskArn");
  ecs("SubmitTaskStateChange",
      json{{"task", task},
           {"status", "RUNNING"},
           {"containers",
            {{{"containerName", "main"}, {"status", "RUNNING"}},
             {{"containerName", "side"}, {"status", "RUNNING"}}}}}
          .dump(),
      keys_.node());
  const auto described = [&] {
    return json::parse(ecs("DescribeTasks", json{{"tasks", {task}}}.dump()).body).at("tasks").at(0);
  };
  EXPECT_EQ(described().at("healthStatus"), "UNKNOWN");
  const auto telemetry = dial_agent("cluster=default&containerInstance=" + encoded, keys_.node());
  ASSERT_TRUE(telemetry->socket) << telemetry->closed->text();
  for (const char* status : {"HEALTHY", "UNHEALTHY"}) {
    telemetry->texts.clear();
    link::PublishHealthRequest message;
    message.tasks = {{"no task", "", "", "", {{"main", "HEALTHY", {}, ""}}},
                     {task, "", "web", "1", {{"main", status, {}, ""}, {"side", "SICK", {}, ""}}}};
    telemetry->socket->send("Host: h\r\n\r\n" + link::tcs_to_json(message));
    ASSERT_TRUE(loop_.run_until([&] { return !telemetry->texts.empty(); }, kPatience));
    EXPECT_EQ(json::parse(telemetry->texts[0])["type"], "AckPublishHealth");
    EXPECT_EQ(described().at("containers").at(0).at("healthStatus"), status);
    EXPECT_EQ(described().at("healthStatus"), status);
    EXPECT_EQ(described().at("containers").at(1).at("healthStatus"), "UNKNOWN");
  }
  // Only the instance that a task is on knows of its health.
  const auto other = dial_agent("cluster=default&containerInstance=" +
                                    http::percent_encode(register_instance_for_web(), http::Slash::kEncode),
                                keys_.node());
  ASSERT_TRUE(other->socket) << other->closed->text();
  link::PublishHealthRequest message;
  message.tasks = {{task, "", "web", "1", {{"main", "HEALTHY", {}, ""}}}};
  other->socket->send("Host: h\r\n\r\n" + link::tcs_to_json(message));
  ASSERT_TRUE(loop_.run_until([&] { return !other->texts.empty(); }, kPatience));
  EXPECT_EQ(described().at("healthStatus"), "UNHEALTHY");
}

TEST_F(GatewayTest, ABalancerWithItsTokenGetsTheFeed) {
  http::Request request = get("/berth/v1/feed");
  request.headers.set("Authorization", "Bearer " + keys_.balancer_token());
  const auto balancer = dial(std::move(request));
  EXPECT_TRUE(balancer->socket);
  balancer->socket->send("{}");  // no message of a balancer
  EXPECT_TRUE(loop_.run_until([&] { return balancer->closed.has_value(); }, kPatience));
}

}  // namespace
}  // namespace agent::api
