#include "agent/api/logs/logs.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/api/json/find_operation.h"
#include "agent/api/logs/operations.h"

namespace agent::api::logs {
namespace {

using nlohmann::json;
using shared::Result;

// There are none of these: what asks for them is told so, what makes them is refused below.
Answer no_metric_filters(const Context&, In) { return json{{"metricFilters", json::array()}}; }
Answer no_subscription_filters(const Context& at, In in) {
  const auto name = group_name(in);
  if (!name) return name.error();
  if (const auto group = at.store.group(*name); !group) return group.error();
  return json{{"subscriptionFilters", json::array()}};
}
Answer no_resource_policies(const Context&, In) { return json{{"resourcePolicies", json::array()}}; }
Answer no_destinations(const Context&, In) { return json{{"destinations", json::array()}}; }
Answer no_queries(const Context&, In) { return json{{"queries", json::array()}}; }

constexpr auto kNothingThere = std::to_array<Operation>({
    {"DescribeDestinations", no_destinations},
    {"DescribeMetricFilters", no_metric_filters},
    {"DescribeQueries", no_queries},
    {"DescribeResourcePolicies", no_resource_policies},
    {"DescribeSubscriptionFilters", no_subscription_filters},
});

constexpr std::string_view kNoMetrics = "lines are not counted: put figures with PutMetricData.";
constexpr std::string_view kNoForwarding = "lines are sent nowhere.";
constexpr std::string_view kNoInsights = "there is no query language: use FilterLogEvents.";
constexpr std::string_view kNoKeys = "there are no keys of KMS here.";
constexpr std::string_view kOneAccount = "there is one account.";
constexpr auto kNotOffered = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"AssociateKmsKey", kNoKeys},
    {"CreateExportTask", kNoForwarding},
    {"DeleteMetricFilter", kNoMetrics},
    {"DeleteSubscriptionFilter", kNoForwarding},
    {"DisassociateKmsKey", kNoKeys},
    {"GetQueryResults", kNoInsights},
    {"PutDestination", kNoForwarding},
    {"PutLogGroupDeletionProtection", "log groups are deleted when it is asked for."},
    {"PutMetricFilter", kNoMetrics},
    {"PutResourcePolicy", kOneAccount},
    {"PutSubscriptionFilter", kNoForwarding},
    {"StartLiveTail", "follow a log group by FilterLogEvents, as 'aws logs tail --follow' does."},
    {"StartQuery", kNoInsights},
    {"StopQuery", kNoInsights},
});

std::array<std::span<const Operation>, 4> tables() {
  return {group_operations(), stream_operations(), event_operations(),
          std::span<const Operation>(kNothingThere)};
}

}  // namespace

Result<std::string> handle(agent::logs::Store& store, const aws::Realm& realm, shared::WallTime now,
                           const Call& call) {
  const Run run = find_operation(tables(), call.operation);
  if (run == nullptr) {
    for (const auto& [name, why] : kNotOffered) {
      if (name == call.operation) return invalid(call.operation + " is not offered: " + std::string(why));
    }
    return shared::Error("UnknownOperationException",
                         "The operation " + call.operation + " does not exist, or is not offered here.",
                         shared::Blame::kClient);
  }
  const auto document =
      shared::json::Document::parse(call.body.empty() ? "{}" : call.body, "SerializationException");
  if (!document) return document.error();
  const shared::json::Reader in = document->root();
  const Answer answer = run({store, realm, shared::epoch_millis(now)}, in);
  if (!in.ok()) return in.error();
  if (!answer) return answer.error();
  return shared::json::to_text(*answer);
}

Offers offers() {
  Offers out;
  for (const auto table : tables()) add_offered(out, table);
  add_refused(out, kNotOffered);
  return out;
}

}  // namespace agent::api::logs
