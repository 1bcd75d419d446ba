#include "agent/iam/policy/evaluate.h"

#include <algorithm>
#include <array>
#include <optional>

#include "agent/iam/policy/pattern.h"

namespace agent::iam::policy {
namespace {

bool action_matches(const Statement& statement, std::string_view action) {
  const bool named =
      std::any_of(statement.actions.begin(), statement.actions.end(), [&](const std::string& each) {
        return matches(*expand(each, Wildcards::kYes, nullptr), action, Case::kIgnore);
      });
  return named != statement.not_action;
}

bool resource_matches(const Statement& statement, const Request& request, bool variables) {
  if (statement.resources.empty()) return true;  // a trust policy's
  if (request.resource.empty()) {
    if (statement.effect == Effect::kDeny) return true;
    return !statement.not_resource && std::find(statement.resources.begin(), statement.resources.end(),
                                                "*") != statement.resources.end();
  }
  const Lookup lookup = [&](std::string_view key) -> std::optional<std::string> {
    const auto it = request.context.find(key);
    if (it == request.context.end() || it->second.size() != 1) return std::nullopt;
    return it->second.front();
  };
  const bool named =
      std::any_of(statement.resources.begin(), statement.resources.end(), [&](const std::string& each) {
        const auto pattern = expand(each, Wildcards::kYes, variables ? &lookup : nullptr);
        if (!pattern) return false;
        // What is about no resource of its own has "*".
        return request.resource == "*" ? each == "*" : matches_arn(*pattern, request.resource);
      });
  return named != statement.not_resource;
}

enum class Named { kNo, kAccount, kItself };

std::string root_of(const Caller& caller) { return "arn:aws:iam::" + caller.account + ":root"; }

Named names(const Principal& principal, const Caller& caller) {
  if (principal.type == "*") return Named::kAccount;
  if (principal.type == "Service")
    return principal.value == caller.service && !caller.service.empty() ? Named::kItself : Named::kNo;
  if (principal.type != "AWS" || caller.arn.empty()) return Named::kNo;
  if (principal.value == caller.arn || (!caller.role.empty() && principal.value == caller.role))
    return Named::kItself;
  return principal.value == root_of(caller) ? Named::kAccount : Named::kNo;
}

Named principal_matches(const Statement& statement, const Caller& caller) {
  if (statement.principals.empty()) return Named::kItself;  // an identity policy's
  Named best = Named::kNo;
  for (const Principal& each : statement.principals) best = std::max(best, names(each, caller));
  if (!statement.not_principal) return best;
  return best == Named::kNo ? Named::kAccount : Named::kNo;
}

// Keys of the caller and of the moment, which are there or are not whatever the call is about.
bool is_of_caller(std::string_view key) {
  constexpr std::array<std::string_view, 16> kKeys{"aws:username",
                                                   "aws:userid",
                                                   "aws:PrincipalArn",
                                                   "aws:PrincipalAccount",
                                                   "aws:PrincipalType",
                                                   "aws:CurrentTime",
                                                   "aws:EpochTime",
                                                   "aws:SourceIp",
                                                   "aws:SecureTransport",
                                                   "aws:UserAgent",
                                                   "aws:referer",
                                                   "aws:RequestedRegion",
                                                   "aws:TokenIssueTime",
                                                   "aws:MultiFactorAuthPresent",
                                                   "aws:MultiFactorAuthAge",
                                                   "aws:SourceIdentity"};
  constexpr std::string_view kTags = "aws:PrincipalTag/";
  return std::any_of(kKeys.begin(), kKeys.end(),
                     [&](std::string_view each) { return equal_ignoring_case(each, key); }) ||
         equal_ignoring_case(key.substr(0, kTags.size()), kTags);
}

bool conditions_hold(const Statement& statement, const Request& request, bool variables) {
  return std::all_of(statement.conditions.begin(), statement.conditions.end(), [&](const Condition& each) {
    if (request.partial && !request.context.contains(each.key) && !is_of_caller(each.key))
      return statement.effect == Effect::kDeny;
    return holds(each, request.context, variables);
  });
}

bool applies(const Document& document, const Statement& statement, const Request& request) {
  return action_matches(statement, request.action) &&
         resource_matches(statement, request, document.variables) &&
         conditions_hold(statement, request, document.variables);
}

}  // namespace

Decision decide(const Document& document, const Request& request) {
  return decide(std::span(&document, 1), request);
}

Decision decide(std::span<const Document> documents, const Request& request) {
  Decision out = Decision::kImplicitDeny;
  for (const Document& document : documents) {
    for (const Statement& statement : document.statements) {
      if (principal_matches(statement, request.caller) == Named::kNo) continue;
      if (!applies(document, statement, request)) continue;
      if (statement.effect == Effect::kDeny) return Decision::kExplicitDeny;
      out = Decision::kAllow;
    }
  }
  return out;
}

Decision decide(const Policies& policies, const Request& request) {
  const Decision identity = decide(std::span<const Document>(policies.identity), request);
  Decision boundary = Decision::kAllow;
  if (policies.boundary) boundary = decide(*policies.boundary, request);
  Decision session = Decision::kAllow;
  if (!policies.session.empty()) session = decide(std::span<const Document>(policies.session), request);
  for (const Decision each : {identity, boundary, session}) {
    if (each == Decision::kExplicitDeny) return each;
  }
  const bool all =
      identity == Decision::kAllow && boundary == Decision::kAllow && session == Decision::kAllow;
  return all ? Decision::kAllow : Decision::kImplicitDeny;
}

Trusted trusts(const Document& trust, const Request& request) {
  Trusted out = Trusted::kNo;
  for (const Statement& statement : trust.statements) {
    const Named named = principal_matches(statement, request.caller);
    if (named == Named::kNo || !applies(trust, statement, request)) continue;
    if (statement.effect == Effect::kDeny) return Trusted::kDenied;
    if (named == Named::kItself) out = Trusted::kByName;
    if (out == Trusted::kNo) out = Trusted::kAccount;
  }
  return out;
}

}  // namespace agent::iam::policy
