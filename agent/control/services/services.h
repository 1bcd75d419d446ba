// Services: the reconciler that makes running equal desired: deployments (rolling
// update within minimumHealthyPercent and maximumPercent), replacement with back-off, circuit breaker,
// events.
#pragma once
#include <map>
#include <set>
#include <string>

#include "agent/control/services/daemon_hosts.h"
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
int circuit_breaker_threshold(int desired_count, const model::BreakerThreshold& by);

// Level-triggered: may run at any moment, any number of times. Looks at the services, and judges the tasks,
// that are on the agenda. Keeps a book of each service, which has to hear of every change of its tasks: one
// per State, from its first row on.
class ServiceReconciler {
 public:
  // All tasks that are due, all DAEMON services, and at most so many others: a service is planned only when
  // all its tasks were judged, and a new host's daemons before whatever else wants room there. Returns how
  // many of the others were looked at.
  std::size_t reconcile(Step& step, std::size_t most_services);

 private:
  struct Known {
    Book book;
    DaemonHosts hosts;                // of a DAEMON service
    std::set<std::string> kept_room;  // ARNs of instances where room is kept for it
    std::string terms;                // that its tasks were judged on; empty: none was yet
  };
  void judge(Step& step, const std::string& task_key);
  void forget(Step& step, const std::string& task_key);
  void judge_on_new_terms(Step& step, const std::string& key);
  void look_at_daemon_host(Step& step, const std::string& instance_key);
  void reconcile_due(Step& step, Concern concern, const std::string& key);
  void reconcile_one(Step& step, const std::string& key);
  void reconcile_daemon(Step& step, const std::string& key);
  void reconcile_task_sets(Step& step, const std::string& key);
  void reconcile_by_stages(Step& step, const std::string& key);
  std::vector<std::string> books_of(const Step& step, const std::string& key);
  struct Planned {
    int desired = 0;
    Progress progress = Progress::kMoving;
  };
  Planned plan_apart(Step& step, const std::string& key, const std::string& id);
  bool any_task_left(const std::string& key) const;
  void keep_room(Step& step, const std::string& key, std::set<std::string> instance_arns);

  // By service key; the books of task sets by "<service key>#<id of the set>".
  std::map<std::string, Known> books_;
  std::map<std::string, std::string> service_of_;  // key in books_ by task key, of the tasks in the books
};

}  // namespace agent::control
