// The access log: ALB's fields in ALB's order, then three of ours (who ended the exchange, why, and the
// traceparent). Workers fill a record only while a log is written; lines are collected per worker and handed
// to a writer thread at the end of a turn, so that no request waits for a disk. Off by default. Thread:
// append() and flush() are a worker's, each has its own AccessLogBuffer.
#pragma once
#include <atomic>
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

// Of a request that no rule was asked about; -1 is ALB's for an error on the way.
inline constexpr int kRuleNotEvaluated = -2;

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
  int rule_priority = kRuleNotEvaluated;  // 0: default action
  std::string_view action;                // actions_executed, several with commas: "rewrite,forward"
  std::string redirect_url;
  codec::Tier tier = codec::Tier::kCompliant;
  codec::Finding finding = codec::Finding::kNone;
  // Of TLS only, in OpenSSL's words; the certificate is "session-reused" on resumption.
  std::string ssl_cipher;
  std::string ssl_protocol;
  std::string domain_name;  // SNI
  std::string chosen_cert_arn;
  std::string_view error_reason;  // ALB's word: AWSALBTGCookieInvalid, JWTHeaderNotPresent ...
  std::string conn_trace_id;      // "TID_" and 32 hexadecimal digits
  std::string transformed_host;
  std::string transformed_uri;
  std::string_view transform_status;  // request_transform_status: TransformSuccess ...
  std::string ip_address;             // of the balancer, that the client connected to
  std::string traceparent;            // as the target gets it
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
  // Appends to `path`, created when missing; "-" is the standard output, of which a reader that is stuck
  // costs lines and nothing else. Errors name the path.
  static shared::Result<std::unique_ptr<AccessLog>> open(const std::string& path);
  ~AccessLog();  // writes what is pending
  // From any thread. Takes the content, leaves `lines` empty.
  void write(std::string& lines);
  // Opens the path again, after rotation; nothing for "-". From any thread.
  void reopen();
  // Lost to a disk or a reader that is slow, full or gone.
  std::uint64_t dropped_bytes() const { return dropped_bytes_; }
  std::uint64_t dropped_lines() const { return dropped_lines_; }

 private:
  explicit AccessLog(std::string path) : path_(std::move(path)) {}
  void run();
  void write_out(std::string_view lines);
  bool wait_for_room();
  void drop(std::string_view lines);

  const std::string path_;
  shared::UniqueFd fd_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string pending_;  // these three guarded by mutex_
  bool reopen_ = false;
  bool stopping_ = false;
  std::atomic<bool> leaving_{false};  // as stopping_, for the writer while it waits for a reader
  std::atomic<std::uint64_t> dropped_bytes_{0};
  std::atomic<std::uint64_t> dropped_lines_{0};
  std::thread writer_;
};

}  // namespace balancer::proxy
