#include "agent/cgroup/systemd_slices.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "agent/cgroup/slice_unit.h"

namespace agent::cgroup {
namespace {

using shared::Error;
using shared::Result;

// systemd answers in milliseconds; the agent's loop stands still meanwhile. A host that needs longer is in
// trouble, and the error says so.
constexpr int kBusPatienceSeconds = 5;

constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnitExists = "org.freedesktop.systemd1.UnitExists";
constexpr const char* kNoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";

struct CloseBus {
  void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
};
struct FreeMessage {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, FreeMessage>;

struct BusError : sd_bus_error {
  BusError() : sd_bus_error{} {}
  ~BusError() { sd_bus_error_free(this); }
  BusError(const BusError&) = delete;
  BusError& operator=(const BusError&) = delete;
};

// A refusal by name, for callers that compare it; `text` has systemd's own words.
struct Refusal {
  std::string name;
  std::string text;
};

std::string timed_out() { return "no answer within " + std::to_string(kBusPatienceSeconds) + " s"; }

// Time that is up after kBusPatienceSeconds, as a descriptor to wait for beside the bus.
class Patience {
 public:
  Patience() : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    itimerspec when{};
    when.it_value.tv_sec = kBusPatienceSeconds;
    if (fd_ >= 0) ::timerfd_settime(fd_, 0, &when, nullptr);
  }
  ~Patience() {
    if (fd_ >= 0) ::close(fd_);
  }
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

  // False when the time is up.
  bool wait_for(sd_bus* bus) const {
    const int events = sd_bus_get_events(bus);
    if (fd_ < 0 || events < 0) return false;
    pollfd both[] = {{sd_bus_get_fd(bus), static_cast<short>(events), 0}, {fd_, POLLIN, 0}};
    if (::poll(both, 2, -1) < 0) return errno == EINTR;
    return (both[1].revents & POLLIN) == 0;
  }

 private:
  int fd_;
};

// One connection to systemd through the system bus, for one piece of work.
class Systemd {
 public:
  static Result<std::unique_ptr<Systemd>> connect() {
    sd_bus* raw = nullptr;
    if (const int code = sd_bus_open_system(&raw); code < 0) return unreachable(std::strerror(-code));
    std::unique_ptr<Systemd> self(new Systemd(raw));
    sd_bus_set_method_call_timeout(raw, kBusPatienceSeconds * kMicrosPerSecond);
    const Patience patience;
    while (sd_bus_is_ready(raw) == 0) {
      if (const int code = sd_bus_process(raw, nullptr); code < 0)
        return unreachable(std::strerror(-code));
      else if (code > 0)
        continue;
      if (!patience.wait_for(raw)) return unreachable(timed_out());
    }
    return self;
  }

  Result<std::string> version() {
    BusError error;
    char* text = nullptr;
    const int code =
        sd_bus_get_property_string(bus_.get(), kService, kPath, kManager, "Version", &error, &text);
    if (code < 0) return unreachable(error.message ? error.message : std::strerror(-code));
    std::string version(text);
    std::free(text);
    return version;
  }

  // The calls below return the refusal, nothing when systemd did it.
  std::optional<Refusal> start_transient(const std::string& unit, const std::string& description,
                                         const std::vector<UnitProperty>& properties) {
    Message call = method("StartTransientUnit");
    if (!call) return no_memory();
    int code = sd_bus_message_append(call.get(), "ss", unit.c_str(), "fail");
    if (code >= 0) code = append(call.get(), properties, description);
    if (code >= 0) code = sd_bus_message_append(call.get(), "a(sa(sv))", 0);
    if (code < 0) return Refusal{"", std::strerror(-code)};
    return run_job(call.get());
  }
  std::optional<Refusal> set_properties(const std::string& unit,
                                        const std::vector<UnitProperty>& properties) {
    Message call = method("SetUnitProperties");
    if (!call) return no_memory();
    int code = sd_bus_message_append(call.get(), "sb", unit.c_str(), 1);  // until the host restarts
    if (code >= 0) code = append(call.get(), properties, "");
    if (code < 0) return Refusal{"", std::strerror(-code)};
    return send(call.get(), nullptr);
  }
  std::optional<Refusal> start(const std::string& unit) { return unit_job("StartUnit", unit); }
  std::optional<Refusal> stop(const std::string& unit) { return unit_job("StopUnit", unit); }

 private:
  explicit Systemd(sd_bus* bus) : bus_(bus) {}

  static Error unreachable(const std::string& why) {
    return Error("cgroup", "systemd cannot be reached over the system bus: " + why, shared::Blame::kSelf,
                 shared::Retry::kYes);
  }
  static Refusal no_memory() { return {"", std::strerror(ENOMEM)}; }

  Message method(const char* name) {
    sd_bus_message* call = nullptr;
    sd_bus_message_new_method_call(bus_.get(), &call, kService, kPath, kManager, name);
    return Message(call);
  }

  static int append(sd_bus_message* call, const std::vector<UnitProperty>& properties,
                    const std::string& description) {
    int code = sd_bus_message_open_container(call, 'a', "(sv)");
    if (code >= 0 && !description.empty()) {
      code = sd_bus_message_append(call, "(sv)", "Description", "s", description.c_str());
    }
    for (const UnitProperty& p : properties) {
      if (code < 0) return code;
      if (const auto* text = std::get_if<std::string>(&p.value)) {
        code = sd_bus_message_append(call, "(sv)", p.name.c_str(), "s", text->c_str());
      } else if (const auto* flag = std::get_if<bool>(&p.value)) {
        code = sd_bus_message_append(call, "(sv)", p.name.c_str(), "b", *flag ? 1 : 0);
      } else {
        code = sd_bus_message_append(call, "(sv)", p.name.c_str(), "t", std::get<std::uint64_t>(p.value));
      }
    }
    return code < 0 ? code : sd_bus_message_close_container(call);
  }

