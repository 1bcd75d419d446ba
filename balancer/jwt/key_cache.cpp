#include "balancer/jwt/key_cache.h"

#include <algorithm>

namespace balancer::jwt {

namespace {
constexpr int kOk = 200;
}

KeyAnswer KeyCache::answer_of(const Entry& entry, shared::SteadyTime now) {
  if (entry.keys && now - entry.keys_since < kKeysKept) return {entry.keys, Reason::kValid};
  return {nullptr, entry.failure == Reason::kValid ? Reason::kKeysFailed : entry.failure};
}

KeyCache::Entry& KeyCache::entry_of(const std::string& endpoint, shared::SteadyTime now) {
  const auto found = entries_.find(endpoint);
  if (found == entries_.end() && entries_.size() >= kMaxEndpoints) {
    entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
      return a.second.asked_at < b.second.asked_at;
    }));
  }
  Entry& entry = found == entries_.end() ? entries_[endpoint] : found->second;
  entry.asked_at = now;
  return entry;
}

KeyCache::Lookup KeyCache::look_up(const std::string& endpoint, shared::SteadyTime now) {
  Entry& entry = entry_of(endpoint, now);
  const bool usable = entry.keys && now - entry.keys_since < kKeysKept;
  const bool failed_lately = entry.failure != Reason::kValid && now - entry.ended_at < kFetchAgainAfter;
  const bool fresh = usable && now - entry.keys_since < kKeysFresh;
  Lookup out;
  out.fetch = !fresh && !failed_lately && !entry.fetching;
  if (out.fetch) entry.fetching = true;
  out.known = usable || failed_lately;
  if (out.known) out.answer = answer_of(entry, now);
  return out;
}

KeyCache::Lookup KeyCache::look_up_newer(const std::string& endpoint, const KeySet& seen,
                                         shared::SteadyTime now) {
  Entry& entry = entry_of(endpoint, now);
  Lookup out;
  const bool other = entry.keys && entry.keys.get() != &seen;
  const bool too_soon = entry.unknown_at && now - *entry.unknown_at < kUnknownKeyAfter;
  out.known = other || (!entry.fetching && too_soon);
  if (out.known) {
    out.answer = answer_of(entry, now);
  } else if (!entry.fetching) {
    out.fetch = entry.fetching = true;
    entry.unknown_at = now;
  }
  return out;
}

bool KeyCache::fetching(const std::string& endpoint) const {
  const auto found = entries_.find(endpoint);
  return found != entries_.end() && found->second.fetching;
}

KeyAnswer KeyCache::read(int status, std::string_view body) {
  if (status != kOk) return {nullptr, Reason::kKeysFailed};
  auto parsed = KeySet::parse(body);
  if (const auto* reason = std::get_if<Reason>(&parsed)) return {nullptr, *reason};
  return {std::make_shared<const KeySet>(std::get<KeySet>(std::move(parsed))), Reason::kValid};
}

KeyAnswer KeyCache::on_fetched(const std::string& endpoint, KeyAnswer outcome, shared::SteadyTime now) {
  Entry& entry = entry_of(endpoint, now);
  entry.failure = outcome.reason;
  entry.fetching = false;
  entry.ended_at = now;
  if (outcome.keys) {
    entry.keys = std::move(outcome.keys);
    entry.keys_since = now;
  }
  return answer_of(entry, now);
}

}  // namespace balancer::jwt
