#include "agent/control/engine/hook_sync.h"

#include <algorithm>
#include <utility>

#include "agent/control/services/strategy/hooks.h"
#include "agent/control/state/plant.h"

namespace agent::control {

using shared::WallTime;

void HookSync::use(hooks::Caller& caller, Heard heard) {
  caller_ = &caller;
  heard_ = std::move(heard);
}

std::optional<WallTime> HookSync::flush(const State& state, WallTime now, Outbox& messages) {
  if (caller_ == nullptr) return std::nullopt;
  if (state.live.hooked.empty()) {
    called_.clear();
    return std::nullopt;
  }
  HookAsks wanted = hook_asks(state, now);
  for (HookAsk& each : wanted.asks) {
    const auto before = called_.find(each.subject);
    const bool again = before != called_.end() && before->second == each.serial;
    if (again && !BERTH_PLANTED(kCallHooksTwice)) continue;  // until the answer changes the row
    if (open_.size() >= kMaxHookCalls) break;                // the next answer is followed by another look
    if (open_.contains(each.subject) && !BERTH_PLANTED(kCallHooksTwice)) continue;
    called_[each.subject] = each.serial;
    open_[each.subject] = each.serial;
    messages.run(
        [this, call = std::move(each.call), subject = each.subject, serial = each.serial]() mutable {
          caller_->call(std::move(call),
                        [this, subject, serial, lives = std::weak_ptr<char>(alive_)](hooks::Reply reply) {
                          if (lives.expired()) return;
                          open_.erase(subject);
                          heard_(subject, serial, std::move(reply));
                        });
        },
        [this, subject = each.subject] {
          open_.erase(subject);
          called_.erase(subject);
        });
  }
  return wanted.next;
}

}  // namespace agent::control
