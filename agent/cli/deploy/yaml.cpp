#include <yaml-cpp/yaml.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/cli/deploy/document.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr int kMostDeep = 64;

// YAML 1.2 core schema: a plain scalar that looks like a null, a boolean or a number is one; a quoted one is
// a text.
json scalar_of(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return text;
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const char* end = text.data() + text.size();
  long long whole = 0;
  const char* begin = text.data() + (text[0] == '+' ? 1 : 0);
  if (const auto read = std::from_chars(begin, end, whole); read.ec == std::errc() && read.ptr == end)
    return whole;
  double number = 0;
  if (text.find_first_not_of("0123456789.+-eE") == std::string::npos &&
      text.find_first_of("0123456789") != std::string::npos) {
    const auto read = std::from_chars(begin, end, number);
    if (read.ec == std::errc() && read.ptr == end) return number;
  }
  return text;
}

Error at_line(const YAML::Mark& mark, const std::string& what) {
  return Error("document", (mark.line >= 0 ? "line " + std::to_string(mark.line + 1) + ": " : "") + what,
               shared::Blame::kClient);
}

class Reader {
 public:
  Result<json> read(const YAML::Node& node, int depth) {
    // Aliases of aliases can name more than there is memory for.
    if (depth > kMostDeep || ++nodes_ > kMostNodes) return at_line(node.Mark(), "is too deep or too large");
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return scalar_of(node);
      case YAML::NodeType::Sequence: {
        json list = json::array();
        for (const YAML::Node& each : node) {
          auto value = read(each, depth + 1);
          if (!value) return value.error();
          list.push_back(*std::move(value));
        }
        return list;
      }
      case YAML::NodeType::Map:
        return map(node, depth);
      case YAML::NodeType::Null:
      case YAML::NodeType::Undefined:
        break;
    }
    return json(nullptr);
  }

 private:
  static constexpr std::size_t kMostNodes = 200'000;

  Result<json> map(const YAML::Node& node, int depth) {
    json object = json::object();
    json merged = json::object();
    for (const auto& each : node) {
      if (!each.first.IsScalar()) return at_line(each.first.Mark(), "a name must be a text");
      const std::string name = each.first.Scalar();
      auto value = read(each.second, depth + 1);
      if (!value) return value.error();
      if (name == "<<") {
        for (const json& from : value->is_array() ? *value : json::array({*value})) {
          if (!from.is_object()) return at_line(each.second.Mark(), "<< must name a mapping");
          for (const auto& [key, inherited] : from.items())
            if (!merged.contains(key)) merged[key] = inherited;
        }
        continue;
      }
      if (object.contains(name)) return at_line(each.first.Mark(), "'" + name + "' is there twice");
      object[name] = *std::move(value);
    }
    for (const auto& [key, inherited] : merged.items())
      if (!object.contains(key)) object[key] = inherited;
    return object;
  }

  std::size_t nodes_ = 0;
};

}  // namespace

Result<json> parse_yaml(std::string_view text) {
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    return Reader().read(root, 0);
  } catch (const YAML::Exception& error) {
    return at_line(error.mark, error.msg);
  }
}

Result<json> parse_document(std::string_view text, std::string_view path) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool looks_json = first != std::string_view::npos && text[first] == '{';
  auto parsed = looks_json ? shared::json::parse(text) : parse_yaml(text);
  if (!parsed)
    return Error("document", std::string(path) + ": " + parsed.error().text(), shared::Blame::kClient);
  if (!parsed->is_object())
    return Error("document", std::string(path) + ": is no object of members", shared::Blame::kClient);
  return parsed;
}

}  // namespace agent::cli
