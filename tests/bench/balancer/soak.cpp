// soak_balancer: a long run of the real berth-balancer in which everything around it changes all the time, to
// find what leaks, what is lost and what is stuck.
//
//   soak_balancer [--requests N] [--clients N] [--targets N] [--workers N] [--seed N] [--h2 N]
//                 [--minutes N] [--growth N]
//
// N clients ask on connections that they keep for a while: small and large answers, uploads, pipelined
// requests; every thirtieth breaks off after a random number of bytes that it sent or got. N targets answer
// with what the path says, with a length or in chunks, and some end their connection after an answer. Every
// 100 ms the configuration is another one: targets come, drain and go, the answer of their health checks
// flaps, rules and a second listener come and go. With --h2, h2load sends N requests beside that, over
// HTTP/2. Nothing of this is a reason for a request to fail: each that was not broken off must get the whole
// answer of its own, within kStuck, on a connection that the balancer does not end. In the end, without
// clients and targets, descriptors and memory are what they were after the first fifth.
//
// Exit code 0: so it was. The numbers are on the standard output.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "shared/base/unique_fd.h"
#include "tests/bench/flags.h"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kConfigEvery{100};
constexpr milliseconds kTellEvery{60'000};
constexpr seconds kStuck{60};    // an answer
constexpr seconds kSettle{120};  // of everything that is left, in the end
constexpr std::size_t kMaxLarge = 300'000;
constexpr std::size_t kMaxUpload = 80'000;
constexpr int kAbortOneIn = 30;
constexpr int kMaxTold = 50;  // failures that are written out

struct Options {
  int requests = 10'000'000;
  int clients = 64;
  int targets = 12;
  int workers = 2;
  int seed = 1;
  int h2 = 0;
  int minutes = 7 * 24 * 60;  // the end in any case
  int growth = 16;            // MiB that the allocator may keep of the largest moment
};

struct Counts {
  std::uint64_t answered = 0;
  std::uint64_t aborted = 0;
  std::uint64_t failed = 0;
  std::uint64_t connections = 0;
  std::uint64_t configurations = 0;
  std::uint64_t flaps = 0;
  std::uint64_t bytes = 0;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

shared::UniqueFd listen_somewhere(std::uint16_t& port) {
  shared::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd.get(), 1024) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::perror("listen");
    std::exit(2);
  }
  port = ntohs(address.sin_port);
  return fd;
}

std::uint16_t free_port() {
  std::uint16_t port = 0;
  listen_somewhere(port);
  return port;
}

// The answer to the request `id`: every byte is told by its place.
std::string body_of(std::uint64_t id, std::size_t size) {
  std::string body(size, '\0');
  for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + (id + i * 7) % 26);
  return body;
}

std::string_view field(std::string_view head, std::string_view name) {
  for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (::strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    const auto start = line.find_first_not_of(' ', name.size() + 1);
    return line.substr(start, line.find("\r\n") - start);
  }
  return {};
}

// A message at the beginning of `bytes`: its length, 0 while it is not whole. `body` gets its content.
std::size_t whole_message(std::string_view bytes, std::string& body) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  const std::string_view head = bytes.substr(0, end + 2);
  std::size_t at = end + 4;
  body.clear();
  if (field(head, "transfer-encoding") != "chunked") {
    const std::string_view length = field(head, "content-length");
    const std::size_t size = length.empty() ? 0 : std::strtoul(length.data(), nullptr, 10);
    if (bytes.size() < at + size) return 0;
    body.assign(bytes.substr(at, size));
    return at + size;
  }
  for (;;) {
    const auto line = bytes.find("\r\n", at);
    if (line == std::string_view::npos) return 0;
    const std::size_t size = std::strtoul(bytes.data() + at, nullptr, 16);
    at = line + 2;
    if (bytes.size() < at + size + 2) return 0;
    body.append(bytes.substr(at, size));
    at += size + 2;
    if (size == 0) return at;
  }
}

