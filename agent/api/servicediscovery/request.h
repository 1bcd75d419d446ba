// What the operations share. Internal to the folder.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/api/call.h"
#include "agent/api/json/page.h"
#include "agent/api/json/tags.h"
#include "agent/control/discovery/discovery.h"
#include "shared/base/result.h"
#include "shared/json/reader.h"

namespace agent::api::servicediscovery {

struct Context {
  control::Step& step;
  const Call& call;
};
using In = const shared::json::Reader&;
using Answer = shared::Result<nlohmann::json>;
using Run = Answer (*)(const Context&, In);
using Operation = std::pair<std::string_view, Run>;
namespace discovery = control::discovery;

std::span<const Operation> namespace_operations();
std::span<const Operation> service_operations();
std::span<const Operation> instance_operations();
std::span<const Operation> other_operations();

shared::Error invalid(const std::string& text);  // InvalidInput
// InvalidInput when it is absent or empty, or longer than `most`.
shared::Result<std::string> required(In in, std::string_view member, std::size_t most = 1'024);
shared::Result<std::string> optional_text(In in, std::string_view member, std::size_t most = 1'024);
// NamespaceId, which may be inside of DnsConfig.
std::string namespace_named(In in);

shared::Result<Page> page_in(In in);

struct Filter {
  std::string name;
  std::string condition;  // "EQ", "IN", "BETWEEN", "BEGINS_WITH"
  std::vector<std::string> values;
};
// `names`: those that there are; a name that is none of them is InvalidInput.
shared::Result<std::vector<Filter>> filters_in(In in, std::initializer_list<std::string_view> names);
bool passes(const std::vector<Filter>& filters, std::string_view name, const std::string& value);

}  // namespace agent::api::servicediscovery
