#include "agent/api/autoscaling/autoscaling.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/api/autoscaling/operations.h"
#include "agent/api/json/find_operation.h"
#include "agent/control/state/faults.h"

namespace agent::api::autoscaling {

using shared::Result;

namespace {

constexpr auto kRefusedHere = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"GetPredictiveScalingForecast", "there is no predictive scaling here."},
});

std::array<std::span<const Operation>, 3> operation_tables() {
  return {target_operations(), policy_operations(), action_operations()};
}

}  // namespace

Result<std::string> handle(Step& step, const Call& call) {
  const Run run = find_operation(operation_tables(), call.operation);
  if (run == nullptr) {
    for (const auto& [name, why] : kRefusedHere) {
      if (name == call.operation) return refuse(call.operation + " is not offered: " + std::string(why));
    }
    return control::fault("UnknownOperationException",
                          "The operation " + call.operation + " does not exist, or is not offered here.");
  }
  const auto document =
      shared::json::Document::parse(call.body.empty() ? "{}" : call.body, "ValidationException");
  if (!document) return document.error();
  const shared::json::Reader in = document->root();
  const Answer answer = run(step, in);
  if (!in.ok()) return in.error();
  if (!answer) return answer.error();
  return shared::json::to_text(*answer);
}

Offers offers() {
  Offers out;
  for (const auto table : operation_tables()) add_offered(out, table);
  add_refused(out, kRefusedHere);
  return out;
}

}  // namespace agent::api::autoscaling
