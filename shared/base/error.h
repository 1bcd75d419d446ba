// Error: what went wrong, whose fault it is, and whether trying again can help. A value, never thrown across
// modules.
#pragma once
#include <string>
#include <string_view>
#include <utility>

namespace shared {

// Whose fault: decides 4xx (client), 502 (target) or 500 (self) wherever an error becomes an answer.
enum class Blame { kClient, kTarget, kSelf };
// kOnlyIfReused: a pooled connection closed under us; safe to repeat on a fresh one.
enum class Retry { kNo, kYes, kOnlyIfReused };

// `code` is a stable word programs may compare (for AWS-facing errors the exact wire code, such as
// "ClusterNotFoundException"); `text` is for people: lower case unless AWS words it, no full stop added by
// us, names the thing ("read head from 10.0.0.7:80").
class [[nodiscard]] Error {
 public:
  Error(std::string code, std::string text, Blame blame = Blame::kSelf, Retry retry = Retry::kNo)
      : code_(std::move(code)), text_(std::move(text)), blame_(blame), retry_(retry) {}

  const std::string& code() const { return code_; }
  const std::string& text() const { return text_; }
  Blame blame() const { return blame_; }
  Retry retry() const { return retry_; }

  // The same error seen from further out: "open store: disk is full".
  Error within(std::string_view context) const {
    return Error(code_, std::string(context) + ": " + text_, blame_, retry_);
  }

 private:
  std::string code_;
  std::string text_;
  Blame blame_;
  Retry retry_;
};

}  // namespace shared
