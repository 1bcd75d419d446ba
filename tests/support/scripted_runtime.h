// ScriptedRuntime: the twin of a container engine, in memory. By default everything works: images are pulled,
// containers start and run until a test ends them. A test scripts what containers do, makes calls fail or
// hang, takes the engine down. It outlives the node under test, as a real engine outlives its agent. Passes
// tests/contract/runtime.
#pragma once
#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/runtime/runtime.h"
#include "shared/env/executor.h"

namespace tests {

namespace rt = agent::runtime;

class ScriptedRuntime final : public rt::Runtime {
 public:
  struct Box {
    rt::ContainerSpec spec;
    rt::ContainerInfo info;
    int starts = 0;
    int stops = 0;
    int term_exit_code = 0;     // what the process answers to the stop signal with
    bool ignores_term = false;  // then the stop takes the whole grace and ends in 137
  };

  explicit ScriptedRuntime(shared::env::Executor& executor) : executor_(executor) {}
  ~ScriptedRuntime() override {
    for (const auto& each : pending_) each->cancel();  // its work holds the timer
  }

  // --- the script ---
  std::map<std::string, rt::ImageInfo> local_images;     // "found" without a registry
  std::map<std::string, rt::ImageInfo> registry_images;  // can be pulled
  bool any_image = true;                                 // every image can be pulled
  bool down = false;                                     // the engine cannot be reached
  std::string version = "20.10.24";
  shared::Millis call_time{1};
  std::map<std::string, shared::Millis> call_times;  // of calls that take another time
  // The next calls of this name ("pull", "find_image", "create", "start", "stop", "inspect", "remove",
  // "recover") fail, one error for each call.
  std::map<std::string, std::deque<shared::Error>> failures;
  std::set<std::string> hang;  // calls of this name do not answer before let_go()
  bool start_despite_failure = false;
  std::vector<std::string> calls;                 // "create NAME", "start NAME", ... in order
  std::map<std::string, rt::VolumeSpec> volumes;  // named ones; drivers other than these are unknown
  std::set<std::string> volume_drivers = {"local"};
  // Command -> exit code: a container with this first word of its command ends as soon as it was started.
  std::map<std::string, int> exits_at_once;

  std::map<std::string, Box>& boxes() { return boxes_; }  // by engine id
  // The container of a task definition's container name; the newest when there are several.
  Box* find(const std::string& container) {
    Box* found = nullptr;
    for (auto& [id, box] : boxes_) {
      const auto label = box.spec.labels.find("com.amazonaws.ecs.container-name");
      if (box.spec.name == container || (label != box.spec.labels.end() && label->second == container))
        found = &box;
    }
    return found;
  }
  std::size_t count(const std::string& prefix) const {
    return static_cast<std::size_t>(
        std::count_if(calls.begin(), calls.end(), [&](const auto& c) { return c.starts_with(prefix); }));
  }
  enum class Notice { kEvent, kSilent };  // kSilent: the event is lost
  void exit(Box& box, int code, Notice notice = Notice::kEvent) {
    if (box.info.phase != rt::ContainerPhase::kRunning) return;
    box.info.phase = rt::ContainerPhase::kExited;
    box.info.exit_code = code;
    box.info.finished_at = executor_.wall_now();
    box.info.ports.clear();
    box.info.pid = 0;
    if (notice == Notice::kEvent) emit({rt::EventType::kExited, box.info.handle, code});
    // The kernel ends a pid namespace with its first process.
    for (auto& [id, other] : boxes_) {
      if (owner_of(other.spec.pid_mode) == &box) exit(other, 137, notice);
    }
  }
  void set_health(Box& box, const std::string& health) {
    box.info.health = health;
    emit({rt::EventType::kHealth, box.info.handle, std::nullopt});
  }
  void vanish(Box& box, Notice notice = Notice::kEvent) {
    const rt::Event event{rt::EventType::kRemoved, box.info.handle, std::nullopt};
    boxes_.erase(box.info.handle.id);
    if (notice == Notice::kEvent) emit(event);
  }
  // Calls that hang are answered now.
  void let_go() {
    hang.clear();
    for (auto& answer : std::exchange(hung_, {})) answer();
  }
  std::size_t hanging() const { return hung_.size(); }
  // The most calls of this name that were under way at one time.
  std::size_t most_at_once(const std::string& call) const {
    const auto found = most_.find(call);
    return found == most_.end() ? 0 : found->second;
  }
  void report_gap() {
    if (gap_) executor_.post(gap_);
  }
  // The watcher of an agent that died hears nothing any more.
  void forget_watcher() {
    on_event_ = nullptr;
    gap_ = nullptr;
  }

