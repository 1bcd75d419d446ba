#include "agent/api/gateway.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <variant>

#include "agent/api/acm/acm.h"
#include "agent/api/autoscaling/autoscaling.h"
#include "agent/api/call.h"
#include "agent/api/cloudwatch/cloudwatch.h"
#include "agent/api/ec2/ec2.h"
#include "agent/api/ecs/ecs.h"
#include "agent/api/elbv2/elbv2.h"
#include "agent/api/events/events.h"
#include "agent/api/iam/iam.h"
#include "agent/api/logs/logs.h"
#include "agent/api/scheduler/scheduler.h"
#include "agent/api/secretsmanager/secretsmanager.h"
#include "agent/api/servicediscovery/servicediscovery.h"
#include "agent/api/sockets.h"
#include "agent/api/ssm/ssm.h"
#include "agent/api/sts/sts.h"
#include "agent/aws/auth_error.h"
#include "agent/aws/foreign.h"
#include "agent/aws/json11.h"
#include "agent/aws/rest.h"
#include "agent/control/cluster/instances.h"
#include "agent/control/iam/credentials.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "shared/json/reader.h"
#include "shared/log/log.h"

namespace agent::api {

using nlohmann::json;
using shared::Error;
using shared::Result;
namespace http = shared::http;
namespace httpd = shared::httpd;

namespace {

constexpr std::string_view kAgentPath = "/ws";
constexpr std::string_view kFeedPath = "/berth/v1/feed";
constexpr int kInternalErrors = 500;  // statuses from here on are our own fault

http::Response json_response(int status, const json& body) {
  return http::make_response(status, "application/json", shared::json::to_text(body));
}

// How agents read a refused websocket: the name of an exception, and a text.
http::Response refusal(int status, const std::string& exception, const std::string& text) {
  return json_response(status, json{{exception, text}});
}

std::map<std::string, std::string> parameters_of(const http::Request& request) {
  std::map<std::string, std::string> parameters;
  if (const auto pairs = http::parse_form(request.query())) parameters.insert(pairs->begin(), pairs->end());
  return parameters;
}

std::string value_of(const std::map<std::string, std::string>& parameters, const std::string& name) {
  const auto it = parameters.find(name);
  return it == parameters.end() ? std::string() : it->second;
}

// The token of "Authorization: Bearer <token>", empty without one.
std::string_view bearer_token(const http::Request& request) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view header = request.headers.get("authorization").value_or("");
  if (header.size() < kScheme.size() ||
      !http::equals_ignoring_case(header.substr(0, kScheme.size()), kScheme))
    return {};
  return header.substr(kScheme.size());
}

// Of a service with a state.
Result<std::string> handle(control::Step& step, aws::Service service, const Call& call,
                           std::vector<std::string>& resource_ids, Sealer* sealer) {
  switch (service) {
    case aws::Service::kEcs:
      return ecs::handle(step, call, resource_ids);
    case aws::Service::kAcm:
      return acm::handle(step, call);
    case aws::Service::kElbv2:
      return elbv2::handle(step, call);
    case aws::Service::kIam:
      return iam::handle(step, call);
    case aws::Service::kEc2:
      return ec2::handle(step, call);
    case aws::Service::kSts:
      return sts::handle(step, call);
    case aws::Service::kSsm:
      return ssm::handle(step, call, sealer);
    case aws::Service::kSecrets:
      return secretsmanager::handle(step, call, sealer);
    case aws::Service::kAutoScaling:
      return autoscaling::handle(step, call);
    case aws::Service::kCloudMap:
      return servicediscovery::handle(step, call);
    case aws::Service::kEvents:
      return events::handle(step, call);
    case aws::Service::kScheduler:
      return scheduler::handle(step, call);
    case aws::Service::kEcr:
    case aws::Service::kLogs:
    case aws::Service::kCloudWatch:
      break;
  }
  return control::fault("InvalidAction", "The action " + call.operation + " is not offered here.");
}

bool is_judged_by_policy(const agent::iam::Principal& principal) {
  return principal.role == agent::iam::Role::kUser || principal.role == agent::iam::Role::kSession;
}

// They call permit() with the resources that a call is about.
bool asks_by_itself(aws::Service service) {
  return service == aws::Service::kEcs || service == aws::Service::kElbv2 || service == aws::Service::kSsm ||
         service == aws::Service::kSecrets || service == aws::Service::kCloudMap ||
         service == aws::Service::kEcr || service == aws::Service::kEvents ||
         service == aws::Service::kScheduler;
}

}  // namespace

