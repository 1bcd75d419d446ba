#include "agent/api/iam/shapes.h"

#include <algorithm>

#include "agent/control/state/faults.h"
#include "shared/crypto/hash.h"
#include "shared/http/message.h"

namespace agent::api::iam {
namespace {

constexpr const char* kNamePattern = "Member must satisfy regular expression pattern: [\\w+=,.@-]+";

bool is_name_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("_+=,.@-").find(c) != std::string_view::npos;
}

void check_name(In in, std::string_view member, const std::string& name, std::size_t most) {
  if (name.size() > most) {
    in.fail(member, "Member must have length less than or equal to " + std::to_string(most));
  } else if (!std::all_of(name.begin(), name.end(), is_name_char)) {
    in.fail(member, kNamePattern);
  }
}

// "role_name" of "RoleName", as texts have it.
std::string lower_first(std::string_view member) {
  std::string out(member);
  if (!out.empty() && out[0] >= 'A' && out[0] <= 'Z') out[0] = static_cast<char>(out[0] - 'A' + 'a');
  return out;
}

}  // namespace

std::string required(In in, std::string_view member) {
  auto text = in.string(member);
  if (!text) {
    in.fail(control::validation_error("1 validation error detected: Value null at '" +
                                      lower_first(in.path_of(member)) +
                                      "' failed to satisfy constraint: Member must not be null"));
  }
  return std::move(text).value_or("");
}

std::string name_of(In in, std::string_view member, std::size_t most) {
  std::string name = required(in, member);
  check_name(in, member, name, most);
  return name;
}

std::optional<std::string> optional_name(In in, std::string_view member, std::size_t most) {
  auto name = in.string(member);
  if (name) check_name(in, member, *name, most);
  return name;
}

std::string path_of(In in, std::string_view member) {
  std::string path = in.string_or(member, "/");
  const bool printable = std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (path.size() > kMaxPathChars) {
    in.fail(member, "Member must have length less than or equal to " + std::to_string(kMaxPathChars));
  } else if (!path.starts_with('/') || !path.ends_with('/') || !printable ||
             path.find("//") != std::string::npos) {
    in.fail(
        control::validation_error("The specified value for " + lower_first(member) +
                                  " is invalid. It must begin and end with / and contain only alphanumeric "
                                  "characters and/or / characters."));
  }
  return path;
}

std::string prefix_of(In in) {
  std::string prefix = in.string_or("PathPrefix", "/");
  if (!prefix.starts_with('/')) in.fail("PathPrefix", "Member must begin with /");
  return prefix;
}

std::string arn_of(In in, std::string_view member) {
  constexpr std::size_t kLeast = 20;
  constexpr std::size_t kMost = 2048;
  std::string arn = required(in, member);
  if (in.ok() && arn.size() < kLeast) {
    in.fail(member, "Member must have length greater than or equal to " + std::to_string(kLeast));
  } else if (arn.size() > kMost) {
    in.fail(member, "Member must have length less than or equal to " + std::to_string(kMost));
  } else if (in.ok() && !aws::looks_like_arn(arn)) {
    in.fail(control::fault("InvalidInput", "ARN " + arn.substr(0, aws::kQuotedArnBytes) + " is not valid."));
  }
  return arn;
}

std::string document_of(In in, std::string_view member) {
  std::string document = required(in, member);
  if (document.size() > kMaxDocumentChars)
    in.fail(member, "Member must have length less than or equal to " + std::to_string(kMaxDocumentChars));
  return document;
}

std::vector<model::Tag> tags_of(In in) {
  std::vector<model::Tag> tags;
  for (const auto& each : in.children("Tags"))
    tags.push_back({required(each, "Key"), each.string_or("Value", "")});
  return tags;
}

std::vector<std::string> tag_keys_of(In in) {
  auto keys = in.strings_or_empty("TagKeys");
  if (in.ok() && !in.has("TagKeys")) (void)required(in, "TagKeys");
  return keys;
}

