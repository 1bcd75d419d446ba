// Policy documents of Identity and Access Management: what they may look like, and what they say. Pure;
// thread: any.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/result.h"

namespace agent::iam::policy {

// An identity policy belongs to whom it is about and names resources; a trust policy belongs to a role, which
// is its resource, and names principals.
enum class Kind { kIdentity, kTrust };
enum class Effect { kAllow, kDeny };

enum class Operator {
  kStringEquals,
  kStringEqualsIgnoreCase,
  kStringLike,
  kNumericEquals,
  kNumericLess,
  kNumericLessEquals,
  kNumericGreater,
  kNumericGreaterEquals,
  kDateEquals,
  kDateLess,
  kDateLessEquals,
  kDateGreater,
  kDateGreaterEquals,
  kBool,
  kBinaryEquals,
  kIpAddress,
  kArnLike,
  kNull,
};
enum class Quantifier { kNone, kForAllValues, kForAnyValue };

struct Condition {
  Operator op = Operator::kStringEquals;
  bool negated = false;    // StringNotEquals, NotIpAddress ...
  bool if_exists = false;  // holds without the key
  Quantifier quantifier = Quantifier::kNone;
  std::string key;                  // "aws:SourceIp"; compared without case
  std::vector<std::string> values;  // any of them; of a negated one, none
};

struct Principal {
  std::string type;   // "AWS", "Service", "Federated", "CanonicalUser"; "*" for everybody
  std::string value;  // an account's twelve digits stand as its root
};

struct Statement {
  std::string sid;
  Effect effect = Effect::kDeny;
  bool not_action = false;
  std::vector<std::string> actions;  // "ecs:Run*"
  bool not_resource = false;
  std::vector<std::string> resources;  // none in trust policies
  bool not_principal = false;
  std::vector<Principal> principals;  // none in identity policies
  std::vector<Condition> conditions;  // all of them
};

// Compared with what is written before it is parsed: characters that are no white space, as AWS counts them.
std::size_t size_without_blanks(std::string_view text);

struct Document {
  // Version 2012-10-17: "${aws:username}" stands for a value. In older ones it is text.
  bool variables = false;
  std::vector<Statement> statements;

  // Error MalformedPolicyDocument in AWS's words, followed by the member and what is wrong with it.
  static shared::Result<Document> parse(std::string_view text, Kind kind);
};

}  // namespace agent::iam::policy
