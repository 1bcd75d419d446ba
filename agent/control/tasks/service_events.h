// Service events in ECS's words, and what the end or the running of a service's task means for its
// deployment: failure counts and back-off.
#pragma once
#include <string>

#include "agent/control/state/step.h"

namespace agent::control {

// The same trouble is told again only after it was solved, or after this long.
inline constexpr shared::Millis kRepeatEventAfter{6 * 3'600'000};
// A task that ended by itself sooner than this after it started counts as one that failed to start: it would
// otherwise be restarted many times a second.
inline constexpr shared::Millis kShortLife{10'000};

// Text after "(service X) ".
void add_event(Step& step, const model::Service& service, const std::string& text);
// For troubles that stay: not repeated while nothing better happened.
void add_event_once(Step& step, const std::string& service_key, const std::string& text);
// The newest event has exactly this text.
bool newest_event_is(const State& state, const model::Service& service, const std::string& text);
std::string event_text(const model::Service& service, const std::string& text);  // "(service X) ..."

void note_task_running(Step& step, const model::Task& task);
// The next start waits, longer each time. `event` may be empty.
void note_failed_start(Step& step, const model::Task& task, const std::string& event);
enum class EndedBy { kItself, kUs };
void note_task_stopped(Step& step, const model::Task& task, EndedBy ended_by);
// It was found unhealthy and is being replaced.
void note_task_unhealthy(Step& step, const model::Task& task);

}  // namespace agent::control
