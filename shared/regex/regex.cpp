#include "shared/regex/regex.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <optional>

namespace shared::regex {

namespace {

re2::StringPiece piece_of(std::string_view text) { return {text.data(), text.size()}; }

Error invalid(std::string text) { return Error("InvalidRegex", std::move(text), Blame::kClient); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// What RE2 would take and ELBv2 does not, and what RE2 refuses without saying what it is.
std::optional<std::string> outside_of_dialect(std::string_view text) {
  bool in_class = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      const char c = text[++i];
      if (c == 'p' || c == 'P') return "Unicode classes are not offered: \\" + std::string(1, c);
      if (!in_class && c >= '1' && c <= '9') {
        return "back-references are not offered: \\" + std::string(1, c);
      }
    } else if (in_class) {
      in_class = text[i] != ']' || text[i - 1] == '[' || text.substr(i - 2, 2) == "[^";
    } else if (text[i] == '[') {
      in_class = true;
    } else if (text.substr(i, 2) == "(?") {
      const std::string_view rest = text.substr(i + 2);
      for (const std::string_view look : {"=", "!", "<=", "<!"}) {
        if (rest.starts_with(look)) return "look-around is not offered: (?" + std::string(look);
      }
      if (rest.starts_with(">")) return std::string("atomic groups are not offered: (?>");
    }
  }
  return std::nullopt;
}

}  // namespace

struct Regex::Impl {
  Impl(std::string_view text, const RE2::Options& options) : expression(piece_of(text), options) {}
  RE2 expression;
};

Regex::Regex(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view text, Case letters, std::size_t longest) {
  if (text.empty()) return invalid("is empty");
  if (text.size() > longest) return invalid("is longer than " + std::to_string(longest) + " bytes");
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; })) {
    return invalid("holds a character that is not printable ASCII");
  }
  if (auto reason = outside_of_dialect(text)) return invalid(*reason);
  RE2::Options options(RE2::CannedOptions::Latin1);
  options.set_log_errors(false);
  options.set_max_mem(kMaxMemory);
  options.set_case_sensitive(letters == Case::kSensitive);
  auto impl = std::make_unique<Impl>(text, options);
  if (!impl->expression.ok()) return invalid("cannot be compiled: " + impl->expression.error());
  if (impl->expression.NumberOfCapturingGroups() > kMaxGroups) {
    return invalid("has more than " + std::to_string(kMaxGroups) + " groups");
  }
  return Regex(std::move(impl));
}

bool Regex::found_in(std::string_view text) const {
  return impl_->expression.Match(piece_of(text), 0, text.size(), RE2::UNANCHORED, nullptr, 0);
}

int Regex::groups() const { return impl_->expression.NumberOfCapturingGroups(); }

Result<Rewriter> Rewriter::compile(std::string_view expression, std::string_view replacement, Case letters) {
  auto regex = Regex::compile(expression, letters, kMaxRewrite);
  if (!regex) return regex.error();
  const auto wrong = [](std::string text) {
    return Error("InvalidReplacement", std::move(text), Blame::kClient);
  };
  if (replacement.size() > kMaxRewrite) {
    return wrong("is longer than " + std::to_string(kMaxRewrite) + " bytes");
  }
  std::vector<Piece> pieces(1);
  for (std::size_t i = 0; i < replacement.size(); ++i) {
    const char c = replacement[i];
    const char next = i + 1 < replacement.size() ? replacement[i + 1] : '\0';
    if (c != '$' || (next != '$' && !is_digit(next))) {
      pieces.back().text.push_back(c);
      continue;
    }
    ++i;
    if (next == '$') {
      pieces.back().text.push_back('$');
      continue;
    }
    int group = next - '0';
    if (group != 0 && i + 1 < replacement.size() && is_digit(replacement[i + 1])) {
      const int wider = group * 10 + (replacement[i + 1] - '0');
      if (wider <= regex->groups()) {
        group = wider;
        ++i;
      }
    }
    if (group > regex->groups()) {
      return wrong("names the group $" + std::to_string(group) + ", but the expression has " +
                   std::to_string(regex->groups()));
    }
    pieces.back().group = group;
    pieces.emplace_back();
  }
  return Rewriter(std::move(*regex), std::move(pieces));
}

Rewritten Rewriter::apply(std::string_view text, std::size_t longest, std::string& out) const {
  std::array<re2::StringPiece, kMaxGroups + 1> groups;
  const int wanted = regex_.groups() + 1;
  if (!regex_.impl_->expression.Match(piece_of(text), 0, text.size(), RE2::UNANCHORED, groups.data(),
                                      wanted)) {
    return Rewritten::kNoMatch;
  }
  const auto start = static_cast<std::size_t>(groups[0].data() - text.data());
  const auto append = [&](std::string_view part) {
    if (part.size() > longest - out.size()) return false;
    out.append(part);
    return true;
  };
  out.clear();
  if (!append(text.substr(0, start))) return Rewritten::kTooLong;
  for (const Piece& piece : pieces_) {
    if (!append(piece.text)) return Rewritten::kTooLong;
    if (piece.group < 0) continue;
    const auto& group = groups[static_cast<std::size_t>(piece.group)];
    if (!append(std::string_view(group.data(), group.size()))) return Rewritten::kTooLong;
  }
  return append(text.substr(start + groups[0].size())) ? Rewritten::kDone : Rewritten::kTooLong;
}

}  // namespace shared::regex
