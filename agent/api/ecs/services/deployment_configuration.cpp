#include "agent/api/ecs/services/deployment_configuration.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/api/ecs/wire/encode.h"
#include "agent/model/words.h"
#include "shared/json/reader.h"
#include "shared/net/https_url.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

using model::DeploymentStrategy;
using model::HookTarget;
using model::LifecycleStage;

constexpr double kTenths = 10;             // of a percent are thousandths
constexpr std::size_t kMaxDetails = 8192;  // bytes of a hook's hookDetails
constexpr int kMaxHookMinutes = 20'160;
constexpr std::size_t kMaxAlarms = 20;

// What percentages are of is the desired count, and a count is at most what the circuit breaker ever waits
// for.
Result<model::BreakerThreshold> threshold_in(const json& in) {
  model::BreakerThreshold threshold;
  const auto type = model::from_word<model::BreakerThresholdType>(text_in(in, "type"));
  if (!type) {
    return invalid_parameter("Unknown type '" + text_in(in, "type") +
                             "' of thresholdConfiguration. It must be COUNT, BOUNDED_PERCENT or "
                             "UNBOUNDED_PERCENT.");
  }
  threshold.type = *type;
  threshold.value = integer_in(in, "value").value_or(threshold.value);
  const int most = threshold.type == model::BreakerThresholdType::kCount ? kMaxDesiredCount : 100;
  if (threshold.value >= 1 && threshold.value <= most) return threshold;
  return invalid_parameter("value of thresholdConfiguration must be between 1 and " + std::to_string(most) +
                           " for " + text_in(in, "type") + ", got " + std::to_string(threshold.value) + ".");
}

// Thousandths; a multiple of 0.1 percent.
Result<int> share_in(const json& in, const char* object, const char* member, int least, int otherwise) {
  if (!has(in, member)) return otherwise;
  const double tenths = in.at(member).get<double>() * kTenths;
  const double whole = std::round(tenths);
  if (std::abs(tenths - whole) < 1e-6 && whole >= least && whole <= model::kWhole)
    return static_cast<int>(whole);
  return invalid_parameter(
      std::string(object) + "." + member + " must be a multiple of 0.1 from " +
      (least % 10 == 0 ? std::to_string(least / 10) + ".0" : "0." + std::to_string(least)) + " to 100.0.");
}

Result<int> bake_in(const json& in, const std::string& member, const char* name, int otherwise) {
  const int minutes = integer_in(in, name).value_or(otherwise);
  if (minutes >= 0 && minutes <= kMaxBakeMinutes) return minutes;
  return invalid_parameter(member + " must be between 0 and " + std::to_string(kMaxBakeMinutes) + ", got " +
                           std::to_string(minutes) + ".");
}

Result<void> read_target(const json& in, model::LifecycleHook& hook) {
  const std::string type = text_in(in, "targetType");
  if (!type.empty()) {
    const auto target = model::from_word<HookTarget>(type);
    if (!target) {
      return invalid_parameter("lifecycleHooks.targetType: unknown type '" + type +
                               "'. It must be AWS_LAMBDA or PAUSE.");
    }
    hook.target = *target;
  }
  hook.url = text_in(in, "hookTargetArn");
  hook.role_arn = text_in(in, "roleArn");
  if (hook.target == HookTarget::kPause) {
    if (hook.url.empty()) return {};
    return invalid_parameter("lifecycleHooks.hookTargetArn cannot be given with the targetType PAUSE.");
  }
  if (aws::looks_like_arn(hook.url)) {
    return unsupported(
        "lifecycleHooks.hookTargetArn: Lambda functions are not offered: give an http or https URL, which is "
        "called with what the function would be given, or use the targetType PAUSE.");
  }
  if (const auto url = shared::net::parse_http_url(hook.url); !url)
    return invalid_parameter("lifecycleHooks.hookTargetArn: " + url.error().text() + ".");
  return {};
}

