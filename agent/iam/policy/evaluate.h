// What a set of policies decides about one call. Pure; thread: any.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/iam/policy/document.h"

namespace agent::iam::policy {

// Keys of conditions, told apart without case.
struct KeyLess {
  bool operator()(std::string_view a, std::string_view b) const;
  using is_transparent = void;
};
using Context = std::map<std::string, std::vector<std::string>, KeyLess>;

// Who calls, for trust policies.
struct Caller {
  std::string arn;      // "arn:aws:iam::123456789012:user/a", of a session
                        // "arn:aws:sts::...:assumed-role/<role>/<session>"
  std::string role;     // of a session: the ARN of its role
  std::string account;  // twelve digits
  std::string service;  // "ecs-tasks.amazonaws.com" when a service calls; then the others may be empty
};

struct Request {
  std::string action;  // "ecs:RunTask"
  // Its ARN. Empty: it is not known which; then a statement allows only if it is about any resource, and
  // denies whatever it is about.
  std::string resource;
  Context context;
  Caller caller;
  // Asked before the call is decoded: of the resource, its tags and the service's own keys nothing is known.
  // What depends on them does not allow, and denies.
  bool partial = false;
};

enum class Decision { kAllow, kExplicitDeny, kImplicitDeny };

// Of one document. Statements with principals look at request.caller.
Decision decide(const Document& document, const Request& request);
// A Deny in any wins; else an Allow in any.
Decision decide(std::span<const Document> documents, const Request& request);

// Whose right is what all of these say together: identity policies, a boundary, the policies of the session.
// An empty optional list does not limit.
struct Policies {
  std::vector<Document> identity;
  std::optional<Document> boundary;
  std::vector<Document> session;
};
Decision decide(const Policies& policies, const Request& request);

// Whether a trust policy names the caller by itself (a user, a role, a session, a service), which needs no
// further permission, or only the account that it belongs to, which leaves it to the caller's own policies.
enum class Trusted { kNo, kDenied, kAccount, kByName };
Trusted trusts(const Document& trust, const Request& request);

// Internal to this folder: one condition, and one pattern of an action.
bool holds(const Condition& condition, const Context& context, bool variables);

}  // namespace agent::iam::policy
