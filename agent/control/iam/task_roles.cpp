#include "agent/control/iam/task_roles.h"

#include "agent/control/iam/credentials.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"

namespace agent::control::iam {

using shared::Result;

namespace {

constexpr const char* kTasksService = "ecs-tasks.amazonaws.com";

std::string new_task_session(Step& step, const model::IamIdentity& role, const std::string& task_id) {
  model::IamSession session;
  session.role = key_of_name(role.name);
  session.owner_id = role.id;
  session.name = task_id;
  fill_temporary_keys(step, session, kTaskKeysLife);
  const std::string id = session.id;
  rows(step).neighbours().task_sessions.put(id, std::move(session));
  return id;
}

void end_task_roles(Step& step, const std::string& key, const model::TaskRoles& row) {
  Neighbours& all = rows(step).neighbours();
  for (const model::TaskRole& each : row.roles) {
    all.task_sessions.erase(each.session);
    if (!each.previous.empty()) all.task_sessions.erase(each.previous);
  }
  all.task_roles.erase(key);
}

// Of a role that was deleted, or made anew, nothing is renewed: its keys are worth nothing already.
void renew(Step& step, const model::Task& task, model::TaskRole& role) {
  Neighbours& all = rows(step).neighbours();
  const model::IamSession* now = all.task_sessions.find(role.session);
  const model::IamIdentity* identity = find_role(step, role.role_arn);
  if (now == nullptr || identity == nullptr || identity->id != now->owner_id) return;
  if (!role.previous.empty()) all.task_sessions.erase(role.previous);
  role.previous = role.session;
  role.session = new_task_session(step, *identity, task.id);
}

// When the keys of the role are to be renewed.
shared::WallTime renewal_of(const State& state, const model::TaskRole& role) {
  const model::IamSession* session = state.neighbours().task_sessions.find(role.session);
  return session == nullptr ? shared::WallTime::max() : session->issued_at + kTaskKeysRenewedAfter;
}

}  // namespace

std::string role_arn_of(const Step& step, const std::string& named) {
  if (named.starts_with("arn:")) return named;
  return "arn:" + step.settings.partition + ":iam::" + step.settings.account + ":role/" + named;
}

const model::IamIdentity* find_role(const Step& step, const std::string& named) {
  if (named.empty()) return nullptr;
  const std::string arn = role_arn_of(step, named);
  const auto* row = step.state.neighbours().roles.find(key_of_name(arn.substr(arn.rfind('/') + 1)));
  if (row == nullptr) return nullptr;
  return row->arn == arn || !named.starts_with("arn:") ? row : nullptr;
}

bool trusts_service(const Step& step, const model::IamIdentity& role, const std::string& service,
                    const std::string& source_arn) {
  namespace policy = agent::iam::policy;
  const auto trust = policy::Document::parse(role.trust, policy::Kind::kTrust);
  if (!trust) return false;
  policy::Request ask;
  ask.action = "sts:AssumeRole";
  ask.caller.service = service;
  ask.context["aws:SourceAccount"] = {step.settings.account};
  ask.context["aws:SourceArn"] = {source_arn};
  ask.context["aws:PrincipalIsAWSService"] = {"true"};
  const policy::Trusted trusted = policy::trusts(*trust, ask);
  return trusted == policy::Trusted::kByName;
}

Result<void> check_task_roles(const Step& step, const std::string& cluster, const WantedRoles& wanted) {
  const std::string source = step.arn(aws::EcsKind::kTask, cluster + "/*");
  for (const std::string* named : {&wanted.application, &wanted.execution}) {
    const model::IamIdentity* role = find_role(step, *named);
    if (role == nullptr || trusts_service(step, *role, kTasksService, source)) continue;
    return client_exception(
        "ECS was unable to assume the role '" + role->arn +
        "' that was provided for this task. Please verify that the role being passed has the proper trust "
        "relationship and permissions and that your IAM user has permissions to pass this role.");
  }
  return {};
}

void give_roles(Step& step, const model::Task& task, const WantedRoles& wanted) {
  model::TaskRoles row;
  row.task = task.cluster + "/" + task.id;
  const auto add = [&](const char* purpose, const std::string& named) {
    const model::IamIdentity* role = find_role(step, named);
    if (role == nullptr || !trusts_service(step, *role, kTasksService, task.arn)) return;
    model::TaskRole given;
    given.purpose = purpose;
    given.role_arn = role->arn;
    given.credentials_id = step.random.uuid();
    given.session = new_task_session(step, *role, task.id);
    row.roles.push_back(std::move(given));
  };
  add(kTaskApplication, wanted.application);
  add(kTaskExecution, wanted.execution);
  if (row.roles.empty()) return;
  const std::string key = row.task;
  rows(step).neighbours().task_roles.put(key, std::move(row));
}

void reconcile_task_roles(Step& step) {
  Neighbours& all = rows(step).neighbours();
  for (const std::string& key : rows(step).live.agenda.take(Concern::kTaskRoles, step.now)) {
    const model::TaskRoles* row = all.task_roles.find(key);
    if (row == nullptr) continue;
    step.subject = {Concern::kTaskRoles, key};
    const model::Task* task = step.state.tasks.find(key);
    if (task == nullptr || task->last_status == model::TaskStatus::kStopped) {
      end_task_roles(step, key, model::TaskRoles(*row));
      continue;
    }
    model::TaskRoles renewed = *row;
    bool changed = false;
    for (model::TaskRole& each : renewed.roles) {
      if (renewal_of(step.state, each) > step.now) continue;
      const std::string before = each.session;
      renew(step, *task, each);
      changed = changed || each.session != before;
    }
    if (changed) all.task_roles.edit(key, [&](model::TaskRoles& kept) { kept = renewed; });
    std::optional<shared::WallTime> next;
    for (const model::TaskRole& each : renewed.roles) {
      const shared::WallTime at = renewal_of(step.state, each);
      if (at > step.now && (!next || at < *next)) next = at;
    }
    if (next && *next != shared::WallTime::max()) step.wake_at(*next);
  }
}

}  // namespace agent::control::iam
