#include "agent/control/elb/cookie_keys.h"

#include "agent/control/state/rows.h"

namespace agent::control {
namespace {

constexpr const char* kKey = "keys";

lb::CookieKey new_key(Step& step, std::uint32_t other_id) {
  lb::CookieKey key;
  do {
    key.id = static_cast<std::uint32_t>(step.random.next());
  } while (key.id == other_id);
  while (key.secret.size() < lb::kCookieSecretBytes) {
    const std::uint64_t word = step.random.next();
    for (unsigned shift = 0; shift < 64; shift += 8) key.secret += static_cast<char>(word >> shift & 255U);
  }
  return key;
}

}  // namespace

void give_present_cookie_keys(const State& state, lb::Config& config) {
  config.cookie_keys.clear();
  const model::CookieKeys* row = state.cookie_keys.find(kKey);
  if (row != nullptr && lb::needs_cookie_keys(config)) config.cookie_keys = row->keys;
}

void give_cookie_keys(Step& step, lb::Config& config) {
  if (step.state.cookie_keys.find(kKey) == nullptr && lb::needs_cookie_keys(config)) {
    rows(step).cookie_keys.put(kKey, model::CookieKeys{{new_key(step, 0)}, step.now});
    rows(step).live.agenda.note(Concern::kCookieKeys, "");
  }
  give_present_cookie_keys(step.state, config);
}

void renew_cookie_keys(Step& step) {
  State& state = rows(step);
  if (state.live.agenda.take(Concern::kCookieKeys, step.now).empty()) return;
  const model::CookieKeys* row = state.cookie_keys.find(kKey);
  if (row == nullptr) return;
  step.subject = {Concern::kCookieKeys, ""};
  if (step.now >= row->made + kCookieKeyLife) {
    const lb::CookieKey fresh = new_key(step, row->keys.empty() ? 0 : row->keys.front().id);
    state.cookie_keys.edit(kKey, [&](model::CookieKeys& keys) {
      keys.keys.insert(keys.keys.begin(), fresh);
      if (keys.keys.size() > lb::kMaxCookieKeys) keys.keys.resize(lb::kMaxCookieKeys);
      keys.made = step.now;
    });
    row = state.cookie_keys.find(kKey);
  }
  step.wake_at(row->made + kCookieKeyLife);
}

}  // namespace agent::control
