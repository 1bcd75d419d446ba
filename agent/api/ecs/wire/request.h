// What every ECS operation of ours gets, and how it reads its request. The request has passed modelled(): its
// members have the modelled types, so that these readers need no errors of their own.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/api/call.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::api::ecs {

struct Context {
  control::Step& step;
  const Call& call;
  const nlohmann::json& in;
  std::vector<std::string>& resource_ids;  // what an error is about, see handle()

  const control::State& state() const { return step.state; }
};
using Answer = shared::Result<nlohmann::json>;

// Errors of the caller's making, by wire code.
using control::client_exception;
using control::invalid_parameter;
shared::Error unsupported(std::string text);

// True for a word of the list.
bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words);

// Members by name; absent gives empty, zero, false or nullopt.
bool has(const nlohmann::json& in, std::string_view name);
std::string text_in(const nlohmann::json& in, std::string_view name);
std::optional<int> integer_in(const nlohmann::json& in, std::string_view name);
std::optional<bool> boolean_in(const nlohmann::json& in, std::string_view name);
std::vector<std::string> texts_in(const nlohmann::json& in, std::string_view name);
std::optional<shared::WallTime> time_in(const nlohmann::json& in, std::string_view name);
// A list or object member; an empty list or object of the same kind when absent.
const nlohmann::json& list_in(const nlohmann::json& in, std::string_view name);
const nlohmann::json& object_in(const nlohmann::json& in, std::string_view name);

// The word is in the request's `include`.
bool includes(const Context& context, std::string_view word);
// Name of the request's ACTIVE cluster.
shared::Result<std::string> cluster_in(const Context& context);
// Checked tags; absent gives none.
shared::Result<std::vector<model::Tag>> tags_in(const nlohmann::json& in);
// 1 to `limit` items, otherwise InvalidParameterException: "Tasks cannot be empty.", "Tasks: at most 100
// ...".
shared::Result<std::vector<std::string>> batch_in(const nlohmann::json& in, std::string_view name,
                                                  std::string_view label, std::size_t limit);

}  // namespace agent::api::ecs
