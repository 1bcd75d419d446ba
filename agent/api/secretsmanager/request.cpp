#include "agent/api/secretsmanager/request.h"

#include <nlohmann/json.hpp>

#include "agent/control/state/faults.h"
#include "shared/base/text.h"
#include "shared/crypto/hash.h"

namespace agent::api::secretsmanager {

using control::fault;
using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr std::size_t kShown = 128;
constexpr std::size_t kMostId = 2048;

}  // namespace

Error invalid(const std::string& text) { return fault("InvalidParameterException", text); }

Error constraint(std::string_view member, std::string_view value, std::string_view text) {
  return fault("ValidationException", "1 validation error detected: Value '" +
                                          shared::shortened(value, kShown) + "' at '" + std::string(member) +
                                          "' failed to satisfy constraint: " + std::string(text));
}

Result<std::string> required(In in, std::string_view member, std::string_view shown) {
  auto text = in.string(member);
  if (!in.ok()) return in.error();
  if (!text || text->empty()) {
    return fault("ValidationException", "1 validation error detected: Value null at '" + std::string(shown) +
                                            "' failed to satisfy constraint: Member must not be null");
  }
  return *std::move(text);
}

Result<const model::Secret*> secret_in(const Context& at, In in, bool also_deleted) {
  const auto id = required(in, "SecretId", "secretId");
  if (!id) return id.error();
  if (id->size() > kMostId)
    return constraint("secretId", *id, "Member must have length less than or equal to 2048");
  if (also_deleted) {
    if (const auto* row = control::secrets::look_up_secret(at.step, *id)) return row;
  }
  return control::secrets::find_secret(at.step, *id);
}

std::vector<model::Tag> tags_in(In in) {
  std::vector<model::Tag> tags;
  for (const auto& each : in.children("Tags"))
    tags.push_back({each.required_string("Key"), each.string_or("Value", "")});
  return tags;
}

bool is_to_be_deleted(const model::Secret& row) { return row.deleted_at != shared::WallTime{}; }

json identity_of(const model::Secret& row) { return {{"ARN", row.arn}, {"Name", row.name}}; }

Result<Page> page_in(In in, std::size_t most) {
  Page page;
  const auto size = in.integer<std::int64_t>("MaxResults");
  const auto token = in.string("NextToken");
  if (!in.ok()) return in.error();
  if (size && (*size < 1 || *size > static_cast<std::int64_t>(most)))
    return constraint("maxResults", std::to_string(*size),
                      "Member must have a value from 1 to " + std::to_string(most));
  page.size = size ? static_cast<std::size_t>(*size) : most;
  if (token) {
    const auto place = shared::crypto::base64_decode(*token);
    if (!place) return fault("InvalidNextTokenException", "The NextToken value is invalid.");
    page.after = *place;
  }
  return page;
}

std::string token_of(const std::string& last) { return shared::crypto::base64_encode(last); }

std::optional<std::string> opened(const Context& at, const model::Secret& row,
                                  const model::SecretVersion& version) {
  if (at.sealer == nullptr) return std::nullopt;
  return at.sealer->open(row.arn, version.value);
}

Answer value_of(const Context& at, const model::Secret& row, const model::SecretVersion& version) {
  const auto value = opened(at, row, version);
  if (!value)
    return fault("DecryptionFailure",
                 "Secrets Manager can't decrypt the protected secret text: it was sealed with another key of "
                 "this installation.");
  json out = identity_of(row);
  out["VersionId"] = version.id;
  out["VersionStages"] = version.stages;
  out["CreatedDate"] = shared::epoch_seconds(version.created_at);
  if (version.is_binary)
    out["SecretBinary"] = shared::crypto::base64_encode(*value);
  else
    out["SecretString"] = *value;
  return out;
}

}  // namespace agent::api::secretsmanager
