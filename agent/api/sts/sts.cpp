#include "agent/api/sts/sts.h"

#include <algorithm>
#include <array>

#include "agent/aws/query.h"
#include "agent/aws/service.h"
#include "agent/aws/xml.h"
#include "agent/control/iam/credentials.h"
#include "agent/control/state/faults.h"
#include "agent/iam/policy/document.h"

namespace agent::api::sts {
namespace {

using control::Step;
using control::validation_error;
using shared::Result;
using In = const aws::QueryReader&;
using Done = Result<void>;

constexpr std::size_t kLeastName = 2;
constexpr std::size_t kMostName = 64;
constexpr std::size_t kMostExternalId = 1224;
constexpr std::size_t kMostPolicyChars = 2048;
constexpr std::size_t kMostPolicyArns = 10;
constexpr std::size_t kLeastArn = 20;
constexpr std::size_t kMostArn = 2048;
constexpr std::int64_t kDefaultRoleSeconds = 3600;
constexpr std::int64_t kDefaultTokenSeconds = 43'200;

std::string required(In in, std::string_view member, std::string_view shown) {
  auto text = in.string(member);
  if (!text) {
    in.fail(validation_error("1 validation error detected: Value null at '" + std::string(shown) +
                             "' failed to satisfy constraint: Member must not be null"));
  }
  return std::move(text).value_or("");
}

void check_text(In in, std::string_view member, const std::string& text, std::size_t least, std::size_t most,
                std::string_view also) {
  if (!in.ok() || text.empty()) return;
  if (text.size() < least)
    return in.fail(member, "Member must have length greater than or equal to " + std::to_string(least));
  if (text.size() > most)
    return in.fail(member, "Member must have length less than or equal to " + std::to_string(most));
  const bool plain = std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           also.find(c) != std::string_view::npos;
  });
  if (!plain)
    in.fail(member,
            "Member must satisfy regular expression pattern: [\\w" + std::string(also.substr(1)) + "]*");
}

void refuse_mfa(In in) {
  for (const char* member : {"SerialNumber", "TokenCode"}) {
    if (in.string(member))
      in.fail(control::fault("AccessDenied",
                             std::string(member) + " is not offered: there are no MFA devices here."));
  }
}

control::iam::Caller caller_of(const Call& call) {
  return {call.caller_arn, call.caller_key, call.caller_is_administrator};
}

void write_credentials(aws::XmlElement out, const model::IamSession& session) {
  aws::XmlElement credentials = out.child("Credentials");
  credentials.text("AccessKeyId", session.id);
  credentials.text("SecretAccessKey", session.secret);
  credentials.text("SessionToken", session.token);
  credentials.time("Expiration", session.expires_at);
}

Done assume_role(Step& step, In in, aws::XmlElement out, const Call& call) {
  control::iam::AssumeRole request;
  request.role_arn = required(in, "RoleArn", "roleArn");
  if (in.ok() && (request.role_arn.size() < kLeastArn || request.role_arn.size() > kMostArn))
    in.fail("RoleArn", "Member must have a length from " + std::to_string(kLeastArn) + " to " +
                           std::to_string(kMostArn));
  if (in.ok() && !aws::looks_like_arn(request.role_arn))
    return validation_error(request.role_arn.substr(0, aws::kQuotedArnBytes) + " is invalid");
  request.session_name = required(in, "RoleSessionName", "roleSessionName");
  check_text(in, "RoleSessionName", request.session_name, kLeastName, kMostName, "_+=,.@-");
  request.seconds = in.integer<std::int64_t>("DurationSeconds", control::iam::kLeastSessionSeconds,
                                             control::iam::kMostRoleSeconds)
                        .value_or(kDefaultRoleSeconds);
  request.external_id = in.string_or("ExternalId", "");
  check_text(in, "ExternalId", request.external_id, kLeastName, kMostExternalId, "_+=,.@:/-");
  request.source_identity = in.string_or("SourceIdentity", "");
  check_text(in, "SourceIdentity", request.source_identity, kLeastName, kMostName, "_+=,.@-");
  request.policy = in.string_or("Policy", "");
  if (request.policy.size() > kMostPolicyChars)
    in.fail("Policy", "Member must have length less than or equal to " + std::to_string(kMostPolicyChars));
  for (const auto& each : in.children("PolicyArns"))
    request.policy_arns.push_back(required(each, "arn", "arn"));
  if (request.policy_arns.size() > kMostPolicyArns)
    in.fail(validation_error("policyArns: at most " + std::to_string(kMostPolicyArns) + " are taken"));
  for (const auto& each : in.children("Tags"))
    request.tags.push_back({required(each, "Key", "key"), each.string_or("Value", "")});
  if (!in.strings_or_empty("TransitiveTagKeys").empty())
    in.fail(validation_error("transitiveTagKeys is not offered: tags of a session end with it"));
  refuse_mfa(in);
  if (!in.ok()) return in.error();
  const auto made = control::iam::assume_role(step, caller_of(call), request);
  if (!made) return made.error();
  const model::IamSession& session = **made;
  write_credentials(out, session);
  const auto& role = *step.state.neighbours().roles.find(session.role);
  aws::XmlElement user = out.child("AssumedRoleUser");
  user.text("AssumedRoleId", session.owner_id + ":" + session.name);
  user.text("Arn", control::iam::session_arn(step.settings, role, session));
  std::size_t packed = request.policy.size();
  for (const std::string& arn : request.policy_arns) packed += arn.size();
  for (const auto& tag : request.tags) packed += tag.key.size() + tag.value.size();
  constexpr std::size_t kPercent = 100;
  if (packed != 0)
    out.integer("PackedPolicySize", static_cast<std::int64_t>(std::max<std::size_t>(
                                        1, packed * kPercent / (2 * kMostPolicyChars))));
  out.text_unless_empty("SourceIdentity", session.source_identity);
  return {};
}

