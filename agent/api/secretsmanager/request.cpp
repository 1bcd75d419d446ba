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

bool is_to_be_deleted(const model::Secret& row) { return row.deleted_at != shared::WallTime{}; }

json identity_of(const model::Secret& row) { return {{"ARN", row.arn}, {"Name", row.name}}; }

Result<Page> page_in(In in, std::size_t most) {
  return read_page<std::int64_t>(
      in, {.most = most, .otherwise = most},
      [&](const std::string& size) {
        return constraint("maxResults", size, "Member must have a value from 1 to " + std::to_string(most));
      },
      [] { return fault("InvalidNextTokenException", "The NextToken value is invalid."); });
}

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
