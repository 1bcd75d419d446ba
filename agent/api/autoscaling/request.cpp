#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/autoscaling/operations.h"
#include "agent/aws/arn.h"
#include "agent/control/state/faults.h"
#include "shared/base/text.h"
#include "shared/crypto/hash.h"

namespace agent::api::autoscaling {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr std::size_t kShownBytes = 128;
constexpr std::size_t kMaxNameBytes = 256;
constexpr std::string_view kServicePrefix = "service/";
constexpr const char* kUnsupported = "Unsupported service namespace, resource type or scalable dimension";

// "service/<cluster>/<service>".
std::optional<std::string> key_of_resource(std::string_view resource) {
  if (!resource.starts_with(kServicePrefix)) return std::nullopt;
  resource.remove_prefix(kServicePrefix.size());
  const auto slash = resource.find('/');
  if (slash == std::string_view::npos || !aws::is_ecs_name(resource.substr(0, slash)) ||
      !aws::is_ecs_name(resource.substr(slash + 1)))
    return std::nullopt;
  return std::string(resource);
}

Result<std::string> required(In in, std::string_view member, std::string_view shown) {
  auto text = in.string(member);
  if (!in.ok()) return in.error();
  if (!text) return missing(shown);
  return *std::move(text);
}

}  // namespace

Error refuse(std::string text) { return control::fault("ValidationException", std::move(text)); }
Error constraint(std::string_view member, std::string_view value, std::string_view text) {
  return refuse("1 validation error detected: Value '" + shared::shortened(value, kShownBytes) + "' at '" +
                std::string(member) + "' failed to satisfy constraint: " + std::string(text));
}
Error missing(std::string_view member) {
  return refuse("1 validation error detected: Value null at '" + std::string(member) +
                "' failed to satisfy constraint: Member must not be null");
}

Result<std::string> target_key_in(In in) {
  const auto space = required(in, "ServiceNamespace", "serviceNamespace");
  if (!space) return space;
  const auto resource = required(in, "ResourceId", "resourceId");
  if (!resource) return resource;
  const auto dimension = required(in, "ScalableDimension", "scalableDimension");
  if (!dimension) return dimension;
  auto key = key_of_resource(*resource);
  if (*space != kNamespace || *dimension != kDimension || !key) return refuse(kUnsupported);
  return *std::move(key);
}

Result<Filter> filter_in(In in) {
  const auto space = required(in, "ServiceNamespace", "serviceNamespace");
  if (!space) return space.error();
  Filter out;
  const auto resource = in.string("ResourceId");
  const auto dimension = in.string("ScalableDimension");
  if (!in.ok()) return in.error();
  out.none = *space != kNamespace || (dimension && *dimension != kDimension);
  if (resource) {
    out.key = key_of_resource(*resource);
    if (!out.key) out.none = true;
  }
  return out;
}

Result<std::string> name_in(In in, std::string_view member, std::string_view shown) {
  auto name = required(in, member, shown);
  if (!name) return name;
  if (name->empty() || name->size() > kMaxNameBytes)
    return constraint(shown, *name, "Member must have from 1 to 256 characters");
  const bool printable = std::all_of(
      name->begin(), name->end(), [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != 0x7f; });
  if (!printable)
    return constraint(shown, *name, "Member must satisfy regular expression pattern: \\p{Print}+");
  return name;
}

Result<Page> page_in(In in, std::size_t most) {
  return read_page<int>(
      in, {.most = most, .otherwise = most, .takes_empty_token = false},
      [&](const std::string& size) {
        return constraint("maxResults", size, "Member must have value from 1 to " + std::to_string(most));
      },
      [] { return control::fault("InvalidNextTokenException", "The next token is invalid."); });
}

void name_target(json& out, const std::string& key) {
  out["ServiceNamespace"] = kNamespace;
  out["ResourceId"] = std::string(kServicePrefix) + key;
  out["ScalableDimension"] = kDimension;
}

std::vector<model::Tag> tags_in(In in) {
  std::vector<model::Tag> tags;
  for (const auto& [key, value] : in.string_map_or_empty("Tags")) tags.push_back({key, value});
  return tags;
}

}  // namespace agent::api::autoscaling
