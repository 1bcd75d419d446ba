// Deployments by stages as rows: beginning one, moving it on, giving it up. What comes next is decided by
// next_step (stages.h); here is what is known, and what is done about it. Each deployment of such a service
// has its tasks planned for itself, so that what serves stays whole until nothing goes there any more.
#pragma once
#include <string>
#include <vector>

#include "agent/control/services/history.h"
#include "agent/control/state/step.h"

namespace agent::control {

// The PRIMARY deployment goes by stages: BLUE_GREEN, LINEAR, CANARY.
bool goes_by_stages(const model::Service& service);
// Tasks that a deployment of such a service is to have.
int staged_count(const model::Service& service, const model::Deployment& deployment);
// What was asked for when the deployment under way began, or else what the service asks for.
const model::Strategy& strategy_of(const State& state, const std::string& service_key);

// nullptr: the service has none of that id.
const model::Deployment* find_deployment(const model::Service& service, const std::string& id);
// Where a new deployment of the service takes over from: what serves now, or would be gone back to. nullptr:
// nothing does.
const model::Deployment* serving_deployment(const model::Service& service);
// Of a deployment that is about to become the service's PRIMARY one.
void prepare_rollout(const Step& step, const model::Service& service, model::Deployment& deployment);

// How the tasks of one deployment are.
struct Standing {
  std::string id;
  int desired = 0;
  bool whole = false;  // as many as desired, all healthy
  bool empty = false;  // none is left that is not stopped or told to
};
enum class RolloutIs { kOngoing, kComplete };
// Of the PRIMARY deployment, as far as it comes now. kComplete: the caller makes it so.
RolloutIs advance_rollout(Step& step, const std::string& key, const std::vector<Standing>& standings);

// The PRIMARY deployment is over: `what` went wrong ("tasks failed to start"), `reason` is its
// rolloutStateReason and `why` begins that of the one that goes back, both without the full stop. With `back`
// to where the service was, if there is such a place.
struct Failure {
  FailedBy by = FailedBy::kCircuitBreaker;
  std::string what;
  std::string reason;
  std::string why;
  bool back = true;
};
void fail_deployment(Step& step, const std::string& key, const Failure& failure);
// Goes back to the deployment that the failed PRIMARY one took over from; false: there is none.
bool go_back_to_source(Step& step, const std::string& key, const std::string& why);

// Alarms of the deployment under way: true when it was given up because of one.
bool trip_alarms(Step& step, const std::string& key);
// The bake time of a rolling deployment that is steady. True: it has passed.
bool has_baked(Step& step, const std::string& key);

}  // namespace agent::control
