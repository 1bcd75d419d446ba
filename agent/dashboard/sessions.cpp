#include "agent/dashboard/sessions.h"

#include <charconv>

#include "shared/crypto/hash.h"

namespace agent::dashboard {

using shared::Blame;
using shared::Error;
using shared::Result;
using shared::WallTime;
namespace crypto = shared::crypto;

namespace {

constexpr std::size_t kNonceBytes = 16;

}  // namespace

Sessions::Sessions(std::string token)
    : token_(std::move(token)), key_(crypto::hmac_sha256(token_, "dashboard-session")) {}

std::string Sessions::signature(std::string_view text) const {
  return crypto::to_hex(crypto::hmac_sha256(key_, text));
}

Result<std::string> Sessions::log_in(std::string_view token, WallTime now) {
  if (now - failures_since_ >= kFailuresFor) {
    failures_ = 0;
    failures_since_ = now;
  }
  if (failures_ >= kMostFailures)
    return Error("too_many", "Too many wrong tokens; try again in a minute.", Blame::kClient);
  if (token_.empty() || !crypto::equal_constant_time(token, token_)) {
    ++failures_;
    return Error("wrong", "That is not the token of this installation.", Blame::kClient);
  }
  const std::string text = std::to_string(shared::epoch_millis(now + kSessionLife)) + "." +
                           crypto::to_hex(crypto::random_bytes(kNonceBytes));
  return text + "." + signature(text);
}

bool Sessions::is_valid(std::string_view cookie, WallTime now) const {
  const std::size_t end = cookie.rfind('.');
  if (token_.empty() || end == std::string_view::npos) return false;
  const std::string_view text = cookie.substr(0, end);
  if (!crypto::equal_constant_time(cookie.substr(end + 1), signature(text))) return false;
  long long until = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), until);
  return error == std::errc() && at != text.data() && now < shared::from_epoch_millis(until);
}

std::optional<std::string_view> cookie_in(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    std::string_view pair = header.substr(0, header.find(';'));
    header.remove_prefix(std::min(header.size(), pair.size() + 1));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
      return pair.substr(name.size() + 1);
  }
  return std::nullopt;
}

}  // namespace agent::dashboard
