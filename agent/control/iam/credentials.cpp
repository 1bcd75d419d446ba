#include "agent/control/iam/credentials.h"

#include <algorithm>

#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "agent/iam/policy/document.h"

namespace agent::control::iam {

using shared::Result;
namespace policy = agent::iam::policy;

namespace {

constexpr std::string_view kAdministrator = "administrator";
constexpr std::size_t kSecretChars = 40;
constexpr std::size_t kTokenChars = 200;
constexpr std::size_t kIdChars = 16;

std::string letters(Step& step, std::size_t count, std::string_view of) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += of[step.random.below(of.size())];
  return out;
}
std::string key_id(Step& step, const char* prefix) {
  return prefix + letters(step, kIdChars, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
}
std::string base64_letters(Step& step, std::size_t count) {
  return letters(step, count, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
}

std::string user_arn(const Settings& settings, std::string_view name) {
  return "arn:" + settings.partition + ":iam::" + settings.account + ":user/" + std::string(name);
}

// Of a key: the identity whose policies it has. A user's session without a row is the administrator's.
struct Owner {
  Kind kind = Kind::kUser;
  const model::IamIdentity* identity = nullptr;
  const model::IamSession* session = nullptr;
  bool is_administrator = false;
};
std::optional<Owner> find_owner(const State& state, std::string_view id) {
  const Neighbours& all = state.neighbours();
  if (const auto* key = all.access_keys.find(id)) {
    const auto* user = all.users.find(key->user);
    if (user == nullptr || !key->active) return std::nullopt;
    return Owner{Kind::kUser, user, nullptr, false};
  }
  const auto* session = all.sessions.find(id);
  if (session == nullptr) session = all.task_sessions.find(id);
  if (session == nullptr) return std::nullopt;
  if (session->user == kAdministrator) return Owner{Kind::kUser, nullptr, session, true};
  const Kind kind = session->role.empty() ? Kind::kUser : Kind::kRole;
  const auto* row = table_of(state, kind).find(session->role.empty() ? session->user : session->role);
  if (row == nullptr || row->id != session->owner_id) return std::nullopt;
  return Owner{kind, row, session, false};
}

std::string role_of_arn(std::string_view arn) { return key_of_name(arn.substr(arn.rfind('/') + 1)); }

// Documents were judged when they were kept; one that cannot be read allows nothing.
void add_document(std::vector<policy::Document>& out, const std::string& text) {
  if (auto document = policy::Document::parse(text, policy::Kind::kIdentity))
    out.push_back(*std::move(document));
}

std::string managed_text(const State& state, const std::string& arn) {
  const auto found = look_up_policy(state, arn);
  if (!found) return "";
  const auto version = policy_version(*found, arn, "");
  return version ? version->document : "";
}

void add_policies(std::vector<policy::Document>& out, const State& state, const model::IamIdentity& row) {
  for (const auto& [name, document] : row.inline_policies) add_document(out, document);
  for (const std::string& arn : row.attached) add_document(out, managed_text(state, arn));
}

policy::Policies policies_of(const State& state, const Owner& owner) {
  policy::Policies out;
  add_policies(out.identity, state, *owner.identity);
  for (const std::string& group : owner.identity->groups) {
    if (const auto* row = state.neighbours().groups.find(group)) add_policies(out.identity, state, *row);
  }
  if (!owner.identity->boundary.empty()) {
    auto boundary =
        policy::Document::parse(managed_text(state, owner.identity->boundary), policy::Kind::kIdentity);
    out.boundary = boundary ? *std::move(boundary) : policy::Document{};
  }
  if (owner.session != nullptr) {
    for (const std::string& each : owner.session->policies) {
      auto document = policy::Document::parse(each, policy::Kind::kIdentity);
      out.session.push_back(document ? *std::move(document) : policy::Document{});
    }
  }
  return out;
}

std::string iso_seconds(shared::WallTime t) {
  return std::to_string(shared::epoch_millis(t) / 1000);  // conditions take seconds since the epoch as well
}

policy::Context context_of(const Settings& settings, const Owner& owner, const Holder& holder,
                           const Circumstances& around) {
  policy::Context out;
  out["aws:CurrentTime"] = {iso_seconds(around.now)};
  out["aws:EpochTime"] = {iso_seconds(around.now)};
  out["aws:RequestedRegion"] = {settings.region};
  out["aws:SecureTransport"] = {"false"};
  out["aws:PrincipalAccount"] = {settings.account};
  out["aws:userid"] = {holder.user_id};
  if (!around.source_ip.empty()) out["aws:SourceIp"] = {around.source_ip};
  if (!around.user_agent.empty()) out["aws:UserAgent"] = {around.user_agent};
  out["aws:PrincipalArn"] = {owner.identity->arn};
  out["aws:PrincipalType"] = {owner.kind == Kind::kRole ? "AssumedRole" : "User"};
  if (owner.kind == Kind::kUser) out["aws:username"] = {owner.identity->name};
  for (const auto& tag : owner.identity->tags) out["aws:PrincipalTag/" + tag.key] = {tag.value};
  if (owner.session == nullptr) return out;
  out["aws:TokenIssueTime"] = {iso_seconds(owner.session->issued_at)};
  out["aws:MultiFactorAuthPresent"] = {"false"};
  if (!owner.session->source_identity.empty()) out["aws:SourceIdentity"] = {owner.session->source_identity};
  for (const auto& tag : owner.session->tags) out["aws:PrincipalTag/" + tag.key] = {tag.value};
  return out;
}

shared::Error denied(const std::string& arn, const std::string& action, const std::string& resource,
                     policy::Decision why) {
  return fault("AccessDenied",
               "User: " + arn + " is not authorized to perform: " + action +
                   (resource.empty() ? "" : " on resource: " + resource) +
                   (why == policy::Decision::kExplicitDeny
                        ? " with an explicit deny in an identity-based policy"
                        : " because no identity-based policy allows the " + action + " action"));
}

void forget_expired(Step& step) {
  Neighbours& all = rows(step).neighbours();
  std::vector<std::string> gone;
  for (const auto& [id, row] : all.sessions.rows()) {
    if (row.expires_at <= step.now) gone.push_back(id);
  }
  for (const auto& id : gone) all.sessions.erase(id);
}

Result<const model::IamSession*> keep_session(Step& step, model::IamSession session, std::int64_t seconds) {
  forget_expired(step);
  Neighbours& all = rows(step).neighbours();
  if (all.sessions.size() >= kMaxSessions)
    return fault("Throttling",
                 "Rate exceeded: " + std::to_string(kMaxSessions) + " temporary keys have not expired");
  fill_temporary_keys(step, session, std::chrono::seconds(seconds));
  const std::string id = session.id;
  return &all.sessions.put(id, std::move(session));
}

// The role's own word on it, and the caller's.
bool may_assume(const Step& step, const Caller& caller, const model::IamIdentity& role,
                const AssumeRole& request) {
  const auto trust = policy::Document::parse(role.trust, policy::Kind::kTrust);
  if (!trust) return false;
  policy::Request ask;
  ask.caller.arn = caller.arn;
  ask.caller.account = step.settings.account;
  const auto owner = find_owner(step.state, caller.key_id);
  if (owner && owner->kind == Kind::kRole) ask.caller.role = owner->identity->arn;
  if (const auto holder = find_holder(step.state, step.settings, caller.key_id);
      holder && owner && owner->identity != nullptr)
    ask.context = context_of(step.settings, *owner, *holder, {step.now, "", ""});
  ask.context["sts:RoleSessionName"] = {request.session_name};
  if (!request.external_id.empty()) ask.context["sts:ExternalId"] = {request.external_id};
  if (!request.source_identity.empty()) ask.context["sts:SourceIdentity"] = {request.source_identity};
  for (const auto& tag : request.tags) {
    ask.context["aws:RequestTag/" + tag.key] = {tag.value};
    ask.context["aws:TagKeys"].push_back(tag.key);
  }
  std::vector<std::string> actions{"sts:AssumeRole"};
  if (!request.tags.empty()) actions.emplace_back("sts:TagSession");
  if (!request.source_identity.empty()) actions.emplace_back("sts:SetSourceIdentity");
  for (const std::string& action : actions) {
    ask.action = action;
    const policy::Trusted trusted = policy::trusts(*trust, ask);
    if (trusted == policy::Trusted::kNo || trusted == policy::Trusted::kDenied) return false;
    if (caller.is_administrator) continue;
    if (!owner || owner->identity == nullptr) return false;
    policy::Request own = ask;
    own.caller = {};
    own.resource = role.arn;
    const policy::Policies policies = policies_of(step.state, *owner);
    const policy::Decision decision = policy::decide(policies, own);
    const bool limited = policies.boundary.has_value() || !policies.session.empty();
    const bool named = trusted == policy::Trusted::kByName && !limited;
    if (decision == policy::Decision::kExplicitDeny || (decision != policy::Decision::kAllow && !named))
      return false;
  }
  return true;
}

}  // namespace

std::string session_arn(const Settings& settings, const model::IamIdentity& role,
                        const model::IamSession& session) {
  return "arn:" + settings.partition + ":sts::" + settings.account + ":assumed-role/" + role.name + "/" +
         session.name;
}

void fill_temporary_keys(Step& step, model::IamSession& session, shared::Millis life) {
  session.id = key_id(step, "ASIA");
  session.secret = base64_letters(step, kSecretChars);
  session.token = base64_letters(step, kTokenChars);
  session.issued_at = step.now;
  session.expires_at = step.now + life;
}

std::optional<Holder> find_holder(const State& state, const Settings& settings, std::string_view id) {
  const auto owner = find_owner(state, id);
  if (!owner) return std::nullopt;
  Holder out;
  if (owner->session == nullptr) {
    out.secret = state.neighbours().access_keys.find(id)->secret;
    out.arn = owner->identity->arn;
    out.user_id = owner->identity->id;
    return out;
  }
  out.secret = owner->session->secret;
  out.token = owner->session->token;
  out.expires_at = owner->session->expires_at;
  out.is_administrator = owner->is_administrator;
  out.user_id = owner->session->owner_id;
  if (owner->is_administrator) {
    out.arn = user_arn(settings, kAdministrator);
  } else if (owner->kind == Kind::kUser) {
    out.arn = owner->identity->arn;
  } else {
    out.arn = session_arn(settings, *owner->identity, *owner->session);
    out.user_id += ":" + owner->session->name;
  }
  return out;
}

Result<void> check_permission(const State& state, const Settings& settings, std::string_view id,
                              const std::string& action, const std::string& resource,
                              const Circumstances& around, const policy::Context& keys) {
  const auto owner = find_owner(state, id);
  const auto holder = find_holder(state, settings, id);
  if (!owner || !holder) return denied("(unknown)", action, resource, policy::Decision::kImplicitDeny);
  if (owner->is_administrator) return {};
  // A user's temporary key without MFA, as AWS has it.
  const bool of_user = owner->session != nullptr && owner->kind == Kind::kUser;
  if (of_user && (action.starts_with("iam:") || (action.starts_with("sts:") && action != "sts:AssumeRole")))
    return denied(holder->arn, action, resource, policy::Decision::kImplicitDeny);
  policy::Request request;
  request.action = action;
  request.resource = resource;
  request.partial = resource.empty();
  request.context = context_of(settings, *owner, *holder, around);
  request.context.insert(keys.begin(), keys.end());
  const policy::Decision decision = policy::decide(policies_of(state, *owner), request);
  if (decision == policy::Decision::kAllow) return {};
  return denied(holder->arn, action, resource, decision);
}

Result<void> check_role_permission(const State& state, const Settings& settings,
                                   const model::IamIdentity& role, const std::string& session,
                                   const std::string& action, const std::string& resource,
                                   const Circumstances& around, const policy::Context& keys) {
  model::IamSession taken;
  taken.name = session;
  taken.issued_at = around.now;
  const Owner owner{Kind::kRole, &role, &taken, false};
  Holder holder;
  holder.arn = session_arn(settings, role, taken);
  holder.user_id = role.id + ":" + session;
  policy::Request request;
  request.action = action;
  request.resource = resource;
  request.partial = resource.empty();
  request.context = context_of(settings, owner, holder, around);
  request.context.insert(keys.begin(), keys.end());
  const policy::Decision decision = policy::decide(policies_of(state, owner), request);
  if (decision == policy::Decision::kAllow) return {};
  return denied(holder.arn, action, resource, decision);
}

// ---- Keys of users ----

Result<const model::IamAccessKey*> create_access_key(Step& step, std::string_view user) {
  const auto found = find_identity(step.state, Kind::kUser, user);
  if (!found) return found.error();
  Neighbours& all = rows(step).neighbours();
  const std::string key = key_of_name(user);
  const auto& keys = all.access_keys.rows();
  const auto count =
      std::count_if(keys.begin(), keys.end(), [&](const auto& each) { return each.second.user == key; });
  if (static_cast<std::size_t>(count) >= kMaxKeysOfUser)
    return fault("LimitExceeded",
                 "Cannot exceed quota for AccessKeysPerUser: " + std::to_string(kMaxKeysOfUser));
  model::IamAccessKey row;
  row.id = key_id(step, "AKIA");
  row.secret = base64_letters(step, kSecretChars);
  row.user = key;
  row.created_at = step.now;
  const std::string id = row.id;
  return &all.access_keys.put(id, std::move(row));
}

namespace {

Result<void> find_key_of(const State& state, std::string_view user, const std::string& id) {
  if (const auto found = find_identity(state, Kind::kUser, user); !found) return found.error();
  const auto* row = state.neighbours().access_keys.find(id);
  if (row != nullptr && row->user == key_of_name(user)) return {};
  return fault("NoSuchEntity",
               "The Access Key with id " + id.substr(0, aws::kQuotedArnBytes) + " cannot be found");
}

}  // namespace

Result<void> update_access_key(Step& step, std::string_view user, const std::string& id, bool active) {
  if (auto found = find_key_of(step.state, user, id); !found) return found;
  rows(step).neighbours().access_keys.edit(id, [&](model::IamAccessKey& row) { row.active = active; });
  return {};
}

Result<void> delete_access_key(Step& step, std::string_view user, const std::string& id) {
  if (auto found = find_key_of(step.state, user, id); !found) return found;
  rows(step).neighbours().access_keys.erase(id);
  return {};
}

// ---- Temporary keys ----

Result<const model::IamSession*> assume_role(Step& step, const Caller& caller, const AssumeRole& request) {
  // Whether there is such a role is nobody's business who may not have it.
  const auto* role = table_of(step.state, Kind::kRole).find(role_of_arn(request.role_arn));
  if (role == nullptr || role->arn != request.role_arn || !may_assume(step, caller, *role, request)) {
    return fault("AccessDenied", "User: " + caller.arn +
                                     " is not authorized to perform: sts:AssumeRole on resource: " +
                                     request.role_arn.substr(0, aws::kQuotedArnBytes));
  }
  const auto owner = find_owner(step.state, caller.key_id);
  const bool chained = owner && owner->kind == Kind::kRole;
  if (request.seconds > role->max_session_seconds) {
    return validation_error(
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  }
  if (chained && request.seconds > kMostChainedSeconds) {
    return validation_error(
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.");
  }
  model::IamSession session;
  session.role = key_of_name(role->name);
  session.owner_id = role->id;
  session.name = request.session_name;
  session.chained = chained;
  session.source_identity = request.source_identity;
  const auto tags = tags_with({}, request.tags);
  if (!tags) return validation_error(tags.error().text());
  session.tags = *tags;
  if (!request.policy.empty()) {
    if (const auto parsed = policy::Document::parse(request.policy, policy::Kind::kIdentity); !parsed)
      return parsed.error();
    session.policies.push_back(request.policy);
  }
  for (const std::string& arn : request.policy_arns) {
    if (const auto found = find_policy(step.state, arn); !found) return found.error();
    session.policies.push_back(managed_text(step.state, arn));
  }
  return keep_session(step, std::move(session), request.seconds);
}

Result<const model::IamSession*> create_session_token(Step& step, const Caller& caller,
                                                      std::int64_t seconds) {
  const auto owner = find_owner(step.state, caller.key_id);
  if (owner && owner->session != nullptr)
    return fault("AccessDenied", "Cannot call GetSessionToken with session credentials");
  if (!caller.is_administrator && !owner)
    return fault("AccessDenied", "Cannot call GetSessionToken with this key");
  model::IamSession session;
  session.user = owner ? key_of_name(owner->identity->name) : std::string(kAdministrator);
  if (owner) session.owner_id = owner->identity->id;
  return keep_session(step, std::move(session), seconds);
}

}  // namespace agent::control::iam
