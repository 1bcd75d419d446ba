// Services: the reconciler that makes running equal desired: deployments (rolling
// update within minimumHealthyPercent and maximumPercent), replacement with back-off, circuit breaker,
// events.
#pragma once
#include <map>
#include <string>

#include "agent/control/services/judge.h"
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

// Level-triggered: may run at any moment, any number of times. Looks at the services, and judges the tasks,
// that are on the agenda. Keeps a book of each service, which has to hear of every change of its tasks: one
// per State, from its first row on.
class ServiceReconciler {
 public:
  void reconcile(Step& step);

 private:
  struct Known {
    Book book;
    std::string terms;  // that its tasks were judged on
  };
  void judge(Step& step, const std::string& task_key);
  void forget(Step& step, const std::string& task_key);
  void judge_on_new_terms(Step& step, const std::string& key);
  void reconcile_one(Step& step, const std::string& key);

  std::map<std::string, Known> books_;             // by service key
  std::map<std::string, std::string> service_of_;  // by task key, of the tasks in the books
};

}  // namespace agent::control
