// ListServiceDeployments, DescribeServiceDeployments, DescribeServiceRevisions, StopServiceDeployment,
// ContinueServiceDeployment.
#include "agent/api/ecs/services/service_history.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/services/deployment_configuration.h"
#include "agent/api/ecs/tasks/placement.h"
#include "agent/api/ecs/wire/encode.h"
#include "agent/api/ecs/wire/pages.h"
#include "agent/control/services/history.h"
#include "agent/control/services/requests.h"
#include "agent/control/services/services.h"
#include "agent/control/services/strategy/hooks.h"
#include "agent/control/state/lookup.h"
#include "agent/model/words.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr int kDeploymentsPage = 20;                // ListServiceDeployments
constexpr std::size_t kMaxDescribedOfHistory = 20;  // deployments, revisions
constexpr double kTenthsOfPercent = 10;             // are thousandths

void put_moment(json& out, const char* name, const std::optional<shared::WallTime>& time) {
  if (time) out[name] = shared::epoch_seconds(*time);
}

std::string revision_arn(const control::State& state, const std::string& service_key,
                         const std::string& number) {
  const model::ServiceRevision* row = control::revision_of(state, service_key, number);
  return row == nullptr ? std::string() : row->arn;
}

std::string cluster_arn(const control::State& state, const std::string& name) {
  const model::Cluster* cluster = state.clusters.find(name);
  return cluster == nullptr ? std::string() : cluster->arn;
}

std::string service_arn(const control::State& state, const std::string& key) {
  const model::Service* service = state.services.find(key);
  return service == nullptr ? std::string() : service->arn;
}

json encode_brief(const control::State& state, const model::ServiceDeployment& row) {
  const std::string key = row.cluster + "/" + row.service;
  json out{{"serviceDeploymentArn", row.arn},
           {"serviceArn", service_arn(state, key)},
           {"clusterArn", cluster_arn(state, row.cluster)},
           {"createdAt", shared::epoch_seconds(row.created_at)},
           {"startedAt", shared::epoch_seconds(row.created_at)},
           {"targetServiceRevisionArn", revision_arn(state, key, row.target_revision)},
           {"status", model::word(row.status)}};
  put_moment(out, "finishedAt", row.finished_at);
  put_text(out, "statusReason", row.status_reason);
  return out;
}

json encode_breaker(const control::State& state, const model::ServiceDeployment& row) {
  const model::Service* service = state.services.find(row.cluster + "/" + row.service);
  const bool open = row.status == model::ServiceDeploymentStatus::kInProgress;
  const char* status = !row.configuration.circuit_breaker ? "DISABLED"
                       : row.breaker_triggered            ? "TRIGGERED"
                       : open                             ? "MONITORING"
                                                          : "MONITORING_COMPLETE";
  int failed = row.failed_tasks;
  for (const model::Deployment& each :
       service == nullptr ? std::vector<model::Deployment>() : service->deployments) {
    if (each.id == row.deployment_id) failed = each.failed_tasks;
  }
  return {{"status", status},
          {"failureCount", failed},
          {"threshold", control::circuit_breaker_threshold(service == nullptr ? 0 : service->desired_count,
                                                           row.configuration.threshold)}};
}

// How far it is, while it is under way. nullptr: it is over, or goes by the percentages alone.
const model::Rollout* rollout_of(const control::State& state, const model::ServiceDeployment& row) {
  const model::Service* service = state.services.find(row.cluster + "/" + row.service);
  if (row.finished_at || service == nullptr || service->deployments.empty()) return nullptr;
  const model::Deployment& primary = service->deployments.front();
  const bool mine = primary.id == (row.rollback ? row.rollback->deployment_id : row.deployment_id);
  const bool staged = primary.rollout.stage != model::LifecycleStage::kNone;
  return mine && staged ? &primary.rollout : nullptr;
}

