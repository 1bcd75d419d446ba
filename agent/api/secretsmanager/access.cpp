#include "agent/api/secretsmanager/access.h"

#include <algorithm>

namespace agent::api::secretsmanager {
namespace {

// Of one that is not there, or not yet.
std::string arn_to_come(const control::Step& step, const std::string& id) {
  if (id.starts_with("arn:")) return id;
  return "arn:" + step.settings.partition + ":secretsmanager:" + step.settings.region + ":" +
         step.settings.account + ":secret:" + id + "-??????";
}

Access access_to(const Context& at, const std::string& action, const std::string& id) {
  const model::Secret* row = control::secrets::look_up_secret(at.step, id);
  Access out{action, {row == nullptr ? arn_to_come(at.step, id) : row->arn}};
  out.keys["secretsmanager:SecretId"] = {id};
  if (row == nullptr) return out;
  add_resource_tags(out, row->tags);
  for (const model::Tag& tag : row->tags) out.keys["secretsmanager:ResourceTag/" + tag.key] = {tag.value};
  return out;
}

}  // namespace

std::vector<Access> accesses_of(const Context& at, In in) {
  const std::string& operation = at.call.operation;
  const std::string action = "secretsmanager:" + operation;
  if (operation == "ListSecrets" || operation == "GetRandomPassword") return {{action, {"*"}}};
  std::vector<Access> out;
  if (operation == "BatchGetSecretValue") {
    // Of each secret GetSecretValue is asked for as well; by filters they are not known here.
    out.push_back({action, {"*"}});
    for (const std::string& id : in.strings_or_empty("SecretIdList"))
      out.push_back(access_to(at, "secretsmanager:GetSecretValue", id));
    if (!in.children("Filters").empty()) out.push_back(action_alone("secretsmanager:GetSecretValue"));
    return out;
  }
  const std::string id = in.string_or(operation == "CreateSecret" ? "Name" : "SecretId", "");
  if (id.empty()) return {{action, {"*"}}};
  Access access = access_to(at, action, id);
  if (operation == "CreateSecret") access.keys["secretsmanager:Name"] = {id};
  if (operation == "GetSecretValue")
    access.keys["secretsmanager:VersionStage"] = {in.string_or("VersionStage", "AWSCURRENT")};
  const auto tags = read_tags(in);
  add_request_tags(access, tags);
  for (const std::string& each : in.strings_or_empty("TagKeys")) access.keys["aws:TagKeys"].push_back(each);
  out.push_back(access);
  if (operation == "CreateSecret" && !tags.empty()) {
    access.action = "secretsmanager:TagResource";
    out.push_back(std::move(access));
  }
  return out;
}

}  // namespace agent::api::secretsmanager