Result<void> read_stages(const json& in, model::LifecycleHook& hook) {
  if (list_in(in, "lifecycleStages").empty())
    return invalid_parameter("lifecycleHooks.lifecycleStages cannot be empty.");
  for (const std::string& word : texts_in(in, "lifecycleStages")) {
    const auto stage = model::from_word<LifecycleStage>(word);
    const bool hookable = stage && *stage != LifecycleStage::kNone && *stage != LifecycleStage::kScaleUp &&
                          *stage < LifecycleStage::kBakeTime;
    if (!hookable)
      return invalid_parameter("lifecycleHooks.lifecycleStages: '" + word + "' is no stage with hooks.");
    const bool shifts =
        *stage == LifecycleStage::kTestTrafficShift || *stage == LifecycleStage::kProductionTrafficShift;
    if (shifts && hook.target == HookTarget::kPause) {
      return invalid_parameter("lifecycleHooks.lifecycleStages: a PAUSE hook cannot be at the stage " + word +
                               ".");
    }
    if (std::find(hook.stages.begin(), hook.stages.end(), *stage) == hook.stages.end())
      hook.stages.push_back(*stage);
  }
  return {};
}

Result<void> read_timeout(const json& in, model::LifecycleHook& hook) {
  if (!has(in, "timeoutConfiguration")) return {};
  const json& given = in.at("timeoutConfiguration");
  hook.timeout_minutes = integer_in(given, "timeoutInMinutes");
  if (hook.timeout_minutes && (*hook.timeout_minutes < 1 || *hook.timeout_minutes > kMaxHookMinutes)) {
    return invalid_parameter("lifecycleHooks.timeoutConfiguration.timeoutInMinutes must be between 1 and " +
                             std::to_string(kMaxHookMinutes) + ", got " +
                             std::to_string(*hook.timeout_minutes) + ".");
  }
  const std::string action = text_in(given, "action");
  if (action.empty()) return {};
  hook.timeout_action = model::from_word<model::HookAction>(action);
  if (hook.timeout_action) return {};
  return invalid_parameter("lifecycleHooks.timeoutConfiguration.action: unknown action '" + action +
                           "'. It must be CONTINUE or ROLLBACK.");
}

Result<model::LifecycleHook> hook_in(const json& in) {
  model::LifecycleHook hook;
  if (auto read = read_target(in, hook); !read) return read.error();
  if (auto read = read_stages(in, hook); !read) return read.error();
  if (auto read = read_timeout(in, hook); !read) return read.error();
  if (has(in, "hookDetails")) hook.details = shared::json::to_text(in.at("hookDetails"));
  if (hook.details.size() > kMaxDetails) {
    return invalid_parameter("lifecycleHooks.hookDetails can have at most " + std::to_string(kMaxDetails) +
                             " bytes.");
  }
  return hook;
}

Result<void> read_hooks(const json& given, model::Strategy& strategy) {
  if (has(given, "lifecycleHooks")) {
    strategy.hooks.clear();
    if (given.at("lifecycleHooks").size() > kMaxHooks) {
      return invalid_parameter("lifecycleHooks: a service can have at most " + std::to_string(kMaxHooks) +
                               ".");
    }
    for (const json& each : given.at("lifecycleHooks")) {
      auto hook = hook_in(each);
      if (!hook) return hook.error();
      strategy.hooks.push_back(*std::move(hook));
    }
  }
  if (strategy.hooks.empty() || strategy.kind != DeploymentStrategy::kRolling) return {};
  return invalid_parameter(
      "lifecycleHooks need the deployment strategy BLUE_GREEN, LINEAR or CANARY: a ROLLING deployment has no "
      "such stages.");
}

Result<void> read_steps(const json& given, model::Strategy& strategy) {
  const bool linear = strategy.kind == DeploymentStrategy::kLinear;
  const bool canary = strategy.kind == DeploymentStrategy::kCanary;
  const model::Strategy fresh;
  if (has(given, "linearConfiguration") && !linear)
    return invalid_parameter("linearConfiguration can only be given with the deployment strategy LINEAR.");
  if (has(given, "canaryConfiguration") && !canary)
    return invalid_parameter("canaryConfiguration can only be given with the deployment strategy CANARY.");
  if (!linear) strategy.step = fresh.step, strategy.step_bake_minutes = fresh.step_bake_minutes;
  if (!canary) strategy.canary = fresh.canary, strategy.canary_bake_minutes = fresh.canary_bake_minutes;
  if (linear) {
    constexpr int kLeastStep = 30;
    const json& in = object_in(given, "linearConfiguration");
    const auto step = share_in(in, "linearConfiguration", "stepPercent", kLeastStep, strategy.step);
    if (!step) return step.error();
    const auto bake = bake_in(in, "linearConfiguration.stepBakeTimeInMinutes", "stepBakeTimeInMinutes",
                              strategy.step_bake_minutes);
    if (!bake) return bake.error();
    strategy.step = *step;
    strategy.step_bake_minutes = *bake;
  }
  if (canary) {
    const json& in = object_in(given, "canaryConfiguration");
    const auto share = share_in(in, "canaryConfiguration", "canaryPercent", 1, strategy.canary);
    if (!share) return share.error();
    const auto bake = bake_in(in, "canaryConfiguration.canaryBakeTimeInMinutes", "canaryBakeTimeInMinutes",
                              strategy.canary_bake_minutes);
    if (!bake) return bake.error();
    strategy.canary = *share;
    strategy.canary_bake_minutes = *bake;
  }
  return {};
}