  // --- the engine ---
  void recover(const std::string& label, Done<std::vector<rt::ContainerInfo>> done) override {
    answer<std::vector<rt::ContainerInfo>>("recover", "", std::move(done), [this, label] {
      std::vector<rt::ContainerInfo> out;
      for (auto& [id, box] : boxes_) {
        if (box.info.labels.contains(label)) out.push_back(box.info);
      }
      return out;
    });
  }
  void watch(std::function<void(rt::Event)> on_event, std::function<void()> gap) override {
    on_event_ = std::move(on_event);
    gap_ = std::move(gap);
  }
  void ping(Done<std::string> done) override {
    answer<std::string>("ping", "", std::move(done), [this] { return version; });
  }
  void pull(const std::string& image, Done<rt::ImageInfo> done) override {
    answer<rt::ImageInfo>("pull", image, std::move(done), [this, image]() -> shared::Result<rt::ImageInfo> {
      const auto known = registry_images.find(image);
      if (known == registry_images.end() && !any_image) {
        return shared::Error("CannotPullContainerError", "pull access denied for " + image);
      }
      const rt::ImageInfo info = known != registry_images.end()
                                     ? known->second
                                     : rt::ImageInfo{"sha256:image-" + image, "sha256:digest-" + image};
      local_images[image] = info;
      return info;
    });
  }
  void find_image(const std::string& image, Done<rt::ImageInfo> done) override {
    answer<rt::ImageInfo>("find_image", image, std::move(done),
                          [this, image]() -> shared::Result<rt::ImageInfo> {
                            const auto known = local_images.find(image);
                            if (known == local_images.end()) return not_found("image " + image);
                            return known->second;
                          });
  }
  void import_image(const std::string& image, std::string tree, Done<rt::ImageInfo> done) override {
    answer<rt::ImageInfo>("import_image", image, std::move(done),
                          [this, image, tree = std::move(tree)]() -> shared::Result<rt::ImageInfo> {
                            if (tree.size() % 512 != 0 || tree.find("ustar") != 257)
                              return shared::Error("CannotImportImageError", "invalid tar header");
                            return local_images[image] = {"sha256:image-" + image, ""};
                          });
  }
  void create(const rt::ContainerSpec& spec, Done<rt::ContainerHandle> done) override {
    answer<rt::ContainerHandle>(
        "create", spec.name, std::move(done), [this, spec]() -> shared::Result<rt::ContainerHandle> {
          for (const auto& [id, box] : boxes_) {
            if (box.spec.name == spec.name) return box.info.handle;
          }
          if (!local_images.contains(spec.image)) {
            return shared::Error("CannotCreateContainerError", "No such image: " + spec.image);
          }
          Box box;
          box.spec = spec;
          box.info.handle = {"id-" + std::to_string(next_id_++), spec.name};
          box.info.labels = spec.labels;
          box.info.image_digest = local_images[spec.image].digest;
          return boxes_.emplace(box.info.handle.id, box).first->second.info.handle;
        });
  }
  void start(const rt::ContainerHandle& handle, Done<rt::ContainerInfo> done) override {
    const bool fails = !failures["start"].empty();
    if (fails && start_despite_failure) {
      if (Box* box = lookup(handle)) run(*box);
    }
    answer<rt::ContainerInfo>(
        "start", name_of(handle), std::move(done), [this, handle]() -> shared::Result<rt::ContainerInfo> {
          Box* box = lookup(handle);
          if (!box) return not_found("container " + handle.name);
          if (box->info.phase != rt::ContainerPhase::kRunning) {
            for (const std::string* mode : {&box->spec.pid_mode, &box->spec.ipc_mode}) {
              const Box* owner = owner_of(*mode);
              if (mode->starts_with(kContainerMode) &&
                  (!owner || owner->info.phase != rt::ContainerPhase::kRunning)) {
                return shared::Error("CannotStartContainerError", "cannot join a namespace of " + *mode);
              }
            }
            for (const auto& port : box->spec.ports) {
              if (port.host_port > 0 && port_taken(port.host_port)) {
                return shared::Error("CannotStartContainerError", "port is already allocated");
              }
            }
            run(*box);
          }
          return box->info;
        });
  }
  void stop(const rt::ContainerHandle& handle, shared::Millis grace, Done<rt::ContainerInfo> done) override {
    Box* now = lookup(handle);
    if (now) ++now->stops;
    const bool slow = now && now->ignores_term && now->info.phase == rt::ContainerPhase::kRunning;
    answer<rt::ContainerInfo>(
        "stop", name_of(handle), std::move(done),
        [this, handle, slow]() -> shared::Result<rt::ContainerInfo> {
          Box* box = lookup(handle);
          if (!box) return not_found("container " + handle.name);
          exit(*box, slow ? 137 : box->term_exit_code);
          return box->info;
        },
        slow ? grace : shared::Millis(0));
  }
  void inspect(const rt::ContainerHandle& handle, Done<rt::ContainerInfo> done) override {
    answer<rt::ContainerInfo>("inspect", name_of(handle), std::move(done),
                              [this, handle]() -> shared::Result<rt::ContainerInfo> {
                                Box* box = lookup(handle);
                                if (!box) return not_found("container " + handle.name);
                                return box->info;
                              });
  }
  void stats(const rt::ContainerHandle& handle, Done<std::string> done) override {
    answer<std::string>("stats", name_of(handle), std::move(done),
                        [this, handle]() -> shared::Result<std::string> {
                          if (!lookup(handle)) return not_found("container " + handle.name);
                          return std::string(R"({"memory_stats":{"usage":4096}})");
                        });
  }
  void remove(const rt::ContainerHandle& handle, Done<bool> done) override {
    answer<bool>("remove", name_of(handle), std::move(done), [this, handle]() -> shared::Result<bool> {
      Box* box = lookup(handle);
      if (box && box->info.phase == rt::ContainerPhase::kRunning)
        return shared::Error("CannotRemoveContainerError", "You cannot remove a running container");
      if (box) boxes_.erase(box->info.handle.id);
      return true;
    });
  }
  void create_volume(const rt::VolumeSpec& spec, Done<rt::VolumeInfo> done) override {
    answer<rt::VolumeInfo>(
        "create_volume", spec.name, std::move(done), [this, spec]() -> shared::Result<rt::VolumeInfo> {
          if (!volume_drivers.contains(spec.driver))
            return shared::Error("CannotCreateVolumeError", "plugin " + spec.driver + " not found");
          const rt::VolumeSpec& known = volumes.try_emplace(spec.name, spec).first->second;
          if (known.driver != spec.driver)
            return shared::Error("CannotCreateVolumeError",
                                 "a volume named " + spec.name + " already exists");
          return info_of(known);
        });
  }
  void find_volume(const std::string& name, Done<rt::VolumeInfo> done) override {
    answer<rt::VolumeInfo>("find_volume", name, std::move(done),
                           [this, name]() -> shared::Result<rt::VolumeInfo> {
                             const auto known = volumes.find(name);
                             if (known == volumes.end()) return not_found("volume " + name);
                             return info_of(known->second);
                           });
  }
  void labelled_volumes(const std::string& label, const std::string& value,
                        Done<std::vector<rt::VolumeInfo>> done) override {
    answer<std::vector<rt::VolumeInfo>>("labelled_volumes", value, std::move(done), [this, label, value] {
      std::vector<rt::VolumeInfo> found;
      for (const auto& [name, spec] : volumes) {
        const auto carried = spec.labels.find(label);
        if (carried != spec.labels.end() && carried->second == value) found.push_back(info_of(spec));
      }
      return found;
    });
  }
  void remove_volume(const std::string& name, Done<bool> done) override {
    answer<bool>("remove_volume", name, std::move(done), [this, name]() -> shared::Result<bool> {
      for (const auto& [id, box] : boxes_) {
        if (box.spec.engine_host_config.find("\"" + name + ":") != std::string::npos)
          return shared::Error("CannotRemoveVolumeError", "volume is in use - [" + id + "]");
      }
      volumes.erase(name);
      return true;
    });
  }

