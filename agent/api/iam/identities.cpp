// Roles and users: themselves, their tags, boundaries and policies.
#include <algorithm>
#include <array>

#include "agent/api/iam/operations.h"
#include "agent/control/state/faults.h"

namespace agent::api::iam {
namespace {

constexpr std::int64_t kMinSession = 3600;
constexpr std::int64_t kMaxSession = 43'200;

std::string identity_name(In in, Kind kind) {
  return name_of(in, name_member(kind), kind == Kind::kGroup ? kMaxLongNameChars : kMaxNameChars);
}

std::string description_of(In in) {
  std::string text = in.text("Description").value_or("");
  if (text.size() > kMaxDescriptionChars)
    in.fail("Description",
            "Member must have length less than or equal to " + std::to_string(kMaxDescriptionChars));
  return text;
}

template <Kind kind>
Done create_identity(Step& step, In in, Out out, const Call&) {
  control::iam::NewIdentity request;
  request.kind = kind;
  request.name = identity_name(in, kind);
  request.path = path_of(in);
  if constexpr (kind == Kind::kRole) {
    request.trust = document_of(in, "AssumeRolePolicyDocument");
    request.description = description_of(in);
    request.max_session_seconds =
        in.integer<std::int64_t>("MaxSessionDuration", kMinSession, kMaxSession).value_or(kMinSession);
    if (request.path.starts_with(control::iam::kServicePath))
      in.fail(control::fault("InvalidInput",
                             "Path: roles below /aws-service-role/ are made by CreateServiceLinkedRole"));
  }
  if (in.has("PermissionsBoundary")) request.boundary = arn_of(in, "PermissionsBoundary");
  request.tags = tags_of(in);
  if (!in.ok()) return in.error();
  const auto made = control::iam::create_identity(step, request);
  if (!made) return made.error();
  write_identity(out.child(kind == Kind::kRole   ? "Role"
                           : kind == Kind::kUser ? "User"
                                                 : "Group"),
                 kind, **made, Detail::kWhole);
  return {};
}

Done get_role(Step& step, In in, Out out, const Call&) {
  const std::string name = identity_name(in, Kind::kRole);
  if (!in.ok()) return in.error();
  const auto row = control::iam::find_identity(step.state, Kind::kRole, name);
  if (!row) return row.error();
  Out role = out.child("Role");
  write_identity(role, Kind::kRole, **row, Detail::kWhole);
  role.child("RoleLastUsed");
  return {};
}

// Without a name: the caller, who may be one of the users whose keys are files.
Done get_user(Step& step, In in, Out out, const Call& call) {
  const auto given = optional_name(in, "UserName", kMaxNameChars);
  if (!in.ok()) return in.error();
  const std::size_t at = call.caller_arn.find(":user/");
  if (!given && at == std::string::npos) {
    return control::validation_error(
        call.caller_arn.ends_with(":root")
            ? "Must specify userName when calling with the account's own credentials"
            : "Must specify userName when calling with non-User credentials");
  }
  const std::string own =
      at == std::string::npos ? "" : call.caller_arn.substr(call.caller_arn.rfind('/') + 1);
  const std::string name = given.value_or(own);
  const auto row = control::iam::find_identity(step.state, Kind::kUser, name);
  Out user = out.child("User");
  if (row) {
    write_identity(user, Kind::kUser, **row, Detail::kWhole);
    return {};
  }
  if (name != own) return row.error();
  user.text("Path", "/");
  user.text("UserName", name);
  user.text("UserId", call.caller_id);
  user.text("Arn", call.caller_arn);
  user.time("CreateDate", shared::WallTime{});
  return {};
}

template <Kind kind>
Done delete_identity(Step& step, In in, Out, const Call&) {
  const std::string name = identity_name(in, kind);
  if (!in.ok()) return in.error();
  return control::iam::delete_identity(step, kind, name);
}

template <Kind kind>
Done list_identities(Step& step, In in, Out out, const Call&) {
  const std::string prefix = prefix_of(in);
  Items<const model::IamIdentity*> items;
  for (const auto& [key, row] : control::iam::table_of(step.state, kind).rows()) {
    if (row.path.starts_with(prefix)) items.emplace_back(key, &row);
  }
  return write_page(in, out,
                    kind == Kind::kRole   ? "Roles"
                    : kind == Kind::kUser ? "Users"
                                          : "Groups",
                    items, [](Out list, const model::IamIdentity* row) {
                      write_identity(list.child("member"), kind, *row, Detail::kInList);
                    });
}

Done update_role(Step& step, In in, Out, const Call&) {
  const std::string name = identity_name(in, Kind::kRole);
  control::iam::RoleUpdate update;
  if (in.text("Description")) update.description = description_of(in);
  update.max_session_seconds = in.integer<std::int64_t>("MaxSessionDuration", kMinSession, kMaxSession);
  if (!in.ok()) return in.error();
  return control::iam::update_role(step, name, update);
}

Done update_role_description(Step& step, In in, Out out, const Call&) {
  const std::string name = identity_name(in, Kind::kRole);
  if (in.ok() && !in.text("Description")) (void)required(in, "Description");
  control::iam::RoleUpdate update;
  update.description = description_of(in);
  if (!in.ok()) return in.error();
  if (auto ok = control::iam::update_role(step, name, update); !ok) return ok;
  write_identity(out.child("Role"), Kind::kRole, **control::iam::find_identity(step.state, Kind::kRole, name),
                 Detail::kWhole);
  return {};
}

Done update_assume_role_policy(Step& step, In in, Out, const Call&) {
  const std::string name = identity_name(in, Kind::kRole);
  control::iam::RoleUpdate update;
  update.trust = document_of(in, "PolicyDocument");
  if (!in.ok()) return in.error();
  return control::iam::update_role(step, name, update);
}

template <Kind kind>
Done update_identity(Step& step, In in, Out, const Call&) {
  const std::string name = identity_name(in, kind);
  const auto new_name = optional_name(in, kind == Kind::kUser ? "NewUserName" : "NewGroupName",
                                      kind == Kind::kUser ? kMaxNameChars : kMaxLongNameChars);
  std::optional<std::string> new_path;
  if (in.has("NewPath")) new_path = path_of(in, "NewPath");
  if (!in.ok()) return in.error();
  return control::iam::rename_identity(step, kind, name, new_name, new_path);
}

template <Kind kind>
Done tag_identity(Step& step, In in, Out, const Call&) {
  const std::string name = identity_name(in, kind);
  const auto tags = tags_of(in);
  if (!in.ok()) return in.error();
  return control::iam::tag_identity(step, kind, name, tags);
}

template <Kind kind>
Done untag_identity(Step& step, In in, Out, const Call&) {
  const std::string name = identity_name(in, kind);
  const auto keys = tag_keys_of(in);
  if (!in.ok()) return in.error();
  return control::iam::untag_identity(step, kind, name, keys);
}

template <Kind kind>
Done list_identity_tags(Step& step, In in, Out out, const Call&) {
  const std::string name = identity_name(in, kind);
  if (!in.ok()) return in.error();
  const auto row = control::iam::find_identity(step.state, kind, name);
  if (!row) return row.error();
  return write_tag_page(in, out, (*row)->tags);
}

template <Kind kind>
Done put_boundary(Step& step, In in, Out, const Call&) {
  const std::string name = identity_name(in, kind);
  const std::string arn = arn_of(in, "PermissionsBoundary");
  if (!in.ok()) return in.error();
  return control::iam::set_boundary(step, kind, name, arn);
}

template <Kind kind>
Done delete_boundary(Step& step, In in, Out, const Call&) {
  const std::string name = identity_name(in, kind);
  if (!in.ok()) return in.error();
  return control::iam::set_boundary(step, kind, name, "");
}

// ---- Policies of an identity ----

template <Kind kind>
Done put_inline(Step& step, In in, Out, const Call&) {
  const std::string name = identity_name(in, kind);
  const std::string policy = name_of(in, "PolicyName", kMaxLongNameChars);
  const std::string document = document_of(in, "PolicyDocument");
  if (!in.ok()) return in.error();
  return control::iam::put_inline_policy(step, kind, name, policy, document);
}

template <Kind kind>
Done get_inline(Step& step, In in, Out out, const Call&) {
  const std::string name = identity_name(in, kind);
  const std::string policy = name_of(in, "PolicyName", kMaxLongNameChars);
  if (!in.ok()) return in.error();
  const auto document = control::iam::inline_policy(step.state, kind, name, policy);
  if (!document) return document.error();
  out.text(name_member(kind), (*control::iam::find_identity(step.state, kind, name))->name);
  out.text("PolicyName", policy);
  write_document(out, "PolicyDocument", *document);
  return {};
}

template <Kind kind>
Done delete_inline(Step& step, In in, Out, const Call&) {
  const std::string name = identity_name(in, kind);
  const std::string policy = name_of(in, "PolicyName", kMaxLongNameChars);
  if (!in.ok()) return in.error();
  return control::iam::delete_inline_policy(step, kind, name, policy);
}

template <Kind kind>
Done list_inline(Step& step, In in, Out out, const Call&) {
  const std::string name = identity_name(in, kind);
  if (!in.ok()) return in.error();
  const auto row = control::iam::find_identity(step.state, kind, name);
  if (!row) return row.error();
  std::vector<std::string> names;
  for (const auto& [policy, document] : (*row)->inline_policies) names.push_back(policy);
  return write_names(in, out, "PolicyNames", names);
}

template <Kind kind>
Done attach_policy(Step& step, In in, Out, const Call&) {
  const std::string name = identity_name(in, kind);
  const std::string arn = arn_of(in, "PolicyArn");
  if (!in.ok()) return in.error();
  return control::iam::attach_policy(step, kind, name, arn);
}

template <Kind kind>
Done detach_policy(Step& step, In in, Out, const Call&) {
  const std::string name = identity_name(in, kind);
  const std::string arn = arn_of(in, "PolicyArn");
  if (!in.ok()) return in.error();
  return control::iam::detach_policy(step, kind, name, arn);
}

template <Kind kind>
Done list_attached(Step& step, In in, Out out, const Call&) {
  const std::string name = identity_name(in, kind);
  if (!in.ok()) return in.error();
  const auto row = control::iam::find_identity(step.state, kind, name);
  if (!row) return row.error();
  const std::string prefix = prefix_of(in);
  Items<const std::string*> items;
  for (const std::string& arn : (*row)->attached) {
    if (std::string_view(arn).substr(arn.find(":policy/") + 7).starts_with(prefix))
      items.emplace_back(arn, &arn);
  }
  std::sort(items.begin(), items.end());
  return write_page(in, out, "AttachedPolicies", items, [](Out list, const std::string* arn) {
    Out member = list.child("member");
    member.text("PolicyName", arn->substr(arn->rfind('/') + 1));
    member.text("PolicyArn", *arn);
  });
}

// ---- Roles of services ----

constexpr std::string_view kTaskPrefix = "task";

Done create_linked(Step& step, In in, Out out, const Call&) {
  const std::string service = required(in, "AWSServiceName");
  const std::string description = description_of(in);
  const auto suffix = optional_name(in, "CustomSuffix", kMaxNameChars);
  if (!in.ok()) return in.error();
  const auto made = control::iam::create_service_linked_role(step, service, description, suffix.value_or(""));
  if (!made) return made.error();
  write_identity(out.child("Role"), Kind::kRole, **made, Detail::kWhole);
  return {};
}

Done delete_linked(Step& step, In in, Out out, const Call&) {
  const std::string name = identity_name(in, Kind::kRole);
  if (!in.ok()) return in.error();
  const auto row = control::iam::find_identity(step.state, Kind::kRole, name);
  if (!row) return row.error();
  const std::string task = std::string(kTaskPrefix) + (*row)->path + (*row)->name + "/" + step.random.uuid();
  if (auto ok = control::iam::delete_service_linked_role(step, name); !ok) return ok;
  out.text("DeletionTaskId", task);
  return {};
}

// A role goes at once: when its task is asked for, it is gone.
Done linked_status(Step& step, In in, Out out, const Call&) {
  const std::string task = required(in, "DeletionTaskId");
  if (!in.ok()) return in.error();
  const std::string path = std::string(kTaskPrefix) + std::string(control::iam::kServicePath);
  const std::size_t last = task.rfind('/');
  const std::size_t name = last == std::string::npos || last == 0 ? last : task.rfind('/', last - 1);
  if (!task.starts_with(path) || name == std::string::npos || name < path.size())
    return control::fault("NoSuchEntity",
                          "The deletion task with id " + task.substr(0, kMaxPathChars) + " cannot be found.");
  const bool there =
      control::iam::find_identity(step.state, Kind::kRole, task.substr(name + 1, last - name - 1))
          .has_value();
  out.text("Status", there ? "NOT_STARTED" : "SUCCEEDED");
  return {};
}

constexpr auto kIdentityOperations = std::to_array<Operation>({
    {"AttachGroupPolicy", attach_policy<Kind::kGroup>},
    {"AttachRolePolicy", attach_policy<Kind::kRole>},
    {"AttachUserPolicy", attach_policy<Kind::kUser>},
    {"CreateGroup", create_identity<Kind::kGroup>},
    {"CreateRole", create_identity<Kind::kRole>},
    {"CreateServiceLinkedRole", create_linked},
    {"CreateUser", create_identity<Kind::kUser>},
    {"DeleteGroup", delete_identity<Kind::kGroup>},
    {"DeleteGroupPolicy", delete_inline<Kind::kGroup>},
    {"DeleteRole", delete_identity<Kind::kRole>},
    {"DeleteRolePermissionsBoundary", delete_boundary<Kind::kRole>},
    {"DeleteRolePolicy", delete_inline<Kind::kRole>},
    {"DeleteServiceLinkedRole", delete_linked},
    {"DeleteUser", delete_identity<Kind::kUser>},
    {"DeleteUserPermissionsBoundary", delete_boundary<Kind::kUser>},
    {"DeleteUserPolicy", delete_inline<Kind::kUser>},
    {"DetachGroupPolicy", detach_policy<Kind::kGroup>},
    {"DetachRolePolicy", detach_policy<Kind::kRole>},
    {"DetachUserPolicy", detach_policy<Kind::kUser>},
    {"GetGroupPolicy", get_inline<Kind::kGroup>},
    {"GetRole", get_role},
    {"GetRolePolicy", get_inline<Kind::kRole>},
    {"GetServiceLinkedRoleDeletionStatus", linked_status},
    {"GetUser", get_user},
    {"GetUserPolicy", get_inline<Kind::kUser>},
    {"ListAttachedGroupPolicies", list_attached<Kind::kGroup>},
    {"ListAttachedRolePolicies", list_attached<Kind::kRole>},
    {"ListAttachedUserPolicies", list_attached<Kind::kUser>},
    {"ListGroupPolicies", list_inline<Kind::kGroup>},
    {"ListGroups", list_identities<Kind::kGroup>},
    {"ListRolePolicies", list_inline<Kind::kRole>},
    {"ListRoleTags", list_identity_tags<Kind::kRole>},
    {"ListRoles", list_identities<Kind::kRole>},
    {"ListUserPolicies", list_inline<Kind::kUser>},
    {"ListUserTags", list_identity_tags<Kind::kUser>},
    {"ListUsers", list_identities<Kind::kUser>},
    {"PutGroupPolicy", put_inline<Kind::kGroup>},
    {"PutRolePermissionsBoundary", put_boundary<Kind::kRole>},
    {"PutRolePolicy", put_inline<Kind::kRole>},
    {"PutUserPermissionsBoundary", put_boundary<Kind::kUser>},
    {"PutUserPolicy", put_inline<Kind::kUser>},
    {"TagRole", tag_identity<Kind::kRole>},
    {"TagUser", tag_identity<Kind::kUser>},
    {"UntagRole", untag_identity<Kind::kRole>},
    {"UntagUser", untag_identity<Kind::kUser>},
    {"UpdateAssumeRolePolicy", update_assume_role_policy},
    {"UpdateGroup", update_identity<Kind::kGroup>},
    {"UpdateRole", update_role},
    {"UpdateRoleDescription", update_role_description},
    {"UpdateUser", update_identity<Kind::kUser>},
});

}  // namespace

std::span<const Operation> identity_operations() { return kIdentityOperations; }

}  // namespace agent::api::iam