Result<void> read_alarms(const json& given, model::Strategy& strategy) {
  if (!has(given, "alarms")) return {};
  const json& in = given.at("alarms");
  model::DeploymentAlarms alarms{texts_in(in, "alarmNames"), boolean_in(in, "enable").value_or(false),
                                 boolean_in(in, "rollback").value_or(false)};
  if (alarms.names.size() > kMaxAlarms)
    return invalid_parameter("alarms.alarmNames can have at most " + std::to_string(kMaxAlarms) + " names.");
  strategy.alarms = std::move(alarms);
  return {};
}

Result<void> read_strategy_members(const json& given, bool daemon, model::Strategy& strategy) {
  if (has(given, "strategy")) {
    const auto kind = model::from_word<DeploymentStrategy>(text_in(given, "strategy"));
    if (!kind) {
      return invalid_parameter("deploymentConfiguration.strategy: unknown strategy '" +
                               text_in(given, "strategy") +
                               "'. It must be ROLLING, BLUE_GREEN, LINEAR or CANARY.");
    }
    strategy.kind = *kind;
  }
  if (daemon && strategy.kind != DeploymentStrategy::kRolling) {
    return invalid_parameter("The deployment strategy " + std::string(model::word(strategy.kind)) +
                             " cannot be used with the DAEMON scheduling strategy.");
  }
  const auto bake = bake_in(given, "bakeTimeInMinutes", "bakeTimeInMinutes", strategy.bake_minutes);
  if (!bake) return bake.error();
  strategy.bake_minutes = *bake;
  if (auto read = read_steps(given, strategy); !read) return read;
  if (auto read = read_hooks(given, strategy); !read) return read;
  return read_alarms(given, strategy);
}

json encode_hook(const model::LifecycleHook& hook) {
  json stages = json::array();
  for (const LifecycleStage each : hook.stages) stages.push_back(model::word(each));
  json out{{"targetType", model::word(hook.target)}, {"lifecycleStages", std::move(stages)}};
  put_text(out, "hookTargetArn", hook.url);
  put_text(out, "roleArn", hook.role_arn);
  if (!hook.details.empty()) {
    if (auto details = shared::json::parse(hook.details)) out["hookDetails"] = *std::move(details);
  }
  json timeout = json::object();
  if (hook.timeout_minutes) timeout["timeoutInMinutes"] = *hook.timeout_minutes;
  if (hook.timeout_action) timeout["action"] = model::word(*hook.timeout_action);
  if (!timeout.empty()) out["timeoutConfiguration"] = std::move(timeout);
  return out;
}

void put_strategy(json& out, const model::Strategy& strategy) {
  out["strategy"] = model::word(strategy.kind);
  out["bakeTimeInMinutes"] = strategy.bake_minutes;
  for (const model::LifecycleHook& each : strategy.hooks) out["lifecycleHooks"].push_back(encode_hook(each));
  if (strategy.kind == DeploymentStrategy::kLinear) {
    out["linearConfiguration"] = {{"stepPercent", strategy.step / kTenths},
                                  {"stepBakeTimeInMinutes", strategy.step_bake_minutes}};
  }
  if (strategy.kind == DeploymentStrategy::kCanary) {
    out["canaryConfiguration"] = {{"canaryPercent", strategy.canary / kTenths},
                                  {"canaryBakeTimeInMinutes", strategy.canary_bake_minutes}};
  }
  if (strategy.alarms) {
    out["alarms"] = {{"alarmNames", strategy.alarms->names},
                     {"enable", strategy.alarms->enable},
                     {"rollback", strategy.alarms->rollback}};
  }
}

}  // namespace

