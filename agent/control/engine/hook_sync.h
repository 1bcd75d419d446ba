// Has the lifecycle hooks of deployments called: what is to be called is computed from the rows, called when
// they are durable, and what it answers comes back as an input. A control that starts calls again what it has
// no answer to. Thread: control's.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/control/engine/outbox.h"
#include "agent/control/state/step.h"
#include "agent/hooks/caller.h"

namespace agent::control {

inline constexpr std::size_t kMaxHookCalls = 16;  // that are open

class HookSync {
 public:
  // Hears what was answered, with the subject and the serial that it was called with.
  using Heard = std::function<void(const std::string& subject, std::uint64_t serial, hooks::Reply reply)>;
  // `caller` is there for as long as anybody calls flush() or what that wrote is delivered.
  void use(hooks::Caller& caller, Heard heard);

  // When to come again, though nothing changes.
  std::optional<shared::WallTime> flush(const State& state, shared::WallTime now, Outbox& messages);

 private:
  hooks::Caller* caller_ = nullptr;  // null: nobody is called
  Heard heard_;
  std::map<std::string, std::uint64_t> called_;  // the serial of each subject, whether it was answered or not
  std::map<std::string, std::uint64_t> open_;    // of these, not answered
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // answers may come later
};

}  // namespace agent::control
