#include "tests/integration/balancer/harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

namespace balancer::test {

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int listen_on_loopback(std::uint16_t* port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = loopback(0);
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(fd, 256), 0);
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  *port = ntohs(address.sin_port);
  return fd;
}

bool wait_readable(int fd) {
  pollfd wanted{fd, POLLIN, 0};
  return ::poll(&wanted, 1, kLimitMs) == 1;
}

std::string lowered(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

std::uint16_t free_port() {
  // Below the ports that the kernel gives to connections, one of which could have it before it is used.
  constexpr std::uint16_t kFirst = 10'240;
  constexpr std::uint16_t kLast = 32'000;
  static std::mt19937 random(
      static_cast<std::uint32_t>(::getpid()) ^
      static_cast<std::uint32_t>(std::chrono::steady_clock::now().time_since_epoch().count()));
  static std::set<std::uint16_t> given;  // and perhaps not in use yet
  std::uniform_int_distribution<std::uint16_t> ports(kFirst, kLast);
  for (;;) {
    const std::uint16_t port = ports(random);
    const shared::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address = loopback(port);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
        given.insert(port).second)
      return port;
  }
}

std::string get(const std::string& path, const std::string& version) {
  return "GET " + path + " " + version + "\r\nHost: a\r\n\r\n";
}

bool eventually(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::milliseconds(kLimitMs);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

std::string Message::field(const std::string& name) const {
  const std::string low = lowered(head);
  const auto at = low.find("\r\n" + lowered(name) + ":");
  if (at == std::string::npos) return "";
  const auto start = head.find_first_not_of(' ', at + 3 + name.size());
  return head.substr(start, head.find("\r\n", start) - start);
}

Wire Wire::connect(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return Wire(-1);
  }
  return Wire(fd);
}

bool Wire::send(const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::send(fd_.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

bool Wire::more() {
  if (!fd_ || !wait_readable(fd_.get())) return false;
  char chunk[16 * 1024];
  const ssize_t n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
  if (n <= 0) return false;
  buffer_.append(chunk, static_cast<std::size_t>(n));
  return true;
}

Message Wire::read_message(bool head_request) {
  Message out;
  while (buffer_.find("\r\n\r\n") == std::string::npos) {
    if (!more()) return out;
  }
  const auto end = buffer_.find("\r\n\r\n") + 4;
  out.head = buffer_.substr(0, end);
  buffer_.erase(0, end);
  const bool is_response = out.head.rfind("HTTP/", 0) == 0;
  if (is_response) out.status = std::atoi(out.head.c_str() + 9);
  const bool no_body =
      head_request || out.status == 204 || out.status == 304 || (is_response && out.status < 200);
  if (no_body) {
    out.complete = true;
  } else if (lowered(out.field("Transfer-Encoding")).find("chunked") != std::string::npos) {
    for (;;) {
      while (buffer_.find("\r\n") == std::string::npos) {
        if (!more()) return out;
      }
      const auto line = buffer_.find("\r\n");
      const std::size_t size = std::strtoul(buffer_.c_str(), nullptr, 16);
      buffer_.erase(0, line + 2);
      const std::string chunk = read_exactly(size + 2);
      if (chunk.size() != size + 2) return out;
      out.body += chunk.substr(0, size);
      if (size == 0) break;
    }
    out.complete = true;
  } else if (!out.field("Content-Length").empty()) {
    const std::size_t length = std::strtoul(out.field("Content-Length").c_str(), nullptr, 10);
    out.body = read_exactly(length);
    out.complete = out.body.size() == length;
  } else if (is_response) {
    out.body = read_to_end();
    out.complete = true;
  } else {
    out.complete = true;
  }
  return out;
}

std::string Wire::read_exactly(std::size_t bytes) {
  while (buffer_.size() < bytes && more()) {
  }
  const std::string out = buffer_.substr(0, bytes);
  buffer_.erase(0, out.size());
  return out;
}

std::string Wire::read_to_end() {
  while (more()) {
  }
  return std::exchange(buffer_, std::string());
}

bool Wire::ended() {
  if (!buffer_.empty() || !fd_ || !wait_readable(fd_.get())) return false;
  char byte = 0;
  return ::recv(fd_.get(), &byte, 1, MSG_PEEK) <= 0;
}

void Wire::shut_write() { ::shutdown(fd_.get(), SHUT_WR); }

void Wire::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  fd_.reset();
}

Target::Target(Serve serve) : serve_(std::move(serve)) {
  listener_.reset(listen_on_loopback(&port_));
  acceptor_ = std::thread([this] {
    for (;;) {
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const int number = ++connections_;
      std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd, number] {
        Wire wire(fd);
        serve_(wire, number);
        std::lock_guard inner(mutex_);
        std::erase(open_, fd);
        wire.close();
      });
    }
  });
}

