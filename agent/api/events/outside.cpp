#include "agent/api/events/outside.h"

#include <nlohmann/json.hpp>

#include "agent/api/ecs/ecs.h"
#include "agent/api/ecs/wire/encode.h"
#include "agent/api/events/ecs_target.h"
#include "agent/control/events/events.h"
#include "agent/control/iam/task_roles.h"
#include "agent/control/state/faults.h"
#include "shared/json/reader.h"
#include "shared/log/log.h"

namespace agent::api::events {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::string_view kNoHosts = "No Container Instances were found in your cluster.";

bool is_of_rule(const model::Invocation& invocation) { return invocation.owner.starts_with("rule/"); }

std::string source_of(const control::Step& step, const model::Invocation& invocation) {
  const auto rest = invocation.owner.substr(invocation.owner.find('/') + 1);
  if (is_of_rule(invocation)) return control::events::rule_arn(step.settings, rest);
  const auto slash = rest.find('/');
  return control::events::schedule_arn(step.settings, rest.substr(0, slash), rest.substr(slash + 1));
}

}  // namespace

Result<void> Outside::run_task(control::Step& step, const model::Invocation& invocation) {
  const std::string& named = invocation.target.role_arn;
  const auto* role = control::iam::find_role(step, named);
  const char* service = is_of_rule(invocation) ? "events.amazonaws.com" : "scheduler.amazonaws.com";
  if (role == nullptr) return control::fault("AccessDeniedException", "There is no role " + named + ".");
  if (!control::iam::trusts_service(step, *role, service, source_of(step, invocation)))
    return control::fault("AccessDeniedException",
                          "The role " + role->arn + " does not let " + service + " assume it.");
  Call call;
  call.operation = "RunTask";
  call.body = shared::json::to_text(run_task_request(invocation));
  call.request_id = step.random.uuid();
  call.account = step.settings.account;
  call.caller_arn = "arn:" + step.settings.partition + ":sts::" + step.settings.account + ":assumed-role/" +
                    role->name + "/" + step.random.hex(32);
  call.by_policy = true;
  call.caller_role = role->arn;
  std::vector<std::string> ids;
  const auto answer = ecs::handle(step, call, ids);
  if (!answer) {
    if (answer.error().text() == kNoHosts)
      return control::fault(control::events::kNoRoom, answer.error().text());
    return answer.error();
  }
  const auto said = shared::json::parse(*answer);
  if (!said || !said->contains("tasks") || !said->at("tasks").empty()) return {};
  std::string why = "no task was placed";
  if (said->contains("failures") && !said->at("failures").empty())
    why = said->at("failures").front().value("reason", why);
  return control::fault(control::events::kNoRoom, why);
}

std::string Outside::task_detail(const control::State& state, const model::Task& task) {
  return shared::json::to_text(ecs::encode_task(state, task, ecs::Tags::kHide));
}

std::string Outside::instance_detail(const control::State& state, const model::ContainerInstance& instance) {
  return shared::json::to_text(ecs::encode_instance(state, instance, ecs::Tags::kHide));
}

void Outside::put_line(const std::string& arn, const std::string& stream, shared::WallTime at,
                       const std::string& line) {
  if (logs_ == nullptr) return;
  constexpr std::string_view kKind = ":log-group:";
  std::string name = arn.substr(arn.find(kKind) + kKind.size());
  if (name.ends_with(":*")) name.resize(name.size() - 2);
  logs_->run(
      [name, stream, at = shared::epoch_millis(at), line](agent::logs::Store& store) -> Result<std::string> {
        const auto group = store.group(name);
        if (!group) return group.error();
        auto into = store.stream(*group, stream);
        if (!into) {
          if (auto made = store.create_stream(*group, stream, at); !made) return made.error();
          into = store.stream(*group, stream);
        }
        if (!into) return into.error();
        if (auto put = store.put(*group, *into, {{at, line}}, at); !put) return put.error();
        return std::string();
      },
      [name](const Result<std::string>& done) {
        if (!done) shared::log::warn("event_not_logged", {{"group", name}, {"reason", done.error().text()}});
      });
}

}  // namespace agent::api::events
