// The real berth-balancer on free loopback ports, with targets and clients scripted by the tests on raw
// sockets. Everything blocks with a limit, so that a hang is a failure and not a hang.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "shared/base/unique_fd.h"

namespace balancer::test {

inline constexpr int kLimitMs = 10'000;  // of any one wait

// The programs are built with AddressSanitizer, which keeps freed memory and has no libfaketime beside it.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

std::uint16_t free_port();
// A GET with a Host and nothing else.
std::string get(const std::string& path, const std::string& version = "HTTP/1.1");
// Asks `condition` until it holds; false after kLimitMs.
bool eventually(const std::function<bool()>& condition);

struct Message {
  int status = 0;    // responses
  std::string head;  // with the final empty line; empty: none came
  std::string body;
  bool complete = false;
  std::string field(const std::string& name) const;  // of the head, ignoring case
};

// One end of a TCP connection with a reading buffer.
class Wire {
 public:
  explicit Wire(int fd) : fd_(fd) {}
  static Wire connect(std::uint16_t port);
  bool valid() const { return fd_.valid(); }
  bool send(const std::string& bytes);
  // Head, then body by Content-Length, chunked coding or the end. `head_request`: no body follows.
  Message read_message(bool head_request = false);
  std::string read_exactly(std::size_t bytes);
  std::string read_to_end();
  bool ended();  // waits: nothing more comes, and the connection is over
  void shut_write();
  void reset();  // closes with RST
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

 private:
  bool more();
  shared::UniqueFd fd_;
  std::string buffer_;
};

// Runs `serve` on a thread for each connection; the connection closes when it returns.
class Target {
 public:
  using Serve = std::function<void(Wire&, int connection)>;  // connections count from 1
  explicit Target(Serve serve);
  ~Target();
  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  // Request lines, as the target saw them.
  std::vector<std::string> seen();
  void note(const std::string& head);

 private:
  std::uint16_t port_ = 0;
  shared::UniqueFd listener_;
  Serve serve_;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<std::string> seen_;
  std::vector<std::thread> threads_;
  std::vector<int> open_;
  std::thread acceptor_;
};

std::string response(int status, const std::string& body, const std::string& fields = "");
// Answers every request with its own request line as the body.
Target::Serve echo_line(std::unique_ptr<Target>& self);

struct TargetEntry {
  std::uint16_t port = 0;
  std::string extra;  // further members, such as ", \"state\": \"draining\""
};
struct ConfigOptions {
  std::string listener_options;  // members of "options"
  std::string rules = "[]";
  std::string health_check = "\"enabled\": false";
  std::string group = "";  // further members of the target group
};
std::string config_json(std::uint16_t port, const std::vector<TargetEntry>& targets,
                        const ConfigOptions& options = {});

// What a process is started with beside its arguments.
struct Surroundings {
  int descriptors = 0;                     // limit; 0: as many as this process
  std::vector<std::string> environment{};  // "NAME=value"
  int passed = -1;                         // a socket that it gets as a service manager passes it
  std::string group{};                     // cgroup.procs of a control group; empty: that of this process
};

class Balancer {
 public:
  // Started with --config (content) and waits until it is ready.
  static std::unique_ptr<Balancer> with_config(const std::string& config,
                                               std::vector<std::string> more_arguments = {},
                                               int descriptors = 0);  // 0: as many as this process
  static std::unique_ptr<Balancer> with_arguments(std::vector<std::string> arguments,
                                                  Surroundings surroundings = {});
  // Another process with the same arguments and `more`, which takes over from this one.
  std::unique_ptr<Balancer> successor(std::vector<std::string> more = {});
  pid_t pid() const { return pid_; }
  std::size_t open_descriptors() const;
  ~Balancer();
  void write_config(const std::string& config);  // replaces the file
  std::string admin(const std::string& path);    // body of the page
  int admin_status(const std::string& path);
  bool wait_for_version(int version);
  std::uint64_t metric(const std::string& name_and_labels_prefix);  // summed over matching lines
  void signal(int number);
  // Returns once every thread stands still, until SIGCONT.
  void freeze();
  int wait_exit();  // exit code
  long resident_kilobytes() const;
  const std::string& directory() const { return directory_; }
  std::string log() const;

 private:
  Balancer() = default;
  void own_directory(const std::string& path);
  void spawn(std::vector<std::string> arguments);
  std::string directory_;
  std::uint16_t admin_port_ = 0;
  pid_t pid_ = -1;
  std::shared_ptr<void> directory_end_;  // removes it with the last process of it
  std::vector<std::string> arguments_;
  Surroundings surroundings_;
  int exit_code_ = -1;
};

}  // namespace balancer::test