http::Response alive_response() {
  return json_response(200, json{{"status", "ok"}, {"checks", json::array()}});
}

http::Response ready_response(const std::vector<ReadyCheck>& checks) {
  bool ok = true;
  json list = json::array();
  for (const ReadyCheck& each : checks) {
    ok = ok && each.reason.empty();
    list.push_back({{"name", each.name}, {"ok", each.reason.empty()}, {"reason", each.reason}});
  }
  return json_response(ok ? 200 : 503,
                       json{{"status", ok ? "ready" : "not_ready"}, {"checks", std::move(list)}});
}

struct Gateway::Impl {
  explicit Impl(GatewayParts given) : parts(std::move(given)) {
    if (!parts.sealing_key.empty()) sealer = std::make_shared<Sealer>(parts.sealing_key);
  }

  void serve(http::Request request, httpd::Reply reply);
  void run(const aws::Call& call, Call api_call, httpd::Reply reply);
  void run_logs(Call call, httpd::Reply reply) const;
  void run_ecr(Call call, httpd::Reply reply);
  void submit_ecr(std::shared_ptr<Call> call, std::shared_ptr<httpd::Reply> reply,
                  std::optional<Result<ecr::Images>> found);
  void run_cloudwatch(aws::Protocol protocol, Call call, httpd::Reply reply);
  Result<void> permit(const agent::iam::Principal& principal, const http::Request& request,
                      aws::Service service, const std::string& operation) const;
  http::Response ready() const;
  std::variant<httpd::WebSocketHandlers, http::Response> accept(const http::Request& request);
  std::variant<httpd::WebSocketHandlers, http::Response> accept_agent(const http::Request& request);
  void note_versions(const std::string& arn, const std::map<std::string, std::string>& parameters);
  static http::Response answer(aws::Service service, const Call& call, const Result<std::string>& body,
                               const std::vector<std::string>& resource_ids = {});
  static http::Response refused(const aws::Call& of, const Call& call, const Error& error);

  GatewayParts parts;
  std::shared_ptr<Sealer> sealer;  // null: there is no key
};

Gateway::Gateway(GatewayParts parts) : impl_(std::make_unique<Impl>(std::move(parts))) {}
Gateway::~Gateway() = default;

httpd::Server::Handler Gateway::handler() {
  return [impl = impl_.get()](http::Request request, httpd::Reply reply) {
    impl->serve(std::move(request), std::move(reply));
  };
}

httpd::Server::Refuser Gateway::refuser() {
  return [impl = impl_.get()](int status, const std::string& text, const http::Request& head) {
    if (head.path() == kAgentPath || head.path() == kFeedPath) {
      return refusal(status, status >= kInternalErrors ? "ServerException" : "BadRequestException", text);
    }
    return aws::http_refusal(status, text, head, impl->parts.random.uuid());
  };
}

httpd::Server::Acceptor Gateway::acceptor() {
  return [impl = impl_.get()](const http::Request& request) { return impl->accept(request); };
}

http::Response Gateway::Impl::ready() const {
  std::vector<ReadyCheck> checks{{"control", parts.engine.not_ready()}};
  if (parts.checks) {
    for (ReadyCheck& each : parts.checks()) checks.push_back(std::move(each));
  }
  return ready_response(checks);
}

