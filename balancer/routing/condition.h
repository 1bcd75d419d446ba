// One condition of a rule, compiled. Internal to balancer/routing.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "balancer/routing/pattern.h"
#include "balancer/routing/route_table.h"
#include "balancer/routing/source.h"
#include "shared/base/result.h"
#include "shared/lbconfig/config.h"
#include "shared/regex/regex.h"

namespace balancer::routing {

// What is worked out once for all rules.
struct Prepared {
  const RequestFacts& facts;
  std::string_view host;  // lower case, without port and without the dot at its end
  std::string_view path;  // normalised
  std::string& space;     // for texts that are decoded
};

class CompiledCondition {
 public:
  static shared::Result<CompiledCondition> compile(const shared::lbconfig::Condition& condition);
  bool holds(const Prepared& request) const;

 private:
  struct QueryPattern {
    bool any_key = true;
    Pattern key;
    Pattern value;
  };
  shared::Result<void> compile_patterns(const shared::lbconfig::Condition& condition, Case letters);
  shared::Result<void> compile_query(const shared::lbconfig::Condition& condition);
  bool any_matches(std::string_view text) const;
  bool header_holds(const codec::MessageHead* head) const;
  bool query_holds(std::string_view query, std::string& space) const;

  shared::lbconfig::ConditionField field_ = shared::lbconfig::ConditionField::kPathPattern;
  std::string header_;  // kHttpHeader
  std::vector<Pattern> patterns_;
  std::vector<shared::regex::Regex> regexes_;
  std::vector<QueryPattern> query_;
  std::vector<std::string> methods_;
  std::vector<Cidr> cidrs_;
};

// The host that rules see: lower case, without port, without the dot that ends a fully qualified name.
std::string_view prepare_host(std::string_view authority, std::string& space);
std::string_view lower_text(std::string_view text, std::string& space);

}  // namespace balancer::routing
