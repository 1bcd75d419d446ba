#include "balancer/targets/checker.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "balancer/h2/session.h"
#include "balancer/loop/socket.h"
#include "balancer/loop/transport.h"
#include "balancer/tls/transport.h"
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
constexpr std::uint16_t kHttpsPort = 443;
// Between the first failed check of a target that was never healthy and its first early one; doubled after
// each.
constexpr Millis kFirstEarlyCheck{100};

// What a gRPC check asks with: an empty message (its length, uncompressed), which any method can read.
constexpr std::string_view kEmptyGrpcMessage{"\0\0\0\0\0", 5};

std::string request_text(const TargetRuntime& target, const shared::lbconfig::HealthCheck& check, bool grpc) {
  const std::uint16_t port = check.port != 0 ? check.port : target.port;
  std::string ip = target.address.ip();
  if (ip.find(':') != std::string::npos) ip = "[" + ip + "]";
  std::string text = (grpc ? "POST " : "GET ") + check.path + " HTTP/1.1\r\nHost: " + ip;
  const bool https = check.protocol == shared::lbconfig::Protocol::kHttps;
  if (port != (https ? kHttpsPort : kHttpPort)) text += ":" + std::to_string(port);
  text += "\r\nConnection: close\r\nUser-Agent: ";
  text += kUserAgent;
  if (grpc) return text + "\r\nContent-Type: application/grpc\r\nTE: trailers\r\n\r\n";
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

// The value of grpc-status among lines of fields; nullopt: there is none, or it is no number.
std::optional<int> grpc_status(std::string_view lines) {
  constexpr std::string_view kName = "grpc-status: ";
  const auto at = lines.find(kName);
  if (at == std::string_view::npos || (at != 0 && lines[at - 1] != '\n')) return std::nullopt;
  const std::string_view rest = lines.substr(at + kName.size());
  int code = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), code);
  if (error != std::errc() || end == rest.data() ||
      rest.substr(static_cast<std::size_t>(end - rest.data()), 1) != "\r")
    return std::nullopt;
  return code;
}

// One check's request over HTTP/2: what comes back is read as the HTTP/1.1 head of the same meaning.
class H2Probe final : public h2::SessionEvents, public h2::StreamEvents {
 public:
  static std::unique_ptr<H2Probe> make(std::string_view request, std::string_view scheme, bool grpc) {
    auto probe = std::make_unique<H2Probe>();
    auto session = h2::Session::create(h2::Session::Role::kClient, *probe);
    if (!session) return nullptr;
    probe->session_ = std::move(*session);
    if (grpc) probe->message_.append(kEmptyGrpcMessage);
    probe->session_->request(request, scheme, !grpc, *probe);
    return probe;
  }
  // Appends to `head` what `bytes` say. False: it was no HTTP/2, or the answer is none.
  bool receive(std::string_view bytes, SteadyTime now, std::string& head) {
    const bool good = session_->receive(bytes, now);
    head += head_;
    head_.clear();
    return good && !failed_;
  }
  codec::Buffer& to_send() {
    (void)session_->send(out_, kReadChunk);
    return out_;
  }

  h2::StreamEvents* on_stream(std::int32_t) override { return nullptr; }
  std::string_view websocket_key() override { return {}; }
  void on_head(std::string_view text, bool ended) override {
    head_ += text;
    ended_ = ended;
  }
  void on_data(std::string_view) override {
  }  // the window that it fills is enough for what an answer may have
  void on_trailers(std::string_view lines) override { head_ += lines; }
  void on_end() override { ended_ = true; }
  bool ended() const { return ended_; }
  void on_closed(h2::ErrorCode code) override { failed_ = code != h2::ErrorCode::kNone; }
  codec::Buffer& outgoing() override { return message_; }
  bool outgoing_ends() override { return true; }
  void on_taken(std::size_t) override {}

