// The rules of one listener, compiled: request facts -> action. Pure and immutable; shared by all workers.
// Semantics of ALB listener rules: ascending priority, the first rule all of whose conditions hold, the
// default action last; inside a condition any value may match. A request meets the rules that its host and
// path leave (rule_index.h); each takes time linear in the length of the text, whatever the pattern.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "balancer/codec/head.h"
#include "balancer/routing/rule_index.h"
#include "balancer/routing/source.h"
#include "shared/base/result.h"
#include "shared/lbconfig/config.h"
#include "shared/regex/regex.h"

namespace balancer::routing {

// Views are used during match() only.
struct RequestFacts {
  // Authority (codec::routing_authority); its port, its letters' case and a dot at its end play no part.
  std::string_view host{};
  std::string_view path{};   // as received
  std::string_view query{};  // as received, without '?'; compared as it is and decoded
  std::string_view method{};
  const codec::MessageHead* head = nullptr;  // for http-header conditions; nullptr: no fields
  SourceAddress source;                      // the peer of the connection, never X-Forwarded-For
};

struct Match {
  std::size_t index = 0;  // 0-based in Listener::rules; rules.size() is the default action
  const shared::lbconfig::Action* action = nullptr;  // valid as long as the table
  std::string_view rule_id{};                        // empty for the default action
  int priority = 0;                                  // 0 for the default action
};

// Owned by the worker and reused, so that matching does not allocate.
struct Scratch {
  std::string path;     // normalised
  std::string host;     // in lower case
  std::string decoded;  // a pair of the query
  RuleIndex::Space index;
};

struct Transforms {
  std::optional<shared::regex::Rewriter> host{};
  std::optional<shared::regex::Rewriter> url{};
};

class RouteTable {
 public:
  // Errors name the rule and the condition (a broken CIDR, a pattern over kMaxPattern).
  static shared::Result<RouteTable> compile(const shared::lbconfig::Listener& listener);
  RouteTable(RouteTable&&) noexcept;
  RouteTable& operator=(RouteTable&&) noexcept;
  ~RouteTable();

  Match match(const RequestFacts& facts, Scratch& scratch) const;
  // Rules and the default action, in the order of Match::index: for what the caller resolves in advance.
  std::size_t action_count() const;
  const shared::lbconfig::Action& action(std::size_t index) const;
  // Of the rule with that index, empty for the default action; for transform() in transform.h.
  const Transforms& transforms(std::size_t index) const;

 private:
  struct Impl;
  explicit RouteTable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The path that rules see: escapes of unreserved characters decoded, "." and ".." segments resolved (never
// above the root), everything else kept. Returns `path` itself when nothing changes, else a view into
// `space`.
std::string_view normalise_path(std::string_view path, std::string& space);

}  // namespace balancer::routing
