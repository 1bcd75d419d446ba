// A simulated network: connections that deliver in order or break, calls whose question or answer is lost or
// repeated, partitions between processes. Delays and faults come from the world's seed.
#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/link/channel.h"
#include "shared/base/result.h"
#include "tests/sim/world.h"

namespace sim {

struct NetworkFaults {
  unsigned lose_call = 0;         // per thousand: the question never arrives
  unsigned lose_answer = 0;       // per thousand: carried out, but the caller learns nothing
  unsigned repeat_call = 0;       // per thousand: arrives twice
  unsigned break_connection = 0;  // per thousand, for each message sent
  unsigned slow = 20;             // per thousand: delayed by up to kSlow
};

class Network {
 public:
  static constexpr Millis kFast{3};
  static constexpr Millis kSlow{800};
  static constexpr Millis kCallTimeout{5'000};
  static constexpr Millis kNoticeLoss{8'000};  // until an end notices a silently broken connection, at most

  explicit Network(World& world) : world_(world) {}
  NetworkFaults faults;

  // One end of a connection. on_text and on_close run in the end's process.
  class End final : public agent::link::Channel, public std::enable_shared_from_this<End> {
   public:
    End(Network& network, Process& process) : network_(network), process_(process), life_(process.life()) {}
    void send(std::string text) override;
    void close(const std::string& reason) override;
    std::function<void(std::string)> on_text;
    std::function<void(std::string)> on_close;

   private:
    friend class Network;
    void notice_close(const std::string& reason, Millis delay);
    bool same_life() const { return process_.life() == life_; }
    Network& network_;
    Process& process_;
    std::uint64_t life_;
    std::weak_ptr<End> peer_;
    SteadyTime last_delivery_{};
    bool open_ = true;
  };

  // A connection between two live processes; ends in both when either crashes (see crashed) or they are
  // partitioned.
  std::pair<std::shared_ptr<End>, std::shared_ptr<End>> connect(Process& a, Process& b);
  bool reachable(const Process& a, const Process& b) const;
  void partition(const Process& a, const Process& b);
  void heal();
  // To be called after a process crashed: its peers notice.
  void crashed(const Process& process);

  // A call from `from` to `to`: `serve` runs in `to` and gives its answer through the function it is handed.
  using Answer = std::function<void(shared::Result<std::string>)>;
  using Serve = std::function<void(Answer)>;
  void call(Process& from, Process& to, bool to_is_up, Serve serve, Answer done);

  Millis delay();

 private:
  void lose(const std::weak_ptr<End>& end);
  World& world_;
  std::set<std::pair<std::string, std::string>> partitions_;
  struct Connection {
    std::weak_ptr<End> a;
    std::weak_ptr<End> b;
    const Process* process_a;
    const Process* process_b;
  };
  std::vector<Connection> connections_;
};

}  // namespace sim
