#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <variant>
#include <vector>

#include "agent/logs/pattern_value.h"
#include "shared/json/reader.h"

namespace agent::logs {
namespace {

using nlohmann::json;
using shared::Result;

// One step of a selector: a member, an element, or all elements.
struct AllElements {};
using Part = std::variant<std::string, std::size_t, AllElements>;
using Selector = std::vector<Part>;

enum class Test { kCompare, kTrue, kFalse, kNull, kNotExists };

struct Leaf {
  Selector selector;
  Test test = Test::kCompare;
  Comparison how = Comparison::kEqual;
  Value value;
};

// A tree of leaves; `all` joins its branches by &&, else by ||.
struct Branch {
  bool all = true;
  std::vector<Branch> branches;
  std::shared_ptr<const Leaf> leaf;  // then there are no branches
};

// Visits what the selector chooses; true when `visit` was true for one of them.
bool any_of_selected(const json& at, const Selector& selector, std::size_t depth,
                     const std::function<bool(const json&)>& visit) {
  if (depth == selector.size()) return visit(at);
  if (const auto* name = std::get_if<std::string>(&selector[depth])) {
    if (!at.is_object()) return false;
    const auto it = at.find(*name);
    return it != at.end() && any_of_selected(*it, selector, depth + 1, visit);
  }
  if (const auto* index = std::get_if<std::size_t>(&selector[depth]))
    return at.is_array() && *index < at.size() && any_of_selected(at[*index], selector, depth + 1, visit);
  if (!at.is_array()) return false;
  return std::any_of(at.begin(), at.end(),
                     [&](const json& each) { return any_of_selected(each, selector, depth + 1, visit); });
}

bool leaf_holds(const Leaf& leaf, const json& event) {
  if (leaf.test == Test::kNotExists)
    return !any_of_selected(event, leaf.selector, 0, [](const json&) { return true; });
  return any_of_selected(event, leaf.selector, 0, [&](const json& found) {
    switch (leaf.test) {
      case Test::kTrue:
        return found.is_boolean() && found.get<bool>();
      case Test::kFalse:
        return found.is_boolean() && !found.get<bool>();
      case Test::kNull:
        return found.is_null();
      case Test::kCompare:
      case Test::kNotExists:
        break;
    }
    if (found.is_string()) return compare(leaf.how, found.get_ref<const std::string&>(), leaf.value);
    if (found.is_number()) return compare(leaf.how, found.dump(), leaf.value);
    return found.is_boolean() && compare(leaf.how, found.get<bool>() ? "true" : "false", leaf.value);
  });
}

bool branch_holds(const Branch& branch, const json& event) {
  if (branch.leaf) return leaf_holds(*branch.leaf, event);
  for (const Branch& each : branch.branches) {
    if (branch_holds(each, event) != branch.all) return !branch.all;
  }
  return branch.all;
}

class JsonMatcher final : public Matcher {
 public:
  explicit JsonMatcher(Branch root) : root_(std::move(root)) {}
  bool matches(std::string_view message) const override {
    const auto event = shared::json::parse(message);
    return event && event->is_object() && branch_holds(root_, *event);
  }

 private:
  Branch root_;
};

bool is_member_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '@' || c == ':' || c == '#';
}

Result<Selector> read_selector(Cursor& in) {
  Selector out;
  if (!in.take("$"))
    return bad_pattern("a selector begins with '$', at character " + std::to_string(in.at() + 1));
  for (;;) {
    if (in.take(".")) {
      std::string name;
      while (is_member_char(in.peek())) {
        name += in.peek();
        in.move(1);
      }
      if (name.empty()) return bad_pattern("a member is missing after '.'");
      out.emplace_back(std::move(name));
    } else if (in.take("[")) {
      if (in.take("*")) {
        out.emplace_back(AllElements{});
      } else if (in.peek() == '"') {
        auto name = in.quoted();
        if (!name) return name.error();
        out.emplace_back(*std::move(name));
      } else {
        std::size_t index = 0;
        std::size_t digits = 0;
        for (; in.peek() >= '0' && in.peek() <= '9' && digits < 9; ++digits) {
          index = index * 10 + static_cast<std::size_t>(in.peek() - '0');
          in.move(1);
        }
        if (digits == 0)
          return bad_pattern("between '[' and ']' there is a number, '*' or a member in double quotes");
        out.emplace_back(index);
      }
      if (!in.take("]")) return bad_pattern("']' is missing in a selector");
    } else {
      return out;
    }
  }
}

Result<Branch> read_leaf(Cursor& in) {
  auto leaf = std::make_shared<Leaf>();
  auto selector = read_selector(in);
  if (!selector) return selector.error();
  leaf->selector = *std::move(selector);
  in.skip_blanks();
  if (in.take_word("IS")) {
    in.skip_blanks();
    if (in.take_word("TRUE"))
      leaf->test = Test::kTrue;
    else if (in.take_word("FALSE"))
      leaf->test = Test::kFalse;
    else if (in.take_word("NULL"))
      leaf->test = Test::kNull;
    else
      return bad_pattern("after IS there is TRUE, FALSE or NULL");
  } else if (in.take_word("NOT")) {
    in.skip_blanks();
    if (!in.take_word("EXISTS")) return bad_pattern("after NOT there is EXISTS");
    leaf->test = Test::kNotExists;
  } else {
    const auto how = in.comparison();
    if (!how) return bad_pattern("an operator is missing at character " + std::to_string(in.at() + 1));
    leaf->how = *how;
    auto value = in.value("(){}&|");
    if (!value) return value.error();
    leaf->value = *std::move(value);
    if (*how != Comparison::kEqual && *how != Comparison::kNotEqual && !leaf->value.number)
      return bad_pattern("<, <=, > and >= are for numbers");
  }
  Branch out;
  out.leaf = std::move(leaf);
  return out;
}

Result<Branch> read_any(Cursor& in, std::size_t depth);

Result<Branch> read_one(Cursor& in, std::size_t depth) {
  in.skip_blanks();
  if (!in.take("(")) return read_leaf(in);
  if (depth == kMaxPatternDepth) return bad_pattern("there are too many parentheses inside of each other");
  auto inside = read_any(in, depth + 1);
  if (!inside) return inside;
  in.skip_blanks();
  if (!in.take(")")) return bad_pattern("')' is missing at character " + std::to_string(in.at() + 1));
  return inside;
}

template <class Read>
Result<Branch> read_joined(Cursor& in, std::string_view by, bool all, Read read) {
  Branch out;
  out.all = all;
  do {
    auto next = read();
    if (!next) return next;
    out.branches.push_back(*std::move(next));
    in.skip_blanks();
  } while (in.take(by));
  if (out.branches.size() > 1) return out;
  Branch only = std::move(out.branches.front());
  return only;
}

Result<Branch> read_any(Cursor& in, std::size_t depth) {
  return read_joined(in, "||", false,
                     [&] { return read_joined(in, "&&", true, [&] { return read_one(in, depth); }); });
}

}  // namespace

Result<std::shared_ptr<const Matcher>> parse_json_pattern(std::string_view text) {
  Cursor in(text);
  in.move(1);
  auto root = read_any(in, 0);
  if (!root) return root.error();
  in.skip_blanks();
  if (!in.take("}") || !in.at_end())
    return bad_pattern("'}' is expected at character " + std::to_string(in.at() + 1));
  return std::shared_ptr<const Matcher>(std::make_shared<JsonMatcher>(*std::move(root)));
}

}  // namespace agent::logs
