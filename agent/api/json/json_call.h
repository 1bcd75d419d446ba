// What services whose messages are JSON do alike with a call: its operation is looked up in the service's
// tables, its body is read, its caller's rights are asked for, and it is run. For the .cpp files of these
// services; they name nlohmann_json among their packages. Thread: the engine's.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/api/access/access.h"
#include "agent/api/call.h"
#include "agent/api/json/find_operation.h"
#include "shared/base/result.h"
#include "shared/json/reader.h"

namespace agent::api {

// `malformed`: the service's error for a body that is no JSON object. `accesses`: what the call does with
// what, of the reader; asked only where policies decide.
template <class Run, class Context, class Accesses>
shared::Result<std::string> run_json(Run run, const Context& at, const char* malformed, Accesses accesses) {
  const auto document = shared::json::Document::parse(at.call.body.empty() ? "{}" : at.call.body, malformed);
  if (!document) return document.error();
  const shared::json::Reader in = document->root();
  if (at.call.by_policy) {
    if (auto allowed = permit(at.step, at.call, accesses(at, in)); !allowed) return allowed.error();
  }
  const auto answer = run(at, in);
  if (!in.ok()) return in.error();
  if (!answer) return answer.error();
  return shared::json::to_text(*answer);
}

}  // namespace agent::api
