// What the operations share. Internal to the folder.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "agent/api/call.h"
#include "agent/api/json/page.h"
#include "agent/api/json/tags.h"
#include "agent/api/sealing/sealer.h"
#include "agent/control/secrets/secrets.h"
#include "shared/base/result.h"
#include "shared/json/reader.h"

namespace agent::api::secretsmanager {

struct Context {
  control::Step& step;
  const Call& call;
  Sealer* sealer;
};
using In = const shared::json::Reader&;
using Answer = shared::Result<nlohmann::json>;

shared::Error invalid(const std::string& text);  // InvalidParameterException
// ValidationException in AWS's words, naming the member.
shared::Error constraint(std::string_view member, std::string_view value, std::string_view text);
shared::Result<std::string> required(In in, std::string_view member, std::string_view shown);
// By its SecretId; one that is to be deleted only where `also_deleted`.
shared::Result<const model::Secret*> secret_in(const Context& at, In in, bool also_deleted = false);
bool is_to_be_deleted(const model::Secret& row);

// "ARN", "Name" and what else an answer is made of.
nlohmann::json identity_of(const model::Secret& row);

shared::Result<Page> page_in(In in, std::size_t most);

// The value in clear; nullopt: it was sealed with another key.
std::optional<std::string> opened(const Context& at, const model::Secret& row,
                                  const model::SecretVersion& version);
// "SecretString" or "SecretBinary", with name, ARN, version and stages.
Answer value_of(const Context& at, const model::Secret& row, const model::SecretVersion& version);

// secrets.cpp
Answer create_secret(const Context& at, In in);
Answer update_secret(const Context& at, In in);
Answer describe_secret(const Context& at, In in);
Answer delete_secret(const Context& at, In in);
Answer restore_secret(const Context& at, In in);
Answer tag_resource(const Context& at, In in);
Answer untag_resource(const Context& at, In in);
Answer get_resource_policy(const Context& at, In in);
Answer put_resource_policy(const Context& at, In in);
Answer delete_resource_policy(const Context& at, In in);
Answer validate_resource_policy(const Context& at, In in);
// values.cpp
Answer get_secret_value(const Context& at, In in);
Answer put_secret_value(const Context& at, In in);
Answer update_secret_version_stage(const Context& at, In in);
// With ClientRequestToken, SecretString or SecretBinary of the request; without a value nothing. The id of
// the version, also of one that was there already with this value; "" without a value.
shared::Result<std::string> keep_value(const Context& at, In in, const std::string& name,
                                       const std::vector<std::string>& stages);
// listing.cpp
Answer list_secrets(const Context& at, In in);
Answer list_secret_version_ids(const Context& at, In in);
Answer batch_get_secret_value(const Context& at, In in);
// passwords.cpp
Answer get_random_password(const Context& at, In in);

}  // namespace agent::api::secretsmanager
