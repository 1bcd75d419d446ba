#include "balancer/admin/pages.h"

#include <map>
#include <nlohmann/json.hpp>

#include "shared/log/exposition.h"

namespace balancer::admin {

using shared::Result;
using shared::http::make_response;
using shared::http::Request;
using shared::http::Response;

Response checks_response(const std::vector<Check>& checks) {
  bool passed = true;
  nlohmann::json list = nlohmann::json::array();
  for (const Check& check : checks) {
    passed = passed && check.passed;
    list.push_back({{"name", check.name}, {"ok", check.passed}, {"reason", check.reason}});
  }
  const nlohmann::json body{{"status", passed ? "ok" : "not ok"}, {"checks", list}};
  return make_response(passed ? 200 : 503, "application/json",
                       body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

std::string targets_json(feed::TargetBoard& board) {
  std::map<std::string_view, std::map<std::string_view, const targets::TargetRuntime*>> active;
  nlohmann::json groups = nlohmann::json::object();
  for (const auto& group : board.groups()) {
    groups[group->id] = {{"waiting", group->runtime->gate.waiting()}, {"targets", nlohmann::json::array()}};
    for (const auto& target : group->active) active[group->id][target->key.registration] = target.get();
  }
  for (const auto& report : board.all_targets()) {
    nlohmann::json target = {{"registration", report.registration},
                             {"health", shared::lbconfig::to_string(report.health)},
                             {"reason", report.reason},
                             {"description", report.description},
                             {"in_flight", report.in_flight},
                             {"ejected", false}};
    const auto& members = active[report.target_group];
    const auto known = members.find(report.registration);
    if (known != members.end() && known->second->ejected) {
      target["ejected"] = true;
      target["reason"] = "Berth.Ejected";
      target["description"] = "Requests to it failed again and again";
    }
    groups[report.target_group]["targets"].push_back(std::move(target));
  }
  return groups.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

Pages::Pages(shared::httpd::IoLoop& loop, proxy::Fleet& fleet, Facts facts)
    : loop_(loop),
      fleet_(fleet),
      facts_(std::move(facts)),
      heard_(std::make_shared<Heard>(fleet.size(), loop.now())) {}

Result<std::unique_ptr<Pages>> Pages::listen(shared::httpd::IoLoop& loop, const shared::net::Endpoint& at,
                                             proxy::Fleet& fleet, Facts facts) {
  std::unique_ptr<Pages> pages(new Pages(loop, fleet, std::move(facts)));
  auto server = shared::httpd::Server::listen(
      loop, at, shared::httpd::ServerLimits{},
      [raw = pages.get()](Request request, shared::httpd::Reply reply) { reply.send(raw->answer(request)); });
  if (!server) return server.error().within("admin pages");
  pages->server_ = std::move(server).value();
  pages->ping();
  return pages;
}

void Pages::ping() {
  // A worker may answer when the pages are gone already: nothing of theirs is touched on its thread or after.
  fleet_.ping([&loop = loop_, heard = heard_](std::size_t worker) {
    loop.post([&loop, heard, worker] { (*heard)[worker] = loop.now(); });
  });
  pinging_ = loop_.after(kWorkerPing, [this] { ping(); });
}

std::vector<Check> Pages::liveness() const {
  std::vector<Check> checks;
  for (std::size_t i = 0; i < heard_->size(); ++i) {
    const auto silent = std::chrono::duration_cast<shared::Millis>(loop_.now() - (*heard_)[i]);
    const bool alive = silent < kWorkerSilence;
    checks.push_back({"worker-" + std::to_string(i), alive,
                      alive ? "" : "no answer for " + std::to_string(silent.count()) + " ms"});
  }
  return checks;
}

Response Pages::answer(const Request& request) {
  if (request.method != "GET" && request.method != "HEAD") {
    Response response = make_response(405, "text/plain", "only GET and HEAD\n");
    response.headers.set("Allow", "GET, HEAD");
    return response;
  }
  const std::string_view path = request.path();
  if (path == "/healthz") return checks_response(liveness());
  if (path == "/readyz") {
    std::vector<Check> checks = liveness();
    for (Check& check : facts_.readiness()) checks.push_back(std::move(check));
    return checks_response(checks);
  }
  if (path == "/metrics")
    return make_response(200, std::string(shared::log::kExpositionContentType),
                         metrics_text(facts_.metrics()));
  if (path == "/config") {
    auto config = facts_.config_json();
    if (!config) return make_response(404, "text/plain", "no configuration is applied yet\n");
    return make_response(200, "application/json", *std::move(config) + "\n");
  }
  if (path == "/targets")
    return make_response(200, "application/json", targets_json(facts_.metrics().board) + "\n");
  if (path == "/")
    return make_response(200, "text/plain", "berth-balancer: /healthz /readyz /metrics /config /targets\n");
  return make_response(404, "text/plain",
                       "no such page; there are /healthz /readyz /metrics /config /targets\n");
}

}  // namespace balancer::admin
