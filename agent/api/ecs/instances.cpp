#include "agent/control/cluster/instances.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/wire/encode.h"
#include "agent/api/ecs/wire/pages.h"
#include "agent/control/state/index/capacity.h"
#include "agent/control/state/lookup.h"
#include "agent/model/words.h"
#include "agent/scheduler/query.h"
#include "shared/json/reader.h"
#include "shared/net/endpoint.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxDescribedInstances = 100;
constexpr std::size_t kMaxUpdatedInstances = 10;
constexpr std::size_t kMaxReservedPorts = 100;  // of each protocol

Result<std::set<int>> ports_in(const json& resource, const std::string& name) {
  std::set<int> ports;
  for (const std::string& text : texts_in(resource, "stringSetValue")) {
    int port = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, port);
    if (failure != std::errc() || stop != end || port < 1 || port > shared::net::kMaxPort) {
      return invalid_parameter("Resource " + name + " holds '" + text + "', which is not a port.");
    }
    ports.insert(port);
  }
  if (ports.size() > kMaxReservedPorts) {
    return invalid_parameter("Resource " + name + " can hold at most " + std::to_string(kMaxReservedPorts) +
                             " ports.");
  }
  return ports;
}

Result<model::Resources> resources_in(const json& in) {
  model::Resources resources;
  for (const json& each : list_in(in, "totalResources")) {
    const std::string name = text_in(each, "name");
    if (name == "CPU" || name == "MEMORY") {
      const int amount = integer_in(each, "integerValue").value_or(0);
      if (amount < 0) return invalid_parameter("Resource " + name + " must not be negative.");
      (name == "CPU" ? resources.cpu : resources.memory) = amount;
    } else if (name == "PORTS" || name == "PORTS_UDP") {
      auto ports = ports_in(each, name);
      if (!ports) return ports.error();
      (name == "PORTS" ? resources.tcp_ports : resources.udp_ports) = *std::move(ports);
    }
  }
  return resources;
}

void add_if_absent(std::vector<model::NameValue>& attributes, const char* name, const std::string& value) {
  const bool there =
      std::any_of(attributes.begin(), attributes.end(), [&](const auto& each) { return each.name == name; });
  if (!there && !value.empty()) attributes.push_back({name, value});
}

// An agent on EC2 leaves what its identity document says to the control plane. The document is taken as it
// is: its signer's certificate belongs to a cloud we are not part of, and the caller is authenticated.
void add_identity(const json& in, std::vector<model::NameValue>& attributes) {
  const auto parsed = shared::json::parse(text_in(in, "instanceIdentityDocument"));
  if (!parsed || !parsed->is_object()) return;
  const auto text = [&](const char* member) {
    const auto it = parsed->find(member);
    return it != parsed->end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  add_if_absent(attributes, "berth.instance-id", text("instanceId"));
  add_if_absent(attributes, "ecs.instance-type", text("instanceType"));
  add_if_absent(attributes, "ecs.availability-zone", text("availabilityZone"));
  add_if_absent(attributes, "ecs.cpu-architecture", text("architecture"));
  add_if_absent(attributes, "ecs.ami-id", text("imageId"));
}

std::vector<model::NameValue> attributes_in(const json& in) {
  std::vector<model::NameValue> attributes;
  for (const json& each : list_in(in, "attributes")) {
    if (!text_in(each, "name").empty()) attributes.push_back({text_in(each, "name"), text_in(each, "value")});
  }
  add_identity(in, attributes);
  return attributes;
}

Answer answer_instance(const Context& context, const std::string& key) {
  return json{{"containerInstance",
               encode_instance(context.state(), *context.state().instances.find(key), Tags::kShow)}};
}

bool matches(const Context& context, const scheduler::Query& query,
             const model::ContainerInstance& instance) {
  const scheduler::Candidate candidate = control::candidate_of(context.state(), instance);
  scheduler::QueryFacts facts;
  facts.attributes = &candidate.attributes;
  facts.groups = &candidate.groups;
  facts.ec2_instance_id = candidate.ec2_instance_id;
  facts.agent_version = candidate.agent_version;
  facts.registered_at = candidate.registered_at;
  facts.running_tasks = candidate.running_tasks;
  facts.agent_connected = control::is_connected(context.state(), instance);
  return query.matches(facts);
}

}  // namespace

