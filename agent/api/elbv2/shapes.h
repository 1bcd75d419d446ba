// Reading and writing the structures that several operations share: actions, conditions, tags, pages.
// Internal to agent/api/elbv2. Readers report into the QueryReader they are given; check its ok() afterwards.
#pragma once
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/aws/arn.h"
#include "agent/aws/query.h"
#include "agent/aws/xml.h"
#include "agent/control/elb/load_balancers.h"
#include "agent/control/state/faults.h"

namespace agent::api::elbv2 {

namespace lb = shared::lbconfig;

// ARNs, each of a kind. One of another partition, service, region, account or kind is ELBv2's
// ValidationError, before anything looks for it: an ARN of ours that names nothing is each operation's own
// error.
std::string required_arn(const control::Step& step, const aws::QueryReader& in, std::string_view name,
                         aws::ElbKind kind);
std::string arn_or_empty(const control::Step& step, const aws::QueryReader& in, std::string_view name,
                         aws::ElbKind kind);
std::vector<std::string> arns_or_empty(const control::Step& step, const aws::QueryReader& in,
                                       std::string_view name, aws::ElbKind kind);
// ResourceArns: at least one, of any kind.
std::vector<std::string> required_resources(const control::Step& step, const aws::QueryReader& in);

// A jwt-validation action becomes part of the action that follows it.
std::vector<lb::Action> read_actions(const control::Step& step, const aws::QueryReader& in,
                                     std::string_view name);
std::vector<lb::Condition> read_conditions(const aws::QueryReader& in);
// Transforms; absent ones leave `rewrites` as they are.
void read_transforms(const aws::QueryReader& in, std::optional<lb::Rewrites>& rewrites);
std::vector<model::Tag> read_tags(const aws::QueryReader& in);

void write_load_balancer(aws::XmlElement out, const model::LoadBalancer& row, const std::string& region);
void write_zones(aws::XmlElement out, const model::LoadBalancer& row, const std::string& region);
void write_target_group(aws::XmlElement out, const control::State& state, const model::TargetGroup& row);
void write_listener(aws::XmlElement out, const model::Listener& row);
void write_rule(aws::XmlElement out, const model::Rule& row);
void write_default_rule(aws::XmlElement out, const model::Listener& row);

using control::fault;
using control::validation_error;

// Pages by a sort key, not by position, so that they stay right while things are created and deleted.
inline constexpr int kMaxPageSize = 400;
struct PageRequest {
  std::string after;  // key of the last item of the former page, empty at the beginning
  std::size_t size = kMaxPageSize;
};
PageRequest read_page(const aws::QueryReader& in);
std::string marker_of(const std::string& key);

// Writes the items of one page as members of `list`, and NextMarker if there are more. `items` are ordered by
// their keys.
template <class Item, class Write>
void write_page(aws::XmlElement out, std::string_view list, const PageRequest& page,
                const std::vector<std::pair<std::string, Item>>& items, Write write) {
  aws::XmlElement members = out.child(list);
  std::size_t written = 0;
  std::string last;
  for (const auto& [key, item] : items) {
    if (!page.after.empty() && key <= page.after) continue;
    if (written == page.size) {
      out.text("NextMarker", marker_of(last));
      return;
    }
    write(members.child("member"), item);
    last = key;
    ++written;
  }
}

// The rows of a table that a Describe call names by ARN or by name, in the order of their ARNs; all of them
// where it names none. What is named and not there is in `missing`.
template <class Row>
struct NamedRows {
  std::vector<std::pair<std::string, const Row*>> found;
  std::set<std::string> missing;
};
template <class Row, class Table>
NamedRows<Row> named_rows(const Table& table, const std::vector<std::string>& arns,
                          const std::vector<std::string>& names) {
  std::set<std::string> wanted(arns.begin(), arns.end());
  wanted.insert(names.begin(), names.end());
  NamedRows<Row> out;
  out.missing = wanted;
  for (const auto& [arn, row] : table.rows()) {
    const std::string& key = names.empty() ? arn : row.name;
    if (!wanted.empty() && wanted.count(key) == 0) continue;
    out.missing.erase(key);
    out.found.emplace_back(arn, &row);
  }
  return out;
}

}  // namespace agent::api::elbv2
