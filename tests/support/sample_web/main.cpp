// A small web server to put behind a load balancer. It is deliberately the hardest kind of service for a
// balancer: it exits at once on SIGTERM, without finishing open requests, so every request that is lost by
// taking it away too early shows as an error. One thread per connection; HTTP/1.1 keep-alive.
//
//   PORT              port to listen on (80)
//   VERSION           word in every answer ("1")
//   EXIT_CODE         ends at once with this code instead of serving: a one-off task
//   IGNORE_TERM       1: SIGTERM does not end it, only SIGKILL does: a process that uses up its stopTimeout
//   START_DELAY_MS    waits before it listens, like an application that has to load something (0)
//
//   GET /             {"task":"<host name>","version":"1","path":"/"}
//   GET /slow?ms=N    the same after N milliseconds (at most 60000)
//   GET /bytes?n=N    N bytes (at most 1 GiB)
//   GET /health       200, or 503 after POST /unhealthy
//   POST /echo        the request's body
//   POST /exit?code=N ends the process with that exit code
//   GET /eat?mb=N     allocates and touches N MiB
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kMaxHead = 64 * 1024;
constexpr long long kMaxSlowMs = 60'000;
constexpr long long kMaxBytes = 1LL << 30;

std::atomic<bool> healthy{true};

struct Request {
  std::string method;
  std::string target;
  long long content_length = 0;
  bool chunked = false;
  bool keep_alive = true;
  bool expect_continue = false;
};

std::string_view path_of(const Request& request) {
  const std::string_view target = request.target;
  return target.substr(0, target.find('?'));
}

long long number_argument(const Request& request, std::string_view name, long long other, long long most) {
  const std::string wanted = std::string(name) + "=";
  const std::size_t question = request.target.find('?');
  if (question == std::string::npos) return other;
  const std::size_t at = request.target.find(wanted, question);
  if (at == std::string::npos) return other;
  long long value = other;
  const char* begin = request.target.data() + at + wanted.size();
  std::from_chars(begin, request.target.data() + request.target.size(), value);
  return std::clamp(value, 0LL, most);
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool equals_lower(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
         });
}

