// Text to value and back; the parts of reader.h that touch bytes.
#include <nlohmann/json.hpp>

#include "shared/json/reader.h"

namespace shared::json {
namespace {

constexpr int kPrettyIndent = 2;

// Bracket depth outside strings. Counted before parsing, because the library offers no way to stop one
// half-way.
std::size_t depth_of(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

// "[json.exception.parse_error.101] parse error at line 1, column 2: ..." without the library's own prefix.
std::string syntax_text(std::string_view what) {
  const std::size_t end = what.find("] ");
  if (what.starts_with("[json.exception") && end != std::string_view::npos) what.remove_prefix(end + 2);
  return "invalid JSON: " + std::string(what);
}

}  // namespace

Result<nlohmann::json> parse(std::string_view text, ParseLimits limits) {
  if (depth_of(text) > limits.depth) {
    return Error("json", "invalid JSON: nested deeper than " + std::to_string(limits.depth) + " levels",
                 Blame::kClient);
  }
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& e) {
    return Error("json", syntax_text(e.what()), Blame::kClient);
  }
}

std::string to_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string to_pretty_text(const nlohmann::json& value) {
  return value.dump(kPrettyIndent, ' ', false, nlohmann::json::error_handler_t::replace);
}

struct Document::State {
  nlohmann::json value;
  ErrorSink sink;
};

Result<Document> Document::parse(std::string_view text, std::string code, ParseLimits limits) {
  auto parsed = json::parse(text, limits);
  if (!parsed) return Error(std::move(code), parsed.error().text(), Blame::kClient);
  return Document(std::make_unique<State>(State{std::move(*parsed), ErrorSink(std::move(code))}));
}

Document::Document(std::unique_ptr<State> state) : state_(std::move(state)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Reader Document::root() const { return Reader(state_->value, state_->sink); }
const nlohmann::json& Document::value() const { return state_->value; }
ErrorSink& Document::sink() const { return state_->sink; }

}  // namespace shared::json
