#include "balancer/targets/checker.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "balancer/loop/socket.h"
#include "shared/base/exhaustion.h"

namespace balancer::targets {

using shared::Millis;
using shared::SteadyTime;

namespace {

constexpr std::string_view kUserAgent = "ELB-HealthChecker/2.0";
// The status line comes first and decides.
constexpr std::size_t kMaxStatusLine = 1024;
constexpr std::size_t kMaxInterimHead = 32 * 1024;  // of an interim response before it
// What follows it is read and dropped, so that the target can finish its answer instead of writing against a
// reset; a longer answer is cut off.
constexpr std::size_t kMaxDroppedAnswer = 1024 * 1024;
constexpr std::size_t kReadChunk = 16 * 1024;
constexpr std::uint16_t kHttpPort = 80;
// Between the first failed check of a target that was never healthy and its first early one; doubled after
// each.
constexpr Millis kFirstEarlyCheck{100};

std::string request_text(const TargetRuntime& target, const shared::lbconfig::HealthCheck& check) {
  const std::uint16_t port = check.port != 0 ? check.port : target.port;
  std::string ip = target.address.ip();
  if (ip.find(':') != std::string::npos) ip = "[" + ip + "]";
  std::string text = "GET " + check.path + " HTTP/1.1\r\nHost: " + ip;
  if (port != kHttpPort) text += ":" + std::to_string(port);
  text += "\r\nConnection: close\r\nUser-Agent: ";
  text += kUserAgent;
  return text + "\r\nAccept-Encoding: gzip, compressed\r\n\r\n";
}

// "HTTP/1.1 200 OK": nullopt unless it is a status line.
std::optional<int> status_of(std::string_view line) {
  if (line.size() < 12 || line.substr(0, 7) != "HTTP/1." || line[8] != ' ') return std::nullopt;
  int code = 0;
  const auto [end, error] = std::from_chars(line.data() + 9, line.data() + 12, code);
  if (error != std::errc() || end != line.data() + 12 || code < 100) return std::nullopt;
  if (line.size() > 12 && line[12] != ' ' && line[12] != '\r') return std::nullopt;
  return code;
}

}  // namespace

struct HealthChecker::Check {
  HealthChecker& owner;
  std::shared_ptr<TargetRuntime> target;
  std::shared_ptr<const Group> group;
  std::uint64_t generation = 0;  // of the owner, when `group` was told
  HealthMachine machine;
  CheckSchedule schedule;
  bool early = false;  // the check in hand is one between two that count
  Millis early_delay = kFirstEarlyCheck;
  loop::TimerNode next;
  loop::TimerNode next_early;
  loop::TimerNode limit;
  shared::UniqueFd fd;
  loop::FdWatch watch;
  std::string request;
  std::size_t sent = 0;
  std::string received;
  bool decided = false;  // the outcome is told; the rest of the answer is being dropped
  std::size_t dropped = 0;

  Check(HealthChecker& checker, std::shared_ptr<TargetRuntime> t)
      : owner(checker), target(std::move(t)), schedule(checker.random_) {
    next.bind(this, [](void* self) { static_cast<Check*>(self)->begin(); });
    next_early.bind(this, [](void* self) { static_cast<Check*>(self)->begin_early(); });
    limit.bind(this, [](void* self) { static_cast<Check*>(self)->expire(); });
  }
  ~Check() { stop(); }

  bool wanted() const { return group->in_use && group->health_check.enabled; }

  void stop() {
    close();
    owner.loop_.timers().remove(next);
    owner.loop_.timers().remove(next_early);
    owner.loop_.timers().remove(limit);
  }
  void close() {
    watch.stop();
    fd.reset();
    owner.loop_.timers().disarm(limit);
  }

  void expire() {
    if (decided) return close();
    finish({CheckOutcome::Kind::kTimeout, 0});
  }

  void begin() {
    // A timeout as long as the interval: this timer fired first.
    if (fd && !decided) expire();
    owner.loop_.arm_at(next, schedule.on_check(group->health_check, owner.loop_.now()));
    owner.loop_.timers().disarm(next_early);
    early = false;
    probe();
  }

