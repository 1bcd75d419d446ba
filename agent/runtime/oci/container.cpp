#include "agent/runtime/oci/container.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "agent/runtime/oci/files/files.h"
#include "agent/runtime/oci/monitor/plan.h"
#include "shared/json/reader.h"

namespace agent::runtime::oci {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using shared::Result;
using shared::UniqueFd;
using shared::json::Reader;

constexpr int kLook = 10;  // ms between two looks at a monitor's lock

}  // namespace

std::string record_text(const Record& record) {
  json mounts = json::array();
  for (const VolumeMount& each : record.mounts)
    mounts.push_back({{"source", each.source},
                      {"volume", each.volume},
                      {"destination", each.destination},
                      {"readOnly", each.read_only},
                      {"anonymous", each.anonymous},
                      {"propagation", each.propagation}});
  return shared::json::to_text({{"id", record.id},
                                {"name", record.name},
                                {"created", shared::epoch_millis(record.created)},
                                {"body", record.body},
                                {"manifest", record.manifest},
                                {"imageId", record.image_id},
                                {"imageDigest", record.image_digest},
                                {"mounts", mounts}});
}

Result<Record> parse_record(const std::string& text) {
  auto document = shared::json::Document::parse(text, "file");
  if (!document) return document.error();
  const Reader in = document->root();
  Record out;
  out.id = in.required_string("id");
  out.name = in.required_string("name");
  out.created = shared::from_epoch_millis(in.integer_or<std::int64_t>("created", 0));
  out.body = in.required_string("body");
  out.manifest = in.required_string("manifest");
  out.image_id = in.string_or("imageId", "");
  out.image_digest = in.string_or("imageDigest", "");
  for (const Reader& each : in.children("mounts"))
    out.mounts.push_back({each.required_string("source"), each.string_or("volume", ""),
                          each.required_string("destination"), each.boolean_or("readOnly", false),
                          each.boolean_or("anonymous", false), each.string_or("propagation", "rprivate")});
  if (!in.ok()) return in.error();
  auto settings = parse_settings(out.body);
  if (!settings) return settings.error();
  out.settings = *std::move(settings);
  return out;
}

std::string start_text(const StartFacts& facts) {
  json ports = json::array();
  for (const network::Published& each : facts.ports)
    ports.push_back({{"ip", each.bind_ip},
                     {"host", each.host_port},
                     {"protocol", each.protocol},
                     {"container", each.container_port}});
  return shared::json::to_text(
      {{"address", facts.address}, {"ports", ports}, {"cgroup", facts.cgroup}, {"shm", facts.shm}});
}

StartFacts parse_start(const std::string& text) {
  StartFacts out;
  auto document = shared::json::Document::parse(text, "file");
  if (!document) return out;
  const Reader in = document->root();
  out.address = in.string_or("address", "");
  out.cgroup = in.string_or("cgroup", "");
  out.shm = in.boolean_or("shm", false);
  for (const Reader& each : in.children("ports"))
    out.ports.push_back({each.string_or("ip", "0.0.0.0"), each.integer_or<int>("host", 0),
                         each.string_or("protocol", "tcp"), out.address,
                         each.integer_or<int>("container", 0)});
  return out;
}

std::optional<RunFacts> parse_run(const std::string& text) {
  std::istringstream in(text);
  RunFacts out;
  long long started = 0;
  if (!(in >> out.pid >> out.start_time >> out.boot_id >> started) || out.pid <= 1) return std::nullopt;
  out.started = shared::from_epoch_millis(started);
  return out;
}

std::optional<ExitFacts> parse_exit(const std::string& text) {
  std::istringstream in(text);
  ExitFacts out;
  int memory = 0;
  long long ended = 0;
  if (!(in >> out.code >> memory >> ended)) return std::nullopt;
  out.out_of_memory = memory != 0;
  out.ended = shared::from_epoch_millis(ended);
  return out;
}

std::string exit_text(const ExitFacts& facts) {
  return std::to_string(facts.code) + (facts.out_of_memory ? " 1 " : " 0 ") +
         std::to_string(shared::epoch_millis(facts.ended)) + "\n";
}

std::string boot_id() {
  auto text = files::read("/proc/sys/kernel/random/boot_id");
  if (!text) return "";
  return text->substr(0, text->find('\n'));
}

UniqueFd open_process(const RunFacts& facts) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, facts.pid, 0)));
  if (!fd) return fd;
  // Looked at with the descriptor in hand: the pid cannot become another's unnoticed.
  auto stat = files::read("/proc/" + std::to_string(facts.pid) + "/stat");
  if (!stat) return UniqueFd();
  std::istringstream in(stat->substr(std::min(stat->size(), stat->rfind(')') + 1)));
  std::string skipped;
  for (int field = 3; field < 22; ++field) in >> skipped;
  unsigned long long start_time = 0;
  in >> start_time;
  return start_time == facts.start_time ? std::move(fd) : UniqueFd();
}

bool has_monitor(const fs::path& folder) {
  const UniqueFd lock(::open((folder / monitor::kLockFile).c_str(), O_RDWR | O_CLOEXEC));
  if (!lock) return false;
  return ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0;
}

bool wait_for_monitor(const fs::path& folder, shared::Millis patience) {
  for (auto left = patience.count(); has_monitor(folder); left -= kLook) {
    if (left <= 0) return false;
    ::poll(nullptr, 0, kLook);
  }
  return true;
}

}  // namespace agent::runtime::oci
