#include "agent/admin/discovery.h"

#include <map>
#include <nlohmann/json.hpp>

#include "agent/control/state/lookup.h"
#include "agent/control/tasks/placing.h"
#include "shared/base/text.h"
#include "shared/http/message.h"
#include "shared/json/reader.h"
#include "shared/net/endpoint.h"

namespace agent::admin {

using nlohmann::json;

namespace {

constexpr std::string_view kChosen = "prometheus";

std::string label_name(const std::string& text) {
  std::string out = "__meta_berth_label_";
  for (const char c : text) {
    const char low = shared::lower_case(c);
    out.push_back((low >= 'a' && low <= 'z') || (low >= '0' && low <= '9') ? c : '_');
  }
  return out;
}

bool is_chosen(std::string_view name) {
  return shared::http::equals_ignoring_case(name.substr(0, kChosen.size()), kChosen);
}

using LabelsByContainer = std::map<std::string, json>;

LabelsByContainer labels_of(const model::TaskDefinition& definition) {
  LabelsByContainer out;
  for (const model::ContainerDefinition& each : definition.containers) {
    const auto document = shared::json::parse(each.document);
    json& labels = out[each.name] = json::object();
    if (!document || !document->is_object() || !document->contains("dockerLabels")) continue;
    for (const auto& [name, value] : (*document)["dockerLabels"].items()) {
      if (labels.size() == kMostLabels) break;
      if (is_chosen(name) && value.is_string()) labels[label_name(name)] = value;
    }
  }
  return out;
}

}  // namespace

std::string discovery_json(const control::State& state) {
  std::map<std::string, LabelsByContainer> known;  // by task definition
  json out = json::array();
  for (const auto& [key, task] : state.tasks.rows()) {
    if (task.last_status != model::TaskStatus::kRunning) continue;
    const auto* host = control::find_instance_by_arn(state, task.container_instance_arn);
    if (host == nullptr) continue;
    const auto [labels, fresh] = known.try_emplace(task.task_definition_arn);
    if (fresh) {
      if (const auto* definition = control::find_task_definition(state, task.task_definition_arn))
        labels->second = labels_of(*definition);
    }
    for (const model::Container& container : task.containers) {
      for (const model::NetworkBinding& port : container.bindings) {
        if (port.protocol != "tcp") continue;
        const auto own = labels->second.find(container.name);
        json told = own == labels->second.end() ? json::object() : own->second;
        told["__meta_berth_cluster"] = task.cluster;
        told["__meta_berth_service"] = task.service;
        told["__meta_berth_family"] = task.family;
        told["__meta_berth_revision"] = std::to_string(task.revision);
        told["__meta_berth_task"] = task.id;
        told["__meta_berth_container"] = container.name;
        told["__meta_berth_container_port"] = std::to_string(port.container_port);
        told["__meta_berth_host"] = host->ec2_instance_id;
        told["__meta_berth_zone"] = control::attribute_of(*host, "ecs.availability-zone");
        const shared::net::Endpoint at{.address = host->address,
                                       .port = static_cast<std::uint16_t>(port.host_port)};
        json group = json::object();
        group["targets"] = json::array({shared::net::to_string(at)});
        group["labels"] = std::move(told);
        out.push_back(std::move(group));
      }
    }
  }
  return shared::json::to_text(out);
}

}  // namespace agent::admin
