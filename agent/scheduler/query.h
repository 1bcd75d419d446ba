// The ECS cluster query language, in which memberOf constraints are written:
//   attribute:ecs.instance-type =~ g2.* and not(task:group == databases)
// `not` binds tightest, then `and`, then `or`; keywords without case. `matches` is a regular expression that
// must match the whole value. Pure; parse once, ask often.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/base/time.h"

namespace agent::scheduler {

inline constexpr std::size_t kMaxQueryLength = 2000;
// Parentheses and `not` inside each other.
inline constexpr int kMaxQueryDepth = 50;

// What a query may ask about an instance. Lifetimes: the call's.
struct QueryFacts {
  const std::map<std::string, std::string>* attributes = nullptr;
  const std::map<std::string, int>* groups = nullptr;  // task group -> tasks of it on the instance
  std::string_view ec2_instance_id;
  std::string_view agent_version;
  shared::WallTime registered_at{};
  int running_tasks = 0;
  bool agent_connected = false;
};

class Query {
 public:
  // InvalidParameterException "Invalid expression: at position 12: expected ..." (positions count from 1).
  static shared::Result<Query> parse(std::string_view text);
  bool matches(const QueryFacts& facts) const;
  const std::string& text() const { return text_; }
  // Asks for what comes and goes with the tasks on an instance.
  bool depends_on_tasks() const;

  struct Node;

 private:
  Query(std::string_view text, std::shared_ptr<const Node> root) : text_(text), root_(std::move(root)) {}
  std::string text_;
  std::shared_ptr<const Node> root_;  // shared: immutable, copies are cheap
};

}  // namespace agent::scheduler
