#include "tests/sim/machine.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace sim {

using runtime::ContainerHandle;
using runtime::ContainerInfo;
using runtime::ContainerPhase;
using runtime::ImageInfo;
using runtime::VolumeInfo;
using shared::Error;
using shared::Result;

const SimContainer* Machine::listening(int host_port) const {
  for (const auto& [name, container] : containers_) {
    if (container.phase != ContainerPhase::kRunning || world_.now() < container.serves_from) continue;
    for (const auto& port : container.ports) {
      if (port.host_port == host_port) return &container;
    }
  }
  return nullptr;
}

int Machine::free_port() {
  std::set<int> taken;
  for (const auto& [name, container] : containers_) {
    if (container.phase != ContainerPhase::kRunning) continue;
    for (const auto& port : container.ports) taken.insert(port.host_port);
  }
  // A small range, so that ports are soon used again by other containers: the case that goes wrong first.
  const int last = 32'800 + static_cast<int>(taken.size());
  do {
    next_port_ = next_port_ >= last ? 32'768 : next_port_ + 1;
  } while (taken.contains(next_port_));
  return next_port_;
}

void Machine::end(const std::string& name, int exit_code, EndCause cause) {
  const auto it = containers_.find(name);
  if (it == containers_.end() || it->second.phase != ContainerPhase::kRunning) return;
  SimContainer& container = it->second;
  if (on_end) on_end(*this, container, cause);
  container.phase = ContainerPhase::kExited;
  container.exit_code = exit_code;
  container.finished_at = world_.wall_now();
  if (const auto watcher = watcher_.lock()) {
    (*watcher)({runtime::EventType::kExited, {container.id, name}, exit_code});
  }
}

bool Machine::crash_any() {
  std::vector<std::string> running;
  for (const auto& [name, container] : containers_) {
    if (container.phase == ContainerPhase::kRunning) running.push_back(name);
  }
  if (running.empty()) return false;
  end(running[world_.random().below(running.size())], 137, EndCause::kCrashed);
  return true;
}

ContainerInfo MachineRuntime::info(const SimContainer& container) {
  ContainerInfo out;
  out.handle = {container.id, container.spec.name};
  out.phase = container.phase;
  out.exit_code = container.exit_code;
  out.labels = container.spec.labels;
  if (container.phase == ContainerPhase::kRunning) out.ports = container.ports;
  out.started_at = container.started_at;
  out.finished_at = container.finished_at;
  return out;
}

SimContainer* Machine::find(const ContainerHandle& handle) {
  for (auto& [name, container] : containers_) {
    if ((!handle.id.empty() && container.id == handle.id) || (handle.id.empty() && name == handle.name))
      return &container;
  }
  return nullptr;
}

Millis MachineRuntime::call_time() {
  World& world = process_.world();
  return world.chance(machine_.faults.slow) ? world.between(Machine::kFastCall, Machine::kSlowCall)
                                            : world.between(Millis(1), Machine::kFastCall);
}

template <class T>
void MachineRuntime::perform_at(SteadyTime when, Done<T> done, std::function<Result<T>()> act) {
  Process& process = process_;
  const std::uint64_t life = process.life();
  process.world().at(when, nullptr, [&process, life, done = std::move(done), act = std::move(act)] {
    Result<T> result = act();
    if (process.life() != life) return;
    process.deliver(process.world().between(Millis(0), Machine::kFastCall / 4),
                    [done, moved = std::move(result)]() mutable { done(std::move(moved)); });
  });
}

void MachineRuntime::recover(const std::string& label, Done<std::vector<ContainerInfo>> done) {
  perform<std::vector<ContainerInfo>>(std::move(done),
                                      [machine = &machine_, label]() -> Result<std::vector<ContainerInfo>> {
                                        std::vector<ContainerInfo> found;
                                        const std::string name = label.substr(0, label.find('='));
                                        for (const auto& [each, container] : machine->containers_) {
                                          if (container.spec.labels.contains(name))
                                            found.push_back(info(container));
                                        }
                                        return found;
                                      });
}

