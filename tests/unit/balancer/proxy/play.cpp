#include "tests/unit/balancer/proxy/play.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "balancer/proxy/worker/fleet.h"
#include "balancer/targets/drain.h"
#include "tests/support/decoder.h"
#include "tests/support/memory_transport.h"
#include "tests/unit/balancer/proxy/play_h2.h"

namespace balancer::proxy::play {
namespace {

using shared::env::Random;
using shared::env::SeededRandom;
using tests::support::MemoryWire;

constexpr std::string_view kListenAt = "127.0.0.1:80";
constexpr std::size_t kTargets = 3;
constexpr int kQuietTurns = 4;  // without any news: nothing will happen by itself
constexpr int kMaxTurns = 400'000;
constexpr shared::Millis kLeap{1'000};
constexpr int kMaxLeaps = 400;  // longer than all of the worker's limits together

std::string varied(std::size_t size, std::uint64_t from) {
  std::string bytes(size, ' ');
  std::uint64_t state = from * 0x9E3779B97F4A7C15U + 1;
  for (char& byte : bytes) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

// "X-Id" of "...\r\nX-Id: 7\r\n..."; empty where there is none, "twice" where there are more.
std::string field(std::string_view head, std::string_view name) {
  std::string low(head), wanted = "\r\n" + std::string(name) + ": ";
  const auto lower = [](std::string& text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  lower(low);
  lower(wanted);
  const auto at = low.find(wanted);
  if (at == std::string::npos) return "";
  if (low.find(wanted, at + 1) != std::string::npos) return "twice";
  const auto begin = at + wanted.size();
  return std::string(head.substr(begin, head.find("\r\n", begin) - begin));
}

std::string lowered(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

struct Message {
  enum class State { kMore, kWhole, kBad };
  State state = State::kMore;
  bool has_head = false;
  int status = 0;
  std::string head;
  std::string body;  // as far as it is there
  std::string trailers;
  std::size_t size = 0;      // of a whole one
  std::size_t wants = 0;     // with fewer bytes nothing more is known of it
  bool until_close = false;  // only the end of the connection ends it
};

bool read_chunks(std::string_view rest, Message& out, std::size_t at) {
  for (;;) {
    const auto line = rest.find("\r\n");
    if (line == std::string_view::npos) return rest.size() < 20;
    char* end = nullptr;
    const std::string digits(rest.substr(0, line));
    const std::size_t size = std::strtoull(digits.c_str(), &end, 16);
    if (digits.empty() || *end != '\0') return false;
    rest.remove_prefix(line + 2);
    at += line + 2;
    if (size == 0) break;
    out.body.append(rest.substr(0, size));
    out.wants = at + size + 2;
    if (rest.size() < size + 2) return true;
    if (rest.substr(size, 2) != "\r\n") return false;
    rest.remove_prefix(size + 2);
    at += size + 2;
  }
  const auto end = rest.starts_with("\r\n") ? 0 : rest.find("\r\n\r\n");
  if (end == std::string_view::npos) return true;
  out.trailers = rest.substr(0, end == 0 ? 0 : end + 2);
  out.size = at + end + (end == 0 ? 2 : 4);
  out.state = Message::State::kWhole;
  return true;
}

// What begins at the start of `bytes`. `bodiless`: a response without a body whatever its head says.
Message read_message(std::string_view bytes, bool is_response, bool bodiless) {
  Message out;
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (is_response && bytes.size() >= 9 && !bytes.starts_with("HTTP/1.1 ")) out.state = Message::State::kBad;
    return out;
  }
  out.has_head = true;
  out.head = bytes.substr(0, end + 4);
  const std::size_t begin = end + 4;
  if (is_response) {
    if (!out.head.starts_with("HTTP/1.1 ")) return out.state = Message::State::kBad, out;
    out.status = std::atoi(out.head.c_str() + 9);
  }
  const std::string length = field(out.head, "Content-Length");
  const std::string coding = field(out.head, "Transfer-Encoding");
  const bool no_body =
      bodiless || (is_response && (out.status < 200 || out.status == 204 || out.status == 304));
  const auto whole = [&out](std::size_t size) {
    out.size = size;
    out.state = Message::State::kWhole;
    return out;
  };
  if (!length.empty() && !coding.empty()) return out.state = Message::State::kBad, out;
  if (no_body) return whole(begin);
  if (coding == "chunked") {
    if (!read_chunks(bytes.substr(begin), out, begin)) out.state = Message::State::kBad;
    return out;
  }
  if (!coding.empty()) return out.state = Message::State::kBad, out;
  if (!length.empty()) {
    char* stop = nullptr;
    const std::size_t size = std::strtoull(length.c_str(), &stop, 10);
    if (*stop != '\0') return out.state = Message::State::kBad, out;
    out.body = bytes.substr(begin, size);
    out.wants = begin + size;
    return out.body.size() == size ? whole(begin + size) : out;
  }
  if (!is_response) return whole(begin);
  out.until_close = true;
  out.body = bytes.substr(begin);
  return out;
}

std::string chunked(const std::string& body, const std::string& trailers, Random& random) {
  std::string out;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t size = std::min<std::size_t>(
        body.size() - at,
        1 + random.below(random.below(2) == 0 ? 20 : std::max<std::size_t>(body.size(), 1)));
    char line[32];
    std::snprintf(line, sizeof line, "%zx\r\n", size);
    out += line + body.substr(at, size) + "\r\n";
    at += size;
  }
  return out + "0\r\n" + trailers + "\r\n";
}

std::size_t body_size(Random& random) {
  switch (random.below(8)) {
    case 0:
      return 0;
    case 1:
      return 16 * 1024 - random.below(600);  // heads and buffers together fill up to the last byte
    case 2:
      return static_cast<std::size_t>(random.below(150'000));
    case 3:
      return static_cast<std::size_t>(random.below(20'000));
    default:
      return static_cast<std::size_t>(random.below(1'500));
  }
}

struct Request {
  int id = 0;
  std::string method;
  bool http10 = false;
  bool upgrade = false;
  bool expects = false;
  bool last = false;  // says that the connection ends behind it
  bool takes_trailers = false;
  std::string accepts;  // codings
  std::string body;
  std::string padding;
  std::string trailers;
  bool chunked_body = false;
  std::size_t head_ends = 0;  // in the client's bytes
  std::size_t ends = 0;
  // Of HTTP/2.
  H2Message* stream = nullptr;  // null: not asked yet
  std::size_t given = 0;        // of the body, to the session
  std::size_t told = 0;         // interim answers that were looked at
  bool finished = false;        // answered, or will not be
  bool cancelled = false;
  bool is_head() const { return method == "HEAD"; }
  bool repeatable() const { return body.empty() && !chunked_body && method != "POST"; }
};

enum class Deed {
  kAnswer,
  kEarly,
  kCloseSilent,
  kResetSilent,
  kCloseInAnswer,
  kResetInAnswer,
  kGarble,
  kTooMuch,
  kStall,
  kStallInAnswer,
  kFlood
};

// What a target says to one request.
struct Said {
  int to = 0;  // request
  int status = 200;
  std::string body;      // or what is said behind a 101
  std::string trailers;  // empty: none, or the client does not take any
  bool whole = false;    // all of it has left the target
  bool until_close = false;
  Deed deed = Deed::kAnswer;
};

enum class End { kNone, kFin, kReset };

// One end of a wire that the play is.
struct Speaker {
  std::unique_ptr<MemoryWire> wire;
  std::unique_ptr<loop::Transport> end;
  std::string out;  // to be written
  std::size_t written = 0;
  std::string got;
  End heard = End::kNone;
  bool closed = false;
  bool half_closed = false;

  bool write(std::size_t most) {
    if (closed || half_closed || out.empty() || most == 0) return false;
    const iovec part{out.data(), std::min(most, out.size())};
    const loop::IoResult wrote = end->write(std::span(&part, 1));
    if (wrote.state != loop::Io::kDone || wrote.bytes == 0) {
      if (wrote.state != loop::Io::kFailed) return false;
      out.clear();
      return true;
    }
    out.erase(0, wrote.bytes);
    written += wrote.bytes;
    return true;
  }
  bool read(std::size_t most) {
    if (closed || heard != End::kNone || most == 0) return false;
    std::string space(most, ' ');
    const loop::IoResult read = end->read(space);
    if (read.state == loop::Io::kBlocked) return false;
    if (read.state == loop::Io::kDone) {
      got.append(space, 0, read.bytes);
    } else {
      heard = read.state == loop::Io::kEnded ? End::kFin : End::kReset;
    }
    return true;
  }
  void shut() {
    if (closed || half_closed) return;
    half_closed = true;
    end->shutdown_write();
  }
  void close(bool reset) {
    if (closed) return;
    closed = true;
    if (reset) end->reset_on_close();
    end->close();
  }
};

struct Client : Speaker {
  std::unique_ptr<H2Peer> h2;  // null: HTTP/1.1
  std::vector<Request> requests;
  std::size_t begins_at = 0;  // turn
  std::size_t aborts_at = static_cast<std::size_t>(-1);
  bool abort_resets = false;
  bool half_closes = false;
  bool waits_for_continue = false;
  std::size_t may_write = 0;  // of its bytes, until it has heard 100 (Continue)
  std::size_t at = 0;         // in `got`: the next answer
  std::size_t wants = 0;      // of it, before it is looked at again
  std::size_t answered = 0;
  bool told_to_end = false;  // an answer said Connection: close
  bool done = false;         // nothing more is expected
  std::string tunnel;        // what it says behind a 101
  bool in_tunnel = false;
  const Said* tunnel_said = nullptr;
  std::string everything;  // all that it would say
  bool started = false;
};

// What a target does with one stream.
struct Serving {
  std::optional<Deed> deed;
  Said* saying = nullptr;
  bool over = false;
};

struct TargetEnd : Speaker {
  std::unique_ptr<H2Peer> h2;  // null: HTTP/1.1
  std::map<std::int32_t, Serving> serving;
  std::size_t place = 0;
  enum class Dial { kConnecting, kMade, kNever } dial = Dial::kConnecting;
  bool refuses = false;
  std::size_t at = 0;  // in `got`: the request in hand
  std::size_t wants = 0;
  bool deaf = false;  // reads no more
  std::optional<Deed> deed;
  End then = End::kNone;  // once `out` is gone
  Said* saying = nullptr;
  bool over = false;  // serves no further request
  bool in_tunnel = false;
  std::size_t tunnel_from = 0;
  const Request* tunnel_request = nullptr;
  bool idle() const {
    if (h2 != nullptr) return out.empty() && !h2->streams.empty() && h2->idle();
    return out.empty() && !deed && at == got.size() && !in_tunnel && !got.empty();
  }
};

class Play {
 public:
  Play(std::uint64_t seed, Faults faults)
      : random_(seed), faults_(faults), loop_(loop::Loop::create([this] { return now_; }).value()) {
    WorkerOptions options;
    options.seed = seed;
    options.dial = [this](const loop::Address& to, int* error) { return dial(to, error); };
    worker_ = std::make_unique<Worker>(*loop_, std::move(options));
    h2_targets_ = chance(4);
    compresses_ = chance(3);
    const std::size_t clients = 1 + random_.below(5);
    for (std::size_t i = 0; i < clients; ++i) make_client();
    random_turns_ = 200 + random_.below(3'000);
    changes_ = random_.below(2) == 0;
    if (chance(2)) limit_ = 1 + static_cast<int>(random_.below(3));
    drains_at_ = random_.below(4) == 0 ? random_.below(random_turns_) : random_turns_ + 1;
    for (Client& client : clients_) client.begins_at = random_.below(random_turns_ / 2);
  }

  Outcome run() {
    configure(true);
    drive();
    loop_->run();
    outcome_.violation = violation_;
    worker_.reset();  // before the wires
    return outcome_;
  }

 private:
  void fail(const std::string& what) {
    if (violation_.empty()) violation_ = what + " (turn " + std::to_string(turn_) + ")";
  }
  bool chance(std::uint64_t of) { return random_.below(of) == 0; }
  bool faulty() const { return faults_ == Faults::kAll; }

  // --- the loop: one step in each turn
  void drive() {
    loop_->post([this] {
      ++turn_;
      if (turn_ > kMaxTurns) fail("it never comes to rest");
      if (violation_.empty() && step()) {
        drive();
      } else {
        loop_->stop();
      }
    });
  }

  void check_limit() {
    for (const auto& group : registry_groups_) {
      for (const auto& target : group->active) {
        if (limit_ != 0 && target->in_flight() > static_cast<std::uint64_t>(limit_))
          fail("a target has more requests than it may");
      }
    }
  }

  bool step() {
    check_limit();
    if (turn_ < random_turns_) {
      const std::uint64_t events = 1 + random_.below(4);
      for (std::uint64_t i = 0; i < events; ++i) random_event();
      return true;
    }
    if (settle()) {
      quiet_ = 0;
      return true;
    }
    if (++quiet_ < kQuietTurns) return true;
    quiet_ = 0;
    return next_stage();
  }

  // Where targets are ejected a request may wait for the only one that it was not sent to yet; its limit ends
  // that.
  bool waits_for_its_turn() const {
    return faulty() && std::any_of(registry_groups_.begin(), registry_groups_.end(), [](const auto& group) {
             return group->outlier_ejection && group->runtime->gate.waiting() != 0;
           });
  }

  // Nothing happens by itself any more.
  bool next_stage() {
    const auto open = std::find_if(clients_.begin(), clients_.end(), [](const Client& c) { return !c.done; });
    if (open != clients_.end()) {
      if (!stalled_ && !waits_for_its_turn())
        return fail(state_of(*open) + "client " + std::to_string(open - clients_.begin()) + " unread " +
                    std::to_string(open->wire->unread(MemoryWire::kToB)) + " waits for answer " +
                    std::to_string(open->answered) + " of " + std::to_string(open->requests.size()) +
                    ", and nothing is under way"),
               false;
      if (++leaps_ > kMaxLeaps) return fail("no limit ends what is stalled"), false;
      now_ += kLeap;
      return true;
    }
    if (stage_ == 1 && (stalled_ || waits_for_its_turn()) && worker_->exchanges_in_use() != 0 &&
        ++leaps_ <= kMaxLeaps) {
      now_ += kLeap;  // a client that has closed its half still waits for a target
      return true;
    }
    switch (stage_++) {
      case 0:
        for (Client& client : clients_) client.close(false);
        return true;
      case 1:
        if (worker_->exchanges_in_use() != 0) {
          std::string states = std::to_string(worker_->exchanges_in_use()) + ", limit " +
                               std::to_string(limit_) + (stalled_ ? ", stalled" : "") + ", ";
          states += std::to_string(counters().in_flight.get()) + " in flight, " +
                    std::to_string(counters().connections_active.get()) + " connections, ";
          for (const auto& group : registry_groups_)
            states += std::to_string(group->runtime->gate.waiting()) + " wait, ";
          for (const Client& client : clients_) states += state_of(client);
          fail("an exchange is left: " + states);
        }
        if (counters().in_flight.get() != 0)
          fail("in_flight is " + std::to_string(counters().in_flight.get()));
        for (const auto& group : registry_groups_) {
          if (group->runtime->gate.waiting() != 0) fail("a request waits that nobody has sent");
          for (const auto& target : group->active) {
            if (target->in_flight() != 0) fail("a target has requests in flight");
          }
        }
        if (!draining_) start_draining();
        return violation_.empty();
      default:
        break;
    }
    // Idle connections to targets expire; so does what a client that has closed left behind.
    if (++leaps_ <= kMaxLeaps && (worker_->target_counters().connections_active.get() != 0 ||
                                  counters().connections_active.get() != 0 || !drained_)) {
      now_ += kLeap;
      return true;
    }
    if (counters().connections_active.get() != 0) fail("a connection of a client is left");
    if (worker_->target_counters().connections_active.get() != 0) fail("a connection to a target is left");
    if (!drained_) fail("the worker never says that it has drained");
    return false;
  }

  static std::string text_of(const H2Message& stream) {
    return std::to_string(stream.id) + (stream.head.empty() ? "" : " with head") + " and " +
           std::to_string(stream.body.size()) + " bytes" + (stream.ended ? " ended" : "") +
           (stream.closed ? " closed" : "") + " out " + std::to_string(stream.out.size()) +
           (stream.out_ends ? " whole" : "");
  }
  // For whoever has to find out.
  std::string state_of(const Client& client) const {
    std::string out;
    for (const Request& r : client.requests)
      out += r.method + (r.http10 ? "0" : "") + (r.expects ? " expects" : "") +
             (r.upgrade ? " upgrade" : "") + " " + std::to_string(r.ends) + ", ";
    for (const Request& r : client.requests) {
      if (r.stream != nullptr) out += "asked " + text_of(*r.stream) + ", ";
    }
    out += "wrote " + std::to_string(client.written) + " of " + std::to_string(client.everything.size()) +
           ", got " + std::to_string(client.got.size()) + ", heard " +
           std::to_string(static_cast<int>(client.heard)) + (client.half_closed ? ", shut" : "") +
           (client.in_tunnel ? ", tunnel" : "") + (client.told_to_end ? ", told to end" : "") + "; ";
    for (const TargetEnd& target : targets_) {
      if (target.closed) continue;
      out += "target got " + std::to_string(target.got.size()) + " at " + std::to_string(target.at) +
             " out " + std::to_string(target.out.size()) + (target.deed ? " in deed" : "") +
             (target.over ? " over" : "") + (target.in_tunnel ? " tunnel" : "") + " wrote " +
             std::to_string(target.written) + " unread " +
             std::to_string(target.wire->unread(MemoryWire::kToB)) + (target.half_closed ? " shut" : "") +
             " heard " + std::to_string(static_cast<int>(target.heard));
      for (const auto& [id, serving] : target.serving) {
        const H2Message& stream = *target.h2->streams.at(id);
        if (!stream.closed) out += ", serves " + text_of(stream) + (serving.over ? " over" : "");
      }
      out += "; ";
    }
    return out;
  }

  const TrafficCounters& counters() const { return stats_.all().at("web")->per_worker[0]; }

  // --- configuration
  void configure(bool first) {
    using namespace shared::lbconfig;
    Config config;
    config.version = ++version_;
    Listener web;
    web.id = "web";
    web.address = "127.0.0.1";
    web.port = 80;
    web.default_action.forward.target_groups = {{"tg", 1}};
    TargetGroup group;
    group.id = "tg";
    group.health_check.enabled = false;
    if (h2_targets_) group.protocol_version = ProtocolVersion::kHttp2;
    if (compresses_) {
      group.compression.algorithms = {Coding::kGzip, Coding::kZstd, Coding::kBrotli};
      if (chance(2)) group.compression.algorithms = {Coding::kBrotli};
      group.compression.minimum_length = random_.below(3'000);
      group.compression.level = 1 + static_cast<int>(random_.below(9));
    }
    group.algorithm = version_ % 2 == 0 ? Algorithm::kLeastOutstandingRequests : Algorithm::kRoundRobin;
    // More may wait than clients ask for at once, so that nobody is refused where nothing breaks.
    if (limit_ != 0)
      group.request_limit = RequestLimit{limit_, static_cast<int>(faulty() ? random_.below(4) : 100),
                                         shared::Millis(faulty() ? 1 + random_.below(500) : 300'000)};
    if (faulty() && chance(2)) group.retry_budget = RetryBudget{20, 0};
    if (faulty() && chance(2))
      group.outlier_ejection = OutlierEjection{1, shared::Millis(20), shared::Millis(100), 50};
    const std::size_t stays = random_.below(kTargets);
    for (std::size_t i = 0; i < kTargets; ++i) {
      Target target;
      target.id = target.registration = "t" + std::to_string(i);
      target.address = "10.0.0.1";
      target.port = static_cast<std::uint16_t>(1 + i);
      const std::uint64_t now = first || i == stays ? 0 : random_.below(3);
      if (now == 1) target.state = TargetState::kDraining;
      if (faulty()) target.drain_limit = shared::Millis(random_.below(400));
      if (now != 2) group.targets.push_back(std::move(target));
    }
    config.listeners.push_back(web);
    config.target_groups.push_back(group);
    drains_.on_config(config, now_);
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->version = config.version;
    snapshot->listeners = compiler_.compile(config, {}).value();
    snapshot->groups = registry_.compile(config, drains_).value();
    registry_groups_ = snapshot->groups;
    std::vector<NewSocket> sockets;
    if (first) sockets.push_back({std::string(kListenAt), {}});
    worker_->apply(std::move(snapshot), std::move(sockets));
  }
  void start_draining() {
    draining_ = true;
    worker_->drain(Drain::kEnd, [this] { drained_ = true; });
  }

  // --- clients
  void make_client() {
    Client& client = clients_.emplace_back();
    const bool h2 = h2_targets_ || chance(3);
    if (h2) client.h2 = std::make_unique<H2Peer>(h2::Session::Role::kClient);
    const std::size_t count = 1 + random_.below(6);
    for (std::size_t i = 0; i < count; ++i) {
      Request request;
      request.id = static_cast<int>(requests_.size());
      static constexpr std::string_view kMethods[] = {"GET", "GET",    "HEAD",   "POST",
                                                      "PUT", "DELETE", "OPTIONS"};
      request.method = kMethods[random_.below(std::size(kMethods))];
      const bool final = i + 1 == count;
      request.http10 = final && !h2 && chance(5);
      request.last = !h2 && (request.http10 || (final && chance(3)));
      request.upgrade = final && !h2 && !request.last && chance(4);
      if (request.upgrade) request.method = "GET";
      request.takes_trailers = chance(3);
      static constexpr std::string_view kAccepts[] = {"gzip",           "br", "zstd",
                                                      "gzip, br;q=0.5", "*",  "identity;q=0, gzip"};
      if (compresses_ && chance(2)) request.accepts = kAccepts[random_.below(std::size(kAccepts))];
      if (chance(3)) request.padding = std::string(random_.below(chance(4) ? 9'000 : 300), 'p');
      if (!request.upgrade && (request.method == "POST" || request.method == "PUT")) {
        request.body = varied(body_size(random_), 1'000'000U + static_cast<unsigned>(request.id));
        request.chunked_body = !request.http10 && chance(2);
        if (request.chunked_body && chance(3))
          request.trailers = (h2 ? "x-sum: " : "X-Sum: ") + std::to_string(request.id) + "\r\n";
        request.expects = !request.http10 && chance(4);
      }
      std::string& all = client.everything;
      const std::size_t begins = all.size();
      all += request.method + " /i" + std::to_string(request.id) +
             (request.http10 ? " HTTP/1.0" : " HTTP/1.1") +
             "\r\nHost: a\r\nX-Id: " + std::to_string(request.id) + "\r\n";
      if (!request.padding.empty()) all += "X-Padding: " + request.padding + "\r\n";
      if (request.takes_trailers) all += "TE: trailers\r\n";
      if (!request.accepts.empty()) all += "Accept-Encoding: " + request.accepts + "\r\n";
      if (request.expects) all += "Expect: 100-continue\r\n";
      std::string options;
      if (request.upgrade) {
        all +=
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
      } else if (request.last && !request.http10) {
        all += "Connection: close\r\n";
      }
      if (request.chunked_body) all += "Transfer-Encoding: chunked\r\n";
      if (!request.chunked_body && (!request.body.empty() || request.method == "POST"))
        all += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
      all += "\r\n";
      if (h2) heads_[request.id] = all.substr(begins);
      request.head_ends = all.size();
      if (request.chunked_body) {
        all += chunked(request.body, request.trailers, random_);
      } else {
        all += request.body;
      }
      request.ends = all.size();
      if (request.upgrade) {
        client.tunnel = varied(body_size(random_), 3'000'000U + static_cast<unsigned>(request.id));
        if (chance(2)) {  // some of it at once, before the 101
          all += client.tunnel;
        }
      }
      client.requests.push_back(request);
      requests_.push_back({&client, i});
    }
    client.waits_for_continue = chance(2);
    client.may_write = client.everything.size();
    if (client.waits_for_continue) {
      for (const Request& request : client.requests) {
        if (!request.expects) continue;
        client.may_write = request.head_ends;
        break;
      }
    }
    const bool upgrades = client.requests.back().upgrade;
    client.half_closes = !upgrades && !h2 && chance(4);
    if (h2) client.may_write = static_cast<std::size_t>(-1);
    if (faulty() && chance(3)) {
      client.aborts_at = random_.below(client.everything.size() + 1);
      client.abort_resets = chance(2);
    }
    if (!h2) client.out = client.everything;
  }
  const Request& request(int id) const {
    return requests_[static_cast<std::size_t>(id)]
        .first->requests[requests_[static_cast<std::size_t>(id)].second];
  }

  void start(Client& client) {
    client.started = true;
    MemoryWire::Options options;
    options.capacity = capacity();
    if (chance(4)) options.record = 1 + random_.below(1'000);
    client.wire = std::make_unique<MemoryWire>(options);
    auto ends = client.wire->ends();
    client.end = std::move(ends.first);
    Peer peer;
    peer.ip = "192.0.2.1";
    peer.port = 1;
    if (!worker_->adopt(std::string(kListenAt), std::move(ends.second), std::move(peer))) {
      client.done = true;
      if (!draining_) fail("a client was refused");
    }
  }
  std::size_t capacity() {
    switch (random_.below(3)) {
      case 0:
        return 200 + random_.below(2'000);
      case 1:
        return 4'096;
      default:
        return 64 * 1'024;
    }
  }

  // Asks, gives of the bodies, and lets the session speak.
  bool go_on(Client& client, std::size_t most) {
    bool happened = false;
    for (Request& request : client.requests) {
      if (request.stream == nullptr) {
        if (request.finished || !(settling_ || chance(3))) break;  // in their order
        const bool ended = request.body.empty() && !request.chunked_body;
        request.stream = client.h2->ask(heads_.at(request.id), ended);
        happened = true;
        if (request.stream == nullptr) {
          request.finished = true;  // the connection goes away: it would come again on another one
          ++client.answered;
          continue;
        }
        if (ended) request.stream->out_ends = true;
      }
      H2Message& stream = *request.stream;
      if (stream.closed || stream.out_ends || request.cancelled) continue;
      const std::string_view piece = std::string_view(request.body).substr(request.given, most);
      stream.out.append(piece);
      request.given += piece.size();
      if (request.given == request.body.size()) {
        if (!request.trailers.empty()) h2::Session::trailers(stream, request.trailers);
        stream.out_ends = true;
      }
      client.h2->session->resume(stream.id);
      happened = true;
    }
    if (settling_ || chance(2)) client.h2->give_windows();
    if (client.out.size() < 4'096) client.h2->say(client.out, 16 * 1'024);
    return happened;
  }

  bool write(Client& client, std::size_t most) {
    bool went_on = false;
    if (client.h2 != nullptr && !client.closed && !client.done) went_on = go_on(client, most);
    const std::size_t before = client.written;
    std::size_t may = client.may_write > before ? client.may_write - before : 0;
    if (client.aborts_at < before + may) may = client.aborts_at - before;
    const bool wrote = client.write(std::min(most, may));
    if (wrote && client.in_tunnel && !client.done) look_at_tunnel(client);
    if (!client.closed && client.written >= client.aborts_at) {
      client.close(client.abort_resets);
      client.done = true;
      return true;
    }
    if (!client.closed && client.out.empty() && client.half_closes && !client.half_closed) {
      client.shut();
      return true;
    }
    return wrote || went_on;
  }
  bool read(Client& client, std::size_t most) {
    if (!client.read(most)) return false;
    if (client.h2 != nullptr) {
      if (!client.done) look_at_streams(client);
    } else if (!client.done) {
      look_at_answers(client);
    }
    return true;
  }

  std::string name(const Client& client) const { return name(client.requests[client.answered]); }
  std::string name(const Request& request) const { return "request " + std::to_string(request.id); }

  void look_at_streams(Client& client) {
    if (!client.h2->take(client.got, now_))
      return fail("a client got what is no HTTP/2: " + std::string(client.h2->session->problem()));
    for (Request& request : client.requests) {
      if (request.finished || request.stream == nullptr || !violation_.empty()) continue;
      const H2Message& stream = *request.stream;
      for (; request.told < stream.interims.size(); ++request.told) {
        Message interim;
        interim.head = stream.interims[request.told];
        interim.status = std::atoi(interim.head.c_str() + 9);
        interim.state = Message::State::kWhole;
        check_answer(client, request, interim);
      }
      if (!stream.head.empty() && (stream.ended || stream.closed || chance(16))) {
        Message answer;
        answer.has_head = true;
        answer.head = stream.head;
        answer.status = std::atoi(stream.head.c_str() + 9);
        answer.body = stream.body;
        answer.trailers = stream.trailers;
        if (stream.ended) answer.state = Message::State::kWhole;
        check_answer(client, request, answer);
      }
      if (!stream.ended && !stream.closed) {
        if (!faulty() || request.cancelled || !chance(200)) continue;
        request.cancelled = request.finished = true;  // nothing more comes of it
        ++client.answered;
        client.h2->session->reset(stream.id, h2::ErrorCode::kCancel);
        continue;
      }
      request.finished = true;
      ++client.answered;
      if (stream.ended) {
        ++outcome_.answered;
      } else if (!request.cancelled) {
        if (!stream.head.empty()) ++outcome_.broken;
        if (!faulty() && !draining_) fail(name(request) + " was not answered");
      }
    }
    const bool over = client.heard != End::kNone;
    if (over && client.answered != client.requests.size() && !draining_ && !faulty())
      fail("a client's connection ended before its answers");
    if (over || client.answered == client.requests.size()) client.done = true;
  }

  void look_at_answers(Client& client) {
    while (!client.done && !client.in_tunnel && client.answered < client.requests.size()) {
      const Request& request = client.requests[client.answered];
      if (client.heard == End::kNone && client.got.size() < client.at + client.wants) return;
      Message answer = read_message(std::string_view(client.got).substr(client.at), true, request.is_head());
      if (answer.state == Message::State::kBad)
        return fail(name(client) + " got what is no answer: " + client.got.substr(client.at, 200));
      if (answer.until_close && client.heard == End::kFin) {
        answer.state = Message::State::kWhole;
        answer.size = client.got.size() - client.at;
      }
      if (answer.has_head) {
        check_answer(client, request, answer);
        if (!violation_.empty()) return;
      }
      client.wants = answer.state == Message::State::kMore ? answer.wants : 0;
      if (answer.state == Message::State::kMore) break;
      if (answer.status == 101) {
        client.at += answer.size;
        client.in_tunnel = true;
        if (client.out.empty() && client.written == request.ends) {
          client.out = client.tunnel;
          client.everything += client.tunnel;
        }
        client.may_write = client.everything.size();
        break;
      }
      client.at += answer.size;
      if (request.expects) client.may_write = next_wait(client, client.answered + 1);
      if (answer.status < 200) continue;
      ++client.answered;
      ++outcome_.answered;
      if (request.upgrade) client.done = true;  // what it has said already for a tunnel is no request
      client.told_to_end |= field(answer.head, "Connection") == "close" || answer.until_close || request.last;
    }
    if (client.done) return;
    if (client.in_tunnel) return look_at_tunnel(client);
    if (client.heard != End::kNone) {
      client.done = true;
      const bool all = client.answered == client.requests.size();
      if (!all && client.at < client.got.size()) ++outcome_.broken;
      const bool allowed = all || client.told_to_end || draining_ || faulty() ||
                           (faults_ == Faults::kIdleTargets && client.told_to_end);
      if (!allowed) fail(name(client) + " was not answered");
      if (faults_ == Faults::kNone && client.at < client.got.size())
        fail(name(client) + " got a part of an answer");
      return;
    }
    if (client.told_to_end) {
      if (client.at < client.got.size()) fail("bytes follow the last answer");
      return;  // the end is to come
    }
    if (client.answered == client.requests.size()) {
      if (client.at < client.got.size()) fail("bytes that nobody asked for");
      client.done = !client.half_closed;  // else the end is to come
    }
  }
  std::size_t next_wait(const Client& client, std::size_t from) const {
    for (std::size_t i = from; client.waits_for_continue && i < client.requests.size(); ++i) {
      if (client.requests[i].expects) return client.requests[i].head_ends;
    }
    return client.everything.size();
  }

  // It is this request's own answer, and not another's.
  void check_answer(Client& client, const Request& request, const Message& got) {
    Message answer = got;
    const std::string serial = field(answer.head, "X-Said");
    if (answer.status == 100 && serial.empty()) return;
    // Said by a target unasked, while a request was on its way to it: HTTP/1.1 cannot tell.
    if (!field(answer.head, "X-Poison").empty()) return;
    if (serial.empty()) {
      if (answer.state != Message::State::kWhole) return;
      ++outcome_.own_answers;
      const bool expected = faulty() || (faults_ == Faults::kIdleTargets && !request.repeatable());
      if (!expected) fail(name(request) + " got " + std::to_string(answer.status) + " of the balancer's own");
      if (answer.status < 400) fail("an own answer of " + std::to_string(answer.status));
      return;
    }
    const Said& said = said_[static_cast<std::size_t>(std::atoi(serial.c_str()))];
    if (said.to != request.id)
      return fail(name(request) + " got the answer to request " + std::to_string(said.to));
    if (answer.status < 200 && answer.status != 101) return;
    if (answer.status != said.status) return fail(name(request) + " got another status");
    if (answer.status == 101) {
      client.tunnel_said = &said;
      return;
    }
    if (!decode(request, answer)) return;
    const std::string& whole =
        request.is_head() || said.status == 204 || said.status == 304 ? kNothing : said.body;
    if (!whole.starts_with(answer.body) || answer.body.size() > whole.size())
      return fail(name(request) + " got bytes that its target did not say, within the first " +
                  std::to_string(answer.body.size()) + " of " + std::to_string(whole.size()));
    if (answer.state != Message::State::kWhole) return;
    if (answer.body != whole)
      return fail(name(request) + " got " + std::to_string(answer.body.size()) + " of " +
                  std::to_string(whole.size()) + " bytes as if it were all, deed " +
                  std::to_string(static_cast<int>(said.deed)) + (said.until_close ? " until close" : "") +
                  (request.http10 ? " HTTP/1.0" : ""));
    const bool more_to_say = said.deed == Deed::kTooMuch;  // behind the answer
    if (!said.whole && !whole.empty() && !more_to_say)
      return fail(name(request) + " got a whole answer that no target has finished, deed " +
                  std::to_string(static_cast<int>(said.deed)) + ", " + std::to_string(whole.size()) +
                  " bytes");
    if (request.takes_trailers && !answer.until_close && lowered(answer.trailers) != lowered(said.trailers) &&
        !request.http10 && !request.is_head())
      return fail(name(request) + " got other trailers: '" + answer.trailers + "' for '" + said.trailers +
                  "'");
  }

  // Of a compressed answer: its body becomes what the target said. False: nothing can be said of it, or all
  // was.
  bool decode(const Request& request, Message& answer) {
    const std::string coding = field(answer.head, "Content-Encoding");
    if (coding.empty()) return true;
    const bool whole = answer.state == Message::State::kWhole;
    if (request.accepts != "*" && request.accepts.find(coding) == std::string::npos)
      return fail(name(request) + " got a coding that it does not take: " + coding), false;
    if (!whole && !chance(16)) return false;
    const tests::support::Decoded decoded = tests::support::decode(coding, answer.body);
    if (!decoded.good) return fail(name(request) + " got what is no " + coding), false;
    if (whole && !decoded.whole)
      return fail(name(request) + " got a part of " + coding + " as if it were all"), false;
    answer.body = decoded.text;
    return true;
  }

  void look_at_tunnel(Client& client) {
    const std::string_view heard = std::string_view(client.got).substr(client.at);
    if (client.tunnel_said == nullptr) return fail("a tunnel of nobody");
    const std::string& whole = client.tunnel_said->body;
    if (heard != std::string_view(whole).substr(0, heard.size()) || heard.size() > whole.size())
      return fail(name(client) + " got bytes in its tunnel that its target did not say");
    if (faults_ != Faults::kAll && heard.size() == whole.size() && client.out.empty()) client.shut();
    if (faulty() && client.out.empty()) client.shut();
    if (client.heard == End::kNone) return;
    client.done = true;
    ++outcome_.answered;
    if (!faulty() && heard.size() != whole.size()) fail(name(client) + " lost the end of its tunnel");
  }

  // --- targets
  std::unique_ptr<loop::Transport> dial(const loop::Address& to, int* error) {
    if (faulty() && chance(12)) {
      *error = ECONNREFUSED;
      return nullptr;
    }
    TargetEnd& target = targets_.emplace_back();
    target.place = to.port() - 1U;
    MemoryWire::Options options;
    options.capacity = capacity();
    if (chance(4)) options.record = 1 + random_.below(1'000);
    if (h2_targets_) {
      target.h2 = std::make_unique<H2Peer>(h2::Session::Role::kServer);
      if (faulty() && chance(10)) target.h2->session->go_away();  // takes nothing from the beginning on
    }
    target.wire = std::make_unique<MemoryWire>(options);
    auto ends = target.wire->ends();
    target.end = std::move(ends.first);
    if (faulty() && chance(12)) target.refuses = true;
    if (faulty() && chance(25)) {
      target.dial = TargetEnd::Dial::kNever;
      stalled_ = true;
    }
    return std::move(ends.second);
  }

  bool connect(TargetEnd& target) {
    if (target.dial != TargetEnd::Dial::kConnecting) return false;
    target.dial = TargetEnd::Dial::kMade;
    if (target.refuses) {
      target.over = target.closed = true;
      target.wire->refuse(MemoryWire::kToB);
    } else {
      target.wire->connected();
    }
    return true;
  }

  bool read(TargetEnd& target, std::size_t most) {
    if (target.dial != TargetEnd::Dial::kMade || target.deaf) return false;
    if (!target.read(most)) return false;
    if (target.h2 != nullptr) {
      look_at_streams(target);
    } else {
      look_at_requests(target);
    }
    if (target.heard != End::kNone && !target.closed && !target.in_tunnel) {
      target.close(target.heard == End::kReset);
      target.over = true;
    }
    return true;
  }

  bool write(TargetEnd& target, std::size_t most) {
    if (target.dial != TargetEnd::Dial::kMade || target.closed) return false;
    if (target.h2 != nullptr) {
      if (settling_ || chance(2)) target.h2->give_windows();
      if (target.out.size() < 4'096) target.h2->say(target.out, 16 * 1'024);
      for (auto& [id, serving] : target.serving) {
        const H2Message& stream = *target.h2->streams.at(id);
        if (serving.saying != nullptr && stream.out.empty() && stream.out_ends) serving.saying->whole = true;
      }
    }
    bool happened = target.write(most);
    if (!target.out.empty()) return happened;
    if (target.saying != nullptr) {
      if (!target.in_tunnel && target.then != End::kReset) target.saying->whole = true;
      target.saying = nullptr;
      happened = true;
    }
    if (target.then == End::kFin && !target.in_tunnel) {
      target.over = true;
      target.then = End::kNone;
      target.close(false);
      happened = true;
    } else if (target.then == End::kReset) {
      target.over = true;
      target.then = End::kNone;
      target.close(true);
      happened = true;
    }
    if (target.in_tunnel && !target.half_closed && target.heard != End::kNone) {
      target.shut();
      happened = true;
    }
    return happened;
  }

  void look_at_streams(TargetEnd& target) {
    if (!target.h2->take(target.got, now_))
      return fail("a target got what is no HTTP/2: " + std::string(target.h2->session->problem()));
    for (auto& [id, stream] : target.h2->streams) {
      Serving& serving = target.serving[id];
      if (serving.over || stream->head.empty() || target.closed || !violation_.empty()) continue;
      if (stream->closed) {
        serving.over = true;
        continue;
      }
      Message message;
      message.has_head = true;
      message.head = stream->head;
      message.body = stream->body;
      message.trailers = stream->trailers;
      if (stream->ended) message.state = Message::State::kWhole;
      const Request* asked = check_request(message, !serving.deed, {});
      if (asked == nullptr) return;
      if (!serving.deed) serving.deed = some_deed(*asked);
      act(target, *stream, serving, *asked);
    }
  }

  void act(TargetEnd& target, H2Message& stream, Serving& serving, const Request& asked) {
    h2::Session& session = *target.h2->session;
    const Deed deed = *serving.deed;
    if (deed == Deed::kCloseSilent) {
      serving.over = true;
      return session.reset(stream.id, chance(2) ? h2::ErrorCode::kRefused : h2::ErrorCode::kInternal);
    }
    if (deed == Deed::kResetSilent) {
      target.over = serving.over = true;
      return target.close(chance(2));
    }
    if (deed == Deed::kStall) {
      serving.over = stalled_ = true;
      return;
    }
    if (deed != Deed::kEarly && !stream.ended) return;
    serving.over = true;
    if (deed == Deed::kFlood) {
      for (std::uint64_t i = 0, n = 1 + random_.below(8); i < n; ++i)
        session.interim(stream.id, "HTTP/1.1 103 Early Hints\r\nX-Said: " + std::to_string(said_.size()) +
                                       "\r\nLink: " + std::string(random_.below(15'000), 'l') + "\r\n\r\n");
    }
    const std::size_t serial = said_.size();
    Said& said = said_.emplace_back();
    said.to = asked.id;
    said.deed = deed;
    const std::string mark = "X-Said: " + std::to_string(serial) + "\r\n";
    if (chance(5)) session.interim(stream.id, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n" + mark + "\r\n");
    static constexpr int kStatus[] = {200, 200, 200, 200, 404, 500, 204, 304};
    said.status = kStatus[random_.below(std::size(kStatus))];
    said.body = varied(body_size(random_), 2'000'000U + serial);
    const bool bodiless = said.status == 204 || said.status == 304 || asked.is_head();
    std::string head = "HTTP/1.1 " + std::to_string(said.status) + " Said\r\n" + mark + more_fields();
    const bool has_length = said.status != 204 && (chance(2) || deed == Deed::kGarble);
    if (has_length)
      head +=
          "Content-Length: " + std::to_string(said.body.size() + (deed == Deed::kGarble ? 1U : 0U)) + "\r\n";
    const bool ended = bodiless || (said.body.empty() && chance(2));
    session.respond(stream.id, head + "\r\n", ended);
    serving.saying = &said;
    stream.out_ends = true;
    if (ended) {
      said.whole = true;
      return;
    }
    if (deed == Deed::kCloseInAnswer || deed == Deed::kResetInAnswer || deed == Deed::kStallInAnswer) {
      stream.out_ends = false;
      serving.saying = nullptr;
      stream.out.append(
          std::string_view(said.body).substr(0, random_.below(std::max<std::size_t>(said.body.size(), 1))));
      session.resume(stream.id);
      if (deed == Deed::kCloseInAnswer) {
        if (chance(2)) target.h2->say(target.out, 16 * 1'024);
        session.reset(stream.id, h2::ErrorCode::kInternal);
      } else if (deed == Deed::kResetInAnswer) {
        target.over = true;
        target.then = chance(2) ? End::kFin : End::kReset;
      } else {
        stalled_ = true;
      }
      return;
    }
    stream.out.append(said.body);
    if (!has_length && chance(3)) {  // a message with a length is over with its last byte
      said.trailers = "X-Sum: " + std::to_string(serial) + "\r\n";
      session.trailers(stream.id, said.trailers);
    }
    session.resume(stream.id);
  }

  void look_at_requests(TargetEnd& target) {
    if (target.in_tunnel) return look_at_tunnel(target);
    while (!target.over && violation_.empty()) {
      if (target.deed && (!target.out.empty() || target.saying != nullptr)) return;
      const std::string_view rest = std::string_view(target.got).substr(target.at);
      if (rest.empty() || (target.heard == End::kNone && rest.size() < target.wants)) return;
      const Message message = read_message(rest, false, false);
      if (message.state == Message::State::kBad)
        return fail("a target got what is no request: " + std::string(rest.substr(0, 300)));
      if (!message.has_head) return;
      const std::size_t from = target.at < 300 ? 0 : target.at - 300;
      const Request* asked =
          check_request(message, !target.deed, std::string_view(target.got).substr(from, target.at - from));
      if (asked == nullptr) return;
      const bool whole = message.state == Message::State::kWhole;
      if (!target.deed) target.deed = some_deed(*asked);
      target.wants = whole ? 0 : message.wants;
      if (!act(target, *asked, whole)) return;
      if (!whole) return;
      target.at += message.size;
      target.deed.reset();
      if (target.in_tunnel) return look_at_tunnel(target);
    }
  }

  // Only what a client has sent, and not more often than it may be.
  const Request* check_request(const Message& message, bool first, std::string_view behind) {
    const std::string id = field(message.head, "X-Id");
    if (id.empty() || id == "twice")
      return fail("a target got a request that nobody sent: " + message.head), nullptr;
    const auto& [client, place] = requests_[static_cast<std::size_t>(std::atoi(id.c_str()))];
    const Request& asked = client->requests[place];
    const std::string line = asked.method + " /i" + id + " HTTP/1.1\r\n";
    if (!message.head.starts_with(line))
      return fail("a target got another request line: " + message.head + " behind " + std::string(behind)),
             nullptr;
    const bool h2 = client->h2 != nullptr;
    if (h2 ? asked.stream == nullptr : client->written < asked.head_ends)
      return fail("a target got a head before it was sent"), nullptr;
    if (field(message.head, "X-Padding") != asked.padding) return fail("a field has changed"), nullptr;
    if (field(message.head, "Content-Length").empty() && !asked.body.empty() && !asked.chunked_body)
      return fail("a body without its length"), nullptr;
    if (!asked.body.starts_with(message.body))
      return fail("a target got bytes in the body of request " + id + " that nobody sent"), nullptr;
    if (message.body.size() > (h2 ? asked.given : client->written - asked.head_ends))
      return fail("a body before it was sent"), nullptr;
    if (message.state == Message::State::kWhole) {
      if (message.body != asked.body)
        return fail("a target got a part of request " + id + " as if it were all"), nullptr;
      if (message.trailers != asked.trailers)
        return fail("trailers have changed: " + message.trailers), nullptr;
    }
    if (first) {
      const int times = ++seen_[asked.id];
      if (times > (asked.repeatable() ? static_cast<int>(kMaxTries) : 1))
        return fail("request " + id + " reached targets " + std::to_string(times) + " times"), nullptr;
    }
    return &asked;
  }

  Deed some_deed(const Request& asked) {
    if (!faulty() || !chance(3)) return Deed::kAnswer;
    static constexpr Deed kDeeds[] = {
        Deed::kEarly,  Deed::kCloseSilent, Deed::kResetSilent, Deed::kCloseInAnswer, Deed::kResetInAnswer,
        Deed::kGarble, Deed::kTooMuch,     Deed::kStall,       Deed::kStallInAnswer, Deed::kFlood};
    const Deed deed = kDeeds[random_.below(std::size(kDeeds))];
    const bool says_nothing =
        deed == Deed::kCloseSilent || deed == Deed::kResetSilent || deed == Deed::kStall;
    return asked.upgrade && !says_nothing ? Deed::kAnswer : deed;
  }

  // What decides whether an answer is compressed.
  std::string more_fields() {
    std::string out;
    if (chance(2)) out += "Content-Type: text/plain\r\n";
    if (compresses_ && chance(8)) out += "Cache-Control: no-transform\r\n";
    if (chance(4)) out += "X-Padding: " + std::string(random_.below(5'000), 'x') + "\r\n";
    return out;
  }

  // False: waits for more of the request, or will never go on.
  bool act(TargetEnd& target, const Request& asked, bool whole) {
    switch (*target.deed) {
      case Deed::kCloseSilent:
        target.over = true;
        target.close(false);
        return false;
      case Deed::kResetSilent:
        target.over = true;
        target.close(true);
        return false;
      case Deed::kStall:
        target.over = stalled_ = true;
        target.deaf = chance(2);
        return false;
      case Deed::kEarly:
        say(target, asked);
        target.over = true;
        target.deaf = chance(2);
        if (chance(2)) target.then = chance(2) ? End::kFin : End::kReset;
        if (target.then == End::kNone) stalled_ = true;  // of what it never reads
        return false;
      default:
        break;
    }
    if (!whole) return false;
    say(target, asked);
    const std::size_t size = target.out.size();
    switch (*target.deed) {
      case Deed::kCloseInAnswer:
      case Deed::kResetInAnswer:
        // Nobody can tell such a cut from the end.
        if (*target.deed == Deed::kCloseInAnswer && said_.back().until_close) return false;
        target.out.resize(random_.below(size));
        target.saying = nullptr;
        target.then = *target.deed == Deed::kCloseInAnswer ? End::kFin : End::kReset;
        if (target.out.empty()) write(target, 1);
        return false;
      case Deed::kStallInAnswer:
        target.out.resize(random_.below(size));
        target.saying = nullptr;
        target.over = stalled_ = true;
        target.then = End::kNone;
        return false;
      case Deed::kGarble: {
        static constexpr std::string_view kGarbled[] = {
            "HTTP/1.1 2OO OK\r\n\r\n",
            "SSH-2.0-x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 101 Switching\r\n\r\n",
            "HTTP/1.1 200 OK\r\n X: folded\r\n\r\n"};
        target.out = kGarbled[random_.below(std::size(kGarbled))];
        target.saying = nullptr;
        target.over = true;
        target.then = End::kFin;
        return false;
      }
      case Deed::kTooMuch:
        if (said_.back().until_close) return true;
        target.out += "HTTP/1.1 200 OK\r\nX-Poison: 1\r\nContent-Length: 6\r\n\r\npoison";
        target.over = true;
        return true;
      case Deed::kFlood: {
        std::string flood;
        for (std::uint64_t i = 0, n = 1 + random_.below(8); i < n; ++i)
          flood += "HTTP/1.1 103 Early Hints\r\nX-Said: " + std::to_string(said_.size() - 1) +
                   "\r\nLink: " + std::string(random_.below(15'000), 'l') + "\r\n\r\n";
        target.out = flood + target.out;
        return true;
      }
      default:
        return true;
    }
  }

  void say(TargetEnd& target, const Request& asked) {
    const std::size_t serial = said_.size();
    Said& said = said_.emplace_back();
    said.to = asked.id;
    said.deed = *target.deed;
    const std::string head_fields = "X-Said: " + std::to_string(serial) + "\r\n";
    std::string& out = target.out;
    if (asked.upgrade && !chance(4)) {
      said.status = 101;
      said.body = varied(body_size(random_), 5'000'000U + serial);
      out +=
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
          head_fields + "\r\n" + said.body;
      target.saying = &said;
      target.in_tunnel = target.over = true;
      target.tunnel_request = &asked;
      target.tunnel_from = target.got.size();
      return;
    }
    if (chance(5)) out += "HTTP/1.1 103 Early Hints\r\nLink: x\r\n" + head_fields + "\r\n";
    static constexpr int kStatus[] = {200, 200, 200, 200, 404, 500, 204, 304};
    said.status = kStatus[random_.below(std::size(kStatus))];
    said.body = varied(body_size(random_), 2'000'000U + serial);
    const bool bodiless = said.status == 204 || said.status == 304 || asked.is_head();
    out += "HTTP/1.1 " + std::to_string(said.status) + " Said\r\n" + head_fields + more_fields();
    const std::uint64_t framing = random_.below(5);
    if (said.status == 204) {
      out += "\r\n";
    } else if (framing == 0 && !bodiless) {
      said.until_close = true;
      target.over = true;
      target.then = End::kFin;
      out += "\r\n" + said.body;
    } else if (framing <= 2) {
      if (chance(2) && !bodiless) said.trailers = "X-Sum: " + std::to_string(serial) + "\r\n";
      out += "Transfer-Encoding: chunked\r\n\r\n";
      if (!bodiless) out += chunked(said.body, said.trailers, random_);
    } else {
      if (chance(6)) {
        out += "Connection: close\r\n";
        target.over = true;
        target.then = End::kFin;
      }
      out += "Content-Length: " + std::to_string(said.body.size()) + "\r\n\r\n";
      if (!bodiless) out += said.body;
    }
    target.saying = &said;
  }

  void look_at_tunnel(TargetEnd& target) {
    const std::string_view heard = std::string_view(target.got).substr(target.at);
    const Client& client = *requests_[static_cast<std::size_t>(target.tunnel_request->id)].first;
    if (heard != std::string_view(client.tunnel).substr(0, heard.size()) ||
        heard.size() > client.tunnel.size())
      return fail("a target got bytes in a tunnel that nobody sent");
    if (target.heard == End::kFin && !faulty() && heard.size() != client.tunnel.size())
      fail("a target lost the end of a tunnel");
    if (target.heard == End::kReset) target.close(true);
  }

  // --- what happens
  void random_event() {
    const std::size_t size = chance(3)   ? 40'000
                             : chance(2) ? 1 + random_.below(2'000)
                                         : 1 + random_.below(30);
    switch (random_.below(14)) {
      case 0:
      case 1:
      case 2: {
        Client& client = clients_[random_.below(clients_.size())];
        if (!client.started) {
          if (client.begins_at <= turn_) start(client);
        } else {
          write(client, size);
        }
        return;
      }
      case 3:
      case 4: {
        Client& client = clients_[random_.below(clients_.size())];
        if (client.started) read(client, size);
        return;
      }
      case 5:
      case 6:
        if (TargetEnd* target = some_target()) read(*target, size);
        return;
      case 7:
        if (TargetEnd* target = some_target()) write(*target, size);
        return;
      case 8:
        if (TargetEnd* target = some_target()) {
          if (!connect(*target)) idle_fault(*target);
        }
        return;
      case 9:
        if (changes_ && !draining_ && chance(20)) configure(false);
        if (turn_ >= drains_at_ && !draining_) start_draining();
        if (chance(4)) now_ += shared::Millis(random_.below(30));
        return;
      default: {
        MemoryWire* wire = some_wire();
        if (wire == nullptr) return;
        const auto to = chance(2) ? MemoryWire::kToA : MemoryWire::kToB;
        if (chance(4)) {
          wire->arrive(to, size);
        } else {
          wire->deliver(to, size);
        }
        return;
      }
    }
  }
  TargetEnd* some_target() {
    if (targets_.empty()) return nullptr;
    const std::size_t lately = std::min<std::size_t>(targets_.size(), 6);
    return &targets_[targets_.size() - 1 - random_.below(lately)];
  }
  MemoryWire* some_wire() {
    if (!targets_.empty() && chance(2)) return some_target()->wire.get();
    return clients_[random_.below(clients_.size())].wire.get();
  }
  // Nobody uses the connection, as far as the target knows.
  void idle_fault(TargetEnd& target) {
    if (faults_ == Faults::kNone || target.dial != TargetEnd::Dial::kMade || target.closed ||
        !target.idle() || target.wire->unread(MemoryWire::kToB) != 0 || !chance(2))
      return;
    if (target.h2 != nullptr) {
      if (chance(2)) return target.h2->session->go_away();
      target.over = true;
      return target.close(chance(2));
    }
    target.over = true;
    if (faulty() && chance(3))
      target.out = "HTTP/1.1 200 OK\r\nX-Poison: 1\r\nContent-Length: 6\r\n\r\npoison";
    if (faulty() && chance(3))
      target.out =
          "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nX-Poison: 1\r\nContent-Length: 0\r\n\r\n";
    if (target.out.empty()) {
      target.close(chance(2));
    } else {
      target.then = End::kFin;
    }
  }

  // Everybody does what he can. False: there was nothing to do.
  bool settle() {
    constexpr std::size_t kAll = 64 * 1024;
    bool happened = false;
    settling_ = true;
    for (Client& client : clients_) {
      if (!client.started) {
        start(client);
        happened = true;
      }
      if (client.wire == nullptr) continue;
      happened |= write(client, kAll);
      happened |= read(client, kAll);
      happened |= client.wire->deliver_both();
    }
    for (std::size_t i = 0; i < targets_.size(); ++i) {  // delivering may dial
      TargetEnd& target = targets_[i];
      happened |= connect(target);
      happened |= write(target, kAll);
      happened |= read(target, kAll);
      happened |= target.wire->deliver_both();
    }
    std::size_t unread = 0;
    for (const Client& client : clients_) {
      if (client.wire != nullptr) unread += client.wire->unread(MemoryWire::kToB);
    }
    for (const TargetEnd& target : targets_) unread += target.wire->unread(MemoryWire::kToB);
    happened |= unread != unread_;  // the worker is still reading
    unread_ = unread;
    return happened;
  }

  inline static const std::string kNothing{};
  SeededRandom random_;
  const Faults faults_;
  shared::SteadyTime now_{std::chrono::hours(1)};
  std::unique_ptr<loop::Loop> loop_;
  std::deque<Client> clients_;
  std::deque<TargetEnd> targets_;  // connections
  std::vector<std::pair<Client*, std::size_t>> requests_;
  std::deque<Said> said_;
  std::map<int, int> seen_;
  std::map<int, std::string> heads_;  // of requests by HTTP/2
  StatsRegistry stats_{1};
  ListenerCompiler compiler_{"", stats_};
  targets::Registry registry_{1};
  targets::DrainTracker drains_;
  std::vector<std::shared_ptr<const targets::Group>> registry_groups_;
  std::unique_ptr<Worker> worker_;
  std::uint64_t version_ = 0;
  std::size_t turn_ = 0;
  std::size_t random_turns_ = 0;
  std::size_t drains_at_ = 0;
  bool h2_targets_ = false;
  bool compresses_ = false;
  bool settling_ = false;  // everybody does what he can
  bool changes_ = false;
  bool draining_ = false;
  bool drained_ = false;
  int limit_ = 0;           // of requests for each target, 0: none
  bool stalled_ = false;    // somebody waits for what will never come: only limits end that
  std::size_t unread_ = 0;  // by the worker
  int quiet_ = 0;
  int leaps_ = 0;
  int stage_ = 0;
  std::string violation_;
  Outcome outcome_;
};

}  // namespace

std::string Outcome::text() const {
  return violation + " [" + std::to_string(answered) + " answered, of these " + std::to_string(own_answers) +
         " by the balancer, " + std::to_string(broken) + " broken]";
}

Outcome play(std::uint64_t seed, Faults faults) { return Play(seed, faults).run(); }

}  // namespace balancer::proxy::play
