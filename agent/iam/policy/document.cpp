#include "agent/iam/policy/document.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "shared/json/reader.h"

namespace agent::iam::policy {
namespace {

using nlohmann::json;
using shared::Error;
using shared::Result;

constexpr std::size_t kQuotedBytes = 128;  // of a policy's own text, in errors

Error malformed(const std::string& text) {
  return Error("MalformedPolicyDocument", text, shared::Blame::kClient);
}
Error syntax(const std::string& path, const std::string& what) {
  return malformed("Syntax errors in policy. " + path + " " + what);
}
std::string in_quotes(std::string_view text) { return "'" + std::string(text.substr(0, kQuotedBytes)) + "'"; }

struct OperatorRow {
  std::string_view word;
  Operator op;
  bool negated;
};

constexpr auto kOperators = std::to_array<OperatorRow>({
    {"StringEquals", Operator::kStringEquals, false},
    {"StringNotEquals", Operator::kStringEquals, true},
    {"StringEqualsIgnoreCase", Operator::kStringEqualsIgnoreCase, false},
    {"StringNotEqualsIgnoreCase", Operator::kStringEqualsIgnoreCase, true},
    {"StringLike", Operator::kStringLike, false},
    {"StringNotLike", Operator::kStringLike, true},
    {"NumericEquals", Operator::kNumericEquals, false},
    {"NumericNotEquals", Operator::kNumericEquals, true},
    {"NumericLessThan", Operator::kNumericLess, false},
    {"NumericLessThanEquals", Operator::kNumericLessEquals, false},
    {"NumericGreaterThan", Operator::kNumericGreater, false},
    {"NumericGreaterThanEquals", Operator::kNumericGreaterEquals, false},
    {"DateEquals", Operator::kDateEquals, false},
    {"DateNotEquals", Operator::kDateEquals, true},
    {"DateLessThan", Operator::kDateLess, false},
    {"DateLessThanEquals", Operator::kDateLessEquals, false},
    {"DateGreaterThan", Operator::kDateGreater, false},
    {"DateGreaterThanEquals", Operator::kDateGreaterEquals, false},
    {"Bool", Operator::kBool, false},
    {"BinaryEquals", Operator::kBinaryEquals, false},
    {"IpAddress", Operator::kIpAddress, false},
    {"NotIpAddress", Operator::kIpAddress, true},
    {"ArnEquals", Operator::kArnLike, false},
    {"ArnLike", Operator::kArnLike, false},
    {"ArnNotEquals", Operator::kArnLike, true},
    {"ArnNotLike", Operator::kArnLike, true},
    {"Null", Operator::kNull, false},
});

// The last value of a repeated key would win silently.
bool repeats_a_key(std::string_view text) {
  std::vector<std::set<std::string>> open;
  bool found = false;
  const json::parser_callback_t watch = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second)
      found = true;
    return true;
  };
  const json all = json::parse(text, watch, false);
  return found || all.is_discarded();
}

// One string, or a list of them with at least one.
Result<std::vector<std::string>> strings_of(const json& value, const std::string& path) {
  if (value.is_string()) return std::vector<std::string>{value.get<std::string>()};
  std::vector<std::string> out;
  if (!value.is_array()) return syntax(path, "must be a string or a list of strings");
  for (const json& each : value) {
    if (!each.is_string()) return syntax(path, "must be a string or a list of strings");
    out.push_back(each.get<std::string>());
  }
  return out;
}

Result<void> check_action(std::string_view action, const std::string& path) {
  if (action == "*") return {};
  const std::size_t colon = action.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. " + path +
                     " is " + in_quotes(action));
  }
  const auto of_name = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '*' ||
           c == '?' || c == '-' || c == '_';
  };
  const std::string_view vendor = action.substr(0, colon);
  const std::string_view name = action.substr(colon + 1);
  if (name.empty() || !std::all_of(vendor.begin(), vendor.end(), of_name) ||
      !std::all_of(name.begin(), name.end(), of_name))
    return syntax(path, "must be a vendor, a colon and the name of an action, got " + in_quotes(action));
  return {};
}

// "*" alone, or six parts between colons; a variable may stand for any of them.
Result<void> check_resource(std::string_view resource, const std::string& path) {
  constexpr std::ptrdiff_t kColons = 5;
  if (resource == "*" || resource.starts_with("${")) return {};
  const bool is_arn =
      resource.starts_with("arn:") || resource.starts_with("*:") || resource.starts_with("arn*");
  if (!is_arn)
    return malformed("Resource " + std::string(resource.substr(0, kQuotedBytes)) +
                     " must be in ARN format or \"*\".");
  if (resource.find('*') == std::string_view::npos &&
      std::count(resource.begin(), resource.end(), ':') < kColons)
    return syntax(path, "must have six parts between colons, got " + in_quotes(resource));
  return {};
}

