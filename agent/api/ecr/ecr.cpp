#include "agent/api/ecr/ecr.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/api/ecr/request.h"
#include "agent/api/json/json_call.h"
#include "agent/api/json/tags.h"
#include "agent/control/state/faults.h"

namespace agent::api::ecr {

using control::fault;
using nlohmann::json;
using shared::Result;

namespace {

std::array<std::span<const Operation>, 2> tables() { return {repository_operations(), policy_operations()}; }

constexpr std::string_view kByProtocol =
    "is not offered: images are pushed, pulled and deleted by the registry's own protocol (docker push).";
constexpr std::string_view kNoScans = "is not offered: images are not scanned.";
constexpr std::string_view kNoOthers =
    "is not offered: there is one registry, and it is its operator's to set up.";
constexpr std::pair<std::string_view, std::string_view> kNotOffered[] = {
    {"BatchCheckLayerAvailability", kByProtocol},
    {"BatchDeleteImage", kByProtocol},
    {"BatchGetImage", kByProtocol},
    {"CompleteLayerUpload", kByProtocol},
    {"CreatePullThroughCacheRule", kNoOthers},
    {"DescribeImageScanFindings", kNoScans},
    {"GetDownloadUrlForLayer", kByProtocol},
    {"InitiateLayerUpload", kByProtocol},
    {"PutImage", kByProtocol},
    {"PutRegistryPolicy", kNoOthers},
    {"PutReplicationConfiguration", kNoOthers},
    {"StartImageScan", kNoScans},
    {"StartLifecyclePolicyPreview", kNoScans},
    {"UploadLayerPart", kByProtocol},
};

std::vector<Access> accesses_of(const Context& at, In in) {
  Access access{"ecr:" + at.call.operation, {"*"}};
  std::string name = in.string_or("repositoryName", "");
  if (name.empty() && in.has("repositoryNames") && in.strings_or_empty("repositoryNames").size() == 1)
    name = in.strings_or_empty("repositoryNames").front();
  if (!name.empty()) access.resources = {registry::repository_arn(at.step.settings, name)};
  if (in.has("resourceArn")) access.resources = {in.string_or("resourceArn", "")};
  if (const auto row = registry::find_repository(at.step, name)) {
    add_resource_tags(access, (*row)->tags);
    for (const model::Tag& tag : (*row)->tags) access.keys["ecr:ResourceTag/" + tag.key] = {tag.value};
  }
  add_request_tags(access, read_tags(in, "tags"));
  return {access};
}

}  // namespace

shared::Error invalid(const std::string& text) { return fault("InvalidParameterException", text); }

// Lower-case parts, joined by "/", each of letters and digits with single ".", "_" or "-" between.
bool is_repository_name(std::string_view name) {
  if (name.size() < 2 || name.size() > 256) return false;
  bool after_letter = false;
  for (char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool joint = c == '/' || c == '.' || c == '_' || c == '-';
    if (!letter && (!joint || !after_letter)) return false;
    after_letter = letter;
  }
  return after_letter;
}

Result<const model::Repository*> repository_in(const Context& at, In in) {
  const std::string name = in.required_string("repositoryName");
  const std::string account = in.string_or("registryId", at.step.settings.account);
  if (!in.ok()) return in.error();
  if (account != at.step.settings.account)
    return fault("RepositoryNotFoundException", "The repository with name '" + name.substr(0, 256) +
                                                    "' does not exist in the registry with id '" +
                                                    account.substr(0, 12) + "'");
  return registry::find_repository(at.step, name);
}

std::string wants_images(const Call& call) {
  const bool of_images = call.operation == "ListImages" || call.operation == "DescribeImages" ||
                         call.operation == "DeleteRepository";
  if (!of_images) return {};
  const auto document = shared::json::Document::parse(call.body, "InvalidParameterException");
  if (!document) return {};
  const shared::json::Reader in = document->root();
  if (call.operation == "DeleteRepository" && in.boolean_or("force", false)) return {};
  const std::string name = in.string_or("repositoryName", "");
  return is_repository_name(name) ? name : std::string();
}

Result<std::string> handle(control::Step& step, const Call& call, const Registry& registry,
                           const std::optional<Result<Images>>& found) {
  const Run run = find_operation(tables(), call.operation);
  if (run == nullptr) {
    for (const auto& [name, why] : kNotOffered) {
      if (name == call.operation) return invalid("ecr:" + call.operation + " " + std::string(why));
    }
    return fault("UnknownOperationException",
                 "ecr:" + call.operation + " does not exist, or is not offered here.");
  }
  if (registry.url.empty())
    return invalid(
        "ecr:" + call.operation +
        " is not offered by this installation: its control has no --registry, the URL of a registry.");
  return run_json(run, Context{step, call, registry, found}, "InvalidParameterException", accesses_of);
}

Offers offers() {
  Offers out;
  for (const auto table : tables()) add_offered(out, table);
  add_refused(out, kNotOffered);
  return out;
}

}  // namespace agent::api::ecr
