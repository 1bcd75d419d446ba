// Hands the DNS zones to whoever answers from them: made from the rows, and handed over once these are
// durable, before any agent hears what follows from them, so that a task which is told to stop has left its
// names. Thread: control's.
#pragma once
#include <functional>
#include <memory>

#include "agent/control/engine/outbox.h"
#include "agent/control/state/neighbours.h"
#include "agent/control/state/step.h"
#include "agent/dns/zones.h"

namespace agent::control {

class DiscoverySync {
 public:
  using Take = std::function<void(std::shared_ptr<const dns::Zones>)>;

  explicit DiscoverySync(State& state);
  void use(Take take) { take_ = std::move(take); }
  // Before all other messages of a batch.
  void flush(const State& state, Outbox& messages);

 private:
  Take take_;  // empty: nobody answers
  Table<model::Namespace>::Reader namespaces_;
  Table<model::DiscoveryService>::Reader services_;
  Table<model::DiscoveryInstance>::Reader instances_;
  bool made_ = false;
  std::uint32_t serial_ = 0;
};

}  // namespace agent::control