class Loop;
// Something with a descriptor in the loop.
struct Watched {
  virtual ~Watched() = default;
  virtual void ready(std::uint32_t events) = 0;
  shared::UniqueFd fd;
};

class Loop {
 public:
  Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}
  void watch(Watched& one) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP;
    event.data.ptr = &one;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, one.fd.get(), &event);
  }
  // Not before this turn is over: an event of it may still be on its way.
  void bury(std::shared_ptr<Watched> one) {
    one->fd.reset();
    dead_.push_back(std::move(one));
  }
  void turn(milliseconds limit) {
    std::array<epoll_event, 256> events;
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), events.size(), static_cast<int>(limit.count()));
    for (int i = 0; i < count; ++i) {
      auto* one = static_cast<Watched*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (one->fd.valid()) one->ready(events[static_cast<std::size_t>(i)].events);
    }
    dead_.clear();
  }

 private:
  shared::UniqueFd epoll_;
  std::vector<std::shared_ptr<Watched>> dead_;
};

// Sends what it can of `out` from `sent` on. False: the connection broke.
bool send_some(int fd, std::string& out, std::size_t& sent, std::size_t most = std::string::npos) {
  while (sent < std::min(out.size(), most)) {
    const ssize_t n = ::send(fd, out.data() + sent, std::min(out.size(), most) - sent, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    sent += static_cast<std::size_t>(n);
  }
  if (sent == out.size()) {
    out.clear();
    sent = 0;
  }
  return true;
}

enum class Got { kBytes, kNothing, kEnd };
Got receive_some(int fd, std::string& in) {
  std::array<char, 64 * 1024> chunk;
  const ssize_t n = ::recv(fd, chunk.data(), chunk.size(), 0);
  if (n > 0) {
    in.append(chunk.data(), static_cast<std::size_t>(n));
    return Got::kBytes;
  }
  return n < 0 && (errno == EAGAIN || errno == EINTR) ? Got::kNothing : Got::kEnd;
}

class Target;
struct TargetConnection final : Watched {
  TargetConnection(Target& of, shared::UniqueFd from) : target(of) { fd = std::move(from); }
  void ready(std::uint32_t events) override;
  void answer(std::string_view request);
  Target& target;
  std::string in, out, body;
  std::size_t sent = 0;
  bool ends = false;
};

class Target final : public Watched {
 public:
  Target(Loop& loop, std::mt19937_64& random) : loop_(loop), random_(random) {
    fd = listen_somewhere(port);
    loop.watch(*this);
  }
  void ready(std::uint32_t) override {
    for (;;) {
      shared::UniqueFd accepted(::accept4(fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!accepted) return;
      const int on = 1;
      ::setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto connection = std::make_shared<TargetConnection>(*this, std::move(accepted));
      loop_.watch(*connection);
      open_[connection.get()] = connection;
    }
  }
  void close(TargetConnection& connection) {
    const auto found = open_.find(&connection);
    if (found == open_.end()) return;
    loop_.bury(found->second);
    open_.erase(found);
  }
  bool one_in(std::uint64_t number) { return random_() % number == 0; }
  std::uint16_t port = 0;
  bool well = true;  // what its health checks say
  enum class State { kActive, kDraining, kAway } state = State::kActive;
  Clock::time_point since{};

 private:
  Loop& loop_;
  std::mt19937_64& random_;
  std::map<TargetConnection*, std::shared_ptr<TargetConnection>> open_;
};

void TargetConnection::answer(std::string_view request) {
  if (request.substr(0, 11) == "GET /health") {
    out += target.well ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                       : "HTTP/1.1 500 Ill\r\nContent-Length: 0\r\n\r\n";
    return;
  }
  unsigned long long id = 0;
  unsigned long size = 0;
  const auto path = request.find("/r/");
  if (path == std::string_view::npos) {
    out += "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    return;
  }
  std::sscanf(std::string(request.substr(path, 64)).c_str(), "/r/%llu/%lu", &id, &size);
  std::string answer = body_of(id, size);
  // An upload is answered with what came of it.
  if (request.substr(0, 4) == "POST") answer += std::to_string(std::hash<std::string>()(body));
  ends = target.one_in(100);
  const std::string last = ends ? "Connection: close\r\n" : "";
  if (target.one_in(3)) {
    const std::size_t half = answer.size() / 2;
    out += "HTTP/1.1 200 OK\r\n" + last + "Transfer-Encoding: chunked\r\n\r\n";
    for (const std::string_view part :
         {std::string_view(answer).substr(0, half), std::string_view(answer).substr(half)}) {
      if (part.empty()) continue;
      std::array<char, 32> line{};
      std::snprintf(line.data(), line.size(), "%zx\r\n", part.size());
      out.append(line.data()).append(part).append("\r\n");
    }
    out += "0\r\n\r\n";
  } else {
    out += "HTTP/1.1 200 OK\r\n" + last + "Content-Length: " + std::to_string(answer.size()) + "\r\n\r\n" +
           answer;
  }
}

void TargetConnection::ready(std::uint32_t) {
  for (;;) {
    const Got got = receive_some(fd.get(), in);
    if (got == Got::kEnd) return target.close(*this);
    while (!ends) {
      const std::size_t length = whole_message(in, body);
      if (length == 0) break;
      answer(std::string_view(in).substr(0, length));
      in.erase(0, length);
    }
    if (!send_some(fd.get(), out, sent)) return target.close(*this);
    if (ends && out.empty()) return target.close(*this);
    if (got == Got::kNothing) return;
  }
}

struct Expected {
  std::uint64_t id = 0;
  std::string content;
};

class Soak;
struct Client final : Watched {
  explicit Client(Soak& s) : soak(s) {}
  void ready(std::uint32_t events) override;
  Soak& soak;
  std::string in, out, body;
  std::size_t sent = 0;
  std::size_t got = 0;
  std::size_t abort_after_sent = std::string::npos;  // bytes of `out`
  std::size_t abort_after_got = std::string::npos;   // bytes of the answer
  std::deque<Expected> expected;
  int rounds_left = 0;
  Clock::time_point deadline{};
};

class Soak {
 public:
  explicit Soak(const Options& options)
      : options_(options),
        random_(static_cast<std::uint64_t>(options.seed)),
        limit_(static_cast<std::uint64_t>(options.requests)) {
    for (int i = 0; i < options.targets; ++i) targets_.push_back(std::make_unique<Target>(loop_, random_));
    std::string pattern = (std::filesystem::temp_directory_path() / "berth-soak-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    port_ = free_port();
    other_port_ = free_port();
    admin_port_ = free_port();
  }
  ~Soak() {
    if (balancer_ > 0) {
      ::kill(balancer_, SIGKILL);
      ::waitpid(balancer_, nullptr, 0);
    }
    std::filesystem::remove_all(directory_);
  }

  int run() {
    write_config(true);
    start_balancer();
    std::thread h2([this] { run_h2load(); });
    const auto began = Clock::now();
    for (int i = 0; i < options_.clients; ++i) {
      clients_.push_back(std::make_shared<Client>(*this));
      connect(*clients_.back());
    }
    auto next_config = began, next_tell = began + kTellEvery;
    while (!clients_.empty()) {
      loop_.turn(milliseconds(20));
      const auto now = Clock::now();
      if (now >= next_config) {
        next_config = now + kConfigEvery;
        change();
        look_for_stuck(now);
        if (died()) break;
        if (now - began > std::chrono::minutes(options_.minutes)) limit_ = std::min(limit_, asked_);
      }
      const bool a_fifth = asked_ * 5 > limit_ || (now - began) * 5 > std::chrono::minutes(options_.minutes);
      if (baseline_rss_ == 0 && a_fifth) {
        baseline_rss_ = rss();
        baseline_descriptors_ = descriptors();
      }
      if (now >= next_tell) {
        next_tell = now + kTellEvery;
        tell("running", now - began);
      }
    }
    h2_over_ = true;
    while (!h2_ended_) loop_.turn(milliseconds(20));  // its requests need the targets
    h2.join();
    const auto took = Clock::now() - began;
    const bool settled = settle();
    tell("ended", took);
    return judge(settled);
  }

  // For clients.
  void next(Client& client) {
    if (asked_ >= limit_) return leave(client);
    if (client.rounds_left-- == 0) return reconnect(client);
    const std::uint64_t kind = random_() % 100;
    const int count = kind >= 95 ? 3 : 1;
    client.in.clear();
    client.got = 0;
    for (int i = 0; i < count; ++i) add_request(client, kind);
    client.abort_after_sent = client.abort_after_got = std::string::npos;
    if (random_() % kAbortOneIn == 0) {
      if (random_() % 2 == 0) {
        client.abort_after_sent = random_() % client.out.size();
      } else {
        std::size_t all = 0;
        for (const Expected& each : client.expected) all += each.content.size();
        client.abort_after_got = random_() % (all + 100);
      }
    }
    client.deadline = Clock::now() + kStuck;
  }
  void answered(std::size_t bytes) {
    ++counts_.answered;
    counts_.bytes += bytes;
  }
  void abort(Client& client) {
    counts_.aborted += client.expected.size();
    if (random_() % 2 == 0) {
      const linger now{1, 0};
      ::setsockopt(client.fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    reconnect(client);
  }
  void fail(Client& client, const std::string& why) {
    ++counts_.failed;
    if (told_++ < kMaxTold) {
      std::printf(
          "FAILED %s: request %llu, %zu bytes of the answer had come: %.200s\n", why.c_str(),
          client.expected.empty() ? 0ULL : static_cast<unsigned long long>(client.expected.front().id),
          client.in.size(), client.in.c_str());
      std::fflush(stdout);
    }
    reconnect(client);
  }
  bool ended() const { return asked_ >= limit_; }

 private:
  void add_request(Client& client, std::uint64_t kind) {
    const std::uint64_t id = ++asked_;
    std::size_t size = random_() % 600;
    if (kind < 3) size = random_() % kMaxLarge;
    Expected expected{id, body_of(id, size)};
    std::string path = "/r/" + std::to_string(id) + "/" + std::to_string(size);
    if (kind % 7 == 0) path = "/ruled" + path;
    if (kind >= 3 && kind < 23) {
      const std::size_t limit = kind == 3 ? kMaxUpload : 2'000;
      const std::string upload = body_of(id * 3, random_() % limit);
      expected.content += std::to_string(std::hash<std::string>()(upload));
      client.out += "POST " + path +
                    " HTTP/1.1\r\nHost: soak.example\r\nContent-Length: " + std::to_string(upload.size()) +
                    "\r\n\r\n" + upload;
    } else {
      client.out += "GET " + path + " HTTP/1.1\r\nHost: soak.example\r\n\r\n";
    }
    client.expected.push_back(std::move(expected));
  }

  void connect(Client& client) {
    client.fd.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(client.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const sockaddr_in address = loopback(port_);
    ::connect(client.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ++counts_.connections;
    client.in.clear();
    client.out.clear();
    client.sent = 0;
    client.expected.clear();
    client.rounds_left = static_cast<int>(1 + random_() % 200);
    next(client);
    if (client.fd.valid()) loop_.watch(client);
  }
  // By another object: an event for this one may be on its way.
  void reconnect(Client& client) {
    leave(client);
    if (ended()) return;
    clients_.push_back(std::make_shared<Client>(*this));
    connect(*clients_.back());
  }
  void leave(Client& client) {
    const auto found = std::find_if(clients_.begin(), clients_.end(),
                                    [&](const auto& each) { return each.get() == &client; });
    if (found == clients_.end()) return client.fd.reset();
    auto keeps = *found;
    clients_.erase(found);
    loop_.bury(std::move(keeps));
  }

  void look_for_stuck(Clock::time_point now) {
    const auto all = clients_;
    for (const auto& client : all) {
      if (client->fd.valid() && now > client->deadline) fail(*client, "stuck");
    }
  }

  // Another one each time. At least a third of the targets is there and well, so that there is always one to
  // choose.
  void change() {
    const auto now = Clock::now();
    std::size_t good = 0;
    for (const auto& target : targets_)
      good += target->state == Target::State::kActive && target->well ? 1 : 0;
    Target& one = *targets_[random_() % targets_.size()];
    const bool spare = good > targets_.size() / 3 + 1;
    using State = Target::State;
    if (one.state == State::kActive && spare && random_() % 3 != 0) {
      one.state = State::kDraining;
      one.since = now;
    } else if (one.state == State::kActive && (spare || !one.well)) {
      one.well = !one.well;
      ++counts_.flaps;
    } else if (one.state == State::kDraining && now - one.since > seconds(1)) {
      one.state = State::kAway;
    } else if (one.state == State::kAway) {
      one.state = State::kActive;
      one.well = true;
    }
    write_config(true);
  }

  void write_config(bool with_targets) {
    std::string list;
    for (const auto& target : targets_) {
      if (!with_targets || target->state == Target::State::kAway) continue;
      list += std::string(list.empty() ? "" : ", ") +
              "{\"address\": \"127.0.0.1\", \"port\": " + std::to_string(target->port) +
              (target->state == Target::State::kDraining ? ", \"state\": \"draining\"}" : "}");
    }
    const std::string forward =
        R"({"type": "forward", "forward": {"target_groups": [{"target_group": "tg"}]}})";
    std::string rules;
    for (std::uint64_t i = 0; i < counts_.configurations % 5; ++i) {
      rules += std::string(i == 0 ? "" : ", ") + "{\"priority\": " + std::to_string(i + 1) +
               R"(, "conditions": [{"field": "path-pattern", "values": ["/ruled)" + std::string(i, '?') +
               R"(/*"]}], "action": )" + forward + "}";
    }
    const auto listener = [&](const char* id, std::uint16_t port, const std::string& ruled) {
      return std::string("{\"id\": \"") + id + R"(", "address": "127.0.0.1", "port": )" +
             std::to_string(port) + R"(, "options": {"access_log": true}, "rules": [)" + ruled +
             R"(], "default_action": )" + forward + "}";
    };
    std::string listeners = listener("web", port_, rules);
    if (with_targets && counts_.configurations % 7 == 0)
      listeners += ", " + listener("other", other_port_, "");
    const std::string path = directory_ + "/balancer.json";
    std::ofstream(path + ".new")
        << "{\"version\": " << ++counts_.configurations << ", \"listeners\": [" << listeners
        << R"(], "target_groups": [{"id": "tg", "health_check": {"path": "/health", "interval_ms": 1000, )"
        << R"("timeout_ms": 900, "healthy_threshold": 2, "unhealthy_threshold": 2}, "targets": [)" << list
        << "]}]}";
    std::filesystem::rename(path + ".new", path);
  }

  void start_balancer() {
    const char* set = std::getenv("SOAK_BALANCER");
    std::vector<std::string> arguments = {
        set != nullptr ? set : BERTH_BINARY_DIR "/balancer/app/berth-balancer",
        "--config",
        directory_ + "/balancer.json",
        "--admin",
        "127.0.0.1:" + std::to_string(admin_port_),
        "--workers",
        std::to_string(options_.workers),
        "--access-log",
        "/dev/null",
        "--log-level",
        "warn"};
    balancer_ = ::fork();
    if (balancer_ == 0) {
      std::vector<char*> raw;
      for (std::string& argument : arguments) raw.push_back(argument.data());
      raw.push_back(nullptr);
      ::execv(raw[0], raw.data());
      ::_exit(127);
    }
    const auto limit = Clock::now() + seconds(60);
    while (admin("/readyz").find("\"status\": \"ok\"") == std::string::npos) {
      loop_.turn(milliseconds(20));
      if (died() || Clock::now() > limit) {
        std::printf("the balancer is not ready: %s\n", admin("/readyz").c_str());
        std::exit(2);
      }
    }
    // Health checks must have found the targets.
    const auto found = Clock::now() + seconds(3);
    while (Clock::now() < found) loop_.turn(milliseconds(20));
  }
  bool died() {
    int status = 0;
    if (balancer_ <= 0 || ::waitpid(balancer_, &status, WNOHANG) != balancer_) return balancer_ <= 0;
    std::printf("FAILED the balancer ended: status %d\n", status);
    balancer_ = -1;
    ++counts_.failed;
    return true;
  }

  // Blocking; targets are not needed for it.
  std::string admin(const std::string& path) const {
    shared::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(admin_port_);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    (void)!::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
    std::string answer;
    while (receive_some(fd.get(), answer) == Got::kBytes) {
    }
    return answer;
  }
  std::uint64_t metric(const std::string& name) const {
    std::istringstream lines(admin("/metrics"));
    std::uint64_t sum = 0;
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind(name, 0) == 0) sum += std::strtoull(line.c_str() + line.rfind(' ') + 1, nullptr, 10);
    }
    return sum;
  }
  long rss() const {
    std::ifstream status("/proc/" + std::to_string(balancer_) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.rfind("VmRSS:", 0) == 0) return std::atol(line.c_str() + 6);
    }
    return 0;
  }
  std::size_t descriptors() const {
    std::error_code gone;
    const std::filesystem::directory_iterator all("/proc/" + std::to_string(balancer_) + "/fd", gone);
    return gone ? 0 : static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  // Without clients and targets nothing is left. What there is then is the balancer's own.
  bool settle() {
    if (balancer_ <= 0) return false;
    write_config(false);
    const auto limit = Clock::now() + kSettle;
    while (Clock::now() < limit) {
      loop_.turn(milliseconds(50));
      // Threads, listening sockets, pipes and files; no connection.
      if (metric("berth_lb_client_connections_active") == 0 && metric("berth_lb_requests_in_flight") == 0 &&
          metric("berth_lb_target_connections_active") == 0)
        return true;
    }
    return false;
  }

  void run_h2load() {
    while (options_.h2 > 0 && !h2_over_ && h2_asked_ < static_cast<std::uint64_t>(options_.h2)) {
      const std::string command =
          "h2load -n 20000 -c 4 -m 20 http://127.0.0.1:" + std::to_string(port_) + "/h2 2>&1";
      FILE* pipe = ::popen(command.c_str(), "r");
      std::string out;
      std::array<char, 4096> chunk;
      while (const std::size_t n = std::fread(chunk.data(), 1, chunk.size(), pipe))
        out.append(chunk.data(), n);
      ::pclose(pipe);
      h2_asked_ += 20'000;
      unsigned long good = 0;
      const auto at = out.find("status codes: ");
      if (at != std::string::npos) std::sscanf(out.c_str() + at, "status codes: %lu 2xx", &good);
      h2_answered_ += good;
      if (good != 20'000) {
        std::printf("FAILED h2load: %lu of 20000\n%s\n", good, out.c_str());
        h2_failed_ += 20'000 - good;
      }
    }
    h2_ended_ = true;
  }

  void tell(const char* what, Clock::duration took) const {
    const auto secs = std::chrono::duration_cast<seconds>(took).count();
    std::printf(
        "%s: %lld s, requests %llu answered %llu, broken off %llu, failed %llu; connections %llu, bytes of "
        "answers %llu, "
        "configurations %llu, health flaps %llu; h2 %llu answered; balancer: rss %ld KiB, descriptors %zu\n",
        what, static_cast<long long>(secs), static_cast<unsigned long long>(asked_),
        static_cast<unsigned long long>(counts_.answered), static_cast<unsigned long long>(counts_.aborted),
        static_cast<unsigned long long>(counts_.failed), static_cast<unsigned long long>(counts_.connections),
        static_cast<unsigned long long>(counts_.bytes),
        static_cast<unsigned long long>(counts_.configurations),
        static_cast<unsigned long long>(counts_.flaps), static_cast<unsigned long long>(h2_answered_), rss(),
        descriptors());
    std::fflush(stdout);
  }

  int judge(bool settled) {
    if (!settled) {
      std::printf("FAILED something is left open: clients %llu, requests %llu, connections to targets %llu\n",
                  static_cast<unsigned long long>(metric("berth_lb_client_connections_active")),
                  static_cast<unsigned long long>(metric("berth_lb_requests_in_flight")),
                  static_cast<unsigned long long>(metric("berth_lb_target_connections_active")));
    }
    const long grown = rss() - baseline_rss_;
    const std::size_t open = descriptors();
    std::printf("rss %ld KiB after a fifth, %ld KiB in the end; descriptors %zu under load, %zu in the end\n",
                baseline_rss_, rss(), baseline_descriptors_, open);
    const bool leaks = grown > options_.growth * 1024L || open > own_descriptors();
    if (leaks) std::printf("FAILED it has grown\n");
    return counts_.failed == 0 && h2_failed_ == 0 && settled && !leaks ? 0 : 1;
  }
  // No sockets but listening ones: what a balancer without clients has.
  std::size_t own_descriptors() const {
    return kOwnDescriptors + 8 * static_cast<std::size_t>(options_.workers);
  }
  static constexpr std::size_t kOwnDescriptors = 24;

  const Options options_;
  std::mt19937_64 random_;
  Loop loop_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::vector<std::shared_ptr<Client>> clients_;
  std::string directory_;
  std::uint16_t port_ = 0, other_port_ = 0, admin_port_ = 0;
  pid_t balancer_ = -1;
  std::uint64_t asked_ = 0;
  std::uint64_t limit_;  // of requests
  Counts counts_;
  int told_ = 0;
  long baseline_rss_ = 0;
  std::size_t baseline_descriptors_ = 0;
  std::atomic<bool> h2_over_{false}, h2_ended_{false};
  std::atomic<std::uint64_t> h2_asked_{0}, h2_answered_{0}, h2_failed_{0};
};