Target::~Target() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  {
    std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (auto& thread : threads_) thread.join();
}

std::vector<std::string> Target::seen() {
  std::lock_guard lock(mutex_);
  return seen_;
}

void Target::note(const std::string& head) {
  std::lock_guard lock(mutex_);
  seen_.push_back(head.substr(0, head.find("\r\n")));
}

std::string response(int status, const std::string& body, const std::string& fields) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + fields +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

Target::Serve echo_line(std::unique_ptr<Target>& self) {
  return [&self](Wire& wire, int) {
    for (;;) {
      const Message request = wire.read_message();
      if (request.head.empty()) return;
      self->note(request.head);
      std::string answer = response(200, request.head.substr(0, request.head.find("\r\n")));
      if (request.head.rfind("HEAD ", 0) == 0) answer.erase(answer.find("\r\n\r\n") + 4);
      if (!wire.send(answer)) return;
    }
  };
}

std::string config_json(std::uint16_t port, const std::vector<TargetEntry>& targets,
                        const ConfigOptions& options) {
  std::string list;
  for (const TargetEntry& target : targets) {
    list += std::string(list.empty() ? "" : ", ") +
            "{\"address\": \"127.0.0.1\", \"port\": " + std::to_string(target.port) + target.extra + "}";
  }
  return "{\"version\": 1, \"listeners\": [{\"id\": \"web\", \"address\": \"127.0.0.1\", \"port\": " +
         std::to_string(port) + ", \"dns_name\": \"web.example\", \"options\": {" + options.listener_options +
         "}, \"rules\": " + options.rules +
         ", \"default_action\": {\"type\": \"forward\", \"forward\": {\"target_groups\": [{\"target_group\": "
         "\"tg\"}]}}}], "
         "\"target_groups\": [{\"id\": \"tg\", \"health_check\": {" +
         options.health_check + "}" + options.group + ", \"targets\": [" + list + "]}]}";
}

