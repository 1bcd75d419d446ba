// Event patterns of EventBridge: which events a rule is for. Exact values, prefix, suffix, anything-but,
// numeric, exists, wildcard, equals-ignore-case, cidr, and $or. Pure; thread: any.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace agent::pattern {

inline constexpr std::size_t kMostPattern = 4'096;  // bytes; EventBridge's quota
inline constexpr int kMostDepth = 32;

class Pattern {
 public:
  // Error InvalidEventPatternException "Event pattern is not valid. Reason: ..." naming the member.
  static shared::Result<Pattern> parse(std::string_view text);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  // `event`: JSON text of an object. False too for one that is none.
  bool matches(std::string_view event) const;

 private:
  struct Node;
  explicit Pattern(std::unique_ptr<Node> root);
  std::unique_ptr<Node> root_;
};

}  // namespace agent::pattern