void MachineRuntime::watch(std::function<void(runtime::Event)> on_event, std::function<void()>) {
  Process& process = process_;
  watcher_ = std::make_shared<std::function<void(runtime::Event)>>(
      [&process, on_event = std::move(on_event)](const runtime::Event& event) {
        process.deliver(process.world().between(Millis(0), Machine::kFastCall),
                        [on_event, event] { on_event(event); });
      });
  machine_.watcher_ = watcher_;
}

void MachineRuntime::ping(Done<std::string> done) {
  perform<std::string>(std::move(done), [] { return Result<std::string>("simulated"); });
}

void MachineRuntime::pull(const std::string& image, Done<ImageInfo> done) {
  const bool fails = process_.world().chance(machine_.faults.pull_fails);
  perform<ImageInfo>(std::move(done), [image, fails]() -> Result<ImageInfo> {
    if (fails)
      return Error("CannotPullContainerError", "simulated pull failure", shared::Blame::kTarget,
                   shared::Retry::kYes);
    return ImageInfo{"sha256:" + image, "sha256:" + image};
  });
}

void MachineRuntime::find_image(const std::string& image, Done<ImageInfo> done) {
  perform<ImageInfo>(std::move(done), [image]() -> Result<ImageInfo> {
    return ImageInfo{"sha256:" + image, ""};
  });
}

void MachineRuntime::import_image(const std::string& image, std::string, Done<ImageInfo> done) {
  find_image(image, std::move(done));
}

void MachineRuntime::create(const runtime::ContainerSpec& spec, Done<ContainerHandle> done) {
  const bool fails = process_.world().chance(machine_.faults.create_fails);
  perform<ContainerHandle>(std::move(done), [machine = &machine_, spec, fails]() -> Result<ContainerHandle> {
    if (fails) return Error("CannotCreateContainerError", "simulated create failure");
    const auto existing = machine->containers_.find(spec.name);
    if (existing != machine->containers_.end()) return ContainerHandle{existing->second.id, spec.name};
    SimContainer container;
    container.spec = spec;
    container.id = "c" + std::to_string(machine->next_id_++);
    return ContainerHandle{machine->containers_.emplace(spec.name, container).first->second.id, spec.name};
  });
}

void MachineRuntime::start(const ContainerHandle& handle, Done<ContainerInfo> done) {
  const bool fails = process_.world().chance(machine_.faults.start_fails);
  SteadyTime& turn = machine_.started_by_[handle.name];
  turn = std::max(turn, process_.now() + call_time());
  perform_at<ContainerInfo>(turn, std::move(done), [machine = &machine_, handle, fails]() -> Result<ContainerInfo> {
    SimContainer* container = machine->find(handle);
    if (container == nullptr) return Error("not_found", "no such container " + handle.name);
    if (container->phase == ContainerPhase::kRunning) return info(*container);
    if (fails) return Error("CannotStartContainerError", "simulated start failure");
    World& world = machine->world_;
    container->ports.clear();
    for (runtime::PortBinding port : container->spec.ports) {
      if (port.host_port == 0) port.host_port = machine->free_port();
      for (const auto& [name, other] : machine->containers_) {
        if (other.phase != ContainerPhase::kRunning) continue;
        for (const auto& taken : other.ports) {
          if (taken.host_port == port.host_port)
            return Error("CannotStartContainerError", "port is already allocated");
        }
      }
      container->ports.push_back(port);
    }
    container->phase = ContainerPhase::kRunning;
    container->exit_code.reset();
    container->started_at = world.wall_now();
    container->serves_from = world.now() + world.between(Millis(0), Machine::kStartUp);
    if (machine->on_start) machine->on_start(*machine, *container);
    const auto& command = container->spec.command;
    if (command.size() == 2 && command[0] == "exit") {
      int code = 0;
      std::from_chars(command[1].data(), command[1].data() + command[1].size(), code);
      world.after(world.between(Millis(1), Machine::kJobTime), [machine, name = container->spec.name, code] {
        machine->end(name, code, EndCause::kFinished);
      });
    }
    return info(*container);
  });
}