  // Most programs listen a moment after their container runs: a failed first check must not cost them a whole
  // interval. Only a success of such a check counts.
  void begin_early() {
    early = true;
    probe();
  }

  void come_back_early() {
    if (owner.loop_.now() + early_delay >= next.deadline()) return;
    owner.loop_.arm(next_early, early_delay);
    early_delay *= 2;
  }

  // No check of any kind until begin().
  void rest() {
    close();
    owner.loop_.timers().disarm(next);
    owner.loop_.timers().disarm(next_early);
    schedule.rest();
    early_delay = kFirstEarlyCheck;
  }

  void probe() {
    close();
    const std::uint16_t port = group->health_check.port;
    auto address = port == 0 ? target->address : *loop::make_address(target->address.ip(), port);
    request = request_text(*target, group->health_check);
    sent = 0;
    received.clear();
    decided = false;
    dropped = 0;
    int error = 0;
    fd = loop::start_connect(address, &error);
    // No descriptor to spare is our fault, not the target's.
    if (!fd) {
      const bool ours = shared::is_exhaustion(error);
      return finish({ours ? CheckOutcome::Kind::kInternalError : CheckOutcome::Kind::kFailed, 0});
    }
    owner.loop_.arm(limit, group->health_check.timeout);
    auto watching =
        watch.start(owner.loop_, fd.get(), loop::FdWatch::Interest::kReadWrite, this,
                    [](void* self, loop::Ready ready) { static_cast<Check*>(self)->on_ready(ready); });
    if (!watching) finish({CheckOutcome::Kind::kInternalError, 0});
  }

  void on_ready(loop::Ready ready) {
    if (ready.writable && sent < request.size()) {
      if (loop::connect_error(fd.get()) != 0) return finish({CheckOutcome::Kind::kFailed, 0});
      const iovec part{request.data() + sent, request.size() - sent};
      const loop::IoResult wrote = loop::write_some(fd.get(), std::span(&part, 1));
      if (wrote.state == loop::Io::kFailed) return finish({CheckOutcome::Kind::kFailed, 0});
      sent += wrote.bytes;
    }
    if (ready.readable || ready.ended) read();
  }

  void read() {
    char buffer[kReadChunk];
    while (fd) {
      const loop::IoResult got = loop::read_some(fd.get(), buffer);
      if (got.state == loop::Io::kBlocked) return;
      if (decided) {
        dropped += got.bytes;
        if (got.state != loop::Io::kDone || dropped > kMaxDroppedAnswer) close();
        continue;
      }
      if (got.state != loop::Io::kDone) return finish({CheckOutcome::Kind::kFailed, 0});
      received.append(buffer, got.bytes);
      drop_interims();
      const auto end = received.find('\n');
      const std::size_t most = end == std::string::npos ? kMaxStatusLine : kMaxInterimHead;
      if (end != std::string::npos && !interim_of(std::string_view(received).substr(0, end))) {
        decide(std::string_view(received).substr(0, end));
      } else if (received.size() > most) {
        return finish({CheckOutcome::Kind::kFailed, 0});
      }
    }
  }

  // Interim responses (103 and others) are not the answer. A target that sends nothing else runs into the
  // timeout.
  static bool interim_of(std::string_view line) {
    const auto code = status_of(line);
    return code && *code < 200 && *code != 101;
  }
  void drop_interims() {
    for (;;) {
      const auto end = received.find("\r\n\r\n");
      if (end == std::string::npos || !interim_of(std::string_view(received).substr(0, received.find('\n'))))
        return;
      received.erase(0, end + 4);
    }
  }

  void decide(std::string_view line) {
    const auto code = status_of(line);
    if (!code) return finish({CheckOutcome::Kind::kFailed, 0});
    decided = true;
    const bool passed = group->matcher.matches(*code);
    owner.finished(*this, {passed ? CheckOutcome::Kind::kPassed : CheckOutcome::Kind::kWrongCode, *code});
  }

