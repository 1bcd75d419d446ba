// UpdateTaskProtection, GetTaskProtection.
#include <nlohmann/json.hpp>

#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/wire/encode.h"
#include "agent/control/services/protection.h"
#include "agent/control/state/lookup.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxProtectedTasks = 10;    // of UpdateTaskProtection
constexpr std::size_t kMaxDescribedGuards = 100;  // of GetTaskProtection
constexpr int kDefaultProtectionMinutes = 120;
constexpr int kMaxProtectionMinutes = 2880;

json encode_protection(const Context& context, const model::Task& task) {
  const bool on = control::is_protected(task, context.step.now);
  json out{{"taskArn", task.arn}, {"protectionEnabled", on}};
  if (on) out["expirationDate"] = shared::epoch_seconds(*task.protected_until);
  return out;
}

// `visit(key, task)` returns why the task fails, in the API's words; those that do not are shown.
template <class Visit>
Answer each_task(const Context& context, std::size_t limit, Visit visit) {
  if (text_in(context.in, "cluster").empty()) return invalid_parameter("Cluster cannot be empty.");
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  const auto asked = batch_in(context.in, "tasks", "Tasks", limit);
  if (!asked) return asked.error();
  std::vector<std::string> keys;
  for (const std::string& each : *asked) {
    auto key = control::task_key(context.step.settings.realm(), *cluster, each);
    if (!key) return key.error();
    keys.push_back(*std::move(key));
  }
  json tasks = json::array();
  json failures = json::array();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string why = visit(keys[i], context.state().tasks.find(keys[i]));
    if (why.empty()) {
      tasks.push_back(encode_protection(context, *context.state().tasks.find(keys[i])));
    } else {
      failures.push_back(
          {{"arn", arn_named(context.step, (*asked)[i], aws::EcsKind::kTask, keys[i])}, {"reason", why}});
    }
  }
  return json{{"protectedTasks", std::move(tasks)}, {"failures", std::move(failures)}};
}

}  // namespace

Answer update_task_protection(const Context& context) {
  const auto enabled = boolean_in(context.in, "protectionEnabled");
  if (!enabled) return invalid_parameter("protectionEnabled must be given.");
  const int minutes = integer_in(context.in, "expiresInMinutes").value_or(kDefaultProtectionMinutes);
  if (minutes < 1 || minutes > kMaxProtectionMinutes) {
    return invalid_parameter("expiresInMinutes must be between 1 and " +
                             std::to_string(kMaxProtectionMinutes) + ", got " + std::to_string(minutes) +
                             ".");
  }
  const auto lasts = *enabled ? std::optional<shared::Millis>(std::chrono::minutes(minutes)) : std::nullopt;
  return each_task(context, kMaxProtectedTasks, [&](const std::string& key, const model::Task*) {
    return control::protect_task(context.step, key, lasts);
  });
}

Answer get_task_protection(const Context& context) {
  return each_task(context, kMaxDescribedGuards, [&](const std::string&, const model::Task* task) {
    return control::why_not_protectable(context.state(), task);
  });
}

}  // namespace agent::api::ecs
