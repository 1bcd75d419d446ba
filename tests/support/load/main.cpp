// berth-load: a bounded load generator that counts every outcome. Ends by itself after --seconds, after
// --requests, or when it reads a line (or end of file) on standard input; then prints one JSON object.
//
//   berth-load http://127.0.0.1:8080/path [--connections 16] [--seconds 10] [--requests 0] [--pause-us 0]
//              [--new-connection-every 0] [--timeout-ms 10000] [--until-stdin]
//
// Exit code 0 whatever was counted; 2 for a wrong command line. Only addresses in 127.0.0.0/8 are accepted.
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/load/client.h"

namespace {

using tests::load::Answer;
using tests::load::Client;
using tests::load::Outcome;
using Clock = std::chrono::steady_clock;

struct Options {
  tests::load::Target target;
  std::string path = "/";
  int connections = 16;
  double seconds = 10;
  long long requests = 0;  // 0: no limit but time
  long long pause_us = 0;  // between the requests of one connection
  long long new_connection_every = 0;
  long long timeout_ms = 10'000;
  bool until_stdin = false;
};

struct Tally {
  std::map<int, long long> statuses;
  std::map<std::string, long long> failures;
  std::map<std::string, long long> tasks;
  std::map<std::string, long long> versions;
  std::vector<std::string> first_failures;  // at most kMaxFirstFailures, with the second they happened in
};
constexpr std::size_t kMaxFirstFailures = 10;

const char* name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAnswered:
      return "answered";
    case Outcome::kConnectFailed:
      return "connect_failed";
    case Outcome::kReset:
      return "reset";
    case Outcome::kClosedEarly:
      return "closed_without_answer";
    case Outcome::kShortBody:
      return "short_body";
    case Outcome::kTimeout:
      return "timeout";
    case Outcome::kMalformed:
      return "malformed";
  }
  return "?";
}

std::string member(const std::string& body, const std::string& name) {
  const std::string wanted = "\"" + name + "\":\"";
  const std::size_t at = body.find(wanted);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + wanted.size();
  return body.substr(begin, body.find('"', begin) - begin);
}

bool parse_url(std::string_view url, Options& options) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return false;
  url.remove_prefix(kScheme.size());
  const std::size_t slash = url.find('/');
  const std::string_view authority = url.substr(0, slash);
  if (slash != std::string_view::npos) options.path = std::string(url.substr(slash));
  const std::size_t colon = authority.find(':');
  options.target.host = std::string(authority.substr(0, colon));
  options.target.port = 80;
  if (colon != std::string_view::npos) {
    std::from_chars(authority.data() + colon + 1, authority.data() + authority.size(), options.target.port);
  }
  options.target.host_header = std::string(authority);
  return options.target.host.starts_with("127.");
}

bool parse(int argc, char** argv, Options& options) {
  if (argc < 2 || !parse_url(argv[1], options)) return false;
  for (int i = 2; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--until-stdin") {
      options.until_stdin = true;
      continue;
    }
    if (i + 1 >= argc) return false;
    const char* text = argv[++i];
    long long value = 0;
    const auto [end, error] = std::from_chars(text, text + std::strlen(text), value);
    if (error != std::errc() || *end != 0 || value < 0) return false;
    if (flag == "--connections")
      options.connections = static_cast<int>(value);
    else if (flag == "--seconds")
      options.seconds = static_cast<double>(value);
    else if (flag == "--requests")
      options.requests = value;
    else if (flag == "--pause-us")
      options.pause_us = value;
    else if (flag == "--new-connection-every")
      options.new_connection_every = value;
    else if (flag == "--timeout-ms")
      options.timeout_ms = value;
    else
      return false;
  }
  return true;
}

class Generator {
 public:
  explicit Generator(Options options) : options_(std::move(options)), start_(Clock::now()) {}

  nlohmann::json run() {
    std::vector<std::thread> threads;
    for (int i = 0; i < options_.connections; ++i) threads.emplace_back([this] { one_connection(); });
    if (options_.until_stdin) {
      const int limit_ms = static_cast<int>(options_.seconds * 1000);
      pollfd input{STDIN_FILENO, POLLIN, 0};
      ::poll(&input, 1, limit_ms);
      stop_ = true;
    }
    for (auto& thread : threads) thread.join();
    return report();
  }

 private:
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  void one_connection() {
    Client client(options_.target, std::chrono::milliseconds(options_.timeout_ms));
    long long on_this = 0;
    while (!stop_ && elapsed() < options_.seconds) {
      if (options_.requests > 0 && started_.fetch_add(1) >= options_.requests) break;
      if (options_.new_connection_every > 0 && on_this++ % options_.new_connection_every == 0)
        client.disconnect();
      count(client.get(options_.path));
      if (options_.pause_us > 0) std::this_thread::sleep_for(std::chrono::microseconds(options_.pause_us));
    }
  }

  void count(const Answer& answer) {
    const std::lock_guard lock(mutex_);
    ++total_;
    if (answer.outcome == Outcome::kAnswered) {
      ++tally_.statuses[answer.status];
      if (answer.status == 200) {
        if (auto task = member(answer.body, "task"); !task.empty()) ++tally_.tasks[task];
        if (auto version = member(answer.body, "version"); !version.empty()) ++tally_.versions[version];
        return;
      }
    } else {
      ++tally_.failures[name_of(answer.outcome)];
    }
    if (tally_.first_failures.size() < kMaxFirstFailures) {
      tally_.first_failures.push_back(std::to_string(elapsed()) + "s " + name_of(answer.outcome) +
                                      " status " + std::to_string(answer.status));
    }
  }

  nlohmann::json report() const {
    nlohmann::json out{{"requests", total_},
                       {"seconds", elapsed()},
                       {"failures", tally_.failures},
                       {"tasks", tally_.tasks},
                       {"versions", tally_.versions},
                       {"statuses", nlohmann::json::object()},
                       {"first_failures", tally_.first_failures}};
    long long lost = 0;
    for (const auto& [status, times] : tally_.statuses) {
      out["statuses"][std::to_string(status)] = times;
      if (status != 200) lost += times;
    }
    for (const auto& [name, times] : tally_.failures) lost += times;
    out["failed"] = lost;
    return out;
  }

  Options options_;
  Clock::time_point start_;
  std::atomic<bool> stop_{false};
  std::atomic<long long> started_{0};
  std::mutex mutex_;
  Tally tally_;
  long long total_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: berth-load http://127.x.y.z:PORT/PATH [--connections N] [--seconds N] [--requests "
                 "N] [--pause-us N]\n"
                 "                  [--new-connection-every N] [--timeout-ms N] [--until-stdin]\n");
    return 2;
  }
  std::printf("%s\n", Generator(std::move(options)).run().dump().c_str());
  return 0;
}
