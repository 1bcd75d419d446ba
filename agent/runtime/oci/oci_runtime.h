// The runtime without a daemon: images, containers and their network by our own hands and an OCI runtime
// (runc). A container is a folder, a monitor process and what the kernel has for it, so an agent that comes
// back finds everything again. Thread: the loop's; what blocks is done by workers.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/network/network.h"
#include "agent/runtime/oci/registry/pull.h"
#include "agent/runtime/oci/starter.h"
#include "agent/runtime/oci/workers.h"
#include "agent/runtime/runtime.h"
#include "shared/env/executor.h"
#include "shared/httpd/io_loop.h"

namespace agent::runtime::oci {

struct OciSettings {
  std::string data;     // images, containers, volumes: on a disk that overlayfs takes as its upper layer
  std::string run;      // what a reboot may empty: /run/...
  std::string helpers;  // folder of berth-monitor and berth-unpack
  std::string runc = "runc";
  network::BridgeSettings bridge;
  RegistrySettings registries;
  UnpackSettings unpack;  // the program is taken from `helpers` where it is empty
  int workers = 8;        // starts, stops, looks at once
  int pulls = 4;          // images at once
  std::string archives;   // a folder of image archives that are loaded at the start; empty: none
};

class OciRuntime final : public Runtime {
 public:
  // Makes folders, bridge and table, finds the containers that are there. Blocks for that. `loop` outlives
  // it. Errors say what this host lacks.
  static shared::Result<std::unique_ptr<OciRuntime>> open(shared::httpd::IoLoop& loop, OciSettings settings);
  ~OciRuntime() override;

  void recover(const std::string& label, Done<std::vector<ContainerInfo>> done) override;
  void watch(std::function<void(Event)> on_event, std::function<void()> gap) override;
  void ping(Done<std::string> done) override;
  void pull(const std::string& image, Done<ImageInfo> done) override;
  void find_image(const std::string& image, Done<ImageInfo> done) override;
  void import_image(const std::string& image, std::string tree, Done<ImageInfo> done) override;
  // Images out of an archive of `docker save` or an OCI layout; their names.
  void load_images(const std::string& archive, Done<std::vector<std::string>> done);
  void create(const ContainerSpec& spec, Done<ContainerHandle> done) override;
  void start(const ContainerHandle& handle, Done<ContainerInfo> done) override;
  void stop(const ContainerHandle& handle, shared::Millis grace, Done<ContainerInfo> done) override;
  void inspect(const ContainerHandle& handle, Done<ContainerInfo> done) override;
  void stats(const ContainerHandle& handle, Done<std::string> done) override;
  void remove(const ContainerHandle& handle, Done<bool> done) override;
  void create_volume(const VolumeSpec& spec, Done<VolumeInfo> done) override;
  void find_volume(const std::string& name, Done<VolumeInfo> done) override;
  void labelled_volumes(const std::string& label, const std::string& value,
                        Done<std::vector<VolumeInfo>> done) override;
  void remove_volume(const std::string& name, Done<bool> done) override;

 private:
  // What health checks found.
  struct Health {
    std::optional<HealthCheck> check;
    std::vector<std::string> arguments;
    std::string status;
    std::string output;
    int failures = 0;
    shared::SteadyTime started{};
    shared::env::Timer timer;
  };
  struct Box {
    std::shared_ptr<const Record> record;
    ContainerPhase phase = ContainerPhase::kCreated;
    std::string error;
    std::string stop_signal;  // of settings or image
    RunFacts run;
    StartFacts facts;
    std::optional<ExitFacts> exit;
    bool cleaned = true;                       // after an end: nothing of it is left
    std::uint64_t starts = 0;                  // tells one run from the next
    shared::env::Timer watch;                  // of the process
    shared::env::Timer kill;                   // ends the grace of a stop
    std::vector<Done<ContainerInfo>> waiting;  // for its end
    Health health;
  };
  OciRuntime(shared::httpd::IoLoop& loop, OciSettings settings);
  shared::Result<void> begin();
  shared::Result<void> load_containers();
  shared::Result<void> load_archives();
  void adopt(std::unique_ptr<Box> box);
  shared::Result<void> watch_ends();
  void read_ends();

  Box* find(const ContainerHandle& handle);
  Peers peers_of(const ContainerSettings& settings);
  ContainerInfo info_of(const Box& box) const;
  shared::Result<Record> make_record(const ContainerSpec& spec, const std::string& body,
                                     std::vector<VolumeMount> inherited);
  void begun(Box& box, const Started& started);
  void process_ended(const std::string& id, std::uint64_t start);
  void ended(const std::string& id);
  void forget_run(Box& box);
  void signal(const Box& box, int number) const;
  void tell(EventType type, const Box& box);
  void begin_health(Box& box);
  void check_health(const std::string& id, std::uint64_t start);
  void health_answered(const std::string& id, std::uint64_t start, int code, const std::string& output);
  void keep_network();

  template <class T>
  void later(Done<T> done, shared::Result<T> result);
  // Does `work` on a worker, and `then` with what it returns back on the loop.
  template <class Work, class Then>
  void off(Workers& workers, const std::string& key, Work work, Then then);

  shared::httpd::IoLoop& loop_;
  OciSettings settings_;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<ImageStore> images_;
  std::unique_ptr<Volumes> volumes_;
  std::unique_ptr<network::Network> network_;
  std::unique_ptr<Launcher> launcher_;
  std::unique_ptr<Puller> puller_;
  std::unique_ptr<Starter> starter_;
  std::map<std::string, std::unique_ptr<Box>> boxes_;                   // by id
  std::map<std::string, std::string> names_;                            // to id
  std::map<std::string, std::vector<Done<ContainerHandle>>> creating_;  // by name
  std::function<void(Event)> on_event_;
  shared::UniqueFd ends_;  // inotify
  shared::env::Timer ends_watch_;
  shared::env::Timer network_timer_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
  std::unique_ptr<Workers> pulls_;
  std::unique_ptr<Workers> workers_;
};

template <class T>
void OciRuntime::later(Done<T> done, shared::Result<T> result) {
  loop_.post([alive = std::weak_ptr<int>(alive_), done = std::move(done), result = std::move(result)] {
    if (alive.lock()) done(result);
  });
}

template <class Work, class Then>
void OciRuntime::off(Workers& workers, const std::string& key, Work work, Then then) {
  workers.add(key, [this, alive = std::weak_ptr<int>(alive_), work = std::move(work),
                    then = std::move(then)]() mutable {
    auto result = work();
    loop_.post([alive, then = std::move(then), result = std::move(result)]() mutable {
      if (alive.lock()) then(std::move(result));
    });
  });
}

}  // namespace agent::runtime::oci
