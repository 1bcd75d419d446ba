#include "agent/pattern/pattern.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "shared/base/text.h"
#include "shared/json/reader.h"

namespace agent::pattern {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

Error not_valid(const std::string& why) {
  return Error("InvalidEventPatternException", "Event pattern is not valid. Reason: " + why,
               shared::Blame::kClient);
}

// '*' is any text; "\*" and "\\" are what they say. Linear in text and pattern, whatever they are.
struct Wildcard {
  std::vector<std::string> parts;  // between the stars

  static Result<Wildcard> parse(const std::string& text, const std::string& path) {
    Wildcard out;
    out.parts.emplace_back();
    bool star = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\') {
        if (++i == text.size() || (text[i] != '*' && text[i] != '\\'))
          return not_valid(path + ": invalid escape character in a wildcard");
        out.parts.back() += text[i];
        star = false;
      } else if (text[i] == '*') {
        if (star) return not_valid(path + ": consecutive wildcard characters");
        out.parts.emplace_back();
        star = true;
      } else {
        out.parts.back() += text[i];
        star = false;
      }
    }
    return out;
  }
  bool matches(std::string_view text) const {
    if (parts.size() == 1) return text == parts[0];
    if (!text.starts_with(parts.front())) return false;
    text.remove_prefix(parts.front().size());
    for (std::size_t i = 1; i + 1 < parts.size(); ++i) {
      const auto at = text.find(parts[i]);
      if (at == std::string_view::npos) return false;
      text.remove_prefix(at + parts[i].size());
    }
    return text.ends_with(parts.back());
  }
};

struct Network {
  std::vector<std::uint8_t> address;
  int bits = 0;

  static std::vector<std::uint8_t> bytes_of(const std::string& text) {
    std::array<std::uint8_t, 16> raw{};
    if (::inet_pton(AF_INET, text.c_str(), raw.data()) == 1) return {raw.begin(), raw.begin() + 4};
    if (::inet_pton(AF_INET6, text.c_str(), raw.data()) == 1) return {raw.begin(), raw.end()};
    return {};
  }
  bool has(const std::string& text) const {
    const auto other = bytes_of(text);
    if (other.size() != address.size()) return false;
    for (int bit = 0; bit < bits; ++bit) {
      const auto byte = static_cast<std::size_t>(bit / 8);
      const int mask = 0x80 >> (bit % 8);
      if ((other[byte] & mask) != (address[byte] & mask)) return false;
    }
    return true;
  }
};

using Test = std::function<bool(const json&)>;

Test on_text(std::function<bool(const std::string&)> test) {
  return [test = std::move(test)](const json& value) {
    return value.is_string() && test(value.get_ref<const std::string&>());
  };
}

bool equal(const json& a, const json& b) {
  if (a.is_number() && b.is_number()) return a.get<double>() == b.get<double>();
  return a == b;
}

bool is_value(const json& value) {
  return value.is_string() || value.is_number() || value.is_boolean() || value.is_null();
}

Result<Test> numeric(const json& given, const std::string& path) {
  if (!given.is_array() || given.empty() || given.size() % 2 != 0 || given.size() > 4)
    return not_valid(path + ": numeric takes one or two pairs of an operator and a number");
  std::vector<std::pair<std::string, double>> bounds;
  for (std::size_t i = 0; i < given.size(); i += 2) {
    const bool known = given[i].is_string() && (given[i] == "=" || given[i] == "<" || given[i] == "<=" ||
                                                given[i] == ">" || given[i] == ">=");
    if (!known || !given[i + 1].is_number())
      return not_valid(path + ": numeric takes =, <, <=, > or >= and a number");
    bounds.emplace_back(given[i].get<std::string>(), given[i + 1].get<double>());
  }
  return Test([bounds](const json& value) {
    if (!value.is_number()) return false;
    const double number = value.get<double>();
    return std::all_of(bounds.begin(), bounds.end(), [&](const auto& each) {
      if (each.first == "=") return number == each.second;
      if (each.first == "<") return number < each.second;
      if (each.first == "<=") return number <= each.second;
      if (each.first == ">") return number > each.second;
      return number >= each.second;
    });
  });
}

