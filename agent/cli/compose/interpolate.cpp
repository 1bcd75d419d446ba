#include <nlohmann/json.hpp>

#include "agent/cli/compose/compose.h"

namespace agent::cli {

using shared::Error;
using shared::Result;

namespace {

constexpr std::string_view kNameLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

}  // namespace

Result<std::string> compose_interpolated(std::string_view text,
                                         const std::map<std::string, std::string>& variables,
                                         std::vector<ComposeNote>& notes) {
  std::string out;
  std::size_t line = 1;
  const auto value_of = [&](const std::string& name) -> std::optional<std::string> {
    const auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional(it->second);
  };
  const auto take = [&](const std::string& name) {
    const auto value = value_of(name);
    if (!value)
      notes.push_back({Carried::kChanged, "", "$" + name, "is not set: empty, as docker compose has it"});
    out += value.value_or("");
  };
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\n') ++line;
    if (text[at] != '$' || at + 1 == text.size()) {
      out += text[at++];
    } else if (text[at + 1] == '$') {
      out += '$';
      at += 2;
    } else if (text[at + 1] == '{') {
      const std::size_t end = text.find('}', at);
      if (end == std::string_view::npos)
        return Error("document", "line " + std::to_string(line) + ": ${ without }", shared::Blame::kClient);
      const std::string inside(text.substr(at + 2, end - at - 2));
      at = end + 1;
      const std::size_t split = inside.find_first_not_of(kNameLetters);
      const std::string name = inside.substr(0, split);
      if (split == std::string::npos) {
        take(name);
        continue;
      }
      const bool colon = inside[split] == ':';
      const std::size_t sign = split + (colon ? 1 : 0);
      const std::string other =
          sign + 1 <= inside.size() ? inside.substr(std::min(sign + 1, inside.size())) : "";
      const auto value = value_of(name);
      const bool given = value && (!colon || !value->empty());
      if (sign >= inside.size() || std::string_view("-?+").find(inside[sign]) == std::string_view::npos ||
          name.empty())
        return Error("document", "line " + std::to_string(line) + ": '${" + inside + "}' is no variable",
                     shared::Blame::kClient);
      if (inside[sign] == '?' && !given)
        return Error("document", "line " + std::to_string(line) + ": " + name + " must be set: " + other,
                     shared::Blame::kClient);
      if (inside[sign] == '+') {
        out += given ? other : "";
      } else {
        out += given ? *value : other;
      }
    } else {
      const std::size_t end = std::min(text.find_first_not_of(kNameLetters, at + 1), text.size());
      if (end == at + 1) {
        out += text[at++];
        continue;
      }
      take(std::string(text.substr(at + 1, end - at - 1)));
      at = end;
    }
  }
  return out;
}

}  // namespace agent::cli
