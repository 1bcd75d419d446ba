#include "agent/api/ecs/wire/request.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/control/state/lookup.h"
#include "agent/control/state/tag_rules.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

// Year 9999: far beyond what a report can mean, well inside what a WallTime can hold.
constexpr double kMaxEpochSeconds = 253402300799.0;

const json& member(const json& in, std::string_view name, const json& otherwise) {
  const auto it = in.find(name);
  return it == in.end() ? otherwise : *it;
}

}  // namespace

Error unsupported(std::string text) { return control::fault("UnsupportedFeatureException", std::move(text)); }

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool has(const json& in, std::string_view name) { return in.contains(name); }

std::string text_in(const json& in, std::string_view name) {
  const auto it = in.find(name);
  return it == in.end() ? std::string() : it->get<std::string>();
}

std::optional<int> integer_in(const json& in, std::string_view name) {
  const auto it = in.find(name);
  return it == in.end() ? std::nullopt : std::optional<int>(it->get<int>());
}

std::optional<bool> boolean_in(const json& in, std::string_view name) {
  const auto it = in.find(name);
  return it == in.end() ? std::nullopt : std::optional<bool>(it->get<bool>());
}

std::vector<std::string> texts_in(const json& in, std::string_view name) {
  return list_in(in, name).get<std::vector<std::string>>();
}

std::optional<shared::WallTime> time_in(const json& in, std::string_view name) {
  const auto it = in.find(name);
  if (it == in.end()) return std::nullopt;
  const double seconds = std::clamp(it->get<double>(), 0.0, kMaxEpochSeconds);
  return shared::from_epoch_millis(std::llround(seconds * 1000.0));
}

const json& list_in(const json& in, std::string_view name) {
  static const json none = json::array();
  return member(in, name, none);
}

const json& object_in(const json& in, std::string_view name) {
  static const json none = json::object();
  return member(in, name, none);
}

bool includes(const Context& context, std::string_view word) {
  const json& asked = list_in(context.in, "include");
  return std::any_of(asked.begin(), asked.end(), [&](const json& each) { return each == word; });
}

Result<std::string> cluster_in(const Context& context) {
  return control::cluster_name(context.step, text_in(context.in, "cluster"));
}

Result<std::vector<model::Tag>> tags_in(const json& in) {
  std::vector<model::Tag> tags;
  for (const json& each : list_in(in, "tags")) tags.push_back({text_in(each, "key"), text_in(each, "value")});
  if (auto checked = control::check_tags(tags); !checked) return checked.error();
  return tags;
}

Result<std::vector<std::string>> batch_in(const json& in, std::string_view name, std::string_view label,
                                          std::size_t limit) {
  std::vector<std::string> items = texts_in(in, name);
  if (items.empty()) return invalid_parameter(std::string(label) + " cannot be empty.");
  if (items.size() > limit) {
    return invalid_parameter(std::string(label) + " can contain at most " + std::to_string(limit) +
                             " items, got " + std::to_string(items.size()) + ".");
  }
  return items;
}

}  // namespace agent::api::ecs