  void finish(const CheckOutcome& outcome) {
    close();
    owner.finished(*this, outcome);
  }
};

HealthChecker::HealthChecker(loop::Loop& loop, std::uint64_t seed,
                             std::function<void(HealthChange)> on_change)
    : loop_(loop), random_(seed), on_change_(std::move(on_change)) {}

HealthChecker::~HealthChecker() = default;

void HealthChecker::apply(std::vector<std::shared_ptr<const Group>> groups) {
  loop_.post([this, groups = std::move(groups)] { apply_here(groups); });
}

void HealthChecker::stop() {
  checks_.clear();
  groups_.clear();
}

void HealthChecker::apply_here(const std::vector<std::shared_ptr<const Group>>& groups) {
  ++generation_;
  std::map<std::string, std::shared_ptr<const Group>, std::less<>> former;
  former.swap(groups_);
  for (const auto& group : groups) {
    groups_.emplace(group->id, group);
    const auto known = former.find(group->id);
    if (known != former.end() && known->second == group) {
      former.erase(known);
    } else {
      observe(group);
    }
  }
  for (const auto& [id, group] : former) forget(*group);
}

void HealthChecker::observe(const std::shared_ptr<const Group>& group) {
  for (const auto& target : group->active) {
    std::unique_ptr<Check>& check = checks_[target.get()];
    const bool is_new = check == nullptr;
    if (is_new) check = std::make_unique<Check>(*this, target);
    const Health before = check->machine.health();
    const bool was_wanted = !is_new && check->wanted();
    const Millis interval_before = is_new ? Millis(0) : check->group->health_check.interval;
    check->group = group;
    check->generation = generation_;
    bool changed = is_new;
    if (group->in_use) changed |= check->machine.on_event(HealthEvent::kReferenced);
    if (!group->in_use) changed |= check->machine.on_event(HealthEvent::kUnreferenced);
    const auto checks = group->health_check.enabled ? HealthEvent::kChecksOn : HealthEvent::kChecksOff;
    changed |= check->machine.on_event(checks);
    if (!check->wanted()) {
      check->rest();
    } else if (!was_wanted) {
      check->begin();
    } else if (interval_before != group->health_check.interval) {
      loop_.arm_at(check->next, check->schedule.on_interval(group->health_check, loop_.now()));
    }
    if (changed) publish(*check, before);
  }
}

// The targets of a group that has another form now, or is gone; but for those that it still has.
void HealthChecker::forget(const Group& group) {
  for (const auto& target : group.active) {
    const auto check = checks_.find(target.get());
    if (check != checks_.end() && check->second->generation != generation_) checks_.erase(check);
  }
}

void HealthChecker::finished(Check& check, const CheckOutcome& outcome) {
  const Health before = check.machine.health();
  const bool passed = outcome.kind == CheckOutcome::Kind::kPassed;
  const bool counts = passed || !check.early;
  if (counts && check.machine.on_check(outcome, check.group->health_check)) publish(check, before);
  if (!passed && check.machine.health() == Health::kInitial) check.come_back_early();
}

void HealthChecker::publish(Check& check, Health before) {
  const Health health = check.machine.health();
  if (health != before || check.target->health.load(std::memory_order_relaxed) != health) {
    const SteadyTime now = loop_.now();
    std::vector<Candidate> others;
    for (const auto& other : check.group->active) {
      if (other != check.target) others.push_back(other->candidate());
    }
    const bool slow = health == Health::kHealthy && begins_slow_start(check.group->selection, others, now);
    check.target->slow_start_from.store(slow ? now.time_since_epoch().count() : 0, std::memory_order_release);
    check.target->health.store(health, std::memory_order_release);
    check.group->runtime->health_epoch.fetch_add(1, std::memory_order_release);
  }
  on_change_({check.target->key, health, std::string(check.machine.reason()), check.machine.description()});
}

}  // namespace balancer::targets
