// What the agent tells a monitor, and what a monitor leaves behind: the contract of two programs of which
// either may be older than the other, so names only come to it. Files, all in the container's folder:
//
//   plan       what to do, "key=value" texts that end with a NUL, in any order; made by the agent
//   run        "<pid> <start time of that process> <boot id> <milliseconds since 1970>" once the program runs
//   exit       "<exit code> <1 if memory ran out> <milliseconds since 1970>", durable, once it ended
//   lock       locked (flock) as long as the monitor lives, whoever made it
//   failure    why the program could not be started
//
// Keys: folder; lowers (folder that the overlay's names are relative to), overlay (its options), rootfs
// (where it is mounted), rootless ("1": no overlay); log, log_size, log_files; stdin ("1": stays open);
// memory (the file that counts what was killed for memory); runtime_log; pid_file; ended (a file made last,
// for whoever watches that folder); late ("<file>\t<value>", written before the program begins); and three
// commands as lists of their words: create, start, remove. held: how many descriptors it holds for the
// container.
#pragma once

namespace agent::runtime::oci::monitor {

inline constexpr char kPlanFile[] = "plan";
inline constexpr char kRunFile[] = "run";
inline constexpr char kExitFile[] = "exit";
inline constexpr char kLockFile[] = "lock";
inline constexpr char kFailureFile[] = "failure";
// Its descriptors: here it answers "ok" or what went wrong, and closes; those that follow it only holds.
inline constexpr int kAnswer = 3;
inline constexpr int kFirstHeld = 4;

}  // namespace agent::runtime::oci::monitor
