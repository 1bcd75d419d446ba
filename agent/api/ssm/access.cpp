#include "agent/api/ssm/access.h"

#include <algorithm>

#include "agent/control/parameters/parameters.h"

namespace agent::api::ssm {
namespace {

// "/a/b" is parameter/a/b; a selector is no part of it.
std::string parameter_arn(const control::Step& step, std::string name) {
  if (name.starts_with("arn:")) return name;
  name.resize(std::min(name.find(':'), name.size()));
  return "arn:" + step.settings.partition + ":ssm:" + step.settings.region + ":" + step.settings.account +
         ":parameter" + (name.starts_with('/') ? "" : "/") + name;
}

Access access_to_parameter(const control::Step& step, const std::string& action, const std::string& name) {
  Access out{action, {parameter_arn(step, name)}};
  if (const auto* row = control::parameters::find_parameter(step.state, name)) {
    add_resource_tags(out, row->tags);
    for (const model::Tag& tag : row->tags) out.keys["ssm:resourceTag/" + tag.key] = {tag.value};
  }
  return out;
}

}  // namespace

std::vector<Access> accesses_of(const control::Step& step, const std::string& operation,
                                const shared::json::Reader& in) {
  const std::string action = "ssm:" + operation;
  if (operation == "DescribeParameters") return {{action, {"*"}}};
  std::vector<std::string> names = in.strings_or_empty("Names");
  for (const char* member : {"Name", "ResourceId", "Path"}) {
    if (const std::string name = in.string_or(member, ""); !name.empty()) names.push_back(name);
  }
  if (names.empty()) return {{action, {"*"}}};
  std::vector<model::Tag> tags;
  for (const auto& each : in.children("Tags"))
    tags.push_back({each.string_or("Key", ""), each.string_or("Value", "")});
  std::vector<Access> out;
  for (const std::string& name : names) {
    Access access = access_to_parameter(step, action, name);
    add_request_tags(access, tags);
    for (const std::string& each : in.strings_or_empty("TagKeys")) access.keys["aws:TagKeys"].push_back(each);
    if (operation == "GetParametersByPath")
      access.keys["ssm:Recursive"] = {in.boolean_or("Recursive", false) ? "true" : "false"};
    if (operation == "PutParameter")
      access.keys["ssm:Overwrite"] = {in.boolean_or("Overwrite", false) ? "true" : "false"};
    out.push_back(std::move(access));
  }
  if (operation == "PutParameter" && !tags.empty()) {
    Access tagging = out.front();
    tagging.action = "ssm:AddTagsToResource";
    out.push_back(std::move(tagging));
  }
  return out;
}

}  // namespace agent::api::ssm
