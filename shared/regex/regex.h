// Regular expressions of listener rules (ELBv2 RegexValues and Transforms), with RE2 behind them: the time of
// a search is linear in the text and its memory bounded, whatever the expression. The one place that says
// which expressions there are: control asks it when a rule is made, the balancer when it compiles the rule.
//
// The dialect is RE2's without Unicode: printable ASCII, texts are bytes, '.' is any byte but a line feed, ^
// and $ are the ends of the text, (?i) is there; look-around, back-references, atomic groups, possessive
// quantifiers, subroutines, recursion and \p are not, as ELBv2 says.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/result.h"

namespace shared::regex {

inline constexpr std::size_t kMaxCondition = 128;  // bytes of an expression in a condition (ELBv2)
inline constexpr std::size_t kMaxRewrite = 1024;   // bytes of an expression and of a replacement (ELBv2)
inline constexpr std::size_t kMaxMemory = 256
                                          << 10;  // bytes of one compiled expression, what it caches included
inline constexpr int kMaxGroups = 99;             // capture groups of an expression

enum class Case : std::uint8_t { kSensitive, kInsensitive };

// Immutable; any number of threads at a time.
class Regex {
 public:
  // Error "InvalidRegex": the reason ("is longer than 128 bytes", "look-around is not offered: (?=").
  static Result<Regex> compile(std::string_view text, Case letters, std::size_t longest);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  // Whether it matches anywhere in `text`.
  bool found_in(std::string_view text) const;
  int groups() const;

 private:
  friend class Rewriter;
  struct Impl;
  explicit Regex(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

enum class Rewritten : std::uint8_t { kNoMatch, kDone, kTooLong };

// An expression and what its first match is replaced by. $1 to $99 are the groups (two digits where there is
// such a group), $0 the whole match, $$ is '$'; a '$' before anything else stands for itself.
class Rewriter {
 public:
  // Errors "InvalidRegex" and "InvalidReplacement" (a group that is not there).
  static Result<Rewriter> compile(std::string_view expression, std::string_view replacement, Case letters);

  // kDone: `out` holds `text` with its first match replaced, at most `longest` bytes. Else `out` is of no
  // use.
  Rewritten apply(std::string_view text, std::size_t longest, std::string& out) const;

 private:
  // Literal text, then a group; -1: no group.
  struct Piece {
    std::string text;
    int group = -1;
  };
  Rewriter(Regex regex, std::vector<Piece> pieces) : regex_(std::move(regex)), pieces_(std::move(pieces)) {}
  Regex regex_;
  std::vector<Piece> pieces_;
};

}  // namespace shared::regex
