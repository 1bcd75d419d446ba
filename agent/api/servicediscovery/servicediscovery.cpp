#include "agent/api/servicediscovery/servicediscovery.h"

#include <array>
#include <nlohmann/json.hpp>

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
  Run run = nullptr;
  for (const auto table : tables()) {
    for (const auto& [name, each] : table) {
      if (name == call.operation) run = each;
    }
  }
  if (run == nullptr)
    return fault("UnknownOperationException",
                 "servicediscovery:" + call.operation + " does not exist, or is not offered here.");
  const auto document = shared::json::Document::parse(call.body.empty() ? "{}" : call.body, "InvalidInput");
  if (!document) return document.error();
  const shared::json::Reader in = document->root();
  const Context at{step, call};
  if (call.by_policy) {
    if (auto allowed = permit(step, call, accesses_of(at, in)); !allowed) return allowed.error();
  }
  const Answer answer = run(at, in);
  if (!in.ok()) return in.error();
  if (!answer) return answer.error();
  return shared::json::to_text(*answer);
}

Offers offers() {
  Offers out;
  for (const auto table : tables()) add_offered(out, table);
  return out;
}

}  // namespace agent::api::servicediscovery