  std::optional<Refusal> send(sd_bus_message* call, Message* answer) {
    BusError error;
    sd_bus_message* reply = nullptr;
    const int code = sd_bus_call(bus_.get(), call, 0, &error, &reply);
    const Message owned(reply);
    if (code < 0) {
      const std::string text = code == -ETIMEDOUT ? timed_out() : error.message ? error.message : "";
      return Refusal{error.name ? error.name : "", text.empty() ? std::strerror(-code) : text};
    }
    if (answer) answer->reset(sd_bus_message_ref(reply));
    return std::nullopt;
  }

  std::optional<Refusal> unit_job(const char* name, const std::string& unit) {
    Message call = method(name);
    if (!call) return no_memory();
    if (const int code = sd_bus_message_append(call.get(), "ss", unit.c_str(), "replace"); code < 0)
      return Refusal{"", std::strerror(-code)};
    return run_job(call.get());
  }

  static int job_removed(sd_bus_message* signal, void* self, sd_bus_error*) {
    std::uint32_t id = 0;
    const char *job = nullptr, *unit = nullptr, *result = nullptr;
    if (sd_bus_message_read(signal, "uoss", &id, &job, &unit, &result) >= 0) {
      static_cast<Systemd*>(self)->ended_jobs_[job] = result;
    }
    return 0;
  }

  // Sends `call`, whose answer is a job, and waits for the job's end. Listens first: it may end at once.
  std::optional<Refusal> run_job(sd_bus_message* call) {
    if (!listening_) {
      const int code = sd_bus_match_signal(bus_.get(), nullptr, kService, kPath, kManager, "JobRemoved",
                                           job_removed, this);
      if (code < 0) return Refusal{"", std::strerror(-code)};
      Message subscribe = method("Subscribe");
      if (!subscribe) return no_memory();
      if (auto refused = send(subscribe.get(), nullptr)) return refused;
      listening_ = true;
    }
    Message answer;
    if (auto refused = send(call, &answer)) return refused;
    const char* job = nullptr;
    if (const int code = sd_bus_message_read(answer.get(), "o", &job); code < 0)
      return Refusal{"", std::strerror(-code)};
    const Patience patience;
    while (!ended_jobs_.contains(job)) {
      const int code = sd_bus_process(bus_.get(), nullptr);
      if (code < 0) return Refusal{"", std::strerror(-code)};
      if (code == 0 && !patience.wait_for(bus_.get())) return Refusal{"", "its job: " + timed_out()};
    }
    const std::string& result = ended_jobs_[job];
    if (result == "done" || result == "skipped") return std::nullopt;
    return Refusal{"", "its job ended with '" + result + "'"};
  }

  std::unique_ptr<sd_bus, CloseBus> bus_;
  bool listening_ = false;
  std::map<std::string, std::string> ended_jobs_;
};

class Slices final : public TaskCgroups {
 public:
  Slices(Layout layout, SliceOptions options) : layout_(std::move(layout)), options_(std::move(options)) {}

  Mode mode() const override { return layout_.mode; }

  Result<std::string> create(const std::string& task_id, const Limits& limits) override {
    const std::string unit = slice_name(options_.parent, task_id);
    const auto properties = slice_properties(limits, options_.period_micros);
    if (!properties) return properties.error().within("slice " + unit);
    auto systemd = Systemd::connect();
    if (!systemd) return systemd.error().within("start slice " + unit);
    std::string wanted;
    for (const UnitProperty& p : *properties) wanted += (wanted.empty() ? "" : ", ") + to_text(p);
    auto refused = (*systemd)->start_transient(unit, "Berth task " + task_id, *properties);
    if (refused && refused->name == kUnitExists) {
      refused = (*systemd)->set_properties(unit, *properties);
      if (!refused) refused = (*systemd)->start(unit);
    }
    if (refused) return Error("cgroup", "start slice " + unit + " with " + wanted + ": " + refused->text);
    return unit;
  }

  // systemd would end what is inside with the slice, so it is asked only when there is nothing.
  Result<void> remove(const std::string& task_id) override {
    const std::string unit = slice_name(options_.parent, task_id);
    if (population_of(layout_, slice_path(options_.parent, task_id)) == Population::kHasProcesses) {
      return Error("busy", "stop slice " + unit + ": there are processes in it", shared::Blame::kSelf,
                   shared::Retry::kYes);
    }
    auto systemd = Systemd::connect();
    if (!systemd) return systemd.error().within("stop slice " + unit);
    const auto refused = (*systemd)->stop(unit);
    if (!refused || refused->name == kNoSuchUnit) return {};
    return Error("cgroup", "stop slice " + unit + ": " + refused->text, shared::Blame::kSelf,
                 shared::Retry::kYes);
  }

  Result<Stats> read(const std::string& task_id) const override {
    return read_stats(layout_, slice_path(options_.parent, task_id));
  }

 private:
  Layout layout_;
  SliceOptions options_;
};

}  // namespace

Result<std::unique_ptr<TaskCgroups>> open_systemd_task_cgroups(const SliceOptions& options) {
  auto layout = host_layout();
  if (!layout) return layout.error();
  auto systemd = Systemd::connect();
  if (!systemd) return systemd.error();
  if (auto version = (*systemd)->version(); !version) return version.error();
  return std::unique_ptr<TaskCgroups>(std::make_unique<Slices>(std::move(*layout), options));
}

}  // namespace agent::cgroup
