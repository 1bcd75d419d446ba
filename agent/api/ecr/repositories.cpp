// Repositories, their images as the registry tells them, and the password for it.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/ecr/request.h"
#include "agent/api/json/page.h"
#include "agent/api/json/tags.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/tag_rules.h"
#include "shared/crypto/hash.h"

namespace agent::api::ecr {

using control::fault;
using nlohmann::json;
using shared::Result;

namespace {

constexpr std::chrono::hours kTokenLife{12};
constexpr std::size_t kMostOnPage = 1'000;
constexpr std::size_t kOnPage = 100;

json encode_repository(const Context& at, const model::Repository& row) {
  json out{{"repositoryArn", row.arn},
           {"registryId", at.step.settings.account},
           {"repositoryName", row.name},
           {"repositoryUri", at.registry.host + "/" + row.name},
           {"createdAt", shared::epoch_seconds(row.created_at)},
           {"imageTagMutability", row.immutable ? "IMMUTABLE" : "MUTABLE"}};
  out["imageScanningConfiguration"] = json::object();
  out["imageScanningConfiguration"]["scanOnPush"] = row.scan_on_push;
  out["encryptionConfiguration"] = json::object();
  out["encryptionConfiguration"]["encryptionType"] = row.encryption;
  if (!row.kms_key.empty()) out["encryptionConfiguration"]["kmsKey"] = row.kms_key;
  return out;
}

Answer get_authorization_token(const Context& at, In in) {
  for (const std::string& id : in.strings_or_empty("registryIds")) {
    if (id != at.step.settings.account)
      return invalid("registryIds: there is no registry " + id.substr(0, 12) + ".");
  }
  json one{{"authorizationToken", shared::crypto::base64_encode("AWS:" + at.registry.password)},
           {"expiresAt", shared::epoch_seconds(at.step.now + kTokenLife)},
           {"proxyEndpoint", at.registry.url}};
  json out = json::object();
  out["authorizationData"] = json::array();
  out["authorizationData"].push_back(std::move(one));
  return out;
}

Result<bool> immutable_in(In in, const std::string& otherwise) {
  const std::string word = in.string_or("imageTagMutability", otherwise);
  if (!in.ok()) return in.error();
  if (word != "MUTABLE" && word != "IMMUTABLE")
    return invalid("imageTagMutability: must be MUTABLE or IMMUTABLE.");
  return word == "IMMUTABLE";
}

Answer create_repository(const Context& at, In in) {
  model::Repository row;
  row.name = in.required_string("repositoryName");
  if (!in.ok()) return in.error();
  if (!is_repository_name(row.name))
    return invalid(
        "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular "
        "expression "
        "'(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*''");
  const auto immutable = immutable_in(in, "MUTABLE");
  if (!immutable) return immutable.error();
  row.immutable = *immutable;
  if (const auto scanning = in.child("imageScanningConfiguration"))
    row.scan_on_push = scanning->boolean_or("scanOnPush", false);
  row.encryption = "AES256";
  if (const auto encryption = in.child("encryptionConfiguration")) {
    row.encryption = encryption->string_or("encryptionType", "AES256");
    row.kms_key = encryption->string_or("kmsKey", "");
  }
  row.tags = read_tags(in, "tags");
  if (!in.ok()) return in.error();
  const auto made = registry::create_repository(at.step, std::move(row));
  if (!made) return made.error();
  json out = json::object();
  out["repository"] = encode_repository(at, **made);
  return out;
}

Answer describe_repositories(const Context& at, In in) {
  const auto names = in.strings("repositoryNames");
  const auto size = in.integer<std::int64_t>("maxResults", 1, kMostOnPage);
  const std::string token = in.string_or("nextToken", "");
  if (!in.ok()) return in.error();
  json out = json::object();
  out["repositories"] = json::array();
  if (names) {
    for (const std::string& name : *names) {
      const auto row = registry::find_repository(at.step, name);
      if (!row) return row.error();
      out["repositories"].push_back(encode_repository(at, **row));
    }
    return out;
  }
  const auto after = shared::crypto::base64_decode(token);
  if (!after) return invalid("nextToken: is not one of ours.");
  const std::string next = page_through(
      at.step.state.neighbours().repositories.rows(),
      {size ? static_cast<std::size_t>(*size) : kOnPage, *after}, [](const auto&) { return true; },
      [&](const auto& each) { out["repositories"].push_back(encode_repository(at, each.second)); });
  if (!next.empty()) out["nextToken"] = next;
  return out;
}

Result<Images> images_of(const Context& at) {
  if (!at.found)
    return fault("InvalidParameterException", "repositoryName: is not the name of a repository.");
  return *at.found;
}

// The images stay in the registry: they are deleted there.
Answer delete_repository(const Context& at, In in) {
  const auto row = repository_in(at, in);
  if (!row) return row.error();
  if (!in.boolean_or("force", false)) {
    const auto images = images_of(at);
    if (!images) return images.error();
    if (!images->empty())
      return fault("RepositoryNotEmptyException", "The repository with name '" + (*row)->name +
                                                      "' in registry with id '" + at.step.settings.account +
                                                      "' cannot be deleted because it still contains images");
  }
  json out = json::object();
  out["repository"] = encode_repository(at, **row);
  registry::delete_repository(at.step, std::string((*row)->name));
  return out;
}

Answer list_images(const Context& at, In in) {
  if (const auto row = repository_in(at, in); !row) return row.error();
  const auto images = images_of(at);
  if (!images) return images.error();
  json out = json::object();
  out["imageIds"] = json::array();
  for (const Image& image : *images) {
    for (const std::string& tag : image.tags)
      out["imageIds"].push_back({{"imageDigest", image.digest}, {"imageTag", tag}});
  }
  return out;
}

bool is_named(const Image& image, In id) {
  const std::string digest = id.string_or("imageDigest", "");
  const std::string tag = id.string_or("imageTag", "");
  return (digest.empty() || digest == image.digest) &&
         (tag.empty() || std::find(image.tags.begin(), image.tags.end(), tag) != image.tags.end());
}

Answer describe_images(const Context& at, In in) {
  const auto row = repository_in(at, in);
  if (!row) return row.error();
  const auto images = images_of(at);
  if (!images) return images.error();
  const auto ids = in.children("imageIds");
  if (!in.ok()) return in.error();
  for (const auto& id : ids) {
    if (std::none_of(images->begin(), images->end(), [&](const Image& each) { return is_named(each, id); }))
      return fault("ImageNotFoundException",
                   "The image with imageId {imageDigest:'" + id.string_or("imageDigest", "null") +
                       "', imageTag:'" + id.string_or("imageTag", "null") +
                       "'} does not exist within the repository with name '" + (*row)->name +
                       "' in the registry with id '" + at.step.settings.account + "'");
  }
  json out = json::object();
  out["imageDetails"] = json::array();
  for (const Image& image : *images) {
    const bool wanted = ids.empty() || std::any_of(ids.begin(), ids.end(),
                                                   [&](const auto& id) { return is_named(image, id); });
    if (!wanted) continue;
    out["imageDetails"].push_back({{"registryId", at.step.settings.account},
                                   {"repositoryName", (*row)->name},
                                   {"imageDigest", image.digest},
                                   {"imageTags", image.tags},
                                   {"imageSizeInBytes", image.bytes},
                                   {"imageManifestMediaType", image.media_type}});
  }
  return out;
}

Answer put_image_tag_mutability(const Context& at, In in) {
  const auto found = repository_in(at, in);
  if (!found) return found.error();
  const auto immutable = immutable_in(in, "");
  if (!immutable) return immutable.error();
  model::Repository row = **found;
  row.immutable = *immutable;
  registry::set_repository(at.step, row);
  return json{{"registryId", at.step.settings.account},
              {"repositoryName", row.name},
              {"imageTagMutability", row.immutable ? "IMMUTABLE" : "MUTABLE"}};
}

Answer put_image_scanning_configuration(const Context& at, In in) {
  const auto found = repository_in(at, in);
  if (!found) return found.error();
  const auto scanning = in.required_child("imageScanningConfiguration");
  if (!scanning) return in.error();
  model::Repository row = **found;
  row.scan_on_push = scanning->boolean_or("scanOnPush", false);
  if (!in.ok()) return in.error();
  registry::set_repository(at.step, row);
  json out{{"registryId", at.step.settings.account}, {"repositoryName", row.name}};
  out["imageScanningConfiguration"] = json::object();
  out["imageScanningConfiguration"]["scanOnPush"] = row.scan_on_push;
  return out;
}

constexpr auto kRepositoryOperations = std::to_array<Operation>({
    {"CreateRepository", create_repository},
    {"DeleteRepository", delete_repository},
    {"DescribeImages", describe_images},
    {"DescribeRepositories", describe_repositories},
    {"GetAuthorizationToken", get_authorization_token},
    {"ListImages", list_images},
    {"PutImageScanningConfiguration", put_image_scanning_configuration},
    {"PutImageTagMutability", put_image_tag_mutability},
});

}  // namespace

std::span<const Operation> repository_operations() { return kRepositoryOperations; }

}  // namespace agent::api::ecr
