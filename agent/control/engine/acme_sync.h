// Keeps orders of certificates going with the ACME server: what it is to be asked is computed from the rows,
// asked when they are durable, and what it says comes back as an input. Thread: control's.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/acme/authority.h"
#include "agent/control/engine/outbox.h"
#include "agent/control/state/step.h"

namespace agent::control {

class AcmeSync {
 public:
  // Hears what was said, with the subject and the serial that it was asked with.
  using Heard = std::function<void(const std::string& subject, std::uint64_t serial, acme::Reply reply)>;
  // `authority` is there for as long as anybody calls flush() or what that wrote is delivered.
  void use(acme::Authority& authority, Heard heard);

  // When to come again, though nothing changes.
  std::optional<shared::WallTime> flush(const State& state, const Settings& settings, shared::WallTime now,
                                        Outbox& messages);

 private:
  void tell_problems(const State& state, Outbox& messages);

  acme::Authority* authority_ = nullptr;  // null: nothing is asked
  Heard heard_;
  std::map<std::string, std::uint64_t> asked_;  // the serial of each subject, whether it was answered or not
  std::map<std::string, std::uint64_t> open_;   // of these, not answered
  std::map<std::string, std::string> told_;     // by certificate
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // replies may come later
};

}  // namespace agent::control
