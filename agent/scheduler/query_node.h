// The parts that parsing a query and asking it share; not for others. See query.h.
#pragma once
#include <boost/regex.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/scheduler/query.h"
#include "shared/base/time.h"

namespace agent::scheduler {

enum class Kind { kOr, kAnd, kNot, kExists, kCompare, kIn, kMatch };
enum class Comparison { kEqual, kNotEqual, kGreater, kGreaterEqual, kLess, kLessEqual };
enum class Subject {
  kAttribute,
  kAgentConnected,
  kAgentVersion,
  kInstanceId,
  kRegisteredAt,
  kRunningTasks,
  kTaskGroup
};

struct Query::Node {
  Kind kind = Kind::kAnd;
  std::vector<std::shared_ptr<const Node>> children;
  Subject subject = Subject::kAttribute;
  std::string attribute;
  bool negated = false;
  Comparison comparison = Comparison::kEqual;
  std::vector<std::string> values;
  std::optional<boost::regex> regex;
};

// Nothing when the text is something else.
std::optional<double> as_number(std::string_view text);
// 2018-06-18, 2018-06-18T22:28:28, ...Z, ...+00:00
std::optional<shared::WallTime> as_time(std::string_view text);

}  // namespace agent::scheduler