// Prefix, suffix and wildcard: of one text, or of what case does not tell apart.
Result<Test> textual(const std::string& word, const json& given, const std::string& path) {
  const bool ignoring = given.is_object() && given.size() == 1 && given.contains("equals-ignore-case") &&
                        given["equals-ignore-case"].is_string() && (word == "prefix" || word == "suffix");
  if (!given.is_string() && !ignoring) return not_valid(path + ": " + word + " takes a string");
  const std::string text = ignoring ? shared::lower_case(given["equals-ignore-case"].get<std::string>())
                                    : given.get<std::string>();
  const auto seen = [ignoring](const std::string& value) {
    return ignoring ? shared::lower_case(value) : value;
  };
  if (word == "prefix")
    return on_text([text, seen](const std::string& value) { return seen(value).starts_with(text); });
  if (word == "suffix")
    return on_text([text, seen](const std::string& value) { return seen(value).ends_with(text); });
  if (word == "equals-ignore-case")
    return on_text([text = shared::lower_case(text)](const std::string& value) {
      return shared::lower_case(value) == text;
    });
  auto wildcard = Wildcard::parse(text, path);
  if (!wildcard) return wildcard.error();
  return on_text(
      [wildcard = *std::move(wildcard)](const std::string& value) { return wildcard.matches(value); });
}

Result<Test> anything_but(const json& given, const std::string& path) {
  if (given.is_object()) {
    if (given.size() != 1) return not_valid(path + ": anything-but takes one match");
    const std::string word = given.begin().key();
    if (word != "prefix" && word != "suffix" && word != "equals-ignore-case" && word != "wildcard")
      return not_valid(path + ": anything-but does not know " + word);
    const json many = given.begin()->is_array() ? *given.begin() : json::array({*given.begin()});
    if (many.empty()) return not_valid(path + ": anything-but takes at least one value");
    std::vector<Test> tests;
    for (const json& each : many) {
      auto test = textual(word, each, path);
      if (!test) return test;
      tests.push_back(*std::move(test));
    }
    return Test([tests](const json& value) {
      return std::none_of(tests.begin(), tests.end(), [&](const Test& each) { return each(value); });
    });
  }
  const json many = given.is_array() ? given : json::array({given});
  const bool values = !many.empty() && std::all_of(many.begin(), many.end(), [](const json& each) {
    return each.is_string() || each.is_number();
  });
  if (!values) return not_valid(path + ": anything-but takes strings or numbers");
  return Test([many](const json& value) {
    return std::none_of(many.begin(), many.end(), [&](const json& each) { return equal(each, value); });
  });
}

Result<Test> cidr(const json& given, const std::string& path) {
  Network network;
  if (given.is_string()) {
    const std::string text = given;
    const auto slash = text.find('/');
    network.address = Network::bytes_of(text.substr(0, slash));
    if (slash != std::string::npos && slash + 1 < text.size() && text.size() - slash <= 4 &&
        std::all_of(text.begin() + static_cast<std::ptrdiff_t>(slash) + 1, text.end(),
                    [](char c) { return c >= '0' && c <= '9'; }))
      network.bits = std::stoi(text.substr(slash + 1));
    else
      network.address.clear();
  }
  if (network.address.empty() || network.bits > static_cast<int>(network.address.size()) * 8)
    return not_valid(path + ": cidr takes a network such as 10.0.0.0/24");
  return on_text([network](const std::string& value) { return network.has(value); });
}

}  // namespace

// What is asked of one member: sub-patterns of an object, or tests of a value; and of an object's members
// alternatives.
struct Pattern::Node {
  std::map<std::string, std::unique_ptr<Node>> members;
  std::vector<std::vector<std::unique_ptr<Node>>> alternatives;  // each list: any of these
  bool leaf = false;
  std::vector<Test> tests;
  bool if_absent = false;  // {"exists": false} is among the tests

  static Result<std::unique_ptr<Node>> object(const json& given, const std::string& path, int depth);
  static Result<std::unique_ptr<Node>> values(const json& given, const std::string& path);
  bool matches(const json& event) const;
  bool any_value(const json& value) const;
};

