// Who is in which group, and what users have that there is none of here.
#include <array>

#include "agent/api/iam/operations.h"
#include "agent/control/state/faults.h"

namespace agent::api::iam {
namespace {

std::string user_of(In in) { return name_of(in, "UserName"); }
std::string group_of(In in) { return name_of(in, "GroupName", kMaxLongNameChars); }

Done add_user_to_group(Step& step, In in, Out, const Call&) {
  const std::string group = group_of(in);
  const std::string user = user_of(in);
  if (!in.ok()) return in.error();
  return control::iam::add_to_group(step, user, group);
}

Done remove_user_from_group(Step& step, In in, Out, const Call&) {
  const std::string group = group_of(in);
  const std::string user = user_of(in);
  if (!in.ok()) return in.error();
  return control::iam::remove_from_group(step, user, group);
}

Done get_group(Step& step, In in, Out out, const Call&) {
  const std::string name = group_of(in);
  if (!in.ok()) return in.error();
  const auto group = control::iam::find_identity(step.state, Kind::kGroup, name);
  if (!group) return group.error();
  write_identity(out.child("Group"), Kind::kGroup, **group, Detail::kWhole);
  Items<const model::IamIdentity*> items;
  for (const auto* user : control::iam::users_of(step.state, **group))
    items.emplace_back(control::iam::key_of_name(user->name), user);
  return write_page(in, out, "Users", items, [](Out list, const model::IamIdentity* user) {
    write_identity(list.child("member"), Kind::kUser, *user, Detail::kInList);
  });
}

Done list_groups_for_user(Step& step, In in, Out out, const Call&) {
  const std::string name = user_of(in);
  if (!in.ok()) return in.error();
  const auto user = control::iam::find_identity(step.state, Kind::kUser, name);
  if (!user) return user.error();
  Items<const model::IamIdentity*> items;
  for (const auto& [key, group] : step.state.neighbours().groups.rows()) {
    for (const std::string& each : (*user)->groups) {
      if (each == key) items.emplace_back(key, &group);
    }
  }
  return write_page(in, out, "Groups", items, [](Out list, const model::IamIdentity* group) {
    write_identity(list.child("member"), Kind::kGroup, *group, Detail::kInList);
  });
}

// What Terraform asks about a user that it deletes; there are none of these here.
Done list_none(Step& step, In in, Out out, std::string_view member) {
  const auto name = optional_name(in, "UserName", kMaxNameChars);
  if (!in.ok()) return in.error();
  if (name) {
    if (const auto user = control::iam::find_identity(step.state, Kind::kUser, *name); !user)
      return user.error();
  }
  out.child(member);
  out.boolean("IsTruncated", false);
  return {};
}
Done list_keys_of_ssh(Step& step, In in, Out out, const Call&) {
  return list_none(step, in, out, "SSHPublicKeys");
}
Done list_mfa(Step& step, In in, Out out, const Call&) { return list_none(step, in, out, "MFADevices"); }
Done list_virtual_mfa(Step&, In, Out out, const Call&) {
  out.child("VirtualMFADevices");
  out.boolean("IsTruncated", false);
  return {};
}
Done list_signing(Step& step, In in, Out out, const Call&) {
  return list_none(step, in, out, "Certificates");
}
Done list_specific(Step& step, In in, Out out, const Call&) {
  return list_none(step, in, out, "ServiceSpecificCredentials");
}
Done no_login_profile(Step& step, In in, Out, const Call&) {
  const std::string name = user_of(in);
  if (!in.ok()) return in.error();
  if (const auto user = control::iam::find_identity(step.state, Kind::kUser, name); !user)
    return user.error();
  return control::fault("NoSuchEntity", "Login Profile for User " + name + " cannot be found.");
}
Done list_account_aliases(Step&, In, Out out, const Call&) {
  out.child("AccountAliases");
  out.boolean("IsTruncated", false);
  return {};
}

constexpr auto kGroupOperations = std::to_array<Operation>({
    {"AddUserToGroup", add_user_to_group},
    {"DeleteLoginProfile", no_login_profile},
    {"GetGroup", get_group},
    {"GetLoginProfile", no_login_profile},
    {"ListAccountAliases", list_account_aliases},
    {"ListGroupsForUser", list_groups_for_user},
    {"ListMFADevices", list_mfa},
    {"ListSSHPublicKeys", list_keys_of_ssh},
    {"ListServiceSpecificCredentials", list_specific},
    {"ListSigningCertificates", list_signing},
    {"ListVirtualMFADevices", list_virtual_mfa},
    {"RemoveUserFromGroup", remove_user_from_group},
});

}  // namespace

std::span<const Operation> group_operations() { return kGroupOperations; }

}  // namespace agent::api::iam