Answer register_container_instance(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  auto resources = resources_in(context.in);
  if (!resources) return resources.error();
  auto tags = tags_in(context.in);
  if (!tags) return tags.error();
  const json& version = object_in(context.in, "versionInfo");
  control::RegisterInstance request;
  request.cluster = *cluster;
  request.container_instance_arn = text_in(context.in, "containerInstanceArn");
  request.resources = *std::move(resources);
  request.attributes = attributes_in(context.in);
  request.agent_version = text_in(version, "agentVersion");
  request.agent_hash = text_in(version, "agentHash");
  request.docker_version = text_in(version, "dockerVersion");
  request.tags = *std::move(tags);
  const auto key = control::register_instance(context.step, request);
  if (!key) return key.error();
  auto answer = answer_instance(context, *key);
  if (answer) tell_installation(context, *answer);
  return answer;
}

Answer deregister_container_instance(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  const std::string asked = text_in(context.in, "containerInstance");
  if (asked.empty()) return invalid_parameter("Container instance cannot be empty.");
  const auto key = control::instance_key(context.step.settings.realm(), *cluster, asked);
  if (!key) return key.error();
  const bool force = boolean_in(context.in, "force").value_or(false);
  const auto done =
      control::deregister_instance(context.step, *key, force ? control::Force::kYes : control::Force::kNo);
  if (!done) return done.error();
  return answer_instance(context, *key);
}

Answer describe_container_instances(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  const auto asked =
      batch_in(context.in, "containerInstances", "Container Instances", kMaxDescribedInstances);
  if (!asked) return asked.error();
  const Tags tags = includes(context, "TAGS") ? Tags::kShow : Tags::kHide;
  json instances = json::array();
  json failures = json::array();
  for (const std::string& each : *asked) {
    const auto key = control::instance_key(context.step.settings.realm(), *cluster, each);
    if (!key) return key.error();
    if (const model::ContainerInstance* instance = context.state().instances.find(*key)) {
      instances.push_back(encode_instance(context.state(), *instance, tags));
    } else {
      failures.push_back(missing(arn_named(context.step, each, aws::EcsKind::kContainerInstance, *key)));
    }
  }
  return json{{"containerInstances", std::move(instances)}, {"failures", std::move(failures)}};
}

Answer list_container_instances(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  const std::string status = text_in(context.in, "status");
  constexpr std::string_view kKnown[] = {"ACTIVE", "DRAINING", "REGISTERING", "DEREGISTERING",
                                         "REGISTRATION_FAILED"};
  if (!status.empty() && std::find(std::begin(kKnown), std::end(kKnown), status) == std::end(kKnown)) {
    return invalid_parameter(
        "Invalid container instance status '" + status +
        "'. It must be ACTIVE, DRAINING, REGISTERING, DEREGISTERING or REGISTRATION_FAILED.");
  }
  std::optional<scheduler::Query> query;
  if (const std::string filter = text_in(context.in, "filter"); !filter.empty()) {
    auto parsed = scheduler::Query::parse(filter);
    if (!parsed) return parsed.error();
    query = *std::move(parsed);
  }
  std::vector<Item> items;
  control::each_of_cluster(context.state().instances, *cluster,
                           [&](const model::ContainerInstance& instance) {
                             if (instance.status == model::InstanceStatus::kInactive) return;
                             if (!status.empty() && status != model::word(instance.status)) return;
                             if (query && !matches(context, *query, instance)) return;
                             items.push_back({instance.id, instance.arn});
                           });
  return page_of(context, "containerInstanceArns", std::move(items), kMaxPage);
}

Answer update_container_instances_state(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  const auto asked = batch_in(context.in, "containerInstances", "Container Instances", kMaxUpdatedInstances);
  if (!asked) return asked.error();
  const std::string word = text_in(context.in, "status");
  const auto status = model::from_word<model::InstanceStatus>(word);
  if (!status || *status == model::InstanceStatus::kInactive) {
    return invalid_parameter("Container instance status must be ACTIVE or DRAINING, got '" + word + "'.");
  }
  json instances = json::array();
  json failures = json::array();
  for (const std::string& each : *asked) {
    const auto key = control::instance_key(context.step.settings.realm(), *cluster, each);
    if (!key) return key.error();
    if (const std::string why = control::set_instance_status(context.step, *key, *status); !why.empty()) {
      failures.push_back(
          {{"arn", arn_named(context.step, each, aws::EcsKind::kContainerInstance, *key)}, {"reason", why}});
      continue;
    }
    instances.push_back(encode_instance(context.state(), *context.state().instances.find(*key), Tags::kShow));
  }
  return json{{"containerInstances", std::move(instances)}, {"failures", std::move(failures)}};
}

}  // namespace agent::api::ecs