// In percent, of a deployment that shifts traffic: of the revision that is deployed, or of one before it.
void put_shares(json& out, const model::ServiceDeployment& row, const model::Rollout* rollout, bool target) {
  if (rollout == nullptr || rollout->kind == model::DeploymentStrategy::kRolling) return;
  const bool own = target != row.rollback.has_value();
  const auto share = [&](int thousandths) {
    return (own ? thousandths : model::kWhole - thousandths) / kTenthsOfPercent;
  };
  out["requestedTestTrafficWeight"] = share(rollout->test);
  out["requestedProductionTrafficWeight"] = share(rollout->production);
}

void put_stage(json& out, const model::ServiceDeployment& row, const model::Rollout& rollout) {
  // No word of the API's: it is the beginning of the next one.
  const bool before = rollout.stage == model::LifecycleStage::kPreProductionTrafficShift;
  out["lifecycleStage"] =
      model::word(before ? model::LifecycleStage::kProductionTrafficShift : rollout.stage);
  for (const model::HookRun& run : rollout.hooks) {
    const auto& hooks = row.configuration.strategy.hooks;
    const auto at = static_cast<std::size_t>(run.hook);
    if (at >= hooks.size()) continue;
    json detail{
        {"hookId", run.id},
        {"targetType", model::word(hooks[at].target)},
        {"status", model::word(run.status)},
        {"expiresAt", shared::epoch_seconds(run.expires)},
        {"timeoutAction", model::word(hooks[at].timeout_action.value_or(model::HookAction::kRollback))}};
    put_text(detail, "targetArn", hooks[at].url);
    out["lifecycleHookDetails"].push_back(std::move(detail));
  }
}

json encode_alarms(const model::ServiceDeployment& row) {
  const auto& alarms = row.configuration.strategy.alarms;
  const bool watches = alarms && alarms->enable;
  const char* status = !watches                        ? "DISABLED"
                       : !row.alarms_triggered.empty() ? "TRIGGERED"
                       : row.finished_at               ? "MONITORING_COMPLETE"
                                                       : "MONITORING";
  return {{"status", status},
          {"alarmNames", watches ? alarms->names : std::vector<std::string>()},
          {"triggeredAlarmNames", row.alarms_triggered}};
}

json encode_full(const control::State& state, const model::ServiceDeployment& row) {
  const std::string key = row.cluster + "/" + row.service;
  json out = encode_brief(state, row);
  out.erase("targetServiceRevisionArn");
  const model::Rollout* rollout = rollout_of(state, row);
  json sources = json::array();
  for (const std::string& each : row.source_revisions) {
    json source = encode_revision_summary(state, key, each);
    put_shares(source, row, rollout, false);
    sources.push_back(std::move(source));
  }
  out["sourceServiceRevisions"] = std::move(sources);
  out["targetServiceRevision"] = encode_revision_summary(state, key, row.target_revision);
  put_shares(out["targetServiceRevision"], row, rollout, true);
  if (rollout != nullptr) put_stage(out, row, *rollout);
  out["updatedAt"] = shared::epoch_seconds(row.updated_at);
  put_moment(out, "stoppedAt", row.stopped_at);
  out["deploymentConfiguration"] = encode_configuration(row.configuration, json::object());
  out["deploymentCircuitBreaker"] = encode_breaker(state, row);
  out["alarms"] = encode_alarms(row);
  if (row.rollback) {
    json rollback{{"reason", row.rollback->reason},
                  {"startedAt", shared::epoch_seconds(row.rollback->started_at)}};
    put_text(rollback, "serviceRevisionArn", revision_arn(state, key, row.rollback->revision));
    out["rollback"] = std::move(rollback);
  }
  return out;
}

