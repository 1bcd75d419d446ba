// The commands' rows, by file. commands() puts them together.
#pragma once
#include <vector>

#include "agent/cli/commands/frame/command.h"

namespace agent::cli {

std::vector<Command> look_commands();        // ps, status, nodes
std::vector<Command> change_commands();      // scale, restart, stop, wait, drain
std::vector<Command> event_commands();       // events, why
std::vector<Command> log_commands();         // logs
std::vector<Command> run_commands();         // run
std::vector<Command> balancer_commands();    // lb ls, targets, rules, test, maintenance
std::vector<Command> deploy_commands();      // deploy, plan, render, verify, init
std::vector<Command> rollout_commands();     // rollback, pause, continue, abort
std::vector<Command> host_commands();        // dev, env, check, doctor, snapshot, token, join
std::vector<Command> compose_commands();     // import compose, export compose
std::vector<Command> top_commands();         // top
std::vector<Command> completion_commands();  // completion, complete

}  // namespace agent::cli