class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void serve() {
    Request request;
    while (read_head(request)) {
      if (request.expect_continue && !send_all(fd_, "HTTP/1.1 100 Continue\r\n\r\n")) return;
      std::string body;
      if (!read_body(request, body)) return;
      if (!answer(request, body) || !request.keep_alive) return;
    }
  }

 private:
  bool fill() {
    char buffer[16 * 1024];
    ssize_t got = 0;
    do {
      got = ::recv(fd_, buffer, sizeof buffer, 0);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) return false;
    pending_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  bool read_head(Request& request) {
    std::size_t end = 0;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
      if (pending_.size() > kMaxHead || !fill()) return false;
    }
    const std::string head = pending_.substr(0, end + 2);
    pending_.erase(0, end + 4);
    request = Request{};
    const std::size_t first = head.find(' ');
    const std::size_t second = head.find(' ', first + 1);
    if (first == std::string::npos || second == std::string::npos) return false;
    request.method = head.substr(0, first);
    request.target = head.substr(first + 1, second - first - 1);
    request.keep_alive = head.compare(second + 1, 8, "HTTP/1.1") == 0;
    std::size_t line = head.find("\r\n") + 2;
    while (line < head.size()) {
      const std::size_t line_end = head.find("\r\n", line);
      header(std::string_view(head).substr(line, line_end - line), request);
      line = line_end + 2;
    }
    return true;
  }

  static void header(std::string_view line, Request& request) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    const std::string_view name = line.substr(0, colon);
    if (equals_lower(name, "content-length")) {
      std::from_chars(value.data(), value.data() + value.size(), request.content_length);
    } else if (equals_lower(name, "transfer-encoding")) {
      request.chunked = equals_lower(value, "chunked");
    } else if (equals_lower(name, "connection")) {
      if (equals_lower(value, "close")) request.keep_alive = false;
    } else if (equals_lower(name, "expect")) {
      request.expect_continue = equals_lower(value, "100-continue");
    }
  }

  bool take(std::size_t count, std::string& out) {
    while (pending_.size() < count) {
      if (!fill()) return false;
    }
    out.append(pending_, 0, count);
    pending_.erase(0, count);
    return true;
  }

  bool read_body(const Request& request, std::string& body) {
    if (!request.chunked) return take(static_cast<std::size_t>(request.content_length), body);
    for (;;) {
      std::size_t end = 0;
      while ((end = pending_.find("\r\n")) == std::string::npos) {
        if (!fill()) return false;
      }
      std::size_t size = 0;
      std::from_chars(pending_.data(), pending_.data() + end, size, 16);
      pending_.erase(0, end + 2);
      if (!take(size, body)) return false;
      std::string line_end;
      if (!take(2, line_end)) return false;
      if (size == 0) return true;
    }
  }

  bool answer(const Request& request, const std::string& body) {
    const std::string_view path = path_of(request);
    if (path == "/slow") {
      std::this_thread::sleep_for(std::chrono::milliseconds(number_argument(request, "ms", 100, kMaxSlowMs)));
    } else if (path == "/bytes") {
      return answer_bytes(number_argument(request, "n", 1024, kMaxBytes));
    } else if (path == "/health") {
      return respond(healthy ? 200 : 503, healthy ? "ok\n" : "unhealthy\n", request);
    } else if (path == "/unhealthy" || path == "/healthy") {
      healthy = path == "/healthy";
    } else if (path == "/echo") {
      return respond(200, body, request);
    } else if (path == "/exit") {
      ::_exit(static_cast<int>(number_argument(request, "code", 1, 255)));
    } else if (path == "/eat") {
      const auto bytes = static_cast<std::size_t>(number_argument(request, "mb", 1, 1 << 16)) << 20U;
      static std::vector<std::string> eaten;
      eaten.emplace_back(bytes, 'x');
    }
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    const char* version = std::getenv("VERSION");
    return respond(200,
                   std::string("{\"task\":\"") + host + "\",\"version\":\"" + (version ? version : "1") +
                       "\",\"path\":\"" + std::string(path) + "\"}\n",
                   request);
  }

  bool respond(int status, std::string_view body, const Request& request) {
    std::string out = "HTTP/1.1 " + std::to_string(status) +
                      (status == 200 ? " OK" : " Service Unavailable") +
                      "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                      (request.keep_alive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n");
    if (request.method != "HEAD") out += body;
    return send_all(fd_, out);
  }

  bool answer_bytes(long long count) {
    if (!send_all(fd_, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: " +
                           std::to_string(count) + "\r\n\r\n")) {
      return false;
    }
    const std::string block(64 * 1024, 'b');
    for (long long left = count; left > 0;) {
      const auto now =
          static_cast<std::size_t>(std::min<long long>(left, static_cast<long long>(block.size())));
      if (!send_all(fd_, std::string_view(block).substr(0, now))) return false;
      left -= static_cast<long long>(now);
    }
    return true;
  }

  int fd_;
  std::string pending_;
};

long long environment_number(const char* name, long long other) {
  const char* text = std::getenv(name);
  long long value = other;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), value);
  return value;
}

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGTERM, [](int) { ::_exit(0); });
  std::signal(SIGINT, [](int) { ::_exit(0); });
  if (environment_number("IGNORE_TERM", 0) == 1) std::signal(SIGTERM, SIG_IGN);
  if (const long long code = environment_number("EXIT_CODE", -1); code >= 0) return static_cast<int>(code);
  const long long delay = environment_number("START_DELAY_MS", 0);
  if (delay > 0) std::this_thread::sleep_for(std::chrono::milliseconds(delay));

  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(environment_number("PORT", 80)));
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 1024) != 0) {
    std::perror("berth-sample-web: cannot listen");
    return 1;
  }
  std::fprintf(stderr, "berth-sample-web: listening on port %u\n",
               static_cast<unsigned>(ntohs(address.sin_port)));
  for (;;) {
    const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    std::thread([client] { Connection(client).serve(); }).detach();
  }
}