void Gateway::Impl::serve(http::Request request, httpd::Reply reply) {
  if (request.method == "GET" || request.method == "HEAD") {
    if (request.path() == "/healthz") {
      return reply.send(alive_response());
    }
    if (request.path() == "/readyz") return reply.send(ready());
  }
  Call call;
  call.request_id = parts.random.uuid();
  const Result<aws::Call> identified = aws::identify(request);
  if (!identified) {
    if (const auto service = aws::foreign_service(request)) {
      return reply.send(aws::not_offered(request, *service, call.request_id));
    }
    return reply.send(
        aws::error_response(identified.error(), aws::protocol_of(request), "", call.request_id));
  }
  const aws::Service service = identified->service;
  call.operation = identified->operation;
  call.body = identified->input;
  const Result<agent::iam::Principal> principal = parts.authenticate(request, service);
  if (!principal) return reply.send(refused(*identified, call, principal.error()));
  if (auto allowed = permit(*principal, request, service, call.operation); !allowed) {
    return reply.send(refused(*identified, call, allowed.error()));
  }
  if (service == aws::Service::kCloudWatch &&
      http::equals_ignoring_case(request.headers.get("Content-Encoding").value_or(""), "gzip")) {
    auto body = cloudwatch::inflated(call.body);
    if (!body) return reply.send(refused(*identified, call, body.error()));
    call.body = *std::move(body);
  }
  call.caller_arn = principal->arn;
  call.account = principal->account;
  call.caller_id = principal->user_id;
  call.caller_key = principal->access_key_id;
  call.caller_is_administrator = principal->role == agent::iam::Role::kAdministrator;
  call.by_policy = is_judged_by_policy(*principal);
  call.source_ip = request.peer.address;
  call.user_agent = request.headers.get("User-Agent").value_or("");
  run(*identified, std::move(call), std::move(reply));
}

// Users and sessions may do what their policies say. Services that know what their calls are about ask once
// that is decoded; of the others the action is asked for here. Who one is everybody may ask, and temporary
// keys are asked for below, where the role is known.
Result<void> Gateway::Impl::permit(const agent::iam::Principal& principal, const http::Request& request,
                                   aws::Service service, const std::string& operation) const {
  if (!is_judged_by_policy(principal)) return agent::iam::authorize(principal, service, operation);
  if (service == aws::Service::kSts || asks_by_itself(service)) return {};
  const control::iam::Circumstances around{parts.executor.wall_now(), request.peer.address,
                                           std::string(request.headers.get("User-Agent").value_or(""))};
  auto allowed =
      control::iam::check_permission(parts.engine.state(), parts.engine.settings(), principal.access_key_id,
                                     std::string(aws::action_prefix(service)) + ":" + operation, "", around);
  if (allowed) return {};
  const aws::Protocol protocol = aws::protocol_of(service);
  return control::fault(protocol == aws::Protocol::kJson  ? "AccessDeniedException"
                        : protocol == aws::Protocol::kEc2 ? "UnauthorizedOperation"
                                                          : "AccessDenied",
                        allowed.error().text());
}

// GetCallerIdentity needs no state; the others run as a step and are answered once what they changed is
// durable.
void Gateway::Impl::run(const aws::Call& call, Call api_call, httpd::Reply reply) {
  if (call.service == aws::Service::kSts && api_call.operation == sts::kWhoAmI)
    return reply.send(answer(call.service, api_call, sts::who_am_i(api_call)));
  if (call.service == aws::Service::kLogs) return run_logs(std::move(api_call), std::move(reply));
  if (call.service == aws::Service::kEcr) return run_ecr(std::move(api_call), std::move(reply));
  if (call.service == aws::Service::kCloudWatch)
    return run_cloudwatch(call.protocol, std::move(api_call), std::move(reply));
  struct Pending {
    aws::Service service;
    Call call;
    httpd::Reply reply;
    std::string body;
    std::vector<std::string> resource_ids;
  };
  auto pending =
      std::make_shared<Pending>(Pending{call.service, std::move(api_call), std::move(reply), {}, {}});
  parts.engine.submit(
      [pending, sealer = sealer](control::Step& step) -> Result<void> {
        Result<std::string> body =
            handle(step, pending->service, pending->call, pending->resource_ids, sealer.get());
        if (!body) return std::move(body).error();
        pending->body = *std::move(body);
        return {};
      },
      [pending](const Result<void>& done) {
        const Result<std::string> body =
            done ? Result<std::string>(std::move(pending->body)) : Result<std::string>(done.error());
        pending->reply.send(answer(pending->service, pending->call, body, pending->resource_ids));
      });
}

