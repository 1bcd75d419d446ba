#include "agent/api/servicediscovery/servicediscovery.h"

#include <array>
#include <nlohmann/json.hpp>

#include "agent/api/json/json_call.h"
#include "agent/api/servicediscovery/access.h"
#include "agent/control/state/faults.h"

namespace agent::api::servicediscovery {

using control::fault;
using shared::Result;

namespace {

std::array<std::span<const Operation>, 4> tables() {
  return {namespace_operations(), service_operations(), instance_operations(), other_operations()};
}

}  // namespace

Result<std::string> handle(control::Step& step, const Call& call) {
  const Run run = find_operation(tables(), call.operation);
  if (run == nullptr)
    return fault("UnknownOperationException",
                 "servicediscovery:" + call.operation + " does not exist, or is not offered here.");
  return run_json(run, Context{step, call}, "InvalidInput", accesses_of);
}

Offers offers() {
  Offers out;
  for (const auto table : tables()) add_offered(out, table);
  return out;
}

}  // namespace agent::api::servicediscovery
