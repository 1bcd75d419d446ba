// The keys of stickiness cookies: one set for all balancers, so that a client may come to any of them.
// Control makes them when the first target group or forward action keeps its clients, stores them, and puts a
// new one in front of the old one after kCookieKeyLife. They leave in the balancers' configuration only.
#pragma once
#include <chrono>

#include "agent/control/state/step.h"

namespace agent::control {

// As long as a cookie lasts at most (604,800 s): what the key before sealed has expired when that key goes.
inline constexpr shared::Millis kCookieKeyLife = std::chrono::hours(7 * 24);

// What publish() gives the configuration: nothing while nobody needs keys. Made where they are needed and
// missing.
void give_cookie_keys(Step& step, lb::Config& config);
// The same without making any.
void give_present_cookie_keys(const State& state, lb::Config& config);
// A reconciler: renews keys that have been in front for long enough.
void renew_cookie_keys(Step& step);

}  // namespace agent::control
