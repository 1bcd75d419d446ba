// OciRuntime: what is asked of containers.
#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <charconv>
#include <csignal>

#include "agent/runtime/docker/values.h"
#include "agent/runtime/oci/bundle/bundle.h"
#include "agent/runtime/oci/files/files.h"
#include "agent/runtime/oci/monitor/plan.h"
#include "agent/runtime/oci/oci_runtime.h"
#include "shared/crypto/hash.h"

namespace agent::runtime::oci {
namespace {

namespace fs = std::filesystem;
using shared::Error;
using shared::Result;

constexpr const char* kCreate = "CannotCreateContainerError";
constexpr std::size_t kIdBytes = 32;
constexpr shared::Millis kStopExtra{2 * 60'000};  // on top of the grace

Error missing(const ContainerHandle& handle) {
  return Error("not_found", "no such container: " + (handle.id.empty() ? handle.name : handle.id));
}

}  // namespace

void OciRuntime::recover(const std::string& label, Done<std::vector<ContainerInfo>> done) {
  std::vector<ContainerInfo> out;
  for (const auto& [id, box] : boxes_)
    if (box->record->settings.labels.contains(label)) out.push_back(info_of(*box));
  later<std::vector<ContainerInfo>>(std::move(done), std::move(out));
}

void OciRuntime::inspect(const ContainerHandle& handle, Done<ContainerInfo> done) {
  const Box* const box = find(handle);
  later<ContainerInfo>(std::move(done),
                       box != nullptr ? Result<ContainerInfo>(info_of(*box)) : missing(handle));
}

// On a worker. Volumes that it names are there afterwards.
Result<Record> OciRuntime::make_record(const ContainerSpec& spec, const std::string& body,
                                       std::vector<VolumeMount> inherited) {
  Record record;
  auto settings = parse_settings(body);
  if (!settings) return settings.error();
  record.settings = *std::move(settings);
  auto reference = parse_reference(record.settings.image);
  if (!reference) return Error(kCreate, reference.error().text());
  auto image = images_->find(*reference);
  if (!image) return Error(kCreate, "No such image: " + record.settings.image);
  record.id = shared::crypto::to_hex(shared::crypto::random_bytes(kIdBytes));
  record.name = spec.name;
  record.created = loop_.wall_now();
  record.body = body;
  record.manifest = image->manifest;
  record.image_id = image->id;
  record.image_digest = image->digest;
  if (auto merged = merge(record.settings, image->config, "h"); !merged) return merged.error();
  record.mounts = std::move(inherited);
  const auto place = [&](VolumeMount mount) {
    std::erase_if(record.mounts,
                  [&](const VolumeMount& each) { return each.destination == mount.destination; });
    record.mounts.push_back(std::move(mount));
  };
  for (const BindMount& bind : record.settings.binds) {
    VolumeMount mount{bind.source,    "",    bind.destination,
                      bind.read_only, false, bind.propagation.empty() ? "rprivate" : bind.propagation};
    if (bind.is_volume()) {
      auto volume = volumes_->find(bind.source);
      if (!volume && volume.error().code() == "not_found")
        volume = volumes_->create({bind.source, "local", {}, {}});
      if (!volume) return Error(kCreate, volume.error().text());
      mount.volume = bind.source;
      mount.source = volumes_->folder(bind.source).string();
    }
    place(std::move(mount));
  }
  for (const std::string& path : image->config.volumes) {
    const bool covered = record.settings.tmpfs.contains(path) ||
                         std::any_of(record.mounts.begin(), record.mounts.end(),
                                     [&](const VolumeMount& each) { return each.destination == path; });
    if (covered) continue;
    const std::string name = shared::crypto::to_hex(shared::crypto::random_bytes(kIdBytes));
    if (auto volume = volumes_->create({name, "local", {}, {}}); !volume)
      return Error(kCreate, volume.error().text());
    record.mounts.push_back({volumes_->folder(name).string(), name, path, false, true, "rprivate"});
  }
  return record;
}

void OciRuntime::create(const ContainerSpec& spec, Done<ContainerHandle> done) {
  if (const Box* const box = find({"", spec.name}))
    return later<ContainerHandle>(std::move(done), ContainerHandle{box->record->id, spec.name});
  auto& waiting = creating_[spec.name];
  waiting.push_back(std::move(done));
  if (waiting.size() > 1) return;
  const auto finish = [this, name = spec.name](Result<ContainerHandle> result) {
    auto told = std::move(creating_[name]);
    creating_.erase(name);
    for (const auto& each : told) each(result);
  };
  auto body = docker::create_body(spec);
  auto settings = body ? parse_settings(*body) : Result<ContainerSettings>(body.error());
  std::vector<VolumeMount> inherited;
  Result<void> good = settings ? Result<void>() : settings.error();
  if (settings) {
    for (const VolumesFrom& from : settings->volumes_from) {
      const Box* other = find({"", from.container});
      if (other == nullptr) other = find({from.container, ""});
      if (other == nullptr) {
        good = Error(kCreate, "No such container: " + from.container);
        break;
      }
      for (VolumeMount mount : other->record->mounts) {
        mount.read_only = mount.read_only || from.read_only;
        mount.anonymous = false;
        inherited.push_back(std::move(mount));
      }
    }
  }
  if (!good)
    return loop_.post([alive = std::weak_ptr<int>(alive_), finish, error = good.error()] {
      if (alive.lock()) finish(error);
    });
  off(
      *workers_, "create " + spec.name,
      [this, spec, body = *body, inherited = std::move(inherited)]() -> Result<Record> {
        auto record = make_record(spec, body, inherited);
        if (!record) return record;
        const fs::path folder = starter_->folder(record->id);
        if (auto made = files::make_directory(folder); !made) return Error(kCreate, made.error().text());
        if (auto wrote = files::write_durably(folder / kRecordFile, record_text(*record)); !wrote)
          return Error(kCreate, wrote.error().text());
        if (auto synced = files::sync_directory(folder.parent_path()); !synced)
          return Error(kCreate, synced.error().text());
        return record;
      },
      [this, finish](Result<Record> record) {
        if (!record) return finish(record.error());
        auto box = std::make_unique<Box>();
        box->record = std::make_shared<const Record>(*std::move(record));
        const ContainerHandle handle{box->record->id, box->record->name};
        adopt(std::move(box));
        tell(EventType::kCreated, *boxes_.at(handle.id));
        finish(handle);
      });
}

Peers OciRuntime::peers_of(const ContainerSettings& settings) {
  Peers out;
  const auto add = [&](const std::string& name) {
    Box* box = find({"", name});
    if (box == nullptr) box = find({name, ""});
    if (box == nullptr) return;
    const bool runs = box->phase == ContainerPhase::kRunning;
    out[name] = {box->record->name,  runs,
                 box->run.pid,       hostname_of(*box->record),
                 box->facts.address, starter_->folder(box->record->id),
                 box->facts.shm};
  };
  for (const std::string* mode : {&settings.network_mode, &settings.pid_mode, &settings.ipc_mode})
    if (mode->starts_with(kOfContainer)) add(mode->substr(kOfContainer.size()));
  for (const std::string& link : settings.links) add(link.substr(0, link.find(':')));
  return out;
}

void OciRuntime::start(const ContainerHandle& handle, Done<ContainerInfo> done) {
  const Box* const box = find(handle);
  if (box == nullptr) return later<ContainerInfo>(std::move(done), missing(handle));
  if (box->phase == ContainerPhase::kRunning) return later<ContainerInfo>(std::move(done), info_of(*box));
  off(
      *workers_, box->record->id,
      [this, record = box->record, peers = peers_of(box->record->settings)] {
        return starter_->start(*record, peers);
      },
      [this, id = box->record->id, handle, done = std::move(done)](Result<Started> started) {
        const auto found = boxes_.find(id);
        if (found == boxes_.end()) return done(missing(handle));
        Box& here = *found->second;
        if (!started) {
          here.error = started.error().text();
          return done(started.error());
        }
        if (here.phase != ContainerPhase::kRunning) {  // another start may have been told before
          begun(here, *started);
          tell(EventType::kStarted, here);
        }
        const ContainerInfo info = info_of(here);
        ended(id);  // it may have been quick, and its end been told before its start
        done(info);
      });
}

void OciRuntime::signal(const Box& box, int number) const {
  const shared::UniqueFd process = open_process(box.run);
  if (process) ::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0);
}

void OciRuntime::stop(const ContainerHandle& handle, shared::Millis grace, Done<ContainerInfo> done) {
  Box* const box = find(handle);
  if (box == nullptr) return later<ContainerInfo>(std::move(done), missing(handle));
  const std::string id = box->record->id;
  if (box->phase != ContainerPhase::kRunning) {
    if (!box->cleaned) return box->waiting.push_back(std::move(done));
    // A start that is under way comes first; what it started is stopped then.
    return off(
        *workers_, id, [] { return 0; },
        [this, handle, grace, done = std::move(done)](int) {
          const Box* const now = find(handle);
          if (now == nullptr) return done(missing(handle));
          if (now->phase == ContainerPhase::kRunning) return stop(handle, grace, done);
          done(info_of(*now));
        });
  }
  box->waiting.push_back(std::move(done));
  if (grace.count() <= 0) return signal(*box, SIGKILL);
  signal(*box, parse_signal(box->stop_signal).value_or(SIGTERM));
  if (box->kill) return;  // the grace of the first stop holds
  box->kill = loop_.after(grace, [this, id, start = box->starts] {
    const auto found = boxes_.find(id);
    if (found == boxes_.end() || found->second->starts != start) return;
    signal(*found->second, SIGKILL);
    loop_.post([timer = std::make_shared<shared::env::Timer>(std::move(found->second->kill))] {});
    found->second->kill = loop_.after(kStopExtra, [this, id, start] {
      const auto still = boxes_.find(id);
      if (still == boxes_.end() || still->second->starts != start ||
          still->second->phase != ContainerPhase::kRunning)
        return;
      for (const auto& each : std::exchange(still->second->waiting, {}))
        each(Error("CannotStopContainerError", "it does not end, SIGKILL notwithstanding"));
    });
  });
}

void OciRuntime::stats(const ContainerHandle& handle, Done<std::string> done) {
  const Box* const box = find(handle);
  if (box == nullptr) return later<std::string>(std::move(done), missing(handle));
  if (box->phase != ContainerPhase::kRunning)
    return later<std::string>(std::move(done), Error("not_found", "it does not run"));
  off(
      *workers_, "", [this, id = box->record->id, run = box->run] { return starter_->stats(id, run); },
      std::move(done));
}

void OciRuntime::remove(const ContainerHandle& handle, Done<bool> done) {
  Box* const box = find(handle);
  if (box == nullptr) return later<bool>(std::move(done), true);
  const std::string id = box->record->id;
  off(
      *workers_, id, [] { return 0; },  // after whatever is being done to it
      [this, id, done = std::move(done)](int) {
        const auto found = boxes_.find(id);
        if (found == boxes_.end()) return done(true);
        if (found->second->phase == ContainerPhase::kRunning)
          return done(
              Error("CannotRemoveContainerError", "You cannot remove a running container " + id +
                                                      ". Stop the container before attempting removal"));
        const auto record = found->second->record;
        forget_run(*found->second);
        const ContainerHandle gone{record->id, record->name};
        tell(EventType::kRemoved, *found->second);
        boxes_.erase(found);
        names_.erase(record->name);
        off(
            *workers_, id,
            [this, record] {
              const fs::path folder = starter_->folder(record->id);
              std::error_code ignored;
              fs::remove(folder / kRecordFile, ignored);  // first: from here on it is rubbish
              if (fs::exists(folder / kStartFile, ignored)) starter_->clean_up(record->id);
              for (const VolumeMount& each : record->mounts)
                if (each.anonymous) (void)volumes_->remove(each.volume);
              files::remove_tree(folder);
              return 0;
            },
            [done](int) { done(true); });
      });
}

}  // namespace agent::runtime::oci