void Client::ready(std::uint32_t) {
  for (;;) {
    const Got more = receive_some(fd.get(), in);
    if (in.size() >= abort_after_got) return soak.abort(*this);
    while (!expected.empty()) {
      const std::size_t length = whole_message(in, body);
      if (length == 0) break;
      const std::string_view head = std::string_view(in).substr(0, in.find("\r\n\r\n") + 2);
      if (head.substr(0, 13) != "HTTP/1.1 200 ") return soak.fail(*this, "another status");
      if (body != expected.front().content) return soak.fail(*this, "another answer");
      if (!field(head, "connection").empty() && !soak.ended()) return soak.fail(*this, "told to go");
      in.erase(0, length);
      expected.pop_front();
      soak.answered(body.size());
    }
    if (more == Got::kEnd) return soak.fail(*this, expected.empty() ? "ended while idle" : "lost");
    if (expected.empty() && out.empty()) soak.next(*this);
    if (!fd.valid()) return;
    if (!send_some(fd.get(), out, sent, abort_after_sent)) return soak.fail(*this, "broken while sending");
    if (abort_after_sent != std::string::npos && sent >= abort_after_sent) return soak.abort(*this);
    if (more == Got::kNothing) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!bench::read_flags(argc, argv,
                         {{"--requests", options.requests},
                          {"--clients", options.clients},
                          {"--targets", options.targets},
                          {"--workers", options.workers},
                          {"--seed", options.seed},
                          {"--h2", options.h2},
                          {"--minutes", options.minutes},
                          {"--growth", options.growth}})) {
    std::fprintf(stderr,
                 "usage: soak_balancer [--requests N] [--clients N] [--targets N] [--workers N] [--seed N] "
                 "[--h2 N] [--minutes N] [--growth N]\n");
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  return Soak(options).run();
}