// On the thread of the lines.
void Gateway::Impl::run_logs(Call call, httpd::Reply reply) const {
  const auto shared_call = std::make_shared<const Call>(std::move(call));
  auto shared_reply = std::make_shared<httpd::Reply>(std::move(reply));
  const auto done = [shared_call, shared_reply](const Result<std::string>& body) {
    shared_reply->send(answer(aws::Service::kLogs, *shared_call, body));
  };
  if (parts.logs == nullptr) {
    return done(
        control::fault("UnknownOperationException", "CloudWatch Logs is not offered by this installation."));
  }
  parts.logs->run([shared_call, realm = parts.engine.settings().realm(), now = parts.executor.wall_now()](
                      agent::logs::Store& store) { return logs::handle(store, realm, now, *shared_call); },
                  done);
}

// What a call wants to know of images is asked of the registry first.
void Gateway::Impl::run_ecr(Call call, httpd::Reply reply) {
  auto shared_call = std::make_shared<Call>(std::move(call));
  auto shared_reply = std::make_shared<httpd::Reply>(std::move(reply));
  const std::string repository = parts.fetch ? ecr::wants_images(*shared_call) : std::string();
  if (repository.empty()) return submit_ecr(shared_call, shared_reply, std::nullopt);
  ecr::fetch_images(parts.fetch, repository, [this, shared_call, shared_reply](Result<ecr::Images> found) {
    submit_ecr(shared_call, shared_reply, std::move(found));
  });
}

void Gateway::Impl::submit_ecr(std::shared_ptr<Call> call, std::shared_ptr<httpd::Reply> reply,
                               std::optional<Result<ecr::Images>> found) {
  auto body = std::make_shared<std::string>();
  parts.engine.submit(
      [this, call, body, found = std::move(found)](control::Step& step) -> Result<void> {
        auto answer = ecr::handle(step, *call, parts.registry, found);
        if (!answer) return answer.error();
        *body = *std::move(answer);
        return {};
      },
      [call, reply, body](const Result<void>& done) {
        reply->send(answer(aws::Service::kEcr, *call,
                           done ? Result<std::string>(std::move(*body)) : Result<std::string>(done.error())));
      });
}

// Figures are neither rows nor decisions: what is about them alone is done at once.
void Gateway::Impl::run_cloudwatch(aws::Protocol protocol, Call call, httpd::Reply reply) {
  if (cloudwatch::is_about_figures(call.operation)) {
    const auto done =
        cloudwatch::run_on_figures(parts.engine.metrics(), parts.executor.wall_now(), call, protocol);
    return reply.send(cloudwatch::respond(protocol, call, done));
  }
  struct Pending {
    Call call;
    httpd::Reply reply;
    Result<std::string> answer{std::string()};
  };
  auto pending = std::make_shared<Pending>(Pending{std::move(call), std::move(reply)});
  parts.engine.submit(
      [pending, protocol](control::Step& step) -> Result<void> {
        auto outcome = cloudwatch::handle(step, pending->call, protocol);
        pending->answer = std::move(outcome.answer);
        if (pending->answer || outcome.keep) return {};
        return pending->answer.error();
      },
      [pending, protocol](const Result<void>& done) {
        const auto& answer = done ? pending->answer : Result<std::string>(done.error());
        pending->reply.send(cloudwatch::respond(protocol, pending->call, answer));
      });
}

http::Response Gateway::Impl::refused(const aws::Call& of, const Call& call, const Error& error) {
  if (of.service == aws::Service::kCloudWatch) return cloudwatch::respond(of.protocol, call, error);
  return answer(of.service, call, error);
}