json encode_revision(const control::State& state, const model::ServiceRevision& row) {
  json out{{"serviceRevisionArn", row.arn},
           {"serviceArn", service_arn(state, row.cluster + "/" + row.service)},
           {"clusterArn", cluster_arn(state, row.cluster)},
           {"taskDefinition", row.task_definition_arn},
           {"guardDutyEnabled", false},
           {"createdAt", shared::epoch_seconds(row.created_at)}};
  if (row.strategy.empty()) {
    out["launchType"] = model::word(row.launch_type);
  } else {
    out["capacityProviderStrategy"] = encode_strategy_items(row.strategy);
  }
  json balancers = json::array();
  json resolved = json::array();
  for (const model::ServiceLoadBalancer& each : row.load_balancers) {
    json one{{"targetGroupArn", each.target_group_arn},
             {"containerName", each.container_name},
             {"containerPort", each.container_port}};
    put_advanced(one, each);
    balancers.push_back(std::move(one));
  }
  for (const model::ServiceLoadBalancer& each : row.resolved.empty() ? row.load_balancers : row.resolved) {
    if (each.production_rule.empty()) continue;
    resolved.push_back(
        {{"targetGroupArn", each.target_group_arn}, {"productionListenerRule", each.production_rule}});
  }
  out["loadBalancers"] = std::move(balancers);
  if (!row.registries.empty()) out["serviceRegistries"] = encode_registries(row.registries);
  if (!resolved.empty()) out["resolvedConfiguration"] = {{"loadBalancers", std::move(resolved)}};
  json images = json::array();
  if (const auto* definition = control::find_task_definition(state, row.task_definition_arn)) {
    for (const model::ContainerDefinition& each : definition->containers)
      images.push_back({{"containerName", each.name}, {"image", each.image}});
  }
  out["containerImages"] = std::move(images);
  return out;
}

// The row key in an ARN of the kind: "<cluster>/<service>/<id>".
Result<std::string> key_in(const Context& context, aws::EcsKind kind, const std::string& arn) {
  const auto named = aws::parse_ecs_arn(context.step.settings.realm(), arn);
  if (!named) return named.error();
  if (named->kind != kind || named->parts.size() != 3)
    return invalid_parameter("Invalid identifier: '" + arn.substr(0, aws::kQuotedArnBytes) + "'.");
  return named->parts[0] + "/" + named->parts[1] + "/" + named->parts[2];
}

template <class Table, class Encode>
Answer describe_rows(const Context& context, const char* asked_member, const char* label,
                     const char* answer_member, aws::EcsKind kind, const Table& table, Encode encode) {
  const auto asked = batch_in(context.in, asked_member, label, kMaxDescribedOfHistory);
  if (!asked) return asked.error();
  json found = json::array();
  json failures = json::array();
  for (const std::string& arn : *asked) {
    const auto key = key_in(context, kind, arn);
    if (!key) return key.error();
    if (const auto* row = table.find(*key)) {
      found.push_back(encode(context.state(), *row));
    } else {
      failures.push_back(missing(arn));
    }
  }
  return json{{answer_member, std::move(found)}, {"failures", std::move(failures)}};
}

Result<std::vector<std::string>> statuses_in(const json& in) {
  std::vector<std::string> statuses = texts_in(in, "status");
  for (const std::string& each : statuses) {
    // Words of the API that no deployment here ever has.
    const bool passing = is_one_of(each, {"PENDING", "STOP_REQUESTED", "ROLLBACK_REQUESTED"});
    if (passing || model::from_word<model::ServiceDeploymentStatus>(each)) continue;
    return invalid_parameter("Unknown service deployment status '" + each + "'.");
  }
  return statuses;
}

}  // namespace

json encode_revision_summary(const control::State& state, const std::string& service_key,
                             const std::string& number) {
  json out{{"arn", revision_arn(state, service_key, number)}};
  int requested = 0;
  control::ServiceCounts counts;
  if (const model::Service* service = state.services.find(service_key)) {
    for (const model::Deployment& each : service->deployments) {
      if (each.revision != number) continue;
      requested += each.desired_count;
      const control::ServiceCounts more = control::count_tasks(state, *service, each);
      counts.running += more.running;
      counts.pending += more.pending;
    }
  }
  out["requestedTaskCount"] = requested;
  out["runningTaskCount"] = counts.running;
  out["pendingTaskCount"] = counts.pending;
  return out;
}

