#include "agent/cli/story/members.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "agent/cli/output/text.h"

namespace agent::cli {

using nlohmann::json;

std::string text_in(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

long long number_in(const json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end()) return 0;
  if (it->is_number()) return it->get<long long>();
  long long value = 0;
  if (it->is_string()) {
    const auto& text = it->get_ref<const std::string&>();
    std::from_chars(text.data(), text.data() + text.size(), value);
  }
  return value;
}

bool flag_in(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && ((it->is_boolean() && it->get<bool>()) || *it == "true");
}

std::optional<shared::WallTime> time_in(const json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_number()) return std::nullopt;
  return from_epoch_seconds(it->get<double>());
}

const json& list_in(const json& object, const char* name) {
  static const json kNone = json::array();
  const auto it = object.find(name);
  return it != object.end() && it->is_array() ? *it : kNone;
}

const json& object_in(const json& object, const char* name) {
  static const json kNone = json::object();
  const auto it = object.find(name);
  return it != object.end() && it->is_object() ? *it : kNone;
}

std::vector<std::string> texts_in(const json& object, const char* name) {
  std::vector<std::string> out;
  for (const json& each : list_in(object, name)) {
    if (each.is_string()) out.push_back(each.get<std::string>());
  }
  return out;
}

}  // namespace agent::cli
