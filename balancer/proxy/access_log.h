// The access log: ALB's fields in ALB's order, then two of ours (who ended the exchange, and why). Workers
// fill a record only while a log is written; lines are collected per worker and handed to a writer thread at
// the end of a turn, so that no request waits for a disk. Off by default. Thread: append() and flush() are a
// worker's, each has its own AccessLogBuffer.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "balancer/codec/desync.h"
#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/base/unique_fd.h"

namespace balancer::proxy {

enum class EndedBy : std::uint8_t { kNobody, kClient, kTarget, kBalancer };
std::string_view to_string(EndedBy by);  // "-", "client", "target", "balancer"

// Strings keep their memory from request to request. Times in seconds, negative: that phase never happened.
struct AccessRecord {
  bool wanted = false;
  shared::WallTime created{};
  shared::WallTime time{};
  std::string_view type = "http";
  std::string load_balancer;
  std::string client;  // ip:port
  std::string target;  // ip:port, empty: none was chosen
  double request_seconds = -1;
  double target_seconds = -1;
  double response_seconds = -1;
  int elb_status = 0;     // 0: nothing was answered
  int target_status = 0;  // 0: no answer
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::string request;  // "GET http://host:80/path HTTP/1.1"
  std::string user_agent;
  std::string target_group;
  std::string trace_id;
  int rule_priority = -1;  // 0: default action, -1: not evaluated
  std::string_view action;
  std::string redirect_url;
  codec::Tier tier = codec::Tier::kCompliant;
  codec::Finding finding = codec::Finding::kNone;
  EndedBy ended_by = EndedBy::kNobody;
  std::string_view reason;

  void clear();
};

inline constexpr std::size_t kMaxLoggedField = 8 * 1024;  // of the request line and the user agent
// Lines waiting for the disk; further ones are dropped and counted rather than held.
inline constexpr std::size_t kMaxPendingLog = 16 * 1024 * 1024;

void append_line(std::string& out, const AccessRecord& record);

class AccessLog {
 public:
  // Appends to `path`, created when missing. Errors name the path.
  static shared::Result<std::unique_ptr<AccessLog>> open(const std::string& path);
  ~AccessLog();  // writes what is pending
  // From any thread. Takes the content, leaves `lines` empty.
  void write(std::string& lines);
  // Opens the path again, after rotation. From any thread.
  void reopen();
  std::uint64_t dropped_bytes() const { return dropped_; }

 private:
  explicit AccessLog(std::string path) : path_(std::move(path)) {}
  void run();

  const std::string path_;
  shared::UniqueFd fd_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string pending_;  // these three guarded by mutex_
  bool reopen_ = false;
  bool stopping_ = false;
  std::atomic<std::uint64_t> dropped_{0};
  std::thread writer_;
};

}  // namespace balancer::proxy
