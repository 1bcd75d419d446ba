#include "agent/control/records/ecs.h"

#include <nlohmann/json.hpp>

#include "agent/control/records/account.h"
#include "agent/control/records/definition_document.h"
#include "agent/control/records/parts.h"
#include "agent/control/records/rollout.h"
#include "agent/control/records/words.h"
#include "shared/json/reader.h"

namespace agent::control {
namespace {

using nlohmann::json;
using shared::WallTime;
using shared::json::Reader;

template <class T>
void put_optional(json& out, const char* name, const std::optional<T>& value) {
  if (!value) return;
  if constexpr (std::is_same_v<T, WallTime>) {
    out[name] = millis(*value);
  } else {
    out[name] = *value;
  }
}

std::optional<WallTime> read_optional_time(const Reader& in, const char* name) {
  const auto value = in.integer<std::int64_t>(name);
  return value ? std::optional(shared::from_epoch_millis(*value)) : std::nullopt;
}

json encode_pairs(const std::vector<model::NameValue>& pairs) {
  json out = json::array();
  for (const auto& each : pairs) out.push_back({{"name", each.name}, {"value", each.value}});
  return out;
}
std::vector<model::NameValue> read_pairs(const Reader& in, const char* name) {
  std::vector<model::NameValue> pairs;
  for (const Reader& each : in.children(name)) {
    pairs.push_back({each.string_or("name", ""), each.string_or("value", "")});
  }
  return pairs;
}

json encode_resources(const model::Resources& from) {
  return {{"cpu", from.cpu}, {"memory", from.memory}, {"tcp", from.tcp_ports}, {"udp", from.udp_ports}};
}
std::set<int> read_ports(const Reader& in, const char* name) {
  std::set<int> ports;
  if (const auto all = in.integers(name)) {
    for (const std::int64_t port : *all) ports.insert(static_cast<int>(port));
  }
  return ports;
}
model::Resources read_resources(const Reader& in, const char* name) {
  model::Resources out;
  if (const auto child = in.child(name)) {
    out.cpu = child->integer_or<std::int64_t>("cpu", 0);
    out.memory = child->integer_or<std::int64_t>("memory", 0);
    out.tcp_ports = read_ports(*child, "tcp");
    out.udp_ports = read_ports(*child, "udp");
  }
  return out;
}

json encode_container(const model::Container& from) {
  json bindings = json::array();
  for (const model::NetworkBinding& each : from.bindings) {
    bindings.push_back({{"ip", each.bind_ip},
                        {"container_port", each.container_port},
                        {"host_port", each.host_port},
                        {"protocol", each.protocol}});
  }
  json out = {{"arn", from.arn},
              {"name", from.name},
              {"image", from.image},
              {"image_digest", from.image_digest},
              {"runtime_id", from.runtime_id},
              {"status", word_text(from.status)},
              {"reason", from.reason},
              {"bindings", std::move(bindings)},
              {"health", word_text(from.health)},
              {"essential", from.essential},
              {"cpu", from.cpu}};
  put_optional(out, "exit_code", from.exit_code);
  put_optional(out, "memory", from.memory);
  put_optional(out, "memory_reservation", from.memory_reservation);
  return out;
}

model::Container read_container(const Reader& in) {
  model::Container out;
  out.arn = in.string_or("arn", "");
  out.name = in.string_or("name", "");
  out.image = in.string_or("image", "");
  out.image_digest = in.string_or("image_digest", "");
  out.runtime_id = in.string_or("runtime_id", "");
  read_word(in, "status", out.status);
  out.exit_code = in.integer<int>("exit_code");
  out.reason = in.string_or("reason", "");
  for (const Reader& each : in.children("bindings")) {
    out.bindings.push_back({each.string_or("ip", ""), each.integer_or<int>("container_port", 0),
                            each.integer_or<int>("host_port", 0), each.string_or("protocol", "tcp")});
  }
  read_word(in, "health", out.health);
  out.essential = in.boolean_or("essential", true);
  out.cpu = in.integer_or<int>("cpu", 0);
  out.memory = in.integer<int>("memory");
  out.memory_reservation = in.integer<int>("memory_reservation");
  return out;
}

json encode_balancers(const std::vector<model::ServiceLoadBalancer>& all) {
  json out = json::array();
  for (const auto& each : all) {
    json one = {{"target_group_arn", each.target_group_arn},
                {"container_name", each.container_name},
                {"container_port", each.container_port}};
    if (!each.alternate_target_group_arn.empty()) {
      one["alternate_target_group_arn"] = each.alternate_target_group_arn;
      one["production_rule"] = each.production_rule;
      one["test_rule"] = each.test_rule;
      one["role_arn"] = each.role_arn;
    }
    out.push_back(std::move(one));
  }
  return out;
}
std::vector<model::ServiceLoadBalancer> read_balancers(const Reader& in,
                                                       const char* name = "load_balancers") {
  std::vector<model::ServiceLoadBalancer> all;
  for (const Reader& each : in.children(name)) {
    all.push_back({each.string_or("target_group_arn", ""), each.string_or("container_name", ""),
                   each.integer_or<int>("container_port", 0),
                   each.string_or("alternate_target_group_arn", ""), each.string_or("production_rule", ""),
                   each.string_or("test_rule", ""), each.string_or("role_arn", "")});
  }
  return all;
}

// A member that is there when there is something in it.
void put_registries(json& out, const std::vector<model::ServiceRegistry>& all) {
  if (all.empty()) return;
  out["registries"] = json::array();
  for (const auto& each : all) {
    out["registries"].push_back({{"arn", each.arn},
                                 {"port", each.port},
                                 {"container_name", each.container_name},
                                 {"container_port", each.container_port}});
  }
}
std::vector<model::ServiceRegistry> read_registries(const Reader& in) {
  std::vector<model::ServiceRegistry> all;
  for (const Reader& each : in.children("registries")) {
    all.push_back({each.string_or("arn", ""), each.integer_or<int>("port", 0),
                   each.string_or("container_name", ""), each.integer_or<int>("container_port", 0)});
  }
  return all;
}

json encode_deployment(const model::Deployment& from) {
  json out = {{"id", from.id},
              {"status", word_text(from.status)},
              {"task_definition_arn", from.task_definition_arn},
              {"rollout_state", word_text(from.rollout_state)},
              {"rollout_state_reason", from.rollout_state_reason},
              {"desired_count", from.desired_count},
              {"failed_tasks", from.failed_tasks},
              {"reached_running", from.reached_running},
              {"load_balancers", encode_balancers(from.load_balancers)},
              {"created_at", millis(from.created_at)},
              {"updated_at", millis(from.updated_at)},
              {"is_rollback", from.is_rollback},
              {"strategy", strategy_json(from.strategy)},
              {"revision", from.revision},
              {"external_id", from.external_id},
              {"scale", from.scale},
              {"launch_type", word_text(from.launch_type)},
              {"client_token", from.client_token},
              {"tags", tags_json(from.tags)},
              {"stable_at", millis(from.stable_at)},
              {"stable", from.stable}};
  if (from.rollout.kind != model::DeploymentStrategy::kRolling ||
      from.rollout.stage != model::LifecycleStage::kNone)
    out["rollout"] = encode_rollout(from.rollout);
  put_registries(out, from.registries);
  return out;
}
model::Deployment read_deployment(const Reader& in) {
  model::Deployment out;
  out.id = in.string_or("id", "");
  read_word(in, "status", out.status);
  out.task_definition_arn = in.string_or("task_definition_arn", "");
  read_word(in, "rollout_state", out.rollout_state);
  out.rollout_state_reason = in.string_or("rollout_state_reason", "");
  out.desired_count = in.integer_or<int>("desired_count", 0);
  out.failed_tasks = in.integer_or<int>("failed_tasks", 0);
  out.reached_running = in.boolean_or("reached_running", false);
  out.load_balancers = read_balancers(in);
  out.registries = read_registries(in);
  out.created_at = read_time(in, "created_at");
  out.updated_at = read_time(in, "updated_at");
  out.is_rollback = in.boolean_or("is_rollback", false);
  out.strategy = read_strategy(in, "strategy");
  out.revision = in.string_or("revision", "");
  out.external_id = in.string_or("external_id", "");
  out.scale = in.number("scale").value_or(100);
  read_word(in, "launch_type", out.launch_type);
  out.client_token = in.string_or("client_token", "");
  out.tags = read_tags(in);
  out.stable_at = read_time(in, "stable_at");
  out.stable = in.boolean_or("stable", false);
  if (const auto rollout = in.child("rollout")) read_rollout(*rollout, out.rollout);
  return out;
}

model::ServiceEvent read_event(const Reader& in) {
  return {in.string_or("id", ""), read_time(in, "at"), in.string_or("message", "")};
}

json encode_threshold(const model::BreakerThreshold& from) {
  return {{"type", word_text(from.type)}, {"value", from.value}};
}
void read_configuration(const Reader& in, model::DeploymentConfiguration& out) {
  out.maximum_percent = in.integer_or<int>("maximum_percent", 200);
  out.minimum_healthy_percent = in.integer_or<int>("minimum_healthy_percent", 100);
  out.circuit_breaker = in.boolean_or("circuit_breaker", false);
  out.circuit_breaker_rollback = in.boolean_or("circuit_breaker_rollback", false);
  out.reset_on_healthy_task = in.boolean_or("reset_on_healthy_task", true);
  if (const auto threshold = in.child("threshold")) {
    read_word(*threshold, "type", out.threshold.type);
    out.threshold.value = threshold->integer_or<int>("value", 50);
  }
  if (const auto by_stages = in.child("deployment_strategy")) read_strategy(*by_stages, out.strategy);
}
json encode_configuration(const model::DeploymentConfiguration& from) {
  json out = {{"maximum_percent", from.maximum_percent},
              {"minimum_healthy_percent", from.minimum_healthy_percent},
              {"circuit_breaker", from.circuit_breaker},
              {"circuit_breaker_rollback", from.circuit_breaker_rollback},
              {"reset_on_healthy_task", from.reset_on_healthy_task},
              {"threshold", encode_threshold(from.threshold)}};
  if (!(from.strategy == model::Strategy())) out["deployment_strategy"] = encode_strategy(from.strategy);
  return out;
}

json encode_service_parts(const model::Service& from) {
  json deployments = json::array();
  for (const auto& each : from.deployments) deployments.push_back(encode_deployment(each));
  json strategy = json::array();
  for (const auto& each : from.placement_strategy) {
    strategy.push_back({{"type", word_text(each.type)}, {"field", each.field}});
  }
  json constraints = json::array();
  for (const auto& each : from.placement_constraints) {
    constraints.push_back({{"type", word_text(each.type)}, {"expression", each.expression}});
  }
  return {{"deployments", std::move(deployments)},
          {"placement_strategy", std::move(strategy)},
          {"placement_constraints", std::move(constraints)}};
}

void read_service_parts(const Reader& in, model::Service& row) {
  for (const Reader& each : in.children("deployments")) row.deployments.push_back(read_deployment(each));
  for (const Reader& each : in.children("events")) row.old_events.push_back(read_event(each));
  for (const Reader& each : in.children("placement_strategy")) {
    model::PlacementStrategy strategy;
    read_word(each, "type", strategy.type);
    strategy.field = each.string_or("field", "");
    row.placement_strategy.push_back(std::move(strategy));
  }
  for (const Reader& each : in.children("placement_constraints")) {
    model::PlacementConstraint constraint;
    read_word(each, "type", constraint.type);
    constraint.expression = each.string_or("expression", "");
    row.placement_constraints.push_back(std::move(constraint));
  }
}

// An older version kept a cluster's providers among what is only shown again.
bool read_providers_of_document(model::Cluster& row) {
  json document = json::parse(row.document, nullptr, false);
  if (!document.is_object()) return row.document.empty();
  for (const json& each : document.value("capacityProviders", json::array())) {
    if (each.is_string()) row.capacity_providers.push_back(each.get<std::string>());
  }
  for (const json& each : document.value("defaultCapacityProviderStrategy", json::array())) {
    if (each.is_object())
      row.default_strategy.push_back(
          {each.value("capacityProvider", ""), each.value("weight", 0), each.value("base", 0)});
  }
  document.erase("capacityProviders");
  document.erase("defaultCapacityProviderStrategy");
  row.document = shared::json::to_text(document);
  return true;
}

}  // namespace

std::string encode_cluster(const model::Cluster& row) {
  json out = {{"name", row.name},
              {"arn", row.arn},
              {"status", word_text(row.status)},
              {"settings", encode_pairs(row.settings)},
              {"tags", tags_json(row.tags)},
              {"document", row.document},
              {"created_at", millis(row.created_at)},
              {"capacity_providers", row.capacity_providers},
              {"default_strategy", strategy_json(row.default_strategy)}};
  put_optional(out, "inactive_since", row.inactive_since);
  return shared::json::to_text(out);
}
bool decode_cluster(std::string_view value, model::Cluster& row) {
  bool old = false;
  const bool read = decode_row(value, [&](const Reader& in) {
    old = !in.has("capacity_providers");
    row.capacity_providers = in.strings_or_empty("capacity_providers");
    row.default_strategy = read_strategy(in, "default_strategy");
    row.name = in.required_string("name");
    row.arn = in.required_string("arn");
    read_word(in, "status", row.status);
    row.settings = read_pairs(in, "settings");
    row.tags = read_tags(in);
    row.document = in.string_or("document", "{}");
    row.created_at = read_time(in, "created_at");
    row.inactive_since = read_optional_time(in, "inactive_since");
  });
  return read && (!old || read_providers_of_document(row));
}

std::string encode_task_definition(const model::TaskDefinition& row) {
  json out = {{"arn", row.arn},
              {"family", row.family},
              {"revision", row.revision},
              {"status", word_text(row.status)},
              {"document", row.document},
              {"tags", tags_json(row.tags)},
              {"registered_at", millis(row.registered_at)},
              {"registered_by", row.registered_by}};
  put_optional(out, "deregistered_at", row.deregistered_at);
  return shared::json::to_text(out);
}
bool decode_task_definition(std::string_view value, model::TaskDefinition& row) {
  const bool read = decode_row(value, [&row](const Reader& in) {
    row.arn = in.required_string("arn");
    row.family = in.required_string("family");
    row.revision = in.required_integer<int>("revision");
    read_word(in, "status", row.status);
    row.document = in.required_string("document");
    row.tags = read_tags(in);
    row.registered_at = read_time(in, "registered_at");
    row.deregistered_at = read_optional_time(in, "deregistered_at");
    row.registered_by = in.string_or("registered_by", "");
  });
  return read && fill_from_document(row).has_value();
}

std::string encode_family(const model::Family& row) {
  return shared::json::to_text({{"name", row.name}, {"last_revision", row.last_revision}});
}
bool decode_family(std::string_view value, model::Family& row) {
  return decode_row(value, [&row](const Reader& in) {
    row.name = in.required_string("name");
    row.last_revision = in.required_integer<int>("last_revision");
  });
}

std::string encode_instance(const model::ContainerInstance& row) {
  json out = {{"arn", row.arn},
              {"id", row.id},
              {"cluster", row.cluster},
              {"ec2_instance_id", row.ec2_instance_id},
              {"address", row.address},
              {"status", word_text(row.status)},
              {"status_reason", row.status_reason},
              {"registered", encode_resources(row.registered)},
              {"attributes", encode_pairs(row.attributes)},
              {"put_attributes", row.put_attributes},
              {"agent_version", row.agent_version},
              {"agent_hash", row.agent_hash},
              {"docker_version", row.docker_version},
              {"tags", tags_json(row.tags)},
              {"version", row.version},
              {"registered_at", millis(row.registered_at)}};
  put_optional(out, "inactive_since", row.inactive_since);
  return shared::json::to_text(out);
}
bool decode_instance(std::string_view value, model::ContainerInstance& row) {
  return decode_row(value, [&row](const Reader& in) {
    row.arn = in.required_string("arn");
    row.id = in.required_string("id");
    row.cluster = in.required_string("cluster");
    row.ec2_instance_id = in.string_or("ec2_instance_id", "");
    row.address = in.string_or("address", "");
    read_word(in, "status", row.status);
    row.status_reason = in.string_or("status_reason", "");
    row.registered = read_resources(in, "registered");
    row.attributes = read_pairs(in, "attributes");
    row.put_attributes = in.strings_or_empty("put_attributes");
    row.agent_version = in.string_or("agent_version", "");
    row.agent_hash = in.string_or("agent_hash", "");
    row.docker_version = in.string_or("docker_version", "");
    row.tags = read_tags(in);
    row.version = in.integer_or<std::int64_t>("version", 1);
    row.registered_at = read_time(in, "registered_at");
    row.inactive_since = read_optional_time(in, "inactive_since");
  });
}

std::string encode_task(const model::Task& row) {
  json containers = json::array();
  for (const auto& each : row.containers) containers.push_back(encode_container(each));
  json targets = json::array();
  for (const auto& each : row.targets) {
    targets.push_back({{"target_group_arn", each.target_group_arn}, {"registration", each.registration}});
  }
  json out = {{"arn", row.arn},
              {"id", row.id},
              {"cluster", row.cluster},
              {"task_definition_arn", row.task_definition_arn},
              {"family", row.family},
              {"revision", row.revision},
              {"container_instance_arn", row.container_instance_arn},
              {"group", row.group},
              {"started_by", row.started_by},
              {"service", row.service},
              {"deployment_id", row.deployment_id},
              {"launch_type", word_text(row.launch_type)},
              {"last_status", word_text(row.last_status)},
              {"desired_status", word_text(row.desired_status)},
              {"containers", std::move(containers)},
              {"targets", std::move(targets)},
              {"reserved", encode_resources(row.reserved)},
              {"overrides", row.overrides},
              {"enable_execute_command", row.enable_execute_command},
              {"client_token", row.client_token},
              {"request_digest", row.request_digest},
              {"tags", tags_json(row.tags)},
              {"stop_code", row.stop_code},
              {"stopped_reason", row.stopped_reason},
              {"version", row.version},
              {"capacity_provider", row.capacity_provider},
              {"created_at", millis(row.created_at)}};
  put_optional(out, "pull_started_at", row.pull_started_at);
  put_optional(out, "pull_stopped_at", row.pull_stopped_at);
  put_optional(out, "connectivity_at", row.connectivity_at);
  put_optional(out, "started_at", row.started_at);
  put_optional(out, "in_service_at", row.in_service_at);
  put_optional(out, "draining_at", row.draining_at);
  put_optional(out, "acknowledged_at", row.acknowledged_at);
  put_optional(out, "stopping_at", row.stopping_at);
  put_optional(out, "execution_stopped_at", row.execution_stopped_at);
  put_optional(out, "stopped_at", row.stopped_at);
  put_optional(out, "protected_until", row.protected_until);
  if (!row.registered_in.empty()) out["registered_in"] = row.registered_in;
  return shared::json::to_text(out);
}
bool decode_task(std::string_view value, model::Task& row) {
  return decode_row(value, [&row](const Reader& in) {
    row.arn = in.required_string("arn");
    row.id = in.required_string("id");
    row.cluster = in.required_string("cluster");
    row.task_definition_arn = in.string_or("task_definition_arn", "");
    row.family = in.string_or("family", "");
    row.revision = in.integer_or<int>("revision", 0);
    row.container_instance_arn = in.string_or("container_instance_arn", "");
    row.group = in.string_or("group", "");
    row.started_by = in.string_or("started_by", "");
    row.service = in.string_or("service", "");
    row.deployment_id = in.string_or("deployment_id", "");
    read_word(in, "launch_type", row.launch_type);
    read_word(in, "last_status", row.last_status);
    read_word(in, "desired_status", row.desired_status);
    for (const Reader& each : in.children("containers")) row.containers.push_back(read_container(each));
    for (const Reader& each : in.children("targets")) {
      row.targets.push_back({each.string_or("target_group_arn", ""), each.string_or("registration", "")});
    }
    row.reserved = read_resources(in, "reserved");
    row.overrides = in.string_or("overrides", "{}");
    row.enable_execute_command = in.boolean_or("enable_execute_command", false);
    row.client_token = in.string_or("client_token", "");
    row.request_digest = in.string_or("request_digest", "");
    row.tags = read_tags(in);
    row.stop_code = in.string_or("stop_code", "");
    row.stopped_reason = in.string_or("stopped_reason", "");
    row.version = in.integer_or<std::int64_t>("version", 1);
    row.created_at = read_time(in, "created_at");
    row.pull_started_at = read_optional_time(in, "pull_started_at");
    row.pull_stopped_at = read_optional_time(in, "pull_stopped_at");
    row.connectivity_at = read_optional_time(in, "connectivity_at");
    row.started_at = read_optional_time(in, "started_at");
    row.in_service_at = read_optional_time(in, "in_service_at");
    row.draining_at = read_optional_time(in, "draining_at");
    row.acknowledged_at = read_optional_time(in, "acknowledged_at");
    row.stopping_at = read_optional_time(in, "stopping_at");
    row.execution_stopped_at = read_optional_time(in, "execution_stopped_at");
    row.stopped_at = read_optional_time(in, "stopped_at");
    row.capacity_provider = in.string_or("capacity_provider", "");
    row.protected_until = read_optional_time(in, "protected_until");
    row.registered_in = in.strings_or_empty("registered_in");
  });
}

std::string encode_service(const model::Service& row) {
  json out = {{"arn", row.arn},
              {"name", row.name},
              {"cluster", row.cluster},
              {"status", word_text(row.status)},
              {"scheduling", word_text(row.scheduling)},
              {"launch_type", word_text(row.launch_type)},
              {"desired_count", row.desired_count},
              {"task_definition_arn", row.task_definition_arn},
              {"strategy", strategy_json(row.strategy)},
              {"controller", word_text(row.controller)},
              {"last_completed_revision", row.last_completed_revision},
              {"load_balancers", encode_balancers(row.load_balancers)},
              {"health_check_grace_seconds", row.health_check_grace_seconds},
              {"propagate_tags", row.propagate_tags},
              {"enable_ecs_managed_tags", row.enable_ecs_managed_tags},
              {"enable_execute_command", row.enable_execute_command},
              {"document", row.document},
              {"client_token", row.client_token},
              {"create_request", row.create_request},
              {"tags", tags_json(row.tags)},
              {"role_arn", row.role_arn},
              {"created_by", row.created_by},
              {"created_at", millis(row.created_at)},
              {"failed_starts", row.failed_starts},
              {"last_completed_task_definition", row.last_completed_task_definition}};
  put_optional(out, "next_start_at", row.next_start_at);
  put_optional(out, "inactive_since", row.inactive_since);
  out.update(encode_configuration(row.configuration));
  out.update(encode_service_parts(row));
  put_registries(out, row.registries);
  return shared::json::to_text(out);
}
bool decode_service(std::string_view value, model::Service& row) {
  return decode_row(value, [&row](const Reader& in) {
    row.arn = in.required_string("arn");
    row.name = in.required_string("name");
    row.cluster = in.required_string("cluster");
    read_word(in, "status", row.status);
    read_word(in, "scheduling", row.scheduling);
    read_word(in, "launch_type", row.launch_type);
    row.desired_count = in.integer_or<int>("desired_count", 0);
    row.task_definition_arn = in.string_or("task_definition_arn", "");
    read_configuration(in, row.configuration);
    row.strategy = read_strategy(in, "strategy");
    read_word(in, "controller", row.controller);
    row.last_completed_revision = in.string_or("last_completed_revision", "");
    row.load_balancers = read_balancers(in);
    row.registries = read_registries(in);
    row.health_check_grace_seconds = in.integer_or<int>("health_check_grace_seconds", 0);
    row.propagate_tags = in.string_or("propagate_tags", "NONE");
    row.enable_ecs_managed_tags = in.boolean_or("enable_ecs_managed_tags", false);
    row.enable_execute_command = in.boolean_or("enable_execute_command", false);
    row.document = in.string_or("document", "{}");
    row.client_token = in.string_or("client_token", "");
    row.create_request = in.string_or("create_request", "");
    row.tags = read_tags(in);
    row.role_arn = in.string_or("role_arn", "");
    row.created_by = in.string_or("created_by", "");
    row.created_at = read_time(in, "created_at");
    row.inactive_since = read_optional_time(in, "inactive_since");
    row.failed_starts = in.integer_or<int>("failed_starts", 0);
    row.next_start_at = read_optional_time(in, "next_start_at");
    row.last_completed_task_definition = in.string_or("last_completed_task_definition", "");
    read_service_parts(in, row);
  });
}

std::string encode_service_revision(const model::ServiceRevision& row) {
  json out = {{"arn", row.arn},
              {"cluster", row.cluster},
              {"service", row.service},
              {"number", row.number},
              {"task_definition_arn", row.task_definition_arn},
              {"launch_type", word_text(row.launch_type)},
              {"strategy", strategy_json(row.strategy)},
              {"load_balancers", encode_balancers(row.load_balancers)},
              {"resolved", encode_balancers(row.resolved)},
              {"created_at", millis(row.created_at)}};
  put_registries(out, row.registries);
  return shared::json::to_text(out);
}
bool decode_service_revision(std::string_view value, model::ServiceRevision& row) {
  return decode_row(value, [&row](const Reader& in) {
    row.arn = in.required_string("arn");
    row.cluster = in.required_string("cluster");
    row.service = in.required_string("service");
    row.number = in.required_string("number");
    row.task_definition_arn = in.string_or("task_definition_arn", "");
    read_word(in, "launch_type", row.launch_type);
    row.strategy = read_strategy(in, "strategy");
    row.load_balancers = read_balancers(in);
    row.resolved = read_balancers(in, "resolved");
    row.registries = read_registries(in);
    row.created_at = read_time(in, "created_at");
  });
}

std::string encode_service_deployment(const model::ServiceDeployment& row) {
  json out = {{"arn", row.arn},
              {"id", row.id},
              {"cluster", row.cluster},
              {"service", row.service},
              {"deployment_id", row.deployment_id},
              {"source_revisions", row.source_revisions},
              {"target_revision", row.target_revision},
              {"status", word_text(row.status)},
              {"status_reason", row.status_reason},
              {"configuration", encode_configuration(row.configuration)},
              {"breaker_triggered", row.breaker_triggered},
              {"failed_tasks", row.failed_tasks},
              {"alarms_ignored", row.alarms_ignored},
              {"alarms_triggered", row.alarms_triggered},
              {"created_at", millis(row.created_at)},
              {"updated_at", millis(row.updated_at)}};
  put_optional(out, "finished_at", row.finished_at);
  put_optional(out, "stopped_at", row.stopped_at);
  if (row.rollback) {
    out["rollback"] = {{"reason", row.rollback->reason},
                       {"started_at", millis(row.rollback->started_at)},
                       {"revision", row.rollback->revision},
                       {"deployment_id", row.rollback->deployment_id}};
  }
  return shared::json::to_text(out);
}
bool decode_service_deployment(std::string_view value, model::ServiceDeployment& row) {
  return decode_row(value, [&row](const Reader& in) {
    row.arn = in.required_string("arn");
    row.id = in.required_string("id");
    row.cluster = in.required_string("cluster");
    row.service = in.required_string("service");
    row.deployment_id = in.string_or("deployment_id", "");
    row.source_revisions = in.strings_or_empty("source_revisions");
    row.target_revision = in.string_or("target_revision", "");
    read_word(in, "status", row.status);
    row.status_reason = in.string_or("status_reason", "");
    if (const auto configuration = in.child("configuration"))
      read_configuration(*configuration, row.configuration);
    row.breaker_triggered = in.boolean_or("breaker_triggered", false);
    row.failed_tasks = in.integer_or<int>("failed_tasks", 0);
    row.alarms_ignored = in.strings_or_empty("alarms_ignored");
    row.alarms_triggered = in.strings_or_empty("alarms_triggered");
    row.created_at = read_time(in, "created_at");
    row.updated_at = read_time(in, "updated_at");
    row.finished_at = read_optional_time(in, "finished_at");
    row.stopped_at = read_optional_time(in, "stopped_at");
    if (const auto rollback = in.child("rollback")) {
      row.rollback =
          model::Rollback{rollback->string_or("reason", ""), read_time(*rollback, "started_at"),
                          rollback->string_or("revision", ""), rollback->string_or("deployment_id", "")};
    }
  });
}

std::string encode_service_event(const model::ServiceEvent& row) {
  return shared::json::to_text({{"id", row.id}, {"at", millis(row.created_at)}, {"message", row.message}});
}
bool decode_service_event(std::string_view value, model::ServiceEvent& row) {
  return decode_row(value, [&row](const Reader& in) { row = read_event(in); });
}

}  // namespace agent::control
