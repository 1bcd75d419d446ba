#include "tests/sim/hooks.h"

namespace sim {

using agent::hooks::Reply;
using agent::hooks::Said;

void SimHooks::call(agent::hooks::Call call, std::function<void(Reply)> done) {
  if (life_ != control_.life()) open_.clear();
  life_ = control_.life();
  if (!open_.insert(call.execution_id).second)
    on_violation("a hook at " + call.stage + " was called again before it had answered");
  control_.deliver(
      world_.between(Millis(1), Millis(20'000)),
      [this, id = call.execution_id, deployment = call.service_deployment_arn, done = std::move(done)] {
        open_.erase(id);
        const Reply reply = answer_of(id);
        if (reply.said == Said::kFailed) failed.insert(deployment);
        done(reply);
      });
}

Reply SimHooks::answer_of(const std::string& execution) {
  if (world_.chance(200)) return {Said::kInProgress, 1 + static_cast<int>(world_.random().below(5))};
  if (world_.chance(100)) return {Said::kNothing, {}, "it said nothing"};
  return {execution.front() >= '0' && execution.front() <= '5' ? Said::kFailed : Said::kSucceeded};
}

}  // namespace sim
