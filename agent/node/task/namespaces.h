// pidMode and ipcMode of a task. "host" and "none" are the engine's own settings. For "task" the containers
// join the namespaces of one more container, which the agent adds (as the ECS agent does): it starts before
// all others, stops after the last of them, is removed with them, and control never hears of it. So none of
// the task's own containers has to stay for the others' sake. Its image comes with the agent. Pure.
#pragma once
#include <string>

#include "agent/node/task/task_state.h"

namespace agent::node {

// The ECS agent's name for it; the definition of a task cannot have such a name.
inline constexpr const char* kPauseContainer = "~internal~ecs~pause~namespace";

bool is_internal(const Container& container);  // not the definition's

// Gives a task just accepted the container that holds its shared namespaces, if it has some, and has all
// others wait for it.
void add_pause_container(Task& task);

// The modes of one container; what there is to say about the pause container otherwise.
void set_namespaces(const Task& task, const Container& container, runtime::ContainerSpec& spec);

// Of a task that ends: the reason, when it is its pause container that ended first; else empty.
std::string why_namespaces_ended(const Task& task);

}  // namespace agent::node