Result<std::unique_ptr<Pattern::Node>> Pattern::Node::values(const json& given, const std::string& path) {
  auto node = std::make_unique<Node>();
  node->leaf = true;
  if (given.empty()) return not_valid(path + ": empty arrays are not allowed");
  for (const json& each : given) {
    if (is_value(each)) {
      node->tests.emplace_back([each](const json& value) { return equal(each, value); });
      continue;
    }
    if (!each.is_object() || each.size() != 1)
      return not_valid(path + ": only one match expression is allowed in each object of an array");
    const std::string word = each.begin().key();
    const json& operand = *each.begin();
    if (word == "exists") {
      if (!operand.is_boolean()) return not_valid(path + ": exists takes true or false");
      if (operand == true) {
        node->tests.emplace_back([](const json&) { return true; });
      } else {
        node->if_absent = true;
      }
      continue;
    }
    Result<Test> test =
        word == "numeric"        ? numeric(operand, path)
        : word == "anything-but" ? anything_but(operand, path)
        : word == "cidr"         ? cidr(operand, path)
        : word == "prefix" || word == "suffix" || word == "wildcard" || word == "equals-ignore-case"
            ? textual(word, operand, path)
            : Result<Test>(not_valid(path + ": unrecognized match type " + word));
    if (!test) return test.error();
    node->tests.push_back(*std::move(test));
  }
  return node;
}

Result<std::unique_ptr<Pattern::Node>> Pattern::Node::object(const json& given, const std::string& path,
                                                             int depth) {
  auto node = std::make_unique<Node>();
  if (depth > kMostDepth) return not_valid(path + ": is too deep");
  if (given.empty()) return not_valid((path.empty() ? std::string("the pattern") : path) + ": is empty");
  for (const auto& [name, value] : given.items()) {
    const std::string inside = path.empty() ? name : path + "." + name;
    if (name == "$or" && value.is_array() && value.size() > 1 &&
        std::all_of(value.begin(), value.end(), [](const json& each) { return each.is_object(); })) {
      std::vector<std::unique_ptr<Node>> any;
      for (const json& each : value) {
        auto alternative = object(each, inside, depth + 1);
        if (!alternative) return alternative;
        any.push_back(*std::move(alternative));
      }
      node->alternatives.push_back(std::move(any));
      continue;
    }
    if (!value.is_object() && !value.is_array())
      return not_valid("\"" + inside + "\" must be an object or an array");
    auto member = value.is_object() ? object(value, inside, depth + 1) : values(value, inside);
    if (!member) return member;
    node->members[name] = *std::move(member);
  }
  return node;
}

// Of a list any element will do.
bool Pattern::Node::any_value(const json& value) const {
  if (value.is_array())
    return std::any_of(value.begin(), value.end(), [this](const json& each) { return any_value(each); });
  if (value.is_object()) return false;
  return std::any_of(tests.begin(), tests.end(), [&](const Test& each) { return each(value); });
}

bool Pattern::Node::matches(const json& event) const {
  if (event.is_array())
    return std::any_of(event.begin(), event.end(), [this](const json& each) { return matches(each); });
  static const json kNothing = json::object();
  const json& from = event.is_object() ? event : kNothing;
  const bool all = std::all_of(members.begin(), members.end(), [&](const auto& each) {
    const auto it = from.find(each.first);
    const Node& node = *each.second;
    if (!node.leaf) return node.matches(it == from.end() ? kNothing : *it);
    const bool absent = it == from.end() || it->is_object() || (it->is_array() && it->empty());
    return absent ? node.if_absent : node.any_value(*it);
  });
  return all && std::all_of(alternatives.begin(), alternatives.end(), [&](const auto& any) {
           return std::any_of(any.begin(), any.end(), [&](const auto& each) { return each->matches(from); });
         });
}

Pattern::Pattern(std::unique_ptr<Node> root) : root_(std::move(root)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Result<Pattern> Pattern::parse(std::string_view text) {
  if (text.size() > kMostPattern)
    return not_valid("it can have at most " + std::to_string(kMostPattern) + " characters");
  const auto given = shared::json::parse(text);
  if (!given) return not_valid(given.error().text());
  if (!given->is_object()) return not_valid("Filter is not an object");
  auto root = Node::object(*given, "", 0);
  if (!root) return root.error();
  return Pattern(*std::move(root));
}

bool Pattern::matches(std::string_view event) const {
  const auto given = shared::json::parse(event);
  return given && given->is_object() && root_->matches(*given);
}

}  // namespace agent::pattern
