#include "agent/scheduler/query.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "agent/scheduler/query_node.h"

namespace agent::scheduler {

using shared::WallTime;

namespace {

using Node = Query::Node;

std::vector<std::int64_t> version_numbers(std::string_view text) {
  std::vector<std::int64_t> parts;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    std::int64_t part = 0;
    const auto [stop, failure] = std::from_chars(at, end, part);
    if (failure != std::errc()) break;
    parts.push_back(part);
    at = stop;
    if (at == end || *at != '.') break;
    ++at;
  }
  while (!parts.empty() && parts.back() == 0) parts.pop_back();
  return parts;
}

template <class T>
bool holds(const T& left, Comparison comparison, const T& right) {
  switch (comparison) {
    case Comparison::kEqual:
      return left == right;
    case Comparison::kNotEqual:
      return left != right;
    case Comparison::kGreater:
      return left > right;
    case Comparison::kGreaterEqual:
      return left >= right;
    case Comparison::kLess:
      return left < right;
    case Comparison::kLessEqual:
      return left <= right;
  }
  return false;
}

bool full_match(const boost::regex& regex, std::string_view value) {
  try {
    return boost::regex_match(value.begin(), value.end(), regex);
  } catch (const std::runtime_error&) {
    return false;  // too complex to decide
  }
}

bool compare_text(const Node& node, std::string_view value) {
  switch (node.kind) {
    case Kind::kIn:
      return (std::find(node.values.begin(), node.values.end(), value) != node.values.end()) != node.negated;
    case Kind::kMatch:
      return full_match(*node.regex, value) != node.negated;
    default:
      break;
  }
  const std::string_view other = node.values.front();
  if (node.comparison != Comparison::kEqual && node.comparison != Comparison::kNotEqual) {
    const auto left = as_number(value);
    const auto right = as_number(other);
    if (left && right) return holds(*left, node.comparison, *right);
  }
  return holds(value, node.comparison, other);
}

bool ask_attribute(const Node& node, const QueryFacts& facts) {
  const auto it = facts.attributes->find(node.attribute);
  const bool there = it != facts.attributes->end();
  if (node.kind == Kind::kExists) return there != node.negated;
  if (!there)
    return node.negated || (node.kind == Kind::kCompare && node.comparison == Comparison::kNotEqual);
  return compare_text(node, it->second);
}

// Any task group on the instance may match; the negated forms say that none does.
bool ask_groups(const Node& node, const QueryFacts& facts) {
  Node positive = node;
  const bool negated = node.negated || node.comparison == Comparison::kNotEqual;
  positive.negated = false;
  positive.comparison = Comparison::kEqual;
  const bool any = std::any_of(facts.groups->begin(), facts.groups->end(),
                               [&](const auto& entry) { return compare_text(positive, entry.first); });
  return any != negated;
}

bool ask(const Node& node, const QueryFacts& facts) {
  switch (node.subject) {
    case Subject::kAttribute:
      return ask_attribute(node, facts);
    case Subject::kAgentConnected:
      return compare_text(node, facts.agent_connected ? "true" : "false");
    case Subject::kAgentVersion:
      return holds(version_numbers(facts.agent_version), node.comparison,
                   version_numbers(node.values.front()));
    case Subject::kInstanceId:
      return compare_text(node, facts.ec2_instance_id);
    case Subject::kRegisteredAt:
      return holds(facts.registered_at, node.comparison, as_time(node.values.front()).value_or(WallTime{}));
    case Subject::kRunningTasks:
      return holds(static_cast<double>(facts.running_tasks), node.comparison,
                   as_number(node.values.front()).value_or(0));
    case Subject::kTaskGroup:
      return ask_groups(node, facts);
  }
  return false;
}

bool evaluate(const Node& node, const QueryFacts& facts) {
  const auto holds_for = [&](const auto& child) { return evaluate(*child, facts); };
  switch (node.kind) {
    case Kind::kOr:
      return std::any_of(node.children.begin(), node.children.end(), holds_for);
    case Kind::kAnd:
      return std::all_of(node.children.begin(), node.children.end(), holds_for);
    case Kind::kNot:
      return !evaluate(*node.children.front(), facts);
    default:
      return ask(node, facts);
  }
}

bool asks_for_tasks(const Node& node) {
  return node.subject == Subject::kRunningTasks || node.subject == Subject::kTaskGroup ||
         std::any_of(node.children.begin(), node.children.end(),
                     [](const auto& child) { return asks_for_tasks(*child); });
}

}  // namespace

bool Query::depends_on_tasks() const { return asks_for_tasks(*root_); }

bool Query::matches(const QueryFacts& facts) const { return evaluate(*root_, facts); }

}  // namespace agent::scheduler
