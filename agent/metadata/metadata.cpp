#include "agent/metadata/metadata.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "shared/json/reader.h"
#include "shared/net/endpoint.h"

namespace agent::metadata {

using nlohmann::json;
using shared::Result;
namespace http = shared::http;

namespace {

constexpr int kOk = 200;
constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr int kTooMany = 429;
constexpr int kInternalError = 500;
constexpr int kUnavailable = 503;

http::Response answer_json(int status, const json& body) {
  return http::make_response(status, "application/json", shared::json::to_text(body));
}

http::Response page_not_found() {
  return http::make_response(kNotFound, "text/plain", "404 page not found\n");
}

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (slash != 0) out.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return out;
}

// As the agent words it; version 3 takes an unknown id for a fault of its own.
http::Response unknown_id(Version version, std::string_view what, const std::string& id) {
  const bool v4 = version == Version::kV4;
  return answer_json(
      v4 ? kNotFound : kInternalError,
      (v4 ? "V4 " : "V3 ") + std::string(what) +
          " metadata handler: unable to get container ID from request: unable to get docker ID from "
          "v3 endpoint ID: " +
          id);
}

// The sum over all networks of one counter.
double total(const json& stats, const char* counter) {
  double sum = 0;
  const auto networks = stats.find("networks");
  if (networks == stats.end() || !networks->is_object()) return 0;
  for (const auto& [name, network] : networks->items()) {
    if (network.is_object() && network.contains(counter) && network.at(counter).is_number())
      sum += network.at(counter).get<double>();
  }
  return sum;
}

}  // namespace

Metadata::Metadata(Parts parts, RateLimit limit)
    : parts_(std::move(parts)), limit_(limit), tokens_(limit.burst), filled_at_(parts_.executor.now()) {}

