#include "agent/cli/output/diff.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;

namespace {

constexpr std::size_t kMostShown = 100;  // columns of a value

// By which member the elements of both lists can be told apart.
std::optional<std::string> identity_of(const json& a, const json& b) {
  for (const char* name :
       {"name", "containerName", "sourceVolume", "targetGroupArn", "containerPort", "key"}) {
    std::set<json> seen;
    const auto tells = [&](const json& list) {
      seen.clear();
      return std::all_of(list.begin(), list.end(), [&](const json& each) {
        return each.is_object() && each.contains(name) && seen.insert(each[name]).second;
      });
    };
    if (tells(a) && tells(b)) return name;
  }
  return std::nullopt;
}

std::string label_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : shared::json::to_text(value);
}

// {name, value} is a variable, a label or a tag: what is of interest is its value.
const json& worth(const json& element) {
  const bool pair = element.is_object() && element.size() == 2 && element.contains("value") &&
                    (element.contains("name") || element.contains("key"));
  return pair ? element["value"] : element;
}

class Comparison {
 public:
  void compare(const std::string& path, const json& before, const json& after) {
    if (before == after) return;
    if (before.is_object() && after.is_object()) return members(path, before, after);
    if (before.is_array() && after.is_array()) return elements(path, before, after);
    found.push_back(
        {Difference::Kind::kChanged, path, shared::json::to_text(before), shared::json::to_text(after)});
  }

  std::vector<Difference> found;

 private:
  // What is new is told member by member: it is to be read.
  void added(const std::string& path, const json& value) {
    if (value.is_object() && !value.empty()) return members(path, json::object(), value);
    if (value.is_array() && !value.empty() && value.front().is_object())
      return elements(path, json::array(), value);
    found.push_back({Difference::Kind::kAdded, path, "", shared::json::to_text(value)});
  }
  void removed(const std::string& path, const json& value) {
    found.push_back({Difference::Kind::kRemoved, path, shared::json::to_text(value), ""});
  }

  void members(const std::string& path, const json& before, const json& after) {
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const auto& [name, value] : before.items()) {
      if (after.contains(name)) {
        compare(prefix + name, value, after[name]);
      } else {
        removed(prefix + name, value);
      }
    }
    for (const auto& [name, value] : after.items()) {
      if (!before.contains(name)) added(prefix + name, value);
    }
  }

  void elements(const std::string& path, const json& before, const json& after) {
    if (const auto by = identity_of(before, after)) return named(path, before, after, *by);
    for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
      const std::string at = path + "[" + std::to_string(i) + "]";
      if (i >= before.size()) {
        added(at, after[i]);
      } else if (i >= after.size()) {
        removed(at, before[i]);
      } else {
        compare(at, before[i], after[i]);
      }
    }
  }

  void named(const std::string& path, const json& before, const json& after, const std::string& by) {
    const auto find = [&](const json& list, const json& key) {
      return std::find_if(list.begin(), list.end(), [&](const json& each) { return each[by] == key; });
    };
    for (const json& each : before) {
      const std::string at = path + "[" + label_of(each[by]) + "]";
      const auto other = find(after, each[by]);
      if (other == after.end()) {
        removed(at, worth(each));
      } else {
        compare(at, worth(each), worth(*other));
      }
    }
    for (const json& each : after) {
      if (find(before, each[by]) == before.end()) added(path + "[" + label_of(each[by]) + "]", worth(each));
    }
  }
};

}  // namespace

std::vector<Difference> differences(const json& before, const json& after) {
  Comparison comparison;
  comparison.compare("", before, after);
  return std::move(comparison.found);
}

std::string render(const std::vector<Difference>& found, Colour colour) {
  std::string out;
  for (const Difference& each : found) {
    const std::string before = harmless(shortened_to(each.before, kMostShown));
    const std::string after = harmless(shortened_to(each.after, kMostShown));
    switch (each.kind) {
      case Difference::Kind::kAdded:
        out += paint("  + " + each.path + ": " + after, Style::kGood, colour);
        break;
      case Difference::Kind::kRemoved:
        out += paint("  - " + each.path + ": " + before, Style::kBad, colour);
        break;
      case Difference::Kind::kChanged:
        out += paint("  ~ " + each.path + ": " + before + " -> " + after, Style::kWarn, colour);
        break;
    }
    out += "\n";
  }
  return out;
}

}  // namespace agent::cli