bool is_account(std::string_view text) {
  constexpr std::size_t kDigits = 12;
  return text.size() == kDigits &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<void> read_principals(const json& value, const std::string& path, Statement& out) {
  constexpr std::array<std::string_view, 4> kTypes{"AWS", "Service", "Federated", "CanonicalUser"};
  if (value.is_string()) {
    if (value.get<std::string>() != "*")
      return malformed("Invalid principal in policy: " + in_quotes(value.get<std::string>()) + " in " + path);
    out.principals.push_back({"*", "*"});
    return {};
  }
  if (!value.is_object() || value.empty())
    return syntax(path, "must be \"*\" or an object that names somebody");
  for (const auto& [type, named] : value.items()) {
    if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end())
      return malformed("Invalid principal in policy: \"" + type + "\" in " + path +
                       " is none of AWS, Service, Federated, CanonicalUser");
    const std::string where = path + "." + type;
    auto names = strings_of(named, where);
    if (!names) return names.error();
    if (names->empty()) return syntax(where, "must not be empty");
    for (std::string& name : *names) {
      if (type == "AWS" && is_account(name)) name = "arn:aws:iam::" + name + ":root";
      const bool unique_id = name.starts_with("AROA") || name.starts_with("AIDA");
      if (type == "AWS" && name != "*" && !name.starts_with("arn:") && !unique_id)
        return malformed("Invalid principal in policy: \"AWS\":\"" + name.substr(0, kQuotedBytes) + "\"");
      if (type == "AWS" && name != "*" && name.find('*') != std::string::npos)
        return malformed("Invalid principal in policy: \"AWS\":\"" + name.substr(0, kQuotedBytes) +
                         "\": there are no wildcards in principals");
      out.principals.push_back({type == "AWS" && name == "*" ? "*" : type, std::move(name)});
    }
  }
  return {};
}

Result<Condition> read_operator(std::string_view word, const std::string& path) {
  Condition out;
  std::string_view rest = word;
  for (const auto& [prefix, quantifier] :
       {std::pair{std::string_view("ForAllValues:"), Quantifier::kForAllValues},
        {std::string_view("ForAnyValue:"), Quantifier::kForAnyValue}}) {
    if (!rest.starts_with(prefix)) continue;
    out.quantifier = quantifier;
    rest.remove_prefix(prefix.size());
  }
  constexpr std::string_view kIfExists = "IfExists";
  if (rest.ends_with(kIfExists)) {
    out.if_exists = true;
    rest.remove_suffix(kIfExists.size());
  }
  const auto* const row = std::find_if(kOperators.begin(), kOperators.end(),
                                       [&](const OperatorRow& each) { return each.word == rest; });
  if (row == kOperators.end() || (row->op == Operator::kNull && out.if_exists))
    return malformed("Syntax errors in policy. " + path +
                     ": Invalid Condition type : " + std::string(word.substr(0, kQuotedBytes)) + ".");
  out.op = row->op;
  out.negated = row->negated;
  return out;
}

Result<void> read_conditions(const json& value, const std::string& path, Statement& out) {
  if (!value.is_object()) return syntax(path, "must be an object");
  for (const auto& [word, keys] : value.items()) {
    const std::string where = path + "." + word;
    auto condition = read_operator(word, where);
    if (!condition) return condition.error();
    if (!keys.is_object()) return syntax(where, "must be an object of keys and their values");
    for (const auto& [key, values] : keys.items()) {
      if (key.find(':') == std::string::npos)
        return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. " +
                         where + " has the key " + in_quotes(key));
      condition->key = key;
      condition->values.clear();
      const json list = values.is_array() ? values : json::array({values});
      for (const json& each : list) {
        if (each.is_string()) {
          condition->values.push_back(each.get<std::string>());
        } else if (each.is_boolean() || each.is_number()) {
          condition->values.push_back(each.dump());
        } else {
          return syntax(where + "." + key, "must be a string, a number, a boolean or a list of these");
        }
      }
      out.conditions.push_back(*condition);
    }
  }
  return {};
}

// The one of two members that is there.
Result<const json*> one_of(const json& in, const char* plain, const char* negated, const std::string& path,
                           bool& is_not, const std::string& absent) {
  const bool has_plain = in.contains(plain);
  const bool has_not = in.contains(negated);
  if (has_plain && has_not) return syntax(path, std::string("has both ") + plain + " and " + negated);
  is_not = has_not;
  if (!has_plain && !has_not)
    return malformed(absent + " " + path + " has neither " + plain + " nor " + negated);
  return &in.at(has_not ? negated : plain);
}

Result<void> read_actions(const json& in, const std::string& path, Statement& out) {
  const auto given =
      one_of(in, "Action", "NotAction", path, out.not_action, "Policy statement must contain actions.");
  if (!given) return given.error();
  const std::string where = path + (out.not_action ? ".NotAction" : ".Action");
  auto actions = strings_of(**given, where);
  if (!actions) return actions.error();
  if (actions->empty()) return malformed("Policy statement must contain actions. " + where + " is empty");
  for (const std::string& each : *actions) {
    if (auto ok = check_action(each, where); !ok) return ok;
  }
  out.actions = *std::move(actions);
  return {};
}

