// Instance profiles.
#include <array>

#include "agent/api/iam/operations.h"

namespace agent::api::iam {
namespace {

std::string profile_name(In in) { return name_of(in, "InstanceProfileName", kMaxLongNameChars); }

Done create_instance_profile(Step& step, In in, Out out, const Call&) {
  const std::string name = profile_name(in);
  const std::string path = path_of(in);
  const auto tags = tags_of(in);
  if (!in.ok()) return in.error();
  const auto made = control::iam::create_profile(step, name, path, tags);
  if (!made) return made.error();
  write_profile(out.child("InstanceProfile"), step.state, **made, Detail::kWhole);
  return {};
}

Done get_instance_profile(Step& step, In in, Out out, const Call&) {
  const std::string name = profile_name(in);
  if (!in.ok()) return in.error();
  const auto row = control::iam::find_profile(step.state, name);
  if (!row) return row.error();
  write_profile(out.child("InstanceProfile"), step.state, **row, Detail::kWhole);
  return {};
}

Done delete_instance_profile(Step& step, In in, Out, const Call&) {
  const std::string name = profile_name(in);
  if (!in.ok()) return in.error();
  return control::iam::delete_profile(step, name);
}

template <auto change>
Done change_role(Step& step, In in, Out, const Call&) {
  const std::string name = profile_name(in);
  const std::string role = name_of(in, "RoleName");
  if (!in.ok()) return in.error();
  return change(step, name, role);
}

Done list_instance_profiles(Step& step, In in, Out out, const Call&) {
  const std::string prefix = prefix_of(in);
  Items<const model::IamInstanceProfile*> items;
  for (const auto& [key, row] : step.state.neighbours().instance_profiles.rows()) {
    if (row.path.starts_with(prefix)) items.emplace_back(key, &row);
  }
  return write_page(in, out, "InstanceProfiles", items, [&](Out list, const model::IamInstanceProfile* row) {
    write_profile(list.child("member"), step.state, *row, Detail::kInList);
  });
}

Done list_instance_profiles_for_role(Step& step, In in, Out out, const Call&) {
  const std::string name = name_of(in, "RoleName");
  if (!in.ok()) return in.error();
  const auto role = control::iam::find_identity(step.state, Kind::kRole, name);
  if (!role) return role.error();
  Items<const model::IamInstanceProfile*> items;
  for (const auto* row : control::iam::profiles_of(step.state, **role))
    items.emplace_back(control::iam::key_of_name(row->name), row);
  return write_page(in, out, "InstanceProfiles", items, [&](Out list, const model::IamInstanceProfile* row) {
    write_profile(list.child("member"), step.state, *row, Detail::kInList);
  });
}

Done tag_instance_profile(Step& step, In in, Out, const Call&) {
  const std::string name = profile_name(in);
  const auto tags = tags_of(in);
  if (!in.ok()) return in.error();
  return control::iam::tag_profile(step, name, tags);
}

Done untag_instance_profile(Step& step, In in, Out, const Call&) {
  const std::string name = profile_name(in);
  const auto keys = tag_keys_of(in);
  if (!in.ok()) return in.error();
  return control::iam::untag_profile(step, name, keys);
}

Done list_instance_profile_tags(Step& step, In in, Out out, const Call&) {
  const std::string name = profile_name(in);
  if (!in.ok()) return in.error();
  const auto row = control::iam::find_profile(step.state, name);
  if (!row) return row.error();
  return write_tag_page(in, out, (*row)->tags);
}

constexpr auto kProfileOperations = std::to_array<Operation>({
    {"AddRoleToInstanceProfile", change_role<control::iam::add_role_to_profile>},
    {"CreateInstanceProfile", create_instance_profile},
    {"DeleteInstanceProfile", delete_instance_profile},
    {"GetInstanceProfile", get_instance_profile},
    {"ListInstanceProfileTags", list_instance_profile_tags},
    {"ListInstanceProfiles", list_instance_profiles},
    {"ListInstanceProfilesForRole", list_instance_profiles_for_role},
    {"RemoveRoleFromInstanceProfile", change_role<control::iam::remove_role_from_profile>},
    {"TagInstanceProfile", tag_instance_profile},
    {"UntagInstanceProfile", untag_instance_profile},
});

}  // namespace

std::span<const Operation> profile_operations() { return kProfileOperations; }

}  // namespace agent::api::iam