 private:
  std::unique_ptr<h2::Session> session_;
  codec::Buffer out_, message_;
  std::string head_;
  bool failed_ = false;
  bool ended_ = false;
};

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
  std::unique_ptr<loop::Transport> connection;  // null: none is open
  int fd = -1;                                  // of it
  bool connected = false;
  std::unique_ptr<H2Probe> h2;  // where the target speaks HTTP/2
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
    if (connection) connection->close();
    connection.reset();
    h2.reset();
    owner.loop_.timers().disarm(limit);
  }

  void expire() {
    if (decided) return close();
    finish({CheckOutcome::Kind::kTimeout, 0});
  }

  void begin() {
    // A timeout as long as the interval: this timer fired first.
    if (connection && !decided) expire();
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
    request =
        checks_by_connecting() ? std::string() : request_text(*target, group->health_check, speaks_grpc());
    sent = 0;
    received.clear();
    decided = false;
    dropped = 0;
    connected = false;
    int error = 0;
    shared::UniqueFd socket = loop::start_connect(address, &error);
    // No descriptor to spare is our fault, not the target's.
    if (!socket) {
      const bool ours = shared::is_exhaustion(error);
      return finish({ours ? CheckOutcome::Kind::kInternalError : CheckOutcome::Kind::kFailed, 0});
    }
    fd = socket.get();
    connection = std::make_unique<loop::SocketTransport>(std::move(socket));
    if (group->health_check.protocol == shared::lbconfig::Protocol::kHttps) {
      const auto context =
          owner.client_contexts_.of(speaks_h2() ? tls::TargetProtocol::kHttp2 : tls::TargetProtocol::kHttp1);
      if (!context) return finish({CheckOutcome::Kind::kInternalError, 0});
      connection = std::make_unique<tls::TlsTransport>(*context, std::move(connection));
    }
    if (speaks_h2()) {
      h2 = H2Probe::make(
          request, group->health_check.protocol == shared::lbconfig::Protocol::kHttps ? "https" : "http",
          speaks_grpc());
      if (h2 == nullptr) return finish({CheckOutcome::Kind::kInternalError, 0});
    }
    owner.loop_.arm(limit, group->health_check.timeout);
    auto watching = connection->open(
        owner.loop_, this, [](void* self, loop::Ready ready) { static_cast<Check*>(self)->on_ready(ready); });
    if (!watching) finish({CheckOutcome::Kind::kInternalError, 0});
  }

  bool checks_by_connecting() const {
    return group->health_check.protocol == shared::lbconfig::Protocol::kTcp;
  }

  void on_connected(loop::Ready ready) {
    if (!ready.writable && !ready.ended) return;
    const bool failed = loop::connect_error(fd) != 0;
    finish({failed ? CheckOutcome::Kind::kFailed : CheckOutcome::Kind::kPassed, 0});
  }

  bool speaks_h2() const { return group->protocol_version != shared::lbconfig::ProtocolVersion::kHttp1; }

  bool speaks_grpc() const { return group->protocol_version == shared::lbconfig::ProtocolVersion::kGrpc; }

  // The call's own status decides, whether it comes behind a message or alone.
  void decide_grpc() {
    const auto status = status_of(std::string_view(received).substr(0, received.find('\n')));
    const auto code = grpc_status(received);
    if (!status || *status != 200 || !code) return finish({CheckOutcome::Kind::kFailed, 0});
    decided = true;
    const bool passed = group->matcher.matches(*code);
    owner.finished(*this, {passed ? CheckOutcome::Kind::kPassed : CheckOutcome::Kind::kWrongCode, *code});
  }

  // False: the connection is broken.
  bool send_h2() {
    codec::Buffer& out = h2->to_send();
    while (!out.empty()) {
      const iovec part{const_cast<char*>(out.data()), out.size()};
      const loop::IoResult wrote = connection->write(std::span(&part, 1));
      if (wrote.state == loop::Io::kFailed) return false;
      out.consume(wrote.bytes);
      if (wrote.state != loop::Io::kDone) break;
    }
    return true;
  }

  void on_ready_h2(loop::Ready ready) {
    const bool crossed = connection->crossed();
    if (!connected && (ready.writable || ready.ended) && loop::connect_error(fd) != 0)
      return finish({CheckOutcome::Kind::kFailed, 0});
    connected |= ready.writable;
    if (connected && !send_h2()) return finish({CheckOutcome::Kind::kFailed, 0});
    if (ready.readable || ready.ended || crossed) read();
    if (connection && connected && !send_h2()) close_or_fail();
  }

  void close_or_fail() {
    if (decided) return close();
    finish({CheckOutcome::Kind::kFailed, 0});
  }

  void on_ready(loop::Ready ready) {
    if (checks_by_connecting()) return on_connected(ready);
    if (h2 != nullptr) return on_ready_h2(ready);
    const bool crossed = connection->crossed();
    if ((ready.writable || crossed) && sent < request.size()) {
      if (!connected && loop::connect_error(fd) != 0) return finish({CheckOutcome::Kind::kFailed, 0});
      connected = true;
      const iovec part{request.data() + sent, request.size() - sent};
      const loop::IoResult wrote = connection->write(std::span(&part, 1));
      if (wrote.state == loop::Io::kFailed) return finish({CheckOutcome::Kind::kFailed, 0});
      sent += wrote.bytes;
    }
    if (ready.readable || ready.ended || crossed) read();
  }

  void read() {
    char buffer[kReadChunk];
    while (connection) {
      const loop::IoResult got = connection->read(buffer);
      if (got.state == loop::Io::kBlocked) return;
      if (decided) {
        dropped += got.bytes;
        if (got.state != loop::Io::kDone || dropped > kMaxDroppedAnswer) close();
        continue;
      }
      if (got.state != loop::Io::kDone) return finish({CheckOutcome::Kind::kFailed, 0});
      if (h2 == nullptr) {
        received.append(buffer, got.bytes);
      } else if (!h2->receive(std::string_view(buffer, got.bytes), owner.loop_.now(), received) &&
                 received.empty()) {
        return finish({CheckOutcome::Kind::kFailed, 0});
      }
      drop_interims();
      if (speaks_grpc()) {
        if (h2->ended()) {
          decide_grpc();
        } else if (received.size() > kMaxInterimHead) {
          finish({CheckOutcome::Kind::kFailed, 0});
        }
        continue;
      }
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

void HealthChecker::remember(HealthyBefore before) {
  loop_.post([this, before = std::move(before)]() mutable {
    before_ = std::move(before);
    remembers_ = true;
  });
}

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
    if (is_new && generation_ == 1 && !remembers_) before_.emplace(target->key, std::nullopt);
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
    std::optional<SteadyTime> slow_from;
    if (health == Health::kHealthy && begins_slow_start(check.group->selection, others, now)) slow_from = now;
    if (health == Health::kHealthy || health == Health::kUnhealthy) {
      const auto known = before_.extract(check.target->key);
      if (known && health == Health::kHealthy) slow_from = known.mapped();
    }
    check.target->slow_start_from.store(slow_from ? slow_from->time_since_epoch().count() : 0,
                                        std::memory_order_release);
    check.target->health.store(health, std::memory_order_release);
    check.group->tell_of_members();
  }
  on_change_({check.target->key, health, std::string(check.machine.reason()), check.machine.description()});
}

}  // namespace balancer::targets