http::Response Gateway::Impl::answer(aws::Service service, const Call& call, const Result<std::string>& body,
                                     const std::vector<std::string>& resource_ids) {
  const aws::Protocol protocol = aws::protocol_of(service);
  if (!body) {
    http::Response response = aws::error_response(body.error(), protocol, aws::xml_namespace(service),
                                                  call.request_id, resource_ids);
    if (response.status >= kInternalErrors) {
      shared::log::error("call_failed", {{"operation", call.operation},
                                         {"request_id", call.request_id},
                                         {"code", body.error().code()},
                                         {"reason", body.error().text()}});
    }
    return response;
  }
  if (protocol == aws::Protocol::kJson) return aws::json_success(*body, call.request_id);
  if (protocol == aws::Protocol::kRest) return aws::rest_success(*body, call.request_id);
  http::Response response = http::make_response(200, "text/xml", *body);
  response.headers.set("x-amzn-RequestId", call.request_id);
  return response;
}

std::variant<httpd::WebSocketHandlers, http::Response> Gateway::Impl::accept(const http::Request& request) {
  if (request.path() == kAgentPath) return accept_agent(request);
  if (request.path() != kFeedPath) {
    return refusal(400, "BadRequestException", "there is no websocket at " + std::string(request.path()));
  }
  const std::string_view token = bearer_token(request);
  if (token.empty() || !parts.is_balancer_token(token)) {
    return refusal(401, "AccessDeniedException", "the balancer token is missing or wrong");
  }
  return feed_socket(parts.engine);
}

std::variant<httpd::WebSocketHandlers, http::Response> Gateway::Impl::accept_agent(
    const http::Request& request) {
  const auto parameters = parameters_of(request);
  const bool telemetry =
      parameters.contains("containerInstance") && !parameters.contains("containerInstanceArn");
  const Result<agent::iam::Principal> principal = parts.authenticate(request, aws::Service::kEcs);
  const Result<void> allowed = principal ? agent::iam::authorize(*principal, aws::Service::kEcs,
                                                                 telemetry ? "StartTelemetrySession" : "Poll")
                                         : Result<void>(principal.error());
  if (!allowed) {
    const aws::WireError wire = aws::wire_error(allowed.error(), aws::Protocol::kJson);
    return refusal(wire.status, wire.code, wire.message);
  }
  const std::string arn = value_of(parameters, telemetry ? "containerInstance" : "containerInstanceArn");
  const auto cluster = control::cluster_name_in(parts.engine.settings().realm(),
                                                value_of(parameters, telemetry ? "cluster" : "clusterArn"));
  if (!cluster) return refusal(400, "InvalidClusterException", cluster.error().text());
  const model::ContainerInstance* instance = control::find_instance_by_arn(parts.engine.state(), arn);
  if (const auto why = control::why_no_session(instance, arn)) return refusal(400, why->code(), why->text());
  if (instance->cluster != *cluster) {
    return refusal(400, "InvalidClusterException",
                   "Container instance " + arn + " is not in cluster " + *cluster + ".");
  }
  if (telemetry) return telemetry_socket(parts.engine, arn);
  note_versions(arn, parameters);
  return agent_socket(parts.engine, arn);
}

// Agents of ECS say their versions here and nowhere else.
void Gateway::Impl::note_versions(const std::string& arn,
                                  const std::map<std::string, std::string>& parameters) {
  const control::AgentVersions said{value_of(parameters, "agentVersion"), value_of(parameters, "agentHash"),
                                    value_of(parameters, "dockerVersion")};
  if (!control::says_news(said, *control::find_instance_by_arn(parts.engine.state(), arn))) return;
  parts.engine.submit(
      [arn, said](control::Step& step) -> Result<void> {
        control::note_agent_versions(step, arn, said);
        return {};
      },
      [arn](const Result<void>& done) {
        if (!done)
          shared::log::warn("agent_version_not_kept", {{"instance", arn}, {"reason", done.error().text()}});
      });
}

}  // namespace agent::api