std::unique_ptr<Balancer> Balancer::with_config(const std::string& config, std::vector<std::string> more,
                                                int descriptors) {
  std::unique_ptr<Balancer> out(new Balancer);
  out->surroundings_.descriptors = descriptors;
  std::string pattern = (std::filesystem::temp_directory_path() / "berth-balancer-XXXXXX").string();
  out->own_directory(::mkdtemp(pattern.data()));
  out->write_config(config);
  std::vector<std::string> arguments{"--config", out->directory_ + "/balancer.json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  out->spawn(std::move(arguments));
  EXPECT_TRUE(eventually([&out] { return out->admin_status("/readyz") == 200; })) << out->log();
  return out;
}

std::unique_ptr<Balancer> Balancer::with_arguments(std::vector<std::string> arguments,
                                                   Surroundings surroundings) {
  std::unique_ptr<Balancer> out(new Balancer);
  out->surroundings_ = std::move(surroundings);
  std::string pattern = (std::filesystem::temp_directory_path() / "berth-balancer-XXXXXX").string();
  out->own_directory(::mkdtemp(pattern.data()));
  out->spawn(std::move(arguments));
  return out;
}

std::unique_ptr<Balancer> Balancer::successor(std::vector<std::string> more) {
  std::unique_ptr<Balancer> out(new Balancer);
  out->directory_ = directory_;
  out->directory_end_ = directory_end_;
  out->admin_port_ = admin_port_;
  std::vector<std::string> arguments = arguments_;
  arguments.insert(arguments.end(), more.begin(), more.end());
  arguments.push_back("--take-over");
  out->spawn(std::move(arguments));
  out->arguments_ = arguments_;
  return out;
}

void Balancer::own_directory(const std::string& path) {
  directory_ = path;
  directory_end_ = std::shared_ptr<void>(nullptr, [path](void*) { std::filesystem::remove_all(path); });
}

void Balancer::spawn(std::vector<std::string> arguments) {
  arguments_ = arguments;
  if (admin_port_ == 0) admin_port_ = free_port();
  arguments.insert(arguments.begin(), std::string(BERTH_BINARY_DIR) + "/balancer/app/berth-balancer");
  arguments.insert(arguments.end(),
                   {"--admin", "127.0.0.1:" + std::to_string(admin_port_), "--log-format", "json"});
  if (std::find(arguments.begin(), arguments.end(), "--workers") == arguments.end())
    arguments.insert(arguments.end(), {"--workers", "2"});
  std::vector<char*> raw;
  for (std::string& argument : arguments) raw.push_back(argument.data());
  raw.push_back(nullptr);
  const std::string log_path = directory_ + "/log";
  pid_ = ::fork();
  if (pid_ == 0) {
    const int fd = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(fd, 2);
    const auto descriptors = static_cast<rlim_t>(surroundings_.descriptors);
    const rlimit limit{descriptors, descriptors};
    if (descriptors != 0) ::setrlimit(RLIMIT_NOFILE, &limit);
    if (!surroundings_.group.empty()) std::ofstream(surroundings_.group) << ::getpid() << std::flush;
    for (std::string& variable : surroundings_.environment) ::putenv(variable.data());
    if (surroundings_.passed >= 0) {
      if (surroundings_.passed == 3) ::fcntl(3, F_SETFD, 0);
      ::dup2(surroundings_.passed, 3);
      ::setenv("LISTEN_FDS", "1", 1);
      ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    }
    ::execv(raw[0], raw.data());
    ::_exit(127);
  }
}

Balancer::~Balancer() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (::testing::Test::HasFailure()) std::fprintf(stderr, "balancer log:\n%s\n", log().c_str());
}

std::size_t Balancer::open_descriptors() const {
  std::error_code gone;
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid_) + "/fd", gone);
  return gone ? 0 : static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

void Balancer::write_config(const std::string& config) {
  const std::string path = directory_ + "/balancer.json";
  std::ofstream(path + ".new") << config;
  std::filesystem::rename(path + ".new", path);
}

std::string Balancer::admin(const std::string& path) {
  Wire wire = Wire::connect(admin_port_);
  if (!wire.valid() || !wire.send("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
    return "";
  return wire.read_message().body;
}

int Balancer::admin_status(const std::string& path) {
  Wire wire = Wire::connect(admin_port_);
  if (!wire.valid() || !wire.send("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
    return 0;
  return wire.read_message().status;
}

bool Balancer::wait_for_version(int version) {
  return eventually([&] { return metric("berth_lb_config_version") >= static_cast<std::uint64_t>(version); });
}

std::uint64_t Balancer::metric(const std::string& prefix) {
  std::istringstream lines(admin("/metrics"));
  std::uint64_t sum = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(prefix, 0) == 0) sum += std::strtoull(line.c_str() + line.rfind(' ') + 1, nullptr, 10);
  }
  return sum;
}

void Balancer::signal(int number) { ::kill(pid_, number); }

void Balancer::freeze() {
  signal(SIGSTOP);
  EXPECT_TRUE(eventually([&] {
    const std::string tasks = "/proc/" + std::to_string(pid_) + "/task";
    for (const auto& each : std::filesystem::directory_iterator(tasks)) {
      std::ifstream file(each.path() / "stat");
      std::string stat;
      std::getline(file, stat);
      const auto name_end = stat.rfind(") ");
      if (name_end == std::string::npos || stat.compare(name_end + 2, 1, "T") != 0) return false;
    }
    return true;
  }));
}

int Balancer::wait_exit() {
  int status = 0;
  const pid_t pid = pid_;
  EXPECT_TRUE(eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }));
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

long Balancer::resident_kilobytes() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::atol(line.c_str() + 6);
  }
  return 0;
}

std::string Balancer::log() const {
  std::ifstream in(directory_ + "/log");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace balancer::test