Done get_session_token(Step& step, In in, aws::XmlElement out, const Call& call) {
  const auto seconds = in.integer<std::int64_t>("DurationSeconds", control::iam::kLeastSessionSeconds,
                                                control::iam::kMostTokenSeconds)
                           .value_or(kDefaultTokenSeconds);
  refuse_mfa(in);
  if (!in.ok()) return in.error();
  const auto made = control::iam::create_session_token(step, caller_of(call), seconds);
  if (!made) return made.error();
  write_credentials(out, **made);
  return {};
}

Done get_access_key_info(Step& step, In in, aws::XmlElement out, const Call& call) {
  const std::string id = required(in, "AccessKeyId", "accessKeyId");
  if (!in.ok()) return in.error();
  if (id != call.caller_key && !control::iam::find_holder(step.state, step.settings, id))
    return validation_error("1 validation error detected: Value '" + id.substr(0, kMostName) +
                            "' at 'accessKeyId' is no key of this installation");
  out.text("Account", step.settings.account);
  return {};
}

struct Operation {
  std::string_view name;
  Done (*run)(Step&, In, aws::XmlElement, const Call&);
};
constexpr auto kOperations = std::to_array<Operation>({
    {"AssumeRole", assume_role},
    {"GetAccessKeyInfo", get_access_key_info},
    {"GetSessionToken", get_session_token},
});

}  // namespace

Result<std::string> who_am_i(const Call& call) {
  aws::QueryResult answer(call.operation, aws::xml_namespace(aws::Service::kSts));
  aws::XmlElement out = answer.result();
  out.text("Arn", call.caller_arn);
  out.text("UserId", call.caller_id);
  out.text("Account", call.account);
  return answer.response(call.request_id).body;
}

Result<std::string> handle(Step& step, const Call& call) {
  if (call.operation == kWhoAmI) return who_am_i(call);
  const auto* const found = std::find_if(kOperations.begin(), kOperations.end(),
                                         [&](const Operation& each) { return each.name == call.operation; });
  if (found == kOperations.end()) {
    return control::fault("InvalidAction", "The action " + call.operation +
                                               " is not valid for this web service, or not offered here.");
  }
  auto query = aws::Query::parse(call.body);
  if (!query) return query.error();
  const aws::QueryReader in = query->root();
  aws::QueryResult answer(call.operation, aws::xml_namespace(aws::Service::kSts));
  const Done done = found->run(step, in, answer.result(), call);
  if (!in.ok()) return in.error();
  if (!done) return done.error();
  return answer.response(call.request_id).body;
}

Offers offers() {
  Offers out{{std::string(kWhoAmI), ""}};
  add_offered(out, kOperations);
  return out;
}

}  // namespace agent::api::sts
