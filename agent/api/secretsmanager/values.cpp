// Versions of secrets: values and the stages that name them.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/secretsmanager/request.h"
#include "agent/control/state/faults.h"
#include "shared/crypto/hash.h"

namespace agent::api::secretsmanager {

using control::fault;
using nlohmann::json;
using shared::Result;
namespace secrets = control::secrets;

namespace {

constexpr std::size_t kMostValue = 65'536;
constexpr std::size_t kLeastToken = 32;
constexpr std::size_t kMostToken = 64;
constexpr std::size_t kMostStage = 256;

struct GivenValue {
  std::string value;
  bool is_binary = false;
};

Result<std::optional<GivenValue>> given_value(In in) {
  const auto text = in.string("SecretString");
  const auto binary = in.string("SecretBinary");
  if (!in.ok()) return in.error();
  if (text && binary)
    return invalid(
        "You can't specify both a binary secret value and a string secret value in the same secret.");
  if (!text && !binary) return std::optional<GivenValue>();
  GivenValue out;
  out.is_binary = binary.has_value();
  if (text) {
    out.value = *text;
  } else {
    const auto bytes = shared::crypto::base64_decode(*binary);
    if (!bytes) return fault("SerializationException", "SecretBinary is not base64.");
    out.value = *bytes;
  }
  const char* member = out.is_binary ? "secretBinary" : "secretString";
  if (out.value.empty()) return constraint(member, "", "Member must have length greater than or equal to 1");
  if (out.value.size() > kMostValue)
    return fault("ValidationException", "1 validation error detected: Value at '" + std::string(member) +
                                            "' failed to satisfy constraint: Member must have length less "
                                            "than or equal to 65536");
  return std::optional(std::move(out));
}

}  // namespace

Result<std::string> keep_value(const Context& at, In in, const std::string& name,
                               const std::vector<std::string>& stages) {
  const auto given = given_value(in);
  if (!given) return given.error();
  const auto token = in.string("ClientRequestToken");
  if (!in.ok()) return in.error();
  if (token && (token->size() < kLeastToken || token->size() > kMostToken))
    return constraint("clientRequestToken", *token, "Member must have a length from 32 to 64");
  if (!*given) return std::string();
  if (at.sealer == nullptr)
    return fault("EncryptionFailure", "Secrets cannot be kept: this installation has no key to seal them.");
  const model::Secret& row = *at.step.state.neighbours().secrets.find(name);
  model::SecretVersion version;
  version.id = token ? *token : at.step.random.uuid();
  version.is_binary = (*given)->is_binary;
  version.stages = stages;
  const auto same = std::find_if(row.versions.begin(), row.versions.end(),
                                 [&](const auto& each) { return each.id == version.id; });
  if (same != row.versions.end()) {
    if (same->is_binary == version.is_binary && opened(at, row, *same) == (*given)->value)
      return version.id;  // a repeated call
    return fault("ResourceExistsException",
                 "You can't use ClientRequestToken " + version.id +
                     " because that value is already in use for a version of secret " + row.arn + ".");
  }
  version.value = at.sealer->seal(at.step.random, row.arn, (*given)->value);
  const std::string id = version.id;
  if (auto added = secrets::add_version(at.step, name, std::move(version)); !added) return added.error();
  return id;
}

Answer get_secret_value(const Context& at, In in) {
  const auto row = secret_in(at, in);
  if (!row) return row.error();
  const std::string id = in.string_or("VersionId", "");
  const std::string stage = in.string_or("VersionStage", "");
  if (!in.ok()) return in.error();
  const auto version = secrets::find_version(**row, id, stage);
  if (!version) return version.error();
  auto answer = value_of(at, **row, **version);
  if (answer) secrets::note_access(at.step, std::string((*row)->name));
  return answer;
}

Answer put_secret_value(const Context& at, In in) {
  const auto row = secret_in(at, in);
  if (!row) return row.error();
  const auto stages = in.strings_or_empty("VersionStages");
  if (!in.ok()) return in.error();
  for (const std::string& each : stages) {
    if (each.empty() || each.size() > kMostStage)
      return constraint("versionStages", each, "Member must have a length from 1 to 256");
  }
  if (stages.size() > secrets::kMaxStages)
    return constraint("versionStages", std::to_string(stages.size()), "Member must have at most 20 elements");
  const std::string name = (*row)->name;
  const auto id = keep_value(at, in, name, stages);
  if (!id) return id.error();
  if (id->empty()) return invalid("You must provide either SecretString or SecretBinary.");
  const model::Secret& now = *at.step.state.neighbours().secrets.find(name);
  json out = identity_of(now);
  out["VersionId"] = *id;
  out["VersionStages"] = json::array();
  for (const auto& each : now.versions) {
    if (each.id == *id) out["VersionStages"] = each.stages;
  }
  return out;
}

Answer update_secret_version_stage(const Context& at, In in) {
  const auto row = secret_in(at, in);
  if (!row) return row.error();
  const auto stage = required(in, "VersionStage", "versionStage");
  if (!stage) return stage.error();
  const std::string from = in.string_or("RemoveFromVersionId", "");
  const std::string to = in.string_or("MoveToVersionId", "");
  if (!in.ok()) return in.error();
  if (stage->size() > kMostStage)
    return constraint("versionStage", *stage, "Member must have length less than or equal to 256");
  const std::string name = (*row)->name;
  if (auto moved = secrets::move_stage(at.step, name, *stage, from, to); !moved) return moved.error();
  return identity_of(*at.step.state.neighbours().secrets.find(name));
}

}  // namespace agent::api::secretsmanager
