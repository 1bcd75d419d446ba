#include "agent/api/servicediscovery/access.h"

#include <algorithm>

namespace agent::api::servicediscovery {
namespace {

void about_namespace(const Context& at, Access& access, const std::string& id) {
  if (id.empty()) return;
  const auto row = discovery::find_namespace(at.step, id);
  access.resources = {row ? (*row)->arn : discovery::arn_of(at.step, "namespace", id)};
  if (!row) return;
  add_resource_tags(access, (*row)->tags);
  access.keys["servicediscovery:NamespaceArn"] = {(*row)->arn};
  access.keys["servicediscovery:NamespaceName"] = {(*row)->name};
}

void about_service(const Context& at, Access& access, const std::string& id) {
  if (id.empty()) return;
  const auto row = discovery::find_service(at.step, id);
  access.resources = {row ? (*row)->arn : discovery::arn_of(at.step, "service", id)};
  if (!row) return;
  add_resource_tags(access, (*row)->tags);
  access.keys["servicediscovery:ServiceArn"] = {(*row)->arn};
  access.keys["servicediscovery:ServiceName"] = {(*row)->name};
}

// By names, as DiscoverInstances has them.
void about_named(Access& access, In in) {
  access.keys["servicediscovery:NamespaceName"] = {in.string_or("NamespaceName", "")};
  access.keys["servicediscovery:ServiceName"] = {in.string_or("ServiceName", "")};
}

constexpr std::string_view kOfNamespace[] = {"DeleteNamespace", "GetNamespace", "UpdateHttpNamespace",
                                             "UpdatePrivateDnsNamespace", "UpdatePublicDnsNamespace"};
constexpr std::string_view kOfService[] = {"DeleteService", "GetService", "UpdateService"};

bool is_one(std::string_view operation, const auto& names) {
  return std::find(std::begin(names), std::end(names), operation) != std::end(names);
}

}  // namespace

std::vector<Access> accesses_of(const Context& at, In in) {
  const std::string& operation = at.call.operation;
  Access access{"servicediscovery:" + operation, {"*"}};
  const auto tags = read_tags(in);
  add_request_tags(access, tags);
  for (const std::string& each : in.strings_or_empty("TagKeys")) access.keys["aws:TagKeys"].push_back(each);
  if (is_one(operation, kOfNamespace)) {
    about_namespace(at, access, in.string_or("Id", ""));
  } else if (is_one(operation, kOfService)) {
    about_service(at, access, in.string_or("Id", ""));
  } else if (operation == "CreateService") {
    about_namespace(at, access, namespace_named(in));
  } else if (in.has("ServiceId")) {
    about_service(at, access, in.string_or("ServiceId", ""));
  } else if (operation.starts_with("DiscoverInstances")) {
    about_named(access, in);
  } else if (const std::string arn = in.string_or("ResourceARN", ""); !arn.empty()) {
    if (arn.find(":namespace/") != std::string::npos) {
      about_namespace(at, access, arn);
    } else {
      about_service(at, access, arn);
    }
  }
  std::vector<Access> out{access};
  if (operation.starts_with("Create") && !tags.empty()) {
    access.action = "servicediscovery:TagResource";
    access.resources = {"*"};
    out.push_back(std::move(access));
  }
  return out;
}

}  // namespace agent::api::servicediscovery