void write_tags(Out out, const std::vector<model::Tag>& tags) {
  if (tags.empty()) return;
  Out list = out.child("Tags");
  for (const auto& tag : tags) {
    Out member = list.child("member");
    member.text("Key", tag.key);
    member.text("Value", tag.value);
  }
}

void write_document(Out out, std::string_view member, std::string_view document) {
  out.text(member, shared::http::percent_encode(document, shared::http::Slash::kEncode));
}

std::string_view name_member(Kind kind) {
  return kind == Kind::kRole ? "RoleName" : kind == Kind::kUser ? "UserName" : "GroupName";
}

void write_identity(Out out, Kind kind, const model::IamIdentity& row, Detail detail) {
  out.text("Path", row.path);
  out.text(name_member(kind), row.name);
  out.text(kind == Kind::kRole ? "RoleId" : kind == Kind::kUser ? "UserId" : "GroupId", row.id);
  out.text("Arn", row.arn);
  out.time("CreateDate", row.created_at);
  if (kind == Kind::kRole) {
    write_document(out, "AssumeRolePolicyDocument", row.trust);
    out.text_unless_empty("Description", row.description);
    out.integer("MaxSessionDuration", row.max_session_seconds);
  }
  if (detail == Detail::kInList) return;
  if (!row.boundary.empty()) {
    Out boundary = out.child("PermissionsBoundary");
    boundary.text("PermissionsBoundaryType", "PermissionsBoundaryPolicy");
    boundary.text("PermissionsBoundaryArn", row.boundary);
  }
  write_tags(out, row.tags);
}

void write_profile(Out out, const control::State& state, const model::IamInstanceProfile& row,
                   Detail detail) {
  out.text("Path", row.path);
  out.text("InstanceProfileName", row.name);
  out.text("InstanceProfileId", row.id);
  out.text("Arn", row.arn);
  out.time("CreateDate", row.created_at);
  Out roles = out.child("Roles");
  if (const auto* role = state.neighbours().roles.find(row.role))
    write_identity(roles.child("member"), Kind::kRole, *role, Detail::kInList);
  if (detail == Detail::kWhole) write_tags(out, row.tags);
}

Page page_of(In in, const std::vector<std::string>& keys) {
  const int size = in.integer<int>("MaxItems", 1, kMaxPage).value_or(kDefaultPage);
  Page page;
  if (const auto marker = in.string("Marker")) {
    const auto after = shared::crypto::base64_decode(*marker);
    if (!after) {
      in.fail(control::validation_error("Invalid Marker."));
      return page;
    }
    // The keys are in order; one that is gone meanwhile has a place all the same.
    page.first = static_cast<std::size_t>(std::upper_bound(keys.begin(), keys.end(), *after) - keys.begin());
  }
  page.end = std::min(keys.size(), page.first + static_cast<std::size_t>(size));
  return page;
}

void end_page(Out out, const std::vector<std::string>& keys, const Page& page) {
  const bool more = page.end < keys.size();
  out.boolean("IsTruncated", more);
  if (more) out.text("Marker", shared::crypto::base64_encode(keys[page.end - 1]));
}

Done write_names(In in, Out out, std::string_view member, const std::vector<std::string>& names) {
  Items<const std::string*> items;
  for (const std::string& name : names) items.emplace_back(name, &name);
  std::sort(items.begin(), items.end());
  return write_page(in, out, member, items,
                    [](Out list, const std::string* name) { list.text("member", *name); });
}

Done write_tag_page(In in, Out out, const std::vector<model::Tag>& tags) {
  Items<const model::Tag*> items;
  for (const auto& tag : tags) items.emplace_back(tag.key, &tag);
  std::sort(items.begin(), items.end());
  return write_page(in, out, "Tags", items, [](Out list, const model::Tag* tag) {
    Out member = list.child("member");
    member.text("Key", tag->key);
    member.text("Value", tag->value);
  });
}

}  // namespace agent::api::iam