Result<model::DeploymentConfiguration> configuration_in(const json& in, model::DeploymentConfiguration base,
                                                        model::SchedulingStrategy scheduling) {
  const json& given = object_in(in, "deploymentConfiguration");
  base.maximum_percent = integer_in(given, "maximumPercent").value_or(base.maximum_percent);
  base.minimum_healthy_percent =
      integer_in(given, "minimumHealthyPercent").value_or(base.minimum_healthy_percent);
  const json& breaker = object_in(given, "deploymentCircuitBreaker");
  base.circuit_breaker = boolean_in(breaker, "enable").value_or(base.circuit_breaker);
  base.circuit_breaker_rollback = boolean_in(breaker, "rollback").value_or(base.circuit_breaker_rollback);
  base.reset_on_healthy_task = boolean_in(breaker, "resetOnHealthyTask").value_or(base.reset_on_healthy_task);
  if (has(breaker, "thresholdConfiguration")) {
    const auto threshold = threshold_in(breaker.at("thresholdConfiguration"));
    if (!threshold) return threshold.error();
    base.threshold = *threshold;
  }
  const bool daemon = scheduling == model::SchedulingStrategy::kDaemon;
  if (auto read = read_strategy_members(given, daemon, base.strategy); !read) return read.error();
  if (base.minimum_healthy_percent < 0 || base.minimum_healthy_percent > (daemon ? 100 : kMaxPercent)) {
    return invalid_parameter("minimumHealthyPercent must be between 0 and " +
                             std::to_string(daemon ? 100 : kMaxPercent) + ", got " +
                             std::to_string(base.minimum_healthy_percent) + ".");
  }
  if (daemon && base.maximum_percent != 100) {
    return invalid_parameter(
        "maximumPercent must be 100 with the DAEMON scheduling strategy: a container instance has one task "
        "of "
        "the service at most.");
  }
  if (base.maximum_percent < 1) return invalid_parameter("maximumPercent must be at least 1.");
  if (base.maximum_percent < 100 || base.maximum_percent < base.minimum_healthy_percent) {
    return invalid_parameter("maximumPercent must be at least 100 and not less than minimumHealthyPercent.");
  }
  if (!daemon && base.maximum_percent == 100 && base.minimum_healthy_percent >= 100) {
    return invalid_parameter(
        "With maximumPercent 100 and minimumHealthyPercent 100 a deployment could neither start nor stop a "
        "task.");
  }
  return base;
}

json encode_configuration(const model::DeploymentConfiguration& given, const json& document) {
  json out{{"deploymentCircuitBreaker",
            {{"enable", given.circuit_breaker}, {"rollback", given.circuit_breaker_rollback}}},
           {"maximumPercent", given.maximum_percent},
           {"minimumHealthyPercent", given.minimum_healthy_percent}};
  if (document.contains("circuitBreaker")) out["deploymentCircuitBreaker"].update(document["circuitBreaker"]);
  if (document.contains("alarms")) out["alarms"] = document["alarms"];  // of a service of an older version
  put_strategy(out, given.strategy);
  return out;
}

Result<void> read_advanced(const json& given, model::ServiceLoadBalancer& balancer) {
  if (!has(given, "advancedConfiguration")) return {};
  const json& in = given.at("advancedConfiguration");
  balancer.alternate_target_group_arn = text_in(in, "alternateTargetGroupArn");
  balancer.production_rule = text_in(in, "productionListenerRule");
  balancer.test_rule = text_in(in, "testListenerRule");
  balancer.role_arn = text_in(in, "roleArn");
  if (balancer.alternate_target_group_arn.empty())
    return invalid_parameter("advancedConfiguration.alternateTargetGroupArn cannot be empty.");
  if (balancer.production_rule.empty())
    return invalid_parameter("advancedConfiguration.productionListenerRule cannot be empty.");
  if (balancer.alternate_target_group_arn == balancer.target_group_arn) {
    return invalid_parameter(
        "advancedConfiguration.alternateTargetGroupArn must be another target group than targetGroupArn.");
  }
  return {};
}

void put_advanced(json& out, const model::ServiceLoadBalancer& balancer) {
  if (balancer.alternate_target_group_arn.empty()) return;
  json advanced{{"alternateTargetGroupArn", balancer.alternate_target_group_arn},
                {"productionListenerRule", balancer.production_rule}};
  put_text(advanced, "testListenerRule", balancer.test_rule);
  put_text(advanced, "roleArn", balancer.role_arn);
  out["advancedConfiguration"] = std::move(advanced);
}

}  // namespace agent::api::ecs
