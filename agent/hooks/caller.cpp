#include "agent/hooks/caller.h"

#include <nlohmann/json.hpp>

#include "shared/json/reader.h"

namespace agent::hooks {
namespace {

using nlohmann::json;

constexpr double kThousandthsPerPercent = 10;

json weights_of(const std::vector<std::pair<std::string, int>>& shares) {
  json out = json::object();
  for (const auto& [revision, share] : shares) out[revision] = share / kThousandthsPerPercent;
  return out;
}

Reply nothing(std::string problem) { return {Said::kNothing, {}, std::move(problem)}; }

}  // namespace

std::string body_of(const Call& call) {
  json out{{"executionDetails",
            {{"productionTrafficWeights", weights_of(call.production)},
             {"testTrafficWeights", weights_of(call.test)},
             {"serviceArn", call.service_arn},
             {"targetServiceRevisionArn", call.revision_arn}}},
           {"executionId", call.execution_id},
           {"lifecycleStage", call.stage},
           {"resourceArn", call.service_deployment_arn}};
  if (!call.details.empty()) {
    if (auto details = shared::json::parse(call.details)) out["hookDetails"] = *std::move(details);
  }
  return shared::json::to_text(out);
}

Reply reply_in(int status, std::string_view body) {
  if (status != 200) return nothing("it answered with status " + std::to_string(status));
  const auto answer = shared::json::parse(body);
  if (!answer || !answer->is_object() || !answer->contains("hookStatus") ||
      !(*answer)["hookStatus"].is_string())
    return nothing("its answer has no hookStatus");
  const auto word = (*answer)["hookStatus"].get<std::string>();
  if (word == "SUCCEEDED") return {Said::kSucceeded};
  if (word == "FAILED") return {Said::kFailed};
  if (word != "IN_PROGRESS") return nothing("its hookStatus is none of SUCCEEDED, FAILED and IN_PROGRESS");
  Reply reply{Said::kInProgress};
  if (answer->contains("callBackDelay")) {
    const json& delay = (*answer)["callBackDelay"];
    if (!delay.is_number_integer() || delay < 1 || delay > 86'400)
      return nothing("its callBackDelay is no number of seconds from 1 to 86400");
    reply.call_back_seconds = delay.get<int>();
  }
  return reply;
}

}  // namespace agent::hooks
