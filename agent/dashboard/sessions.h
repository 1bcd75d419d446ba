// Who may see the dashboard: whoever has its token (DATA_DIR/dashboard-token) gets a cookie that says so for
// half a day. The cookie is signed with a key made of the token: nothing of sessions is kept, they outlive a
// restart of control, and another token ends all of them. Thread: the owner's.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/base/time.h"

namespace agent::dashboard {

inline constexpr shared::Millis kSessionLife{12 * 3'600'000};
// Wrong tokens in a minute, of everybody together, before the next ones are not looked at.
inline constexpr int kMostFailures = 30;
inline constexpr shared::Millis kFailuresFor{60'000};

class Sessions {
 public:
  explicit Sessions(std::string token);

  // The cookie's value. Errors: "wrong"; "too_many" failed within the last minute.
  shared::Result<std::string> log_in(std::string_view token, shared::WallTime now);
  // Given out by a log_in() with the same token, and not over.
  bool is_valid(std::string_view cookie, shared::WallTime now) const;

 private:
  std::string signature(std::string_view text) const;

  std::string token_;
  std::string key_;
  int failures_ = 0;
  shared::WallTime failures_since_{};
};

// The value of the cookie of that name in a Cookie header (RFC 6265 section 4.2).
std::optional<std::string_view> cookie_in(std::string_view header, std::string_view name);

}  // namespace agent::dashboard
