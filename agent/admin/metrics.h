// The /metrics pages of an agent, as Prometheus text: what control knows and does, and what a node runs.
// Labels are names, not ARNs; services are as many as there are. Pure reads.
#pragma once
#include <functional>
#include <string>

#include "agent/admin/observer.h"
#include "agent/cgroup/task_cgroups.h"
#include "agent/control/engine/engine.h"
#include "agent/node/node.h"
#include "shared/log/exposition.h"

namespace agent::admin {

// Of the state that a step shows. `observer` is brought up to date.
void write_control(shared::log::Exposition& out, const control::Step& step, const control::Engine& engine,
                   Observer& observer);
// Tasks without a cgroup of their own are counted, and not measured.
void write_node(shared::log::Exposition& out, const node::Node& node, const cgroup::TaskCgroups& cgroups);
void write_build(shared::log::Exposition& out, const std::string& version);

}  // namespace agent::admin
