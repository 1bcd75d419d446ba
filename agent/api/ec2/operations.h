// The operations of ec2.h, and what they have in common: filters, tags, pages, and how each kind is written.
// Internal to agent/api/ec2.
#pragma once
#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/api/call.h"
#include "agent/aws/query.h"
#include "agent/aws/xml.h"
#include "agent/control/network/network.h"
#include "shared/base/result.h"

namespace agent::api::ec2 {

namespace network = control::network;

using Done = shared::Result<void>;
using In = const aws::QueryReader&;
using Out = aws::XmlElement;
using control::Step;
using Tags = std::vector<model::Tag>;

using Run = Done (*)(Step&, In, Out);
using RunWithForm = Done (*)(Step&, In, Out,
                             const std::string& body);  // for what is kept as the form that it came in
struct Operation {
  std::string_view name;
  Run run = nullptr;
  RunWithForm run_with_form = nullptr;  // one of them
};
std::span<const Operation> vpc_operations();
std::span<const Operation> route_operations();
std::span<const Operation> group_operations();
std::span<const Operation> address_operations();
std::span<const Operation> template_operations();
std::span<const Operation> tag_operations();
std::span<const Operation> place_operations();

// ---- Requests ----

shared::Error missing(std::string_view member);  // MissingParameter
shared::Error invalid_value(std::string_view member, std::string_view value, std::string_view why);
std::string required(In in, std::string_view member);
std::optional<bool> value_of(In in, std::string_view member);  // AttributeBooleanValue: <member>.Value
// Of TagSpecification.N with that resource type; another type is an error.
Tags tags_for(In in, std::string_view resource_type);

// What a filter's name means for one of the kind: its values of that name. nullopt: the kind has no such
// filter.
using Values = std::vector<std::string>;
template <class Row>
using FilterOf = std::optional<Values> (*)(const Step& step, const Row& row, std::string_view name);

struct Filter {
  std::string name;
  Values values;  // any of them; '*' and '?' are wildcards
};
std::vector<Filter> filters_of(In in);
bool any_matches(const Filter& filter, const Values& values);
// "tag:<key>", "tag-key"; nullopt: another filter.
std::optional<Values> tag_filter(const Tags& tags, std::string_view name);
inline Values one(std::string value) { return {std::move(value)}; }
inline Values flag(bool value) { return {value ? "true" : "false"}; }

// InvalidParameterValue for what the kind has no filter for, by a row that is like any other when there is
// none.
template <class Row>
shared::Result<bool> passes(const Step& step, const std::vector<Filter>& filters, const Row& row,
                            FilterOf<Row> filter_of) {
  bool all = true;
  for (const Filter& each : filters) {
    const auto values = filter_of(step, row, each.name);
    if (!values)
      return shared::Error("InvalidParameterValue", "The filter '" + each.name + "' is invalid",
                           shared::Blame::kClient);
    all = all && any_matches(each, *values);
  }
  return all;
}

// Those that were named ("VpcId.N"), or all; of these, what passes the filters; of these, a page. `write`
// adds an <item>.
struct Page {
  std::size_t first = 0;
  std::size_t size = 0;  // 0: no end
};
Page page_of(In in);
void write_next(Out out, const Page& page, std::size_t end, std::size_t total);

template <class Row, class Table, class Write>
Done describe(Step& step, In in, Out out, std::string_view id_member, std::string_view set,
              std::string_view kind, const Table& table, FilterOf<Row> filter_of, Write write) {
  const auto ids = in.strings_or_empty(id_member);
  const auto filters = filters_of(in);
  const Page page = page_of(in);
  if (!in.ok()) return in.error();
  if (const auto known = passes(step, filters, Row{}, filter_of); !known) return known.error();
  std::vector<const Row*> found;
  if (ids.empty()) {
    for (const auto& [id, row] : table.rows()) found.push_back(&row);
  }
  for (const std::string& id : ids) {
    const auto row = network::find_row(table, kind, id);
    if (!row) return row.error();
    found.push_back(*row);
  }
  std::erase_if(found, [&](const Row* row) { return !*passes(step, filters, *row, filter_of); });
  Out list = out.child(set);
  const std::size_t first = std::min(page.first, found.size());
  const std::size_t end = page.size == 0 ? found.size() : std::min(found.size(), first + page.size);
  for (std::size_t i = first; i < end; ++i) write(list.child("item"), *found[i]);
  write_next(out, page, end, found.size());
  return {};
}

// ---- Answers ----

inline void succeed(Out out) { out.boolean("return", true); }
void write_tags(Out out, const Tags& tags);
std::string ec2_arn(const Step& step, std::string_view kind, std::string_view id);
void write_vpc(Out out, const Step& step, const model::Vpc& row);
void write_subnet(Out out, const Step& step, const model::Subnet& row);
void write_gateway(Out out, const Step& step, const model::InternetGateway& row);
void write_route_table(Out out, const Step& step, const model::RouteTable& row);
void write_group(Out out, const Step& step, const model::SecurityGroup& row);
void write_rule(Out out, const Step& step, const std::string& group, const model::SecurityGroupRule& rule);
void write_acl(Out out, const Step& step, const model::NetworkAcl& row);

}  // namespace agent::api::ec2