Result<void> read_resources(const json& in, const std::string& path, Statement& out) {
  const auto given = one_of(in, "Resource", "NotResource", path, out.not_resource,
                            "Policy statement must contain resources.");
  if (!given) return given.error();
  const std::string where = path + (out.not_resource ? ".NotResource" : ".Resource");
  auto resources = strings_of(**given, where);
  if (!resources) return resources.error();
  if (resources->empty()) return malformed("Policy statement must contain resources. " + where + " is empty");
  for (const std::string& each : *resources) {
    if (auto ok = check_resource(each, where); !ok) return ok;
  }
  out.resources = *std::move(resources);
  return {};
}

Result<void> check_members(const json& in, const std::string& path,
                           std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : in.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return syntax(path.empty() ? "The policy" : path, "has the unknown member " + in_quotes(name));
  }
  return {};
}

Result<Statement> read_statement(const json& in, const std::string& path, Kind kind) {
  Statement out;
  if (!in.is_object()) return syntax(path, "must be an object");
  if (kind == Kind::kTrust && (in.contains("Resource") || in.contains("NotResource")))
    return malformed("Has prohibited field Resource: a trust policy is about its own role. It is in " + path);
  if (kind == Kind::kIdentity && (in.contains("Principal") || in.contains("NotPrincipal")))
    return malformed(
        "Has prohibited field Principal: a policy of an identity is about that identity. It is in " + path);
  if (auto ok = check_members(in, path,
                              {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal",
                               "NotPrincipal", "Condition"});
      !ok)
    return ok.error();
  if (in.contains("Sid")) {
    const json& sid = in.at("Sid");
    if (!sid.is_string()) return syntax(path + ".Sid", "must be a string");
    out.sid = sid.get<std::string>();
    const bool plain = std::all_of(out.sid.begin(), out.sid.end(), [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    });
    if (!plain && kind == Kind::kIdentity)
      return malformed("Statement IDs (SID) must be alpha-numeric. " + path + ".Sid is " +
                       in_quotes(out.sid));
  }
  const json effect = in.value("Effect", json());
  if (effect != "Allow" && effect != "Deny") return syntax(path + ".Effect", "must be Allow or Deny");
  out.effect = effect == "Allow" ? Effect::kAllow : Effect::kDeny;
  if (auto ok = read_actions(in, path, out); !ok) return ok.error();
  if (kind == Kind::kIdentity) {
    if (auto ok = read_resources(in, path, out); !ok) return ok.error();
  } else {
    const auto who =
        one_of(in, "Principal", "NotPrincipal", path, out.not_principal, "Missing required field Principal.");
    if (!who) return who.error();
    if (auto ok = read_principals(**who, path + ".Principal", out); !ok) return ok.error();
  }
  if (in.contains("Condition")) {
    if (auto ok = read_conditions(in.at("Condition"), path + ".Condition", out); !ok) return ok.error();
  }
  return out;
}

}  // namespace

std::size_t size_without_blanks(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return c != ' ' && c != '\t' && c != '\n' && c != '\r'; }));
}

Result<Document> Document::parse(std::string_view text, Kind kind) {
  const auto parsed = shared::json::parse(text);
  if (!parsed) return malformed("This policy contains invalid Json: " + parsed.error().text());
  if (!parsed->is_object()) return syntax("The policy", "must be an object");
  if (repeats_a_key(text)) return syntax("The policy", "has a key twice in one object");
  const json& in = *parsed;
  if (auto ok = check_members(in, "", {"Version", "Id", "Statement"}); !ok) return ok.error();
  Document out;
  if (in.contains("Version")) {
    const json& version = in.at("Version");
    if (version != "2012-10-17" && version != "2008-10-17")
      return malformed(
          "Policy document must be version 2012-10-17 or greater. Version must be 2012-10-17 or 2008-10-17");
    out.variables = version == "2012-10-17";
  }
  if (in.contains("Id") && !in.at("Id").is_string()) return syntax("Id", "must be a string");
  if (!in.contains("Statement")) return syntax("The policy", "has no Statement");
  const json& given = in.at("Statement");
  const bool one = given.is_object();
  if (!one && !given.is_array()) return syntax("Statement", "must be an object or a list of them");
  if (!one && given.empty()) return syntax("Statement", "must not be empty");
  std::set<std::string> sids;
  for (std::size_t i = 0; i < (one ? 1 : given.size()); ++i) {
    const std::string path = one ? "Statement" : "Statement[" + std::to_string(i) + "]";
    auto statement = read_statement(one ? given : given.at(i), path, kind);
    if (!statement) return statement.error();
    if (!statement->sid.empty() && !sids.insert(statement->sid).second)
      return malformed("Statement IDs (SID) in a single policy must be unique. " + path + ".Sid repeats " +
                       in_quotes(statement->sid));
    out.statements.push_back(*std::move(statement));
  }
  return out;
}

}  // namespace agent::iam::policy
