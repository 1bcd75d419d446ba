// The docker driver: a Runtime over the Docker Engine API on its unix socket, as classic ECS hosts have it.
// A container's cgroup_parent must be what the engine's cgroup driver takes: a path with "cgroupfs", the name
// of a slice with "systemd"; otherwise creating it fails and says so. Thread: the loop's.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "agent/runtime/docker/pull_stream.h"
#include "agent/runtime/runtime.h"
#include "shared/httpd/client.h"
#include "shared/httpd/io_loop.h"

namespace agent::runtime::docker {

// Limits of single engine calls, as the ECS agent's.
struct DockerSettings {
  std::string socket = "/var/run/docker.sock";  // DOCKER_HOST, unix:// only
  shared::Millis create_timeout{4 * 60'000};    // ECS_CONTAINER_CREATE_TIMEOUT
  shared::Millis start_timeout{3 * 60'000};     // ECS_CONTAINER_START_TIMEOUT
  shared::Millis stop_extra{2 * 60'000};        // on top of the grace
  shared::Millis inspect_timeout{30'000};
  shared::Millis list_timeout{10 * 60'000};
  shared::Millis remove_timeout{5 * 60'000};
  shared::Millis volume_timeout{5 * 60'000};
  shared::Millis ping_timeout{5'000};
  shared::Millis version_timeout{10'000};
  shared::Millis pull_timeout{2 * 3600'000};     // ECS_IMAGE_PULL_TIMEOUT
  shared::Millis pull_silence{60'000};           // ECS_IMAGE_PULL_INACTIVITY_TIMEOUT
  shared::Millis pull_first_answer{5 * 60'000};  // until the registry answered
  // The same where the image is present already: whoever falls back to it must not stall for long.
  shared::Millis registry_patience{3'000};
  shared::Millis reconnect{500};  // of the event stream
};

// Ports that the engine may try for a container whose host ports it chooses from a range: for a port of the
// whole range it goes on by itself, for a range newer engines leave that to their caller.
inline constexpr int kPortAttempts = 10;

class DockerRuntime final : public Runtime {
 public:
  // `loop` outlives the runtime.
  DockerRuntime(shared::httpd::IoLoop& loop, DockerSettings settings);
  ~DockerRuntime() override;

  void recover(const std::string& label, Done<std::vector<ContainerInfo>> done) override;
  void watch(std::function<void(Event)> on_event, std::function<void()> gap) override;
  void ping(Done<std::string> done) override;
  void pull(const std::string& image, Done<ImageInfo> done) override;
  void find_image(const std::string& image, Done<ImageInfo> done) override;
  void import_image(const std::string& image, std::string tree, Done<ImageInfo> done) override;
  void create(const ContainerSpec& spec, Done<ContainerHandle> done) override;
  void start(const ContainerHandle& handle, Done<ContainerInfo> done) override;
  void stop(const ContainerHandle& handle, shared::Millis grace, Done<ContainerInfo> done) override;
  void inspect(const ContainerHandle& handle, Done<ContainerInfo> done) override;
  void stats(const ContainerHandle& handle, Done<std::string> done) override;
  void sample(const ContainerHandle& handle, Done<std::string> done) override;
  void remove(const ContainerHandle& handle, Done<bool> done) override;
  void create_volume(const VolumeSpec& spec, Done<VolumeInfo> done) override;
  void find_volume(const std::string& name, Done<VolumeInfo> done) override;
  void labelled_volumes(const std::string& label, const std::string& value,
                        Done<std::vector<VolumeInfo>> done) override;
  void remove_volume(const std::string& name, Done<bool> done) override;

  // "cgroupfs" or "systemd"; empty until the first ping was answered.
  const std::string& cgroup_driver() const { return cgroup_driver_; }

 private:
  void read_stats(const ContainerHandle& handle, const char* how, Done<std::string> done);
  void start_with(const ContainerHandle& handle, int attempts, Done<ContainerInfo> done);
  // Another program listens on the port that the engine chose: where it may choose, it takes the next one.
  void start_elsewhere(const ContainerHandle& handle, int attempts, const shared::http::Response& refusal,
                       Done<ContainerInfo> done);
  struct Pull {
    std::string image;
    Done<ImageInfo> done;
    PullStream stream;
    bool answered = false;
    std::uint64_t waits = 0;  // counts the limits on silence, each ends the one before
    shared::httpd::Call call;
    shared::env::Timer timer;
  };
  using Answer = std::function<void(shared::Result<shared::http::Response>)>;
  // Errors of `answer`: the client's own; every status of the engine is a success here.
  void send(const std::string& method, const std::string& path, std::string body, shared::Millis timeout,
            Answer answer);
  void send(shared::http::Request request, shared::Millis timeout, Answer answer);
  // A question that every API version knows alike.
  void ask_engine(const std::string& path, Answer answer);
  shared::http::Request request(const std::string& method, const std::string& path, std::string body) const;
  shared::Error down(const std::string& why) const;
  // Of a call that changes something: whether it was carried out is not known after a timeout.
  shared::Error failed(const shared::Error& error, shared::Millis timeout, const std::string& doing) const;
  // Of a question: an engine that does not answer one is as good as down.
  shared::Error unanswered(const shared::Error& error, shared::Millis timeout,
                           const std::string& asking) const;
  void read_info(const std::string& version, Done<std::string> done);
  void inspect_next(std::vector<std::string> ids, std::vector<ContainerInfo> found,
                    Done<std::vector<ContainerInfo>> done);
  void open_events();
  void events_ended();
  void begin_pull(std::uint64_t id, shared::Millis patience);
  void end_pull(std::uint64_t id, shared::Result<shared::http::Response> result);
  void pull_silent(std::uint64_t id, shared::Millis limit);
  void blame_silence(std::uint64_t id, shared::Millis limit);

  template <class F>
  auto guarded(F f) {
    return [alive = std::weak_ptr<int>(alive_), f = std::move(f)](auto&&... args) {
      if (alive.lock()) f(std::forward<decltype(args)>(args)...);
    };
  }

  shared::httpd::IoLoop& loop_;
  DockerSettings settings_;
  std::unique_ptr<shared::httpd::Client> client_;
  std::string api_;      // "/v1.41", empty until the first ping
  std::string version_;  // empty until known; again once the event stream ended: it may be another engine
  std::string cgroup_driver_;
  std::function<void(Event)> on_event_;
  std::function<void()> gap_;
  bool events_opened_once_ = false;
  bool events_open_ = false;
  std::shared_ptr<Lines> event_lines_;  // shared with the running stream's callbacks
  shared::httpd::Call events_;
  shared::env::Timer reconnect_;
  std::map<std::uint64_t, Pull> pulls_;
  std::uint64_t next_pull_ = 1;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace agent::runtime::docker