Answer list_service_deployments(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  const std::string asked = text_in(context.in, "service");
  if (asked.empty()) return invalid_parameter("Service cannot be empty.");
  const auto key = control::service_key(context.step.settings.realm(), *cluster, asked);
  if (!key) return key.error();
  if (auto service = control::find_service(context.state(), *key); !service) return service.error();
  const auto statuses = statuses_in(context.in);
  if (!statuses) return statuses.error();
  const json& created = object_in(context.in, "createdAt");
  const auto before = time_in(created, "before");
  const auto after = time_in(created, "after");
  if (before && after && *before < *after)
    return invalid_parameter("createdAt.before must not be earlier than createdAt.after.");
  std::vector<Item> items;
  json shown = json::object();
  for (const model::ServiceDeployment* each : control::deployments_of(context.state(), *key)) {
    const bool wanted = (statuses->empty() || std::find(statuses->begin(), statuses->end(),
                                                        model::word(each->status)) != statuses->end()) &&
                        (!before || each->created_at <= *before) && (!after || each->created_at >= *after);
    if (!wanted) continue;
    std::string millis = std::to_string(shared::epoch_millis(each->created_at));
    millis.insert(0, 20 - std::min<std::size_t>(20, millis.size()), '0');
    items.push_back({millis + each->id, each->id});
    shown[each->id] = encode_brief(context.state(), *each);
  }
  auto answer = page_of(context, "serviceDeployments", std::move(items), kDeploymentsPage, Sort::kDescending);
  if (!answer) return answer;
  for (json& each : (*answer)["serviceDeployments"]) each = shown[each.get<std::string>()];
  return answer;
}

Answer describe_service_deployments(const Context& context) {
  return describe_rows(context, "serviceDeploymentArns", "Service deployment ARNs", "serviceDeployments",
                       aws::EcsKind::kServiceDeployment, context.state().service_deployments, encode_full);
}

Answer describe_service_revisions(const Context& context) {
  return describe_rows(context, "serviceRevisionArns", "Service revision ARNs", "serviceRevisions",
                       aws::EcsKind::kServiceRevision, context.state().service_revisions, encode_revision);
}

Answer stop_service_deployment(const Context& context) {
  const std::string arn = text_in(context.in, "serviceDeploymentArn");
  if (arn.empty()) return invalid_parameter("serviceDeploymentArn cannot be empty.");
  const auto key = key_in(context, aws::EcsKind::kServiceDeployment, arn);
  if (!key) return key.error();
  const std::string type = text_in(context.in, "stopType");
  if (!type.empty() && type != "ROLLBACK" && type != "ABORT")
    return invalid_parameter("Unknown stopType '" + type + "'. It must be ROLLBACK or ABORT.");
  const auto stopped = control::stop_service_deployment(
      context.step, *key, type == "ABORT" ? control::StopType::kAbort : control::StopType::kRollback);
  if (!stopped) return stopped.error();
  return json{{"serviceDeploymentArn", arn}};
}

Answer continue_service_deployment(const Context& context) {
  const std::string arn = text_in(context.in, "serviceDeploymentArn");
  if (arn.empty()) return invalid_parameter("serviceDeploymentArn cannot be empty.");
  const auto key = key_in(context, aws::EcsKind::kServiceDeployment, arn);
  if (!key) return key.error();
  const std::string hook = text_in(context.in, "hookId");
  if (hook.empty()) return invalid_parameter("hookId cannot be empty.");
  const std::string word = text_in(context.in, "action");
  const auto action =
      word.empty() ? std::optional(model::HookAction::kContinue) : model::from_word<model::HookAction>(word);
  if (!action) return invalid_parameter("Unknown action '" + word + "'. It must be CONTINUE or ROLLBACK.");
  const auto continued = control::continue_service_deployment(context.step, *key, hook, *action);
  if (!continued) return continued.error();
  return json{{"serviceDeploymentArn", arn}};
}

}  // namespace agent::api::ecs
