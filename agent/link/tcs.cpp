#include "agent/link/tcs.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "shared/json/reader.h"

namespace agent::link {
namespace {

using nlohmann::json;
using shared::Result;
using shared::json::Document;
using shared::json::Reader;

constexpr const char* kBadRequest = "BadRequestException";

json health_json(const TaskHealth& task) {
  json out = {{"taskArn", task.arn},
              {"clusterArn", task.cluster_arn},
              {"taskDefinitionFamily", task.family},
              {"taskDefinitionVersion", task.version},
              {"containers", json::array()}};
  for (const ContainerHealth& each : task.containers) {
    json container = {{"containerName", each.name},
                      {"healthStatus", each.status},
                      {"statusSince", shared::epoch_seconds(each.since)}};
    if (!each.message.empty()) container["statusMessage"] = each.message;
    out["containers"].push_back(std::move(container));
  }
  return out;
}

TaskHealth read_task(const Reader& in) {
  TaskHealth task{in.required_string("taskArn"),
                  in.string_or("clusterArn", ""),
                  in.string_or("taskDefinitionFamily", ""),
                  in.string_or("taskDefinitionVersion", ""),
                  {}};
  for (const Reader& each : in.children("containers")) {
    task.containers.push_back({each.required_string("containerName"), each.required_string("healthStatus"),
                               each.time("statusSince").value_or(shared::WallTime{}),
                               each.string_or("statusMessage", "")});
  }
  return task;
}

// What both kinds of message say beside what they are about.
template <class Message>
void read_common(const Reader& message, Message& out) {
  if (const auto metadata = message.child("metadata")) {
    out.message_id = metadata->string_or("messageId", "");
    out.cluster = metadata->string_or("cluster", "");
    out.container_instance = metadata->string_or("containerInstance", "");
    out.fin = metadata->boolean_or("fin", true);
  }
  out.timestamp = message.time("timestamp").value_or(shared::WallTime{});
}

}  // namespace

std::string tcs_to_json(const PublishHealthRequest& m) {
  json tasks = json::array();
  for (const TaskHealth& each : m.tasks) tasks.push_back(health_json(each));
  return shared::json::to_text({{"type", "PublishHealthRequest"},
                                {"message",
                                 {{"metadata",
                                   {{"cluster", m.cluster},
                                    {"containerInstance", m.container_instance},
                                    {"fin", m.fin},
                                    {"messageId", m.message_id}}},
                                  {"tasks", std::move(tasks)},
                                  {"timestamp", shared::epoch_seconds(m.timestamp)}}}});
}

namespace {

json stats_set(double value) { return {{"min", value}, {"max", value}, {"sum", value}, {"sampleCount", 1}}; }

// {min, max, sum, sampleCount}; nothing without samples.
std::optional<double> average_in(const Reader& in, std::string_view member) {
  const auto set = in.child(member);
  if (!set) return std::nullopt;
  const double count = set->number("sampleCount").value_or(0);
  const double sum = set->number("sum").value_or(0);
  if (count <= 0) return std::nullopt;
  return sum / count;
}

}  // namespace

std::string tcs_to_json(const PublishMetricsRequest& m) {
  json tasks = json::array();
  for (const TaskUsage& task : m.tasks) {
    json containers = json::array();
    for (const ContainerUsage& each : task.containers)
      containers.push_back({{"containerName", each.name},
                            {"cpuStatsSet", stats_set(each.cpu)},
                            {"memoryStatsSet", stats_set(each.memory)}});
    tasks.push_back({{"taskArn", task.arn},
                     {"clusterArn", task.cluster_arn},
                     {"taskDefinitionFamily", task.family},
                     {"taskDefinitionVersion", task.version},
                     {"containerMetrics", std::move(containers)}});
  }
  return shared::json::to_text({{"type", "PublishMetricsRequest"},
                                {"message",
                                 {{"metadata",
                                   {{"cluster", m.cluster},
                                    {"containerInstance", m.container_instance},
                                    {"idle", m.tasks.empty()},
                                    {"fin", m.fin},
                                    {"messageId", m.message_id}}},
                                  {"taskMetrics", std::move(tasks)},
                                  {"timestamp", shared::epoch_seconds(m.timestamp)}}}});
}

Result<PublishMetricsRequest> publish_metrics_from_json(std::string_view text) {
  auto document = Document::parse(text, kBadRequest);
  if (!document) return document.error();
  const Reader root = document->root();
  PublishMetricsRequest out;
  const auto message = root.required_child("message");
  if (!message) return root.error();
  read_common(*message, out);
  for (const Reader& each : message->children("taskMetrics")) {
    TaskUsage task{each.required_string("taskArn"),
                   each.string_or("clusterArn", ""),
                   each.string_or("taskDefinitionFamily", ""),
                   each.string_or("taskDefinitionVersion", ""),
                   {}};
    for (const Reader& container : each.children("containerMetrics")) {
      const auto cpu = average_in(container, "cpuStatsSet");
      const auto memory = average_in(container, "memoryStatsSet");
      if (cpu && memory) task.containers.push_back({container.string_or("containerName", ""), *cpu, *memory});
    }
    out.tasks.push_back(std::move(task));
  }
  if (!root.ok()) return root.error();
  return out;
}

Result<std::string> tcs_type(std::string_view text) {
  auto document = Document::parse(text, kBadRequest);
  if (!document) return document.error();
  std::string type = document->root().required_string("type");
  if (!document->root().ok()) return document->root().error();
  return type;
}

Result<PublishHealthRequest> publish_health_from_json(std::string_view text) {
  auto document = Document::parse(text, kBadRequest);
  if (!document) return document.error();
  const Reader root = document->root();
  PublishHealthRequest out;
  const auto message = root.required_child("message");
  if (!message) return root.error();
  read_common(*message, out);
  for (const Reader& each : message->children("tasks")) out.tasks.push_back(read_task(each));
  if (!root.ok()) return root.error();
  return out;
}

}  // namespace agent::link
