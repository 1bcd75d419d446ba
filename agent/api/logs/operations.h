// The operations of logs.h, and what their requests have in common. Internal to agent/api/logs.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "agent/aws/arn.h"
#include "agent/logs/store.h"
#include "shared/base/result.h"
#include "shared/json/reader.h"

namespace agent::api::logs {

using In = const shared::json::Reader&;
using Answer = shared::Result<nlohmann::json>;
using agent::logs::Group;
using agent::logs::Store;
using agent::logs::Stream;

struct Context {
  Store& store;
  const aws::Realm& realm;
  std::int64_t now;  // milliseconds
};
using Run = Answer (*)(const Context&, In);
using Operation = std::pair<std::string_view, Run>;

std::span<const Operation> group_operations();
std::span<const Operation> stream_operations();
std::span<const Operation> event_operations();

shared::Error invalid(std::string text);  // InvalidParameterException
// "1 validation error detected: Value '...' at '...' failed to satisfy constraint: ..."
shared::Error constraint(std::string_view member, std::string_view value, std::string_view text);

// Present, 1 to 512 of a-z A-Z 0-9 . - _ / #
shared::Result<std::string> group_name(In in, std::string_view member = "logGroupName");
shared::Result<std::string> stream_name(In in, std::string_view member = "logStreamName");
shared::Result<void> check_group_name(std::string_view member, const std::string& name);
shared::Result<void> check_stream_name(std::string_view member, const std::string& name);
// The name in a name or an ARN, with or without ":*".
shared::Result<std::string> name_in(const aws::Realm& realm, std::string_view member,
                                    const std::string& name_or_arn);
// Exactly one of logGroupName and logGroupIdentifier.
shared::Result<Group> identified_group(const Context& at, In in);

std::string group_arn(const aws::Realm& realm, const std::string& group);  // without ":*"
std::string stream_arn(const aws::Realm& realm, const std::string& group, const std::string& stream);

// Absent: `otherwise`. InvalidParameterException outside of 1 to `most`.
shared::Result<std::size_t> limit_of(In in, std::size_t otherwise, std::size_t most);

// Tokens of pages: texts that hold a place. Error InvalidParameterException "The specified nextToken is
// invalid."
std::string token_of(std::string_view place);
shared::Result<std::string> place_in(std::string_view token);
shared::Error bad_token();

}  // namespace agent::api::logs