bool Metadata::admitted() {
  const auto now = parts_.executor.now();
  const double passed = std::chrono::duration<double>(now - filled_at_).count();
  filled_at_ = now;
  tokens_ = std::min(limit_.burst, tokens_ + passed * limit_.steady);
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

Metadata::Found Metadata::find(const std::string& endpoint_id) const {
  if (endpoint_id.empty()) return {};
  for (const auto& [arn, task] : parts_.tasks()) {
    for (const node::Container& c : task.containers) {
      if (c.endpoint_id == endpoint_id) return {&task, &c};
    }
  }
  return {};
}

void Metadata::answer(const http::Request& request, Answered done) {
  if (!admitted()) return done(http::make_response(kTooMany, "text/plain", "Too Many Requests\n"));
  const std::vector<std::string> path = parts_of(request.path());
  if (path.size() >= 2 && path[1] == "credentials" && (path[0] == "v1" || path[0] == "v2"))
    return done(credentials(request, path));
  if (path.size() < 2 || path.size() > 4 || (path[0] != "v3" && path[0] != "v4"))
    return done(page_not_found());
  const Version version = path[0] == "v4" ? Version::kV4 : Version::kV3;
  const bool of_task = path.size() > 2 && path[2].starts_with("task");
  const Found found = find(path[1]);
  if (found.container == nullptr || found.container->runtime_id.empty())
    return done(unknown_id(version, of_task ? "task" : "container", path[1]));
  if (path.size() == 2)
    return done(answer_json(kOk, container_document(*found.task, *found.container, version)));
  if (path.size() == 3 && path[2] == "stats")
    return container_stats(*found.container, version, std::move(done));
  if (path.size() == 3 && path[2] == "task")
    return done(answer_json(kOk, task_document(*found.task, parts_.host(), version)));
  if (path.size() == 3 && path[2] == "taskWithTags") {
    json task = task_document(*found.task, parts_.host(), version);
    if (version == Version::kV4) {
      for (const char* field : {"ContainerInstanceTags", "TaskTags"}) {
        task["Errors"].push_back({{"ErrorField", field},
                                  {"ErrorCode", "AccessDeniedException"},
                                  {"ErrorMessage", "tags are not offered here"},
                                  {"StatusCode", kBadRequest}});
      }
    }
    return done(answer_json(kOk, task));
  }
  if (path.size() == 4 && path[2] == "task" && path[3] == "stats")
    return task_stats(*found.task, std::move(done));
  done(page_not_found());
}

// Answers and the audit log are the ECS agent's.
http::Response Metadata::credentials(const http::Request& request,
                                     const std::vector<std::string>& path) const {
  const bool v1 = path[0] == "v1";
  std::string id = !v1 && path.size() == 3 ? path[2] : "";
  if (v1) {
    if (const auto pairs = http::parse_form(request.query())) {
      for (const auto& [name, value] : *pairs) {
        if (name == "id") id = value;
      }
    }
  }
  // "/v2/credentials" alone is no path of it.
  if (path.size() > 3 || (v1 && path.size() != 2) || (!v1 && request.path() == "/v2/credentials"))
    return page_not_found();
  const node::Task* owner = nullptr;
  const link::RoleCredentials* keys = nullptr;
  bool execution = false;
  for (const auto& [arn, task] : parts_.tasks()) {
    for (const auto* each : {&task.payload.role_credentials, &task.payload.execution_role_credentials}) {
      if (id.empty() || !*each || (*each)->credentials_id != id) continue;
      if (task.known == node::Status::kStopped) continue;  // they ended with it
      owner = &task;
      keys = &**each;
      execution = each == &task.payload.execution_role_credentials;
    }
  }
  const std::string prefix = v1 ? "CredentialsV1Request: " : "CredentialsV2Request: ";
  const auto refuse = [&](int status, const char* code, const char* text) {
    return answer_json(status, {{"code", code}, {"message", prefix + text}, {"HTTPErrorCode", status}});
  };
  http::Response response =
      id.empty()        ? refuse(kBadRequest, "NoIdInRequest", "No Credential ID in the request")
      : keys == nullptr ? refuse(kBadRequest, "InvalidIdInRequest", "Credentials not found")
      : keys->access_key_id.empty()
          ? refuse(kUnavailable, "CredentialsUninitialized", "Credentials uninitialized for ID")
          : answer_json(kOk, {{"RoleArn", keys->role_arn},
                              {"AccessKeyId", keys->access_key_id},
                              {"SecretAccessKey", keys->secret_access_key},
                              {"Token", keys->session_token},
                              {"Expiration", keys->expiration}});
  if (parts_.audit) {
    const Host host = parts_.host();
    std::string agent(request.headers.get("User-Agent").value_or(""));
    std::replace_if(
        agent.begin(), agent.end(), [](unsigned char c) { return c < ' ' || c == '"' || c > '~'; }, '?');
    std::string line = shared::http::iso8601(parts_.executor.wall_now()) + " " +
                       std::to_string(response.status) + " " + shared::net::to_string(request.peer) + " \"/" +
                       path[0] + "/credentials\" \"" + agent + "\" " + (owner ? owner->arn() : "-") + " ";
    if (keys != nullptr) {
      line += std::string(execution ? "GetCredentialsExecutionRole" : "GetCredentials") + " 2 " +
              host.cluster + " " + host.container_instance_arn;
    }
    parts_.audit(line);
  }
  return response;
}

// Bytes a second since the last time that somebody asked.
std::string Metadata::with_rates(const std::string& id, const std::string& stats) {
  auto parsed = shared::json::parse(stats);
  if (!parsed || !parsed->is_object()) return stats;
  const Carried now{parts_.executor.now(), total(*parsed, "rx_bytes"), total(*parsed, "tx_bytes")};
  if (const auto before = carried_.find(id); before != carried_.end()) {
    const double passed = std::chrono::duration<double>(now.at - before->second.at).count();
    if (passed > 0) {
      (*parsed)["network_rate_stats"] = {
          {"rx_bytes_per_sec", std::max(0.0, now.received - before->second.received) / passed},
          {"tx_bytes_per_sec", std::max(0.0, now.sent - before->second.sent) / passed}};
    }
  }
  carried_.insert_or_assign(id, now);
  std::set<std::string_view> there;
  for (const auto& [arn, task] : parts_.tasks()) {
    for (const node::Container& c : task.containers) there.insert(c.runtime_id);
  }
  std::erase_if(carried_, [&](const auto& each) { return !there.contains(each.first); });
  return shared::json::to_text(*parsed);
}

void Metadata::container_stats(const node::Container& container, Version version, Answered done) {
  const std::string id = container.runtime_id;
  parts_.runtime.stats({id, container.engine_name}, [this, alive = std::weak_ptr<int>(alive_), id, version,
                                                     done](Result<std::string> stats) {
    if (!alive.lock()) return;
    if (!stats)
      return done(answer_json(kInternalError, "Unable to get container stats: " + stats.error().text()));
    done(http::make_response(kOk, "application/json",
                             version == Version::kV4 ? with_rates(id, *stats) : *stats));
  });
}

// All containers at once, as each takes the engine its time; null for those that have none.
void Metadata::task_stats(const node::Task& task, Answered done) {
  struct Gathered {
    json stats = json::object();
    std::size_t missing = 0;
    Answered done;
  };
  auto all = std::make_shared<Gathered>();
  all->done = std::move(done);
  std::vector<runtime::ContainerHandle> asked;
  for (const node::Container& c : task.containers) {
    if (!c.runtime_id.empty()) asked.push_back({c.runtime_id, c.engine_name});
  }
  all->missing = asked.size();
  for (const auto& handle : asked) {
    parts_.runtime.stats(
        handle, [this, alive = std::weak_ptr<int>(alive_), id = handle.id, all](Result<std::string> stats) {
          if (!alive.lock()) return;
          auto parsed = stats ? shared::json::parse(with_rates(id, *stats)) : Result<json>(stats.error());
          all->stats[id] = parsed ? *std::move(parsed) : json(nullptr);
          if (--all->missing == 0) all->done(answer_json(kOk, all->stats));
        });
  }
}

http::Response Metadata::introspect(const http::Request& request) const {
  const auto text = [](int status, const std::string& body) {
    return http::make_response(status, "text/plain", body);
  };
  if (request.path() == "/v1/metadata") return answer_json(kOk, introspected_host(parts_.host()));
  if (request.path() == "/license") return text(kOk, "Apache License, Version 2.0\n");
  if (request.path() != "/v1/tasks")
    return text(kOk, R"({"AvailableCommands":["/v1/metadata","/v1/tasks","/license"]})");
  std::string arn;
  std::string docker_id;
  if (const auto pairs = http::parse_form(request.query())) {
    for (const auto& [name, value] : *pairs) {
      if (name == "taskarn") arn = value;
      if (name == "dockerid") docker_id = value;
    }
  }
  std::vector<const node::Task*> found;
  for (const auto& [key, task] : parts_.tasks()) {
    const bool has_container = std::any_of(
        task.containers.begin(), task.containers.end(),
        [&](const node::Container& c) { return !docker_id.empty() && c.runtime_id.starts_with(docker_id); });
    if ((arn.empty() && docker_id.empty()) || (!arn.empty() && key == arn) || has_container)
      found.push_back(&task);
  }
  if (arn.empty() && docker_id.empty()) {
    json all = json::array();
    for (const node::Task* task : found) all.push_back(introspected_task(*task));
    return answer_json(kOk, {{"Tasks", std::move(all)}});
  }
  if (found.size() == 1) return answer_json(kOk, introspected_task(*found.front()));
  return answer_json(found.empty() ? kNotFound : kBadRequest, {{"Arn", ""},
                                                               {"DesiredStatus", ""},
                                                               {"KnownStatus", ""},
                                                               {"Family", ""},
                                                               {"Version", ""},
                                                               {"Containers", nullptr}});
}

}  // namespace agent::metadata
