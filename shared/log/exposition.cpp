#include "shared/log/exposition.h"

#include <array>
#include <charconv>
#include <cmath>

#include "shared/base/check.h"

namespace shared::log {
namespace {

bool is_name(std::string_view name, std::string_view extra) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name) {
    const bool letter =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!letter && extra.find(c) == std::string_view::npos) return false;
  }
  return true;
}

void append_escaped(std::string& out, std::string_view text, std::string_view escaped) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (escaped.find(c) != std::string_view::npos) out.push_back('\\');
    out.push_back(c);
  }
}

}  // namespace

bool is_metric_name(std::string_view name) { return is_name(name, ":"); }
bool is_label_name(std::string_view name) { return is_name(name, ""); }

std::string exposition_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return std::string(digits.data(), end);
}

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  BERTH_CHECK(families_.insert(std::string(name)).second, "a metric family is written twice");
  text_.append("# HELP ").append(name).push_back(' ');
  append_escaped(text_, help, "\\");
  text_.append("\n# TYPE ").append(name).append(" ").append(type).push_back('\n');
}

void Exposition::head(std::string_view name, const Labels& labels) {
  text_ += name;
  if (!labels.empty()) {
    char separator = '{';
    for (const auto& [label, value] : labels) {
      text_.push_back(separator);
      separator = ',';
      text_.append(label).append("=\"");
      append_escaped(text_, value, "\\\"");
      text_.push_back('"');
    }
    text_.push_back('}');
  }
  text_.push_back(' ');
}

void Exposition::sample(std::string_view name, const Labels& labels, double value) {
  head(name, labels);
  text_.append(exposition_number(value)).push_back('\n');
}

void Exposition::sample(std::string_view name, const Labels& labels, std::uint64_t value) {
  head(name, labels);
  text_.append(std::to_string(value)).push_back('\n');
}

}  // namespace shared::log
