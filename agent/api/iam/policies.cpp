// Managed policies: the account's own, and AWS's.
#include <algorithm>
#include <array>

#include "agent/api/iam/operations.h"
#include "agent/control/state/faults.h"
#include "shared/crypto/hash.h"

namespace agent::api::iam {
namespace {

using control::iam::FoundPolicy;
using control::iam::PolicyVersion;

// Of AWS's own: the same in every installation.
std::string managed_id(const std::string& arn) {
  constexpr std::string_view kChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  constexpr std::size_t kMore = 17;
  const std::string digest = shared::crypto::sha256_hex(arn);
  std::string id = "ANPA";
  for (std::size_t i = 0; i < kMore; ++i) {
    const auto digit = [&](std::size_t at) {
      const char c = digest[at];
      return static_cast<std::size_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    };
    id += kChars[(digit(2 * i) * 16 + digit(2 * i + 1)) % kChars.size()];
  }
  return id;
}

void write_policy(Out out, const control::State& state, const std::string& arn, const FoundPolicy& found,
                  Detail detail) {
  const auto versions = control::iam::policy_versions(found);
  const auto current = std::find_if(versions.begin(), versions.end(),
                                    [](const PolicyVersion& each) { return each.is_default; });
  out.text("PolicyName", found.own != nullptr ? found.own->name : std::string(found.managed->name));
  out.text("PolicyId", found.own != nullptr ? found.own->id : managed_id(arn));
  out.text("Arn", arn);
  out.text("Path", found.own != nullptr ? found.own->path : std::string(found.managed->path));
  if (current != versions.end()) out.text("DefaultVersionId", current->id);
  out.integer("AttachmentCount", static_cast<std::int64_t>(control::iam::attachment_count(state, arn)));
  out.integer("PermissionsBoundaryUsageCount",
              static_cast<std::int64_t>(control::iam::boundary_count(state, arn)));
  out.boolean("IsAttachable", true);
  out.time("CreateDate", found.own != nullptr ? found.own->created_at : versions.front().created_at);
  out.time("UpdateDate", found.own != nullptr ? found.own->updated_at : versions.front().created_at);
  if (detail == Detail::kInList || found.own == nullptr) return;
  out.text_unless_empty("Description", found.own->description);
  write_tags(out, found.own->tags);
}

Done create_policy(Step& step, In in, Out out, const Call&) {
  control::iam::NewPolicy request;
  request.name = name_of(in, "PolicyName", kMaxLongNameChars);
  request.path = path_of(in);
  request.description = in.string_or("Description", "");
  if (request.description.size() > kMaxDescriptionChars)
    in.fail("Description",
            "Member must have length less than or equal to " + std::to_string(kMaxDescriptionChars));
  request.document = document_of(in, "PolicyDocument");
  request.tags = tags_of(in);
  if (!in.ok()) return in.error();
  const auto made = control::iam::create_policy(step, request);
  if (!made) return made.error();
  write_policy(out.child("Policy"), step.state, (*made)->arn, {*made, nullptr}, Detail::kWhole);
  return {};
}

Done get_policy(Step& step, In in, Out out, const Call&) {
  const std::string arn = arn_of(in, "PolicyArn");
  if (!in.ok()) return in.error();
  const auto found = control::iam::find_policy(step.state, arn);
  if (!found) return found.error();
  write_policy(out.child("Policy"), step.state, arn, *found, Detail::kWhole);
  return {};
}

Done delete_policy(Step& step, In in, Out, const Call&) {
  const std::string arn = arn_of(in, "PolicyArn");
  if (!in.ok()) return in.error();
  return control::iam::delete_policy(step, arn);
}

Done list_policies(Step& step, In in, Out out, const Call&) {
  const std::string scope = in.string_or("Scope", "All");
  if (scope != "All" && scope != "AWS" && scope != "Local")
    in.fail("Scope", "Member must satisfy enum value set: [All, AWS, Local]");
  const std::string usage = in.string_or("PolicyUsageFilter", "");
  if (!usage.empty() && usage != "PermissionsPolicy" && usage != "PermissionsBoundary")
    in.fail("PolicyUsageFilter",
            "Member must satisfy enum value set: [PermissionsPolicy, PermissionsBoundary]");
  const bool only_attached = in.boolean("OnlyAttached").value_or(false);
  const std::string prefix = prefix_of(in);
  if (!in.ok()) return in.error();
  Items<FoundPolicy> items;
  const auto add = [&](const std::string& arn, std::string_view path, FoundPolicy found) {
    const std::size_t attached = control::iam::attachment_count(step.state, arn);
    const std::size_t boundaries = control::iam::boundary_count(step.state, arn);
    if (!path.starts_with(prefix) || (only_attached && attached + boundaries == 0)) return;
    if (!usage.empty() && (usage == "PermissionsPolicy" ? attached : boundaries) == 0) return;
    items.emplace_back(arn, found);
  };
  if (scope != "AWS") {
    for (const auto& [key, row] : step.state.neighbours().policies.rows())
      add(row.arn, row.path, {&row, nullptr});
  }
  if (scope != "Local") {
    for (const auto& each : agent::iam::policy::managed_policies())
      add(agent::iam::policy::arn_of(each), each.path, {nullptr, &each});
  }
  std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return write_page(in, out, "Policies", items, [&](Out list, const FoundPolicy& found) {
    write_policy(list.child("member"), step.state,
                 found.own != nullptr ? found.own->arn : agent::iam::policy::arn_of(*found.managed), found,
                 Detail::kInList);
  });
}

void write_version(Out out, const PolicyVersion& version, bool with_document) {
  if (with_document) write_document(out, "Document", version.document);
  out.text("VersionId", version.id);
  out.boolean("IsDefaultVersion", version.is_default);
  out.time("CreateDate", version.created_at);
}

Done create_policy_version(Step& step, In in, Out out, const Call&) {
  const std::string arn = arn_of(in, "PolicyArn");
  const std::string document = document_of(in, "PolicyDocument");
  const bool set_as_default = in.boolean("SetAsDefault").value_or(false);
  if (!in.ok()) return in.error();
  const auto made = control::iam::create_policy_version(step, arn, document, set_as_default);
  if (!made) return made.error();
  write_version(out.child("PolicyVersion"), *made, false);
  return {};
}

Done get_policy_version(Step& step, In in, Out out, const Call&) {
  const std::string arn = arn_of(in, "PolicyArn");
  const std::string id = required(in, "VersionId");
  if (!in.ok()) return in.error();
  const auto found = control::iam::find_policy(step.state, arn);
  if (!found) return found.error();
  const auto version = control::iam::policy_version(*found, arn, id);
  if (!version) return version.error();
  write_version(out.child("PolicyVersion"), *version, true);
  return {};
}

Done list_policy_versions(Step& step, In in, Out out, const Call&) {
  const std::string arn = arn_of(in, "PolicyArn");
  if (!in.ok()) return in.error();
  const auto found = control::iam::find_policy(step.state, arn);
  if (!found) return found.error();
  Items<PolicyVersion> items;
  // Newest first, by keys that are in this order.
  for (auto& each : control::iam::policy_versions(*found)) {
    std::string place = std::to_string(items.size());
    items.emplace_back(std::move(place), std::move(each));
  }
  return write_page(in, out, "Versions", items, [](Out list, const PolicyVersion& version) {
    write_version(list.child("member"), version, false);
  });
}

Done set_default_policy_version(Step& step, In in, Out, const Call&) {
  const std::string arn = arn_of(in, "PolicyArn");
  const std::string id = required(in, "VersionId");
  if (!in.ok()) return in.error();
  return control::iam::set_default_version(step, arn, id);
}

Done delete_policy_version(Step& step, In in, Out, const Call&) {
  const std::string arn = arn_of(in, "PolicyArn");
  const std::string id = required(in, "VersionId");
  if (!in.ok()) return in.error();
  return control::iam::delete_policy_version(step, arn, id);
}

Done tag_policy(Step& step, In in, Out, const Call&) {
  const std::string arn = arn_of(in, "PolicyArn");
  const auto tags = tags_of(in);
  if (!in.ok()) return in.error();
  return control::iam::tag_policy(step, arn, tags);
}

Done untag_policy(Step& step, In in, Out, const Call&) {
  const std::string arn = arn_of(in, "PolicyArn");
  const auto keys = tag_keys_of(in);
  if (!in.ok()) return in.error();
  return control::iam::untag_policy(step, arn, keys);
}

Done list_policy_tags(Step& step, In in, Out out, const Call&) {
  const std::string arn = arn_of(in, "PolicyArn");
  if (!in.ok()) return in.error();
  const auto found = control::iam::find_policy(step.state, arn);
  if (!found) return found.error();
  return write_tag_page(in, out, found->own != nullptr ? found->own->tags : std::vector<model::Tag>());
}

Done list_entities_for_policy(Step& step, In in, Out out, const Call&) {
  const std::string arn = arn_of(in, "PolicyArn");
  const std::string filter = in.string_or("EntityFilter", "");
  const std::string usage = in.string_or("PolicyUsageFilter", "PermissionsPolicy");
  const std::string prefix = prefix_of(in);
  if (!in.ok()) return in.error();
  if (const auto found = control::iam::find_policy(step.state, arn); !found) return found.error();
  struct List {
    Kind kind;
    std::string_view word;
    std::string_view member;
    std::string_view id;
  };
  for (const List& each : {List{Kind::kGroup, "Group", "PolicyGroups", "GroupId"},
                           List{Kind::kUser, "User", "PolicyUsers", "UserId"},
                           List{Kind::kRole, "Role", "PolicyRoles", "RoleId"}}) {
    Out list = out.child(each.member);
    if (!filter.empty() && filter != each.word) continue;
    for (const auto& [key, row] : control::iam::table_of(step.state, each.kind).rows()) {
      const bool has = usage == "PermissionsBoundary"
                           ? row.boundary == arn
                           : std::find(row.attached.begin(), row.attached.end(), arn) != row.attached.end();
      if (!has || !row.path.starts_with(prefix)) continue;
      Out member = list.child("member");
      member.text(name_member(each.kind), row.name);
      member.text(each.id, row.id);
    }
  }
  out.boolean("IsTruncated", false);
  return {};
}

constexpr auto kPolicyOperations = std::to_array<Operation>({
    {"CreatePolicy", create_policy},
    {"CreatePolicyVersion", create_policy_version},
    {"DeletePolicy", delete_policy},
    {"DeletePolicyVersion", delete_policy_version},
    {"GetPolicy", get_policy},
    {"GetPolicyVersion", get_policy_version},
    {"ListEntitiesForPolicy", list_entities_for_policy},
    {"ListPolicies", list_policies},
    {"ListPolicyTags", list_policy_tags},
    {"ListPolicyVersions", list_policy_versions},
    {"SetDefaultPolicyVersion", set_default_policy_version},
    {"TagPolicy", tag_policy},
    {"UntagPolicy", untag_policy},
});

}  // namespace

std::span<const Operation> policy_operations() { return kPolicyOperations; }

}  // namespace agent::api::iam
