// Services: the reconciler that makes running equal desired: deployments (rolling
// update within minimumHealthyPercent and maximumPercent), replacement with back-off, circuit breaker,
// events.
#pragma once
#include "agent/control/state/step.h"

namespace agent::control {

struct ServiceCounts {
  int running = 0;
  int pending = 0;
};
ServiceCounts count_tasks(const State& state, const model::Service& service);  // all deployments
ServiceCounts count_tasks(const State& state, const model::Service& service,
                          const model::Deployment& deployment);

// Failures at which the circuit breaker gives a deployment up.
int circuit_breaker_threshold(int desired_count);

// Level-triggered: may run at any moment, any number of times. Looks at the services that are on the agenda.
void reconcile_services(Step& step);

}  // namespace agent::control
