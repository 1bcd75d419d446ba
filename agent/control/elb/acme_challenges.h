// What balancers answer for ACME orders: in their configuration from the time at which control knows a
// challenge until the certificate is there, or the order is given up.
#pragma once
#include "agent/control/state/step.h"

namespace agent::control {

// The challenges of all orders, as publish() gives them to the configuration.
void give_acme_challenges(const State& state, lb::Config& config);
// Notes in orders that wait for balancers which configuration has their challenges.
void mark_acme_orders(State& state);
// Every known balancer answers what the order needs. A balancer that is away counts until it is forgotten: it
// may be serving from its snapshot, without the challenge. False without any balancer.
bool challenges_are_answered(const State& state, const model::AcmeOrder& order);
// A listener by which the server can ask: with plain HTTP; on this port, if one is given.
bool has_http_listener(const State& state, std::uint16_t port = 0);

}  // namespace agent::control
