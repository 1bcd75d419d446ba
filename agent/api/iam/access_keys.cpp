// Access keys of users. The secret is in the answer that makes it and in no other.
#include <array>

#include "agent/api/iam/operations.h"
#include "agent/control/iam/credentials.h"
#include "agent/control/state/faults.h"

namespace agent::api::iam {
namespace {

// Named, or the caller's own.
std::string user_named(In in, const Call& call) {
  const auto given = optional_name(in, "UserName", kMaxNameChars);
  if (given) return *given;
  const std::size_t at = call.caller_arn.find(":user/");
  if (at == std::string::npos) {
    in.fail(control::validation_error("Must specify userName when calling with non-User credentials"));
    return "";
  }
  return call.caller_arn.substr(call.caller_arn.rfind('/') + 1);
}

Done create_access_key(Step& step, In in, Out out, const Call& call) {
  const std::string user = user_named(in, call);
  if (!in.ok()) return in.error();
  const auto made = control::iam::create_access_key(step, user);
  if (!made) return made.error();
  Out key = out.child("AccessKey");
  key.text("UserName", (*control::iam::find_identity(step.state, Kind::kUser, user))->name);
  key.text("AccessKeyId", (*made)->id);
  key.text("Status", "Active");
  key.text("SecretAccessKey", (*made)->secret);
  key.time("CreateDate", (*made)->created_at);
  return {};
}

Done update_access_key(Step& step, In in, Out, const Call& call) {
  const std::string user = user_named(in, call);
  const std::string id = required(in, "AccessKeyId");
  const std::string status = required(in, "Status");
  if (in.ok() && status != "Active" && status != "Inactive")
    in.fail("Status", "Member must satisfy enum value set: [Active, Inactive]");
  if (!in.ok()) return in.error();
  return control::iam::update_access_key(step, user, id, status == "Active");
}

Done delete_access_key(Step& step, In in, Out, const Call& call) {
  const std::string user = user_named(in, call);
  const std::string id = required(in, "AccessKeyId");
  if (!in.ok()) return in.error();
  return control::iam::delete_access_key(step, user, id);
}

Done list_access_keys(Step& step, In in, Out out, const Call& call) {
  const std::string name = user_named(in, call);
  const bool named = in.string("UserName").has_value();
  if (!in.ok()) return in.error();
  const auto user = control::iam::find_identity(step.state, Kind::kUser, name);
  if (!user && named) return user.error();
  Items<const model::IamAccessKey*> items;
  for (const auto& [id, row] : step.state.neighbours().access_keys.rows()) {
    if (user && row.user == control::iam::key_of_name(name)) items.emplace_back(id, &row);
  }
  return write_page(in, out, "AccessKeyMetadata", items, [&](Out list, const model::IamAccessKey* row) {
    Out member = list.child("member");
    member.text("UserName", (*user)->name);
    member.text("AccessKeyId", row->id);
    member.text("Status", row->active ? "Active" : "Inactive");
    member.time("CreateDate", row->created_at);
  });
}

constexpr auto kAccessKeyOperations = std::to_array<Operation>({
    {"CreateAccessKey", create_access_key},
    {"DeleteAccessKey", delete_access_key},
    {"ListAccessKeys", list_access_keys},
    {"UpdateAccessKey", update_access_key},
});

}  // namespace

std::span<const Operation> access_key_operations() { return kAccessKeyOperations; }

}  // namespace agent::api::iam