void MachineRuntime::stop(const ContainerHandle& handle, Millis, Done<ContainerInfo> done) {
  const bool fails = process_.world().chance(machine_.faults.stop_fails);
  const SimContainer* found = machine_.find(handle);
  const bool lingers = found != nullptr && found->spec.command == std::vector<std::string>{"linger"};
  const Millis ending = lingers ? process_.world().between(Millis(0), Machine::kLingerTime) : Millis(0);
  const auto end = [machine = &machine_, handle, fails]() -> Result<ContainerInfo> {
    SimContainer* container = machine->find(handle);
    if (container == nullptr) return Error("not_found", "no such container " + handle.name);
    if (fails)
      return Error("CannotStopContainerError", "simulated stop failure", shared::Blame::kTarget,
                   shared::Retry::kYes);
    const std::string name = container->spec.name;
    machine->end(name, 0, EndCause::kStopped);
    return info(*container);
  };
  perform<ContainerInfo>(std::move(done), end, ending);
}

void MachineRuntime::inspect(const ContainerHandle& handle, Done<ContainerInfo> done) {
  perform<ContainerInfo>(std::move(done), [machine = &machine_, handle]() -> Result<ContainerInfo> {
    const SimContainer* container = machine->find(handle);
    if (container == nullptr) return Error("not_found", "no such container " + handle.name);
    return info(*container);
  });
}

void MachineRuntime::stats(const ContainerHandle& handle, Done<std::string> done) {
  perform<std::string>(std::move(done), [machine = &machine_, handle]() -> Result<std::string> {
    if (machine->find(handle) == nullptr) return Error("not_found", "no such container " + handle.name);
    return std::string("{}");
  });
}

void MachineRuntime::remove(const ContainerHandle& handle, Done<bool> done) {
  perform<bool>(std::move(done), [machine = &machine_, handle]() -> Result<bool> {
    const SimContainer* container = machine->find(handle);
    if (container == nullptr) return true;
    if (container->phase == ContainerPhase::kRunning)
      return Error("CannotRemoveContainerError", "You cannot remove a running container");
    const std::string name = container->spec.name;
    machine->containers_.erase(name);
    return true;
  });
}

void MachineRuntime::create_volume(const runtime::VolumeSpec& spec, Done<VolumeInfo> done) {
  const bool fails = process_.world().chance(machine_.faults.create_fails);
  perform<VolumeInfo>(std::move(done), [machine = &machine_, spec, fails]() -> Result<VolumeInfo> {
    if (fails) return Error("CannotCreateVolumeError", "simulated create failure");
    machine->volumes_.emplace(spec.name, spec);
    return VolumeInfo{spec.name, spec.driver, spec.labels};
  });
}

void MachineRuntime::find_volume(const std::string& name, Done<VolumeInfo> done) {
  perform<VolumeInfo>(std::move(done), [machine = &machine_, name]() -> Result<VolumeInfo> {
    const auto it = machine->volumes_.find(name);
    if (it == machine->volumes_.end()) return Error("not_found", "no such volume " + name);
    return VolumeInfo{name, it->second.driver, it->second.labels};
  });
}

void MachineRuntime::labelled_volumes(const std::string& label, const std::string& value,
                                      Done<std::vector<VolumeInfo>> done) {
  perform<std::vector<VolumeInfo>>(std::move(done),
                                   [machine = &machine_, label, value]() -> Result<std::vector<VolumeInfo>> {
                                     std::vector<VolumeInfo> found;
                                     for (const auto& [name, spec] : machine->volumes_) {
                                       const auto carried = spec.labels.find(label);
                                       if (carried != spec.labels.end() && carried->second == value)
                                         found.push_back({name, spec.driver, spec.labels});
                                     }
                                     return found;
                                   });
}

void MachineRuntime::remove_volume(const std::string& name, Done<bool> done) {
  perform<bool>(std::move(done), [machine = &machine_, name]() -> Result<bool> {
    machine->volumes_.erase(name);
    return true;
  });
}

}  // namespace sim
