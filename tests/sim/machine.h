// A simulated host: containers that outlive the agent, as they do under a real engine. MachineRuntime is one
// agent life's door to it (agent::runtime::Runtime).
//
// Containers are the hardest kind for a balancer: SIGTERM ends them at once. So whoever had a request open on
// one loses it, and the machine tells its observer, who decides whether that was ours to prevent.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/runtime/runtime.h"
#include "tests/sim/world.h"

namespace sim {

namespace runtime = agent::runtime;

enum class EndCause { kStopped, kCrashed, kFinished };

struct SimContainer {
  runtime::ContainerSpec spec;
  std::string id;
  runtime::ContainerPhase phase = runtime::ContainerPhase::kCreated;
  std::optional<int> exit_code;
  std::vector<runtime::PortBinding> ports;
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
  SteadyTime serves_from{};  // an application needs a moment before it listens
};

struct MachineFaults {
  unsigned pull_fails = 0;  // per thousand, each
  unsigned create_fails = 0;
  unsigned start_fails = 0;
  unsigned stop_fails = 0;
  unsigned slow = 30;  // an engine call takes up to kSlowCall
};

class Machine {
 public:
  static constexpr Millis kFastCall{40};
  static constexpr Millis kSlowCall{4'000};
  static constexpr Millis kStartUp{300};
  // What a container runs, by the first word of its command: "exit" ends by itself with the code in the
  // second word, "linger" takes its time after SIGTERM.
  static constexpr Millis kJobTime{500};
  static constexpr Millis kLingerTime{8'000};

  Machine(World& world, std::string address) : world_(world), address_(std::move(address)) {}

  const std::string& address() const { return address_; }
  MachineFaults faults;
  // Called before the container is gone; `by_stop` is false for crashes.
  std::function<void(Machine&, const SimContainer&, EndCause)> on_end;
  std::function<void(Machine&, const SimContainer&)> on_start;

  // The running container that listens on this host port, nullptr if none.
  const SimContainer* listening(int host_port) const;
  const std::map<std::string, SimContainer>& containers() const { return containers_; }
  const std::map<std::string, runtime::VolumeSpec>& volumes() const { return volumes_; }
  // A process inside dies (137). Returns false when there is no running container.
  bool crash_any();
  void end(const std::string& name, int exit_code, EndCause cause);

 private:
  friend class MachineRuntime;
  int free_port();
  SimContainer* find(const runtime::ContainerHandle& handle);
  World& world_;
  std::string address_;
  std::map<std::string, SimContainer> containers_;      // by name
  std::map<std::string, runtime::VolumeSpec> volumes_;  // by name
  // When the last start asked for each container is through: the engine starts one container under a lock, in
  // the order of the calls, also those of an agent that has died since.
  std::map<std::string, SteadyTime> started_by_;
  std::uint64_t next_id_ = 1;
  int next_port_ = 32768;
  // The watcher of the agent's current life.
  std::weak_ptr<std::function<void(runtime::Event)>> watcher_;
};

class MachineRuntime final : public runtime::Runtime {
 public:
  MachineRuntime(Machine& machine, Process& process) : machine_(machine), process_(process) {}

  void recover(const std::string& label, Done<std::vector<runtime::ContainerInfo>> done) override;
  void watch(std::function<void(runtime::Event)> on_event, std::function<void()> gap) override;
  void ping(Done<std::string> done) override;
  void pull(const std::string& image, Done<runtime::ImageInfo> done) override;
  void find_image(const std::string& image, Done<runtime::ImageInfo> done) override;
  void import_image(const std::string& image, std::string tree, Done<runtime::ImageInfo> done) override;
  void create(const runtime::ContainerSpec& spec, Done<runtime::ContainerHandle> done) override;
  void start(const runtime::ContainerHandle& handle, Done<runtime::ContainerInfo> done) override;
  void stop(const runtime::ContainerHandle& handle, Millis grace, Done<runtime::ContainerInfo> done) override;
  void inspect(const runtime::ContainerHandle& handle, Done<runtime::ContainerInfo> done) override;
  void stats(const runtime::ContainerHandle& handle, Done<std::string> done) override;
  void remove(const runtime::ContainerHandle& handle, Done<bool> done) override;
  void create_volume(const runtime::VolumeSpec& spec, Done<runtime::VolumeInfo> done) override;
  void find_volume(const std::string& name, Done<runtime::VolumeInfo> done) override;
  void labelled_volumes(const std::string& label, const std::string& value,
                        Done<std::vector<runtime::VolumeInfo>> done) override;
  void remove_volume(const std::string& name, Done<bool> done) override;

 private:
  static runtime::ContainerInfo info(const SimContainer& container);
  Millis call_time();
  // Runs `act` on the machine after the call's time, also when the agent dies meanwhile, and delivers its
  // result, only in this life.
  template <class T>
  void perform(Done<T> done, std::function<shared::Result<T>()> act, Millis extra = Millis(0)) {
    perform_at<T>(process_.now() + call_time() + extra, std::move(done), std::move(act));
  }
  template <class T>
  void perform_at(SteadyTime when, Done<T> done, std::function<shared::Result<T>()> act);

  Machine& machine_;
  Process& process_;
  std::shared_ptr<std::function<void(runtime::Event)>> watcher_;
};

}  // namespace sim
