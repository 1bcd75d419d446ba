// Planted bugs: deliberately wrong decisions, by which tests/sim proves that it would notice such a bug. They
// exist only in sources compiled with BERTH_PLANT, which the simulation does for its own program; in the
// shipped agent BERTH_PLANTED is the constant false.
#pragma once
#include <string_view>

namespace agent::control::plant {

enum class Bug {
  kNone,
  kStopBeforeAcknowledgement,  // an agent may be told to stop a task whose targets still drain
  kForgetAbsentBalancers,      // draining waits only for balancers that are connected
  kFreeBeforeStopped,          // a task's resources are free as soon as it is to stop
  kReplyBeforeCommit,          // callers learn of success before the store has it, which may refuse
  kSayBeforeCommit,            // so do agents and balancers of what was decided
  kWaitForLastContainer,       // a task without its essential container is wanted until all others have ended
  kForgetHealth,        // nobody looks at the services of targets of which a balancer says something new
  kStopProtected,       // scale-in and deployments stop protected tasks too
  kLeaveEarly,          // daemons leave a draining instance as soon as the others
  kLoseWake,            // what only time changes of a service is not looked at again
  kShiftBeforeHealthy,  // traffic goes to a new revision whose tasks are not all healthy
  kShiftWithoutAcknowledgement,  // nobody waits for balancers to route as the weights say
  kCleanUpBeforeBake,            // the former revision goes before the bake time has passed
  kForgetRollbackWeights,        // a rollback stops the new revision and leaves the traffic there
  kDrainSourceEarly,             // the former revision goes as soon as production traffic has shifted
  kCallHooksTwice,               // a lifecycle hook is called again before its answer has come
  kForgetHookAnswer,             // a hook that has failed does not hold the deployment back
  kGoBelowMinimum,               // a deployment stops old tasks without regard to minimumHealthyPercent
  kExceedMaximum,                // a deployment starts all new tasks at once, whatever maximumPercent says
  kDrainedOnceAcknowledged,      // a target is gone from balancers that have requests open towards it
};

#ifdef BERTH_PLANT
extern Bug planted;
#define BERTH_PLANTED(bug) (::agent::control::plant::planted == ::agent::control::plant::Bug::bug)
#else
#define BERTH_PLANTED(bug) false
#endif

// For the simulation's command line; defined there.
bool choose(std::string_view name);
const char* names();

}  // namespace agent::control::plant
