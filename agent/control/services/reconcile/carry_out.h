// What the reconciler of services does once a plan is made: tasks are started and stopped, events say so, and
// what deployments show is kept up. Thread: control's, inside of a step.
#pragma once
#include <string>
#include <vector>

#include "agent/control/services/book.h"
#include "agent/control/services/plan.h"
#include "agent/control/state/step.h"
#include "agent/control/tasks/tasks.h"

namespace agent::control {

inline constexpr char kSetMark = '#';  // in no name
inline constexpr const char* kSteady = "has reached a steady state.";
inline constexpr const char* kPercentagesInTheWay =
    "was unable to stop or start tasks during a deployment because of the service deployment configuration. "
    "Update the minimumHealthyPercent or maximumPercent value and try again.";

std::string too_many_protected(const model::Service& service);
std::string placement_trouble(const PlacementFailure& failure);
void tell_of_started(Step& step, const std::string& key, const std::vector<std::string>& started);
const model::Deployment& deployment_named(const model::Service& service, const std::string& id);
// At most a few of them at once; what stands in the way of the rest.
Starting start_tasks(Step& step, const std::string& key, const std::string& deployment_id, int count);
struct ChosenStop {
  std::string task_key;
  StopCause cause;
};
std::vector<ChosenStop> choose_tasks(Step& step, Book& book, const model::Service& service,
                                     const std::vector<PlannedStop>& stops);
void stop_tasks(Step& step, const std::string& key, const Book& book, const std::vector<ChosenStop>& stops);
// Older deployments leave the list when none of their tasks is wanted any more.
void update_deployments(Step& step, const std::string& key, const Book& book);
// A deployment under way has come to its end, unless it still bakes.
void mark_steady(Step& step, const std::string& key);
// True when the deployment was given up.
bool trip_circuit_breaker(Step& step, const std::string& key);
// `deployment`: of a service with task sets, or that goes by stages, the one that is meant.
Starting may_start(Step& step, const model::Service& service, const model::Deployment* deployment = nullptr);
void finish_deletion(Step& step, const std::string& key, const Book& book);
// On the agenda where it is its turn.
void note_service(Step& step, const std::string& key);
// What DescribeServices shows is what was counted.
void set_desired_count(Step& step, const std::string& key, int desired);

}  // namespace agent::control