 private:
  static constexpr std::string_view kContainerMode = "container:";
  static rt::VolumeInfo info_of(const rt::VolumeSpec& spec) { return {spec.name, spec.driver, spec.labels}; }
  static shared::Error not_found(const std::string& what) {
    return shared::Error("not_found", "no such " + what);
  }
  Box* lookup(const rt::ContainerHandle& handle) {
    for (auto& [id, box] : boxes_) {
      if (handle.id.empty() ? box.spec.name == handle.name : id == handle.id) return &box;
    }
    return nullptr;
  }
  // The container whose namespace a mode names; null for the other modes.
  Box* owner_of(const std::string& mode) {
    if (!mode.starts_with(kContainerMode)) return nullptr;
    const std::string name = mode.substr(kContainerMode.size());
    Box* by_id = lookup({name, ""});
    return by_id ? by_id : lookup({"", name});
  }
  std::string name_of(const rt::ContainerHandle& handle) {
    const Box* box = lookup(handle);
    return box ? box->spec.name : handle.name;
  }
  bool port_taken(int port) const {
    for (const auto& [id, box] : boxes_) {
      for (const auto& bound : box.info.ports) {
        if (bound.host_port == port) return true;
      }
    }
    return false;
  }
  int choose_port(const rt::PortBinding& wanted) {
    if (wanted.choose_last == 0) return next_port_++;
    int port = wanted.choose_first;
    while (port < wanted.choose_last && port_taken(port)) ++port;
    return port;
  }
  void run(Box& box) {
    ++box.starts;
    box.info.phase = rt::ContainerPhase::kRunning;
    box.info.exit_code.reset();
    box.info.pid = 1000 + box.starts;
    box.info.started_at = executor_.wall_now();
    box.info.ports.clear();
    for (auto port : box.spec.ports) {
      if (port.host_port == 0) port.host_port = choose_port(port);
      box.info.ports.push_back(port);
    }
    emit({rt::EventType::kStarted, box.info.handle, std::nullopt});
    const auto ends =
        box.spec.command.empty() ? exits_at_once.end() : exits_at_once.find(box.spec.command[0]);
    if (ends != exits_at_once.end()) exit(box, ends->second);
  }
  void emit(rt::Event event) {
    if (down) return;
    executor_.post([this, event] {
      if (on_event_) on_event_(event);
    });
  }
  // Work happens when the answer is due, so that a crash of the agent in between leaves both outcomes
  // possible.
  template <class T>
  void answer(const std::string& call, const std::string& what, Done<T> done,
              std::function<shared::Result<T>()> work, shared::Millis extra = shared::Millis(0)) {
    calls.push_back(what.empty() ? call : call + " " + what);
    most_[call] = std::max(most_[call], ++under_way_[call]);
    if (hang.contains(call)) {
      hung_.push_back([this, call, done, work] {
        --under_way_[call];
        done(work());
      });
      return;
    }
    auto slot = std::make_shared<shared::env::Timer>();
    std::optional<shared::Error> fail;
    if (auto& planned = failures[call]; !planned.empty()) {
      fail = planned.front();
      planned.pop_front();
    }
    pending_.push_back(slot);
    *slot = executor_.after(
        (call_times.contains(call) ? call_times[call] : call_time) + extra,
        [this, call, slot, fail, work = std::move(work), done = std::move(done)] {
          std::erase(pending_, slot);
          --under_way_[call];
          if (down) {
            return done(shared::Error("engine_down", "connect /var/run/docker.sock: Connection refused",
                                      shared::Blame::kTarget, shared::Retry::kYes));
          }
          if (fail) return done(*fail);
          done(work());
        });
  }

  shared::env::Executor& executor_;
  std::map<std::string, Box> boxes_;
  std::uint64_t next_id_ = 1;
  int next_port_ = 32768;
  std::function<void(rt::Event)> on_event_;
  std::function<void()> gap_;
  std::vector<std::shared_ptr<shared::env::Timer>> pending_;
  std::vector<std::function<void()>> hung_;
  std::map<std::string, std::size_t> under_way_;
  std::map<std::string, std::size_t> most_;
};

}  // namespace tests
