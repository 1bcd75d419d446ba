#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/logs/operations.h"
#include "shared/base/text.h"
#include "shared/crypto/hash.h"

namespace agent::api::logs {

using shared::Error;
using shared::Result;

namespace {

constexpr std::size_t kMaxNameChars = 512;
constexpr std::size_t kShownBytes = 128;
constexpr std::string_view kGroupPattern = "[\\.\\-_/#A-Za-z0-9]+";
constexpr std::string_view kStreamPattern = "[^:*]*";

bool is_group_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view(".-_/#").find(c) != std::string_view::npos;
}

Result<void> check_length(std::string_view member, const std::string& name) {
  if (name.empty()) return constraint(member, name, "Member must have length greater than or equal to 1");
  if (name.size() > kMaxNameChars)
    return constraint(member, name, "Member must have length less than or equal to 512");
  return {};
}

Result<std::string> required(In in, std::string_view member) {
  auto text = in.string(member);
  if (!in.ok()) return in.error();
  if (text) return *std::move(text);
  return invalid("1 validation error detected: Value null at '" + std::string(member) +
                 "' failed to satisfy constraint: Member must not be null");
}

}  // namespace

Error invalid(std::string text) {
  return Error("InvalidParameterException", std::move(text), shared::Blame::kClient);
}

Error constraint(std::string_view member, std::string_view value, std::string_view text) {
  return invalid("1 validation error detected: Value '" + shared::shortened(value, kShownBytes) + "' at '" +
                 std::string(member) + "' failed to satisfy constraint: " + std::string(text));
}

Error bad_token() { return invalid("The specified nextToken is invalid."); }

Result<void> check_group_name(std::string_view member, const std::string& name) {
  if (auto ok = check_length(member, name); !ok) return ok;
  if (std::all_of(name.begin(), name.end(), is_group_char)) return {};
  return constraint(member, name,
                    "Member must satisfy regular expression pattern: " + std::string(kGroupPattern));
}

Result<void> check_stream_name(std::string_view member, const std::string& name) {
  if (auto ok = check_length(member, name); !ok) return ok;
  if (name.find_first_of(":*") == std::string::npos) return {};
  return constraint(member, name,
                    "Member must satisfy regular expression pattern: " + std::string(kStreamPattern));
}

Result<std::string> group_name(In in, std::string_view member) {
  auto name = required(in, member);
  if (!name) return name;
  if (auto ok = check_group_name(member, *name); !ok) return ok.error();
  return name;
}

Result<std::string> stream_name(In in, std::string_view member) {
  auto name = required(in, member);
  if (!name) return name;
  if (auto ok = check_stream_name(member, *name); !ok) return ok.error();
  return name;
}

Result<std::string> name_in(const aws::Realm& realm, std::string_view member,
                            const std::string& name_or_arn) {
  std::string name = name_or_arn;
  if (aws::looks_like_arn(name_or_arn)) {
    const std::string prefix = group_arn(realm, "");
    if (!name_or_arn.starts_with(prefix))
      return constraint(member, name_or_arn,
                        "Member must be the ARN of a log group of this account and region");
    name = name_or_arn.substr(prefix.size());
    if (name.ends_with(":*")) name.resize(name.size() - 2);
  }
  if (auto ok = check_group_name(member, name); !ok) return ok.error();
  return name;
}

Result<Group> identified_group(const Context& at, In in) {
  const auto name = in.string("logGroupName");
  const auto identifier = in.string("logGroupIdentifier");
  if (!in.ok()) return in.error();
  if (name && identifier)
    return invalid("logGroupName and logGroupIdentifier exclude each other: give one of them");
  if (!name && !identifier) return invalid("Either logGroupName or logGroupIdentifier must be given");
  const auto found = name ? group_name(in) : name_in(at.realm, "logGroupIdentifier", *identifier);
  if (!found) return found.error();
  return at.store.group(*found);
}

std::string group_arn(const aws::Realm& realm, const std::string& group) {
  return "arn:" + realm.partition + ":logs:" + realm.region + ":" + realm.account + ":log-group:" + group;
}

std::string stream_arn(const aws::Realm& realm, const std::string& group, const std::string& stream) {
  return group_arn(realm, group) + ":log-stream:" + stream;
}

Result<std::size_t> limit_of(In in, std::size_t otherwise, std::size_t most) {
  const auto limit = in.integer<std::int64_t>("limit");
  if (!in.ok()) return in.error();
  if (!limit) return otherwise;
  if (*limit < 1)
    return constraint("limit", std::to_string(*limit), "Member must have value greater than or equal to 1");
  if (*limit > static_cast<std::int64_t>(most))
    return constraint("limit", std::to_string(*limit),
                      "Member must have value less than or equal to " + std::to_string(most));
  return static_cast<std::size_t>(*limit);
}

std::string token_of(std::string_view place) { return shared::crypto::base64_encode(place); }

Result<std::string> place_in(std::string_view token) {
  auto place = shared::crypto::base64_decode(token);
  if (!place || place->empty()) return bad_token();
  return *std::move(place);
}

}  // namespace agent::api::logs
