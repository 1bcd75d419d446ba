#include "agent/runtime/oci/oci_runtime.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "agent/cgroup/host.h"
#include "agent/runtime/oci/bundle/bundle.h"
#include "agent/runtime/oci/files/files.h"
#include "agent/runtime/oci/monitor/plan.h"
#include "agent/runtime/oci/process/run.h"
#include "agent/runtime/oci/store/archive.h"
#include "shared/log/log.h"

namespace agent::runtime::oci {

namespace fs = std::filesystem;
namespace log = shared::log;
using shared::Error;
using shared::Result;

namespace {

constexpr shared::Millis kNetworkLook{5'000};
constexpr int kUnknown = 255;  // exit code of what ended while nobody could see it

}  // namespace

OciRuntime::OciRuntime(shared::httpd::IoLoop& loop, OciSettings settings)
    : loop_(loop), settings_(std::move(settings)) {}

OciRuntime::~OciRuntime() {
  stopping_ = true;
  pulls_.reset();
  workers_.reset();
  alive_.reset();
  bool anybody = false;
  for (const auto& [id, box] : boxes_) anybody = anybody || box->phase == ContainerPhase::kRunning;
  boxes_.clear();
  if (!anybody && network_) network_->close();
  if (!anybody && starter_) {
    if (const auto layout = cgroup::host_layout())
      for (const fs::path& each : cgroup::directories_of(*layout, "berth")) ::rmdir(each.c_str());
  }
}

Result<std::unique_ptr<OciRuntime>> OciRuntime::open(shared::httpd::IoLoop& loop, OciSettings settings) {
  std::unique_ptr<OciRuntime> runtime(new OciRuntime(loop, std::move(settings)));
  if (auto begun = runtime->begin(); !begun) return begun.error();
  return runtime;
}

Result<void> OciRuntime::begin() {
  if (::geteuid() != 0) return Error("runtime", "running containers needs root");
  const fs::path data = settings_.data;
  const fs::path run = settings_.run;
  for (const fs::path& each : {data, data / "containers", data / "volumes", run, run / "ended", run / "runc"})
    if (auto made = files::make_directory(each, 0711); !made) return made;
  const std::string monitor = settings_.helpers + "/berth-monitor";
  if (settings_.unpack.program.empty()) settings_.unpack.program = settings_.helpers + "/berth-unpack";
  for (const std::string& each : {monitor, settings_.unpack.program})
    if (::access(each.c_str(), X_OK) != 0)
      return Error("runtime", "the program " + each + " is missing: " + std::strerror(errno));
  auto images = ImageStore::open(data / "images", settings_.unpack);
  if (!images) return images.error();
  images_ = *std::move(images);
  volumes_ = std::make_unique<Volumes>(data / "volumes");
  auto launcher = open_runc(settings_.runc, (run / "runc").string());
  if (!launcher) return launcher.error();
  launcher_ = *std::move(launcher);
  auto layout = cgroup::host_layout();
  if (!layout) return layout.error();
  settings_.bridge.state = (run / "addresses").string();
  settings_.bridge.run = [](const std::vector<std::string>& words) {
    auto ran = oci::run(words);
    return ran ? ran->status : 127;
  };
  auto network = network::BridgeNetwork::open(settings_.bridge);
  if (!network) return network.error();
  network_ = *std::move(network);
  puller_ = std::make_unique<Puller>(*images_, settings_.registries);
  starter_ = std::make_unique<Starter>(Starter::Parts{data / "containers", run / "ended", monitor, *images_,
                                                      *volumes_, *network_, *launcher_, *layout});
  pulls_ = std::make_unique<Workers>(settings_.pulls);
  workers_ = std::make_unique<Workers>(settings_.workers);
  if (auto watching = watch_ends(); !watching) return watching;
  if (auto loaded = load_containers(); !loaded) return loaded;
  if (auto loaded = load_archives(); !loaded) return loaded;
  keep_network();
  return {};
}

// Each once, until it is another file.
Result<void> OciRuntime::load_archives() {
  if (settings_.archives.empty()) return {};
  const fs::path stamps = fs::path(settings_.data) / "images/archives";
  if (auto made = files::make_directory(stamps); !made) return made;
  std::error_code error;
  for (const auto& each : fs::directory_iterator(settings_.archives, error)) {
    if (!each.is_regular_file(error)) continue;
    const fs::path stamp = stamps / each.path().filename();
    const std::string now = std::to_string(each.file_size(error)) + " " +
                            std::to_string(each.last_write_time(error).time_since_epoch().count());
    if (files::read_or(stamp) == now) continue;
    auto names = load_archive(*images_, each.path(), "");
    if (!names) return names.error().within(each.path().string());
    for (const std::string& name : *names)
      log::info("image_loaded", {{"image", name}, {"archive", each.path().string()}});
    if (auto wrote = files::write_durably(stamp, now); !wrote) return wrote;
  }
  if (error) return Error("file", settings_.archives + ": " + error.message());
  return {};
}

// Containers of before: what runs is adopted, what ended meanwhile has its record.
Result<void> OciRuntime::load_containers() {
  std::error_code error;
  std::vector<network::Owner> owners;
  std::set<std::string> manifests;
  std::vector<std::string> rubbish;
  for (const auto& each : fs::directory_iterator(fs::path(settings_.data) / "containers", error)) {
    auto text = files::read(each.path() / kRecordFile);
    auto record = text ? parse_record(*text) : Result<Record>(text.error());
    if (!record) {
      log::warn("container_unreadable", record.error(), {{"folder", each.path().string()}});
      if (record.error().code() == "not_found")
        files::remove_tree(each.path());  // a create that a crash cut off
      continue;
    }
    auto box = std::make_unique<Box>();
    box->record = std::make_shared<const Record>(*std::move(record));
    manifests.insert(box->record->manifest);
    adopt(std::move(box));
    const Box& now = *boxes_.at(each.path().filename().string());
    if (now.phase == ContainerPhase::kRunning || has_monitor(each.path()))
      owners.push_back({now.record->id, now.facts.address, now.facts.ports});
    else
      rubbish.push_back(now.record->id);
  }
  if (error) return Error("file", settings_.data + ": " + error.message());
  if (auto adopted = network_->adopt(owners); !adopted) return adopted;
  for (const std::string& id : rubbish)
    if (fs::exists(starter_->folder(id) / kStartFile, error))
      workers_->add(id, [this, id] { starter_->clean_up(id); });
  images_->collect(manifests);
  return {};
}

void OciRuntime::adopt(std::unique_ptr<Box> box) {
  const std::string id = box->record->id;
  const fs::path folder = starter_->folder(id);
  Box& here = *box;
  names_[here.record->name] = id;
  boxes_[id] = std::move(box);
  if (auto image = images_->of_manifest(here.record->manifest)) {
    here.health.check = merge_health(here.record->settings, image->config);
    if (here.health.check) here.health.arguments = health_arguments(*here.health.check, image->config);
    here.stop_signal = here.record->settings.stop_signal.empty() ? image->config.stop_signal
                                                                 : here.record->settings.stop_signal;
  }
  here.facts = parse_start(files::read_or(folder / kStartFile));
  const auto run = parse_run(files::read_or(folder / monitor::kRunFile));
  here.exit = parse_exit(files::read_or(folder / monitor::kExitFile));
  if (run) here.run = *run;
  if (here.exit) {
    here.phase = ContainerPhase::kExited;
    return;
  }
  if (!run) {
    here.error = files::read_or(folder / monitor::kFailureFile);
    return;  // created; a start that goes on meanwhile is found by the next one
  }
  if (run->boot_id == boot_id() && open_process(*run)) {
    begun(here, {*run, here.facts});
    return;
  }
  // It ended with the machine, or together with its monitor.
  here.exit = ExitFacts{kUnknown, false, loop_.wall_now()};
  here.phase = ContainerPhase::kExited;
  here.error = "it ended while nothing could see how";
  (void)files::write_durably(folder / monitor::kExitFile, exit_text(*here.exit));
}

Result<void> OciRuntime::watch_ends() {
  const fs::path folder = fs::path(settings_.run) / "ended";
  std::error_code ignored;
  for (const auto& each : fs::directory_iterator(folder, ignored)) fs::remove(each.path(), ignored);
  ends_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!ends_ || ::inotify_add_watch(ends_.get(), folder.c_str(), IN_CLOSE_WRITE) < 0)
    return Error("runtime", std::string("watch for ends: ") + std::strerror(errno));
  ends_watch_ = loop_.watch_readable(ends_.get(), [this] { read_ends(); });
  return {};
}

void OciRuntime::read_ends() {
  alignas(inotify_event) char buffer[16 * 1024];
  const ssize_t got = ::read(ends_.get(), buffer, sizeof buffer);
  std::vector<std::string> ids;
  bool lost = false;
  for (ssize_t at = 0; at < got;) {
    const auto* const event = reinterpret_cast<const inotify_event*>(buffer + at);
    if ((event->mask & IN_Q_OVERFLOW) != 0) lost = true;
    if (event->len > 0) ids.emplace_back(event->name);
    at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
  }
  if (lost)
    for (const auto& [id, box] : boxes_) ids.push_back(id);
  for (const std::string& id : ids) ended(id);
}

// The program is gone. Its monitor tells how, unless it is gone too.
void OciRuntime::process_ended(const std::string& id, std::uint64_t start) {
  off(
      *workers_, "end " + id,
      [this, id] {
        const fs::path folder = starter_->folder(id);
        wait_for_monitor(folder, shared::Millis(30'000));
        if (!fs::exists(folder / monitor::kExitFile))
          (void)files::write_durably(folder / monitor::kExitFile,
                                     exit_text({kUnknown, false, loop_.wall_now()}));
        return 0;
      },
      [this, id, start](int) {
        const auto found = boxes_.find(id);
        if (found != boxes_.end() && found->second->starts == start) ended(id);
      });
}

void OciRuntime::ended(const std::string& id) {
  const auto found = boxes_.find(id);
  if (found == boxes_.end()) return;
  Box& box = *found->second;
  if (box.phase != ContainerPhase::kRunning) return;
  const auto exit = parse_exit(files::read_or(starter_->folder(id) / monitor::kExitFile));
  if (!exit) return;
  box.exit = exit;
  box.phase = ContainerPhase::kExited;
  box.cleaned = false;
  forget_run(box);
  if (exit->out_of_memory) tell(EventType::kOom, box);
  tell(EventType::kExited, box);
  off(
      *workers_, id, [this, id] { return starter_->clean_up(id), 0; },
      [this, id](int) {
        const auto still = boxes_.find(id);
        if (still == boxes_.end()) return;
        Box& cleaned = *still->second;
        cleaned.cleaned = true;
        for (const auto& each : std::exchange(cleaned.waiting, {})) each(info_of(cleaned));
      });
}

void OciRuntime::forget_run(Box& box) {
  // We may be inside of a callback of one of these: they die later.
  loop_.post([a = std::make_shared<shared::env::Timer>(std::move(box.watch)),
              b = std::make_shared<shared::env::Timer>(std::move(box.kill)),
              c = std::make_shared<shared::env::Timer>(std::move(box.health.timer))] {});
  box.watch = {};
  box.kill = {};
  box.health.timer = {};
}

void OciRuntime::begun(Box& box, const Started& started) {
  box.run = started.run;
  box.facts = started.facts;
  box.phase = ContainerPhase::kRunning;
  box.exit.reset();
  box.error.clear();
  ++box.starts;
  const shared::UniqueFd process = open_process(box.run);
  const std::string id = box.record->id;
  if (process) {
    box.watch = loop_.watch_readable(process.get(), [this, id, start = box.starts] {
      const auto found = boxes_.find(id);
      if (found == boxes_.end() || found->second->starts != start || !found->second->watch) return;
      loop_.post([timer = std::make_shared<shared::env::Timer>(std::move(found->second->watch))] {});
      found->second->watch = {};
      process_ended(id, start);
    });
  } else {
    process_ended(id, box.starts);
  }
  begin_health(box);
}

void OciRuntime::tell(EventType type, const Box& box) {
  if (!on_event_) return;
  Event event;
  event.type = type;
  event.handle = {box.record->id, box.record->name};
  if (type == EventType::kExited && box.exit) event.exit_code = box.exit->code;
  loop_.post([this, alive = std::weak_ptr<int>(alive_), event = std::move(event)] {
    if (alive.lock() && on_event_) on_event_(event);
  });
}

void OciRuntime::watch(std::function<void(Event)> on_event, std::function<void()> gap) {
  on_event_ = std::move(on_event);
  // What happened before now was not told.
  loop_.post([alive = std::weak_ptr<int>(alive_), gap = std::move(gap)] {
    if (alive.lock()) gap();
  });
}

// Somebody's `nft flush ruleset`, a restarted firewall or Docker take away what we put there.
void OciRuntime::keep_network() {
  network_timer_ = loop_.after(kNetworkLook, [this] {
    off(
        *workers_, "network", [this] { return network_->repair(); },
        [](bool repaired) {
          if (repaired) log::warn("network_rules_restored", {{"reason", "the table of nftables was gone"}});
        });
    keep_network();
  });
}

void OciRuntime::ping(Done<std::string> done) { later<std::string>(std::move(done), launcher_->version()); }

OciRuntime::Box* OciRuntime::find(const ContainerHandle& handle) {
  std::string id = handle.id;
  if (id.empty()) {
    const auto named = names_.find(handle.name);
    if (named == names_.end()) return nullptr;
    id = named->second;
  }
  const auto found = boxes_.find(id);
  return found == boxes_.end() ? nullptr : found->second.get();
}

ContainerInfo OciRuntime::info_of(const Box& box) const {
  ContainerInfo info;
  const Record& record = *box.record;
  info.handle = {record.id, record.name};
  info.phase = box.phase;
  info.labels = record.settings.labels;
  info.image_digest = record.image_digest;
  info.image_id = record.image_id;
  info.created_at = record.created;
  info.error = box.error;
  if (box.phase != ContainerPhase::kCreated) info.started_at = box.run.started;
  if (box.exit && box.phase == ContainerPhase::kExited) {
    info.exit_code = box.exit->code;
    info.oom_killed = box.exit->out_of_memory;
    info.finished_at = box.exit->ended;
  }
  const bool runs = box.phase == ContainerPhase::kRunning;
  const std::string& mode = record.settings.network_mode;
  if (!mode.starts_with(kOfContainer)) info.networks[mode] = runs ? box.facts.address : "";
  info.health = box.health.status;
  info.health_output = box.health.output;
  if (!runs) return info;
  info.pid = box.run.pid;
  for (const network::Published& each : box.facts.ports) {
    PortBinding port;
    port.container_port = each.container_port;
    port.host_port = each.host_port;
    port.protocol = each.protocol;
    port.bind_ip = each.bind_ip;
    info.ports.push_back(port);
  }
  return info;
}

}  // namespace agent::runtime::oci
