#include "agent/node/task/records.h"

#include <nlohmann/json.hpp>

#include "agent/node/task/volumes.h"
#include "shared/json/reader.h"

namespace agent::node {
namespace {

using nlohmann::json;
using shared::json::Reader;

constexpr const char* kIdentityKey = "node/identity";
constexpr std::string_view kTaskPrefix = "node/task/";
constexpr std::string_view kImagePrefix = "node/image/";

void put_time(json& out, const char* name, const std::optional<shared::WallTime>& t) {
  if (t) out[name] = shared::epoch_millis(*t);
}
std::optional<shared::WallTime> get_time(const Reader& in, std::string_view name) {
  const auto ms = in.integer(name);
  return ms ? std::optional(shared::from_epoch_millis(*ms)) : std::nullopt;
}

json container_json(const Container& c) {
  json out = {{"name", c.spec.name},           {"known", word(c.known)},      {"desired", word(c.desired)},
              {"sent", word(c.sent)},          {"engineName", c.engine_name}, {"runtimeId", c.runtime_id},
              {"imageDigest", c.image_digest}, {"reason", c.reason},          {"health", c.health},
              {"bindings", json::array()}};
  if (c.exit_code) out["exitCode"] = *c.exit_code;
  for (const auto& b : c.bindings) {
    out["bindings"].push_back({{"ip", b.bind_ip},
                               {"container", b.container_port},
                               {"host", b.host_port},
                               {"protocol", b.protocol}});
  }
  put_time(out, "healthSince", c.health_since);
  put_time(out, "pullStartedAt", c.pull_started_at);
  put_time(out, "pullStoppedAt", c.pull_stopped_at);
  put_time(out, "startedAt", c.started_at);
  put_time(out, "finishedAt", c.finished_at);
  put_time(out, "createdAt", c.created_at);
  if (!c.endpoint_id.empty()) out["endpointId"] = c.endpoint_id;
  if (!c.image_id.empty()) out["imageId"] = c.image_id;
  if (!c.networks.empty()) out["networks"] = c.networks;
  return out;
}

void read_container(const Reader& in, Container& c) {
  c.known = status_from_word(in.required_string("known"));
  c.desired = status_from_word(in.required_string("desired"));
  c.sent = status_from_word(in.required_string("sent"));
  c.engine_name = in.string_or("engineName", "");
  c.runtime_id = in.string_or("runtimeId", "");
  c.image_digest = in.string_or("imageDigest", "");
  c.reason = in.string_or("reason", "");
  c.health = in.string_or("health", "");
  c.health_since = get_time(in, "healthSince");
  c.exit_code = in.integer<int>("exitCode");
  for (const Reader& b : in.children("bindings")) {
    c.bindings.push_back({b.required_integer<int>("container"), b.required_integer<int>("host"),
                          b.required_string("protocol"), b.required_string("ip")});
  }
  c.pull_started_at = get_time(in, "pullStartedAt");
  c.pull_stopped_at = get_time(in, "pullStoppedAt");
  c.started_at = get_time(in, "startedAt");
  c.finished_at = get_time(in, "finishedAt");
  c.created_at = get_time(in, "createdAt");
  c.endpoint_id = in.string_or("endpointId", "");
  c.image_id = in.string_or("imageId", "");
  c.networks = in.string_map_or_empty("networks");
}

Identity read_identity(const Reader& in) {
  Identity identity;
  identity.instance_id = in.required_string("instanceId");
  identity.cluster = in.required_string("cluster");
  identity.container_instance_arn = in.string_or("containerInstanceArn", "");
  identity.installation = in.string_or("installation", "");
  identity.watermark = in.integer_or<std::int64_t>("watermark", -1);
  return identity;
}

// Keys of roles are never on the disk: control tells them again when a session begins.
void forget_keys(std::optional<link::RoleCredentials>& credentials) {
  if (!credentials) return;
  credentials->access_key_id.clear();
  credentials->secret_access_key.clear();
  credentials->session_token.clear();
  credentials->expiration.clear();
}

// The payload is kept as the very frame it could have come in: one codec for the wire and for the disk.
std::string payload_json(const Task& task) {
  link::PayloadMessage frame;
  frame.message_id = frame.cluster_arn = frame.container_instance_arn = "stored";
  frame.tasks.push_back(task.payload);
  forget_keys(frame.tasks[0].role_credentials);
  forget_keys(frame.tasks[0].execution_role_credentials);
  for (const Container& c : task.containers) frame.tasks[0].containers.push_back(c.spec);
  return link::acs_to_json(frame);
}

std::string task_json(const Task& task, const std::string& payload) {
  json containers = json::array();
  for (const Container& c : task.containers) containers.push_back(container_json(c));
  json out = {{"payload", payload},
              {"containers", std::move(containers)},
              {"order", task.order},
              {"known", word(task.known)},
              {"desired", word(task.desired)},
              {"sent", word(task.sent)},
              {"reason", task.reason},
              {"volumes", task.volumes}};
  put_time(out, "executionStoppedAt", task.execution_stopped_at);
  put_time(out, "stoppedAt", task.stopped_at);
  return shared::json::to_text(out);
}

}  // namespace

std::string task_to_json(const Task& task) { return task_json(task, payload_json(task)); }

shared::Result<Task> task_from_json(const std::string& text) {
  auto document = shared::json::Document::parse(text, "corrupt");
  if (!document) return document.error();
  const Reader in = document->root();
  std::vector<link::BadTask> bad;
  const auto frame = link::acs_from_json(in.required_string("payload"), &bad);
  if (!in.ok()) return in.error();
  const auto* payload = frame ? std::get_if<link::PayloadMessage>(&*frame) : nullptr;
  if (!payload || payload->tasks.size() != 1) {
    return shared::Error("corrupt", "payload: " + (frame ? (bad.empty() ? "not one task" : bad[0].reason)
                                                         : frame.error().text()));
  }
  Task task;
  task.payload = payload->tasks[0];
  for (auto& spec : task.payload.containers) task.containers.emplace_back().spec = std::move(spec);
  task.payload.containers.clear();
  const auto states = in.children("containers");
  if (states.size() != task.containers.size()) in.fail("containers", "do not match the payload");
  if (!in.ok()) return in.error();
  for (std::size_t i = 0; i < states.size(); ++i) read_container(states[i], task.containers[i]);
  task.order = static_cast<std::uint64_t>(in.required_integer<std::int64_t>("order"));
  task.known = status_from_word(in.required_string("known"));
  task.desired = status_from_word(in.required_string("desired"));
  task.sent = status_from_word(in.required_string("sent"));
  task.reason = in.string_or("reason", "");
  // Rows of agents that did not write them down.
  task.volumes = in.has("volumes") ? in.strings_or_empty("volumes") : task_volumes(task);
  task.execution_stopped_at = get_time(in, "executionStoppedAt");
  task.stopped_at = get_time(in, "stoppedAt");
  if (!in.ok()) return in.error();
  return task;
}

shared::Result<Records::Loaded> Records::load() {
  auto rows = store_.load();
  if (!rows) return rows.error();
  Loaded out;
  for (const store::Record& row : *rows) {
    if (row.key == kIdentityKey) {
      auto document = shared::json::Document::parse(row.value, "corrupt");
      if (!document) return document.error().within(row.key);
      const Reader in = document->root();
      out.identity = read_identity(in);
      if (!in.ok()) return in.error().within(row.key);
    } else if (row.key.starts_with(kTaskPrefix)) {
      auto task = task_from_json(row.value);
      if (!task) return task.error().within(row.key);
      const std::string arn = task->arn();
      out.tasks.emplace(arn, std::move(*task));
    } else if (row.key.starts_with(kImagePrefix)) {
      out.pulled_images.insert(row.key.substr(kImagePrefix.size()));
    }
  }
  return out;
}

void Records::put_row(std::string key, std::string value) {
  const std::size_t hash = std::hash<std::string>()(value);
  const auto [known, fresh] = written_.try_emplace(key, hash);
  if (!fresh && known->second == hash) return;
  known->second = hash;
  pending_[std::move(key)] = std::move(value);
}

void Records::put(const Identity& identity) {
  put_row(kIdentityKey, shared::json::to_text({{"instanceId", identity.instance_id},
                                               {"cluster", identity.cluster},
                                               {"containerInstanceArn", identity.container_instance_arn},
                                               {"installation", identity.installation},
                                               {"watermark", identity.watermark}}));
}
void Records::put(const Task& task) {
  const auto [payload, fresh] = payloads_.try_emplace(task.arn());
  if (fresh) payload->second = payload_json(task);
  put_row(std::string(kTaskPrefix) + task.arn(), task_json(task, payload->second));
}
void Records::put_pulled_image(const std::string& image) { put_row(std::string(kImagePrefix) + image, "{}"); }
void Records::erase_task(const std::string& arn) {
  const std::string key = std::string(kTaskPrefix) + arn;
  payloads_.erase(arn);
  written_.erase(key);
  pending_[key] = std::nullopt;
}

shared::Result<void> Records::flush() {
  if (pending_.empty()) return {};
  store::ChangeSet changes;
  for (const auto& [key, value] : pending_) {
    if (value) {
      changes.puts.push_back({key, *value});
    } else {
      changes.deletes.push_back(key);
    }
  }
  if (auto committed = store_.commit(changes); !committed) return committed;
  pending_.clear();
  return {};
}

}  // namespace agent::node
