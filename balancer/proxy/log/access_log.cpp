#include "balancer/proxy/log/access_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "shared/http/message.h"

namespace balancer::proxy {

using shared::Error;
using shared::Result;

namespace {

constexpr std::string_view kStandardOutput = "-";
// A pipe that poll() calls writable takes this much without blocking (POSIX PIPE_BUF).
constexpr std::size_t kPipePiece = PIPE_BUF;
// How long the writer waits at once for a reader of the standard output, and at most when the program ends.
constexpr int kWaitForReaderMs = 500;

// ALB's times have microseconds; the clock here has milliseconds.
std::string microseconds(shared::WallTime time) {
  std::string text = shared::http::iso8601(time);
  text.insert(text.size() - 1, "000");
  return text;
}

void append_quoted(std::string& out, std::string_view text) {
  out += " \"";
  if (text.empty()) text = "-";
  for (const char c : text.substr(0, kMaxLoggedField)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_word(std::string& out, std::string_view text) {
  out += ' ';
  out += text.empty() ? std::string_view("-") : text;
}

void append_seconds(std::string& out, double seconds) {
  if (seconds < 0) {
    out += " -1";
  } else {
    fmt::format_to(std::back_inserter(out), " {:.3f}", seconds);
  }
}

void append_code(std::string& out, int status) {
  if (status == 0) {
    out += " -";
  } else {
    fmt::format_to(std::back_inserter(out), " {}", status);
  }
}

}  // namespace

std::string_view to_string(EndedBy by) {
  switch (by) {
    case EndedBy::kNobody:
      return "-";
    case EndedBy::kClient:
      return "client";
    case EndedBy::kTarget:
      return "target";
    case EndedBy::kBalancer:
      return "balancer";
  }
  return "-";
}

void AccessRecord::clear() {
  type = "http";
  for (std::string* text : {&load_balancer, &client, &target, &request, &user_agent, &target_group, &trace_id,
                            &redirect_url, &ssl_cipher, &ssl_protocol, &domain_name, &chosen_cert_arn,
                            &conn_trace_id, &transformed_host, &transformed_uri, &ip_address, &traceparent})
    text->clear();
  request_seconds = target_seconds = response_seconds = -1;
  elb_status = target_status = 0;
  received = sent = 0;
  rule_priority = kRuleNotEvaluated;
  action = reason = error_reason = transform_status = {};
  tier = codec::Tier::kCompliant;
  finding = codec::Finding::kNone;
  ended_by = EndedBy::kNobody;
}

void append_line(std::string& out, const AccessRecord& r) {
  out += r.type;
  append_word(out, microseconds(r.time));
  append_word(out, r.load_balancer);
  append_word(out, r.client);
  append_word(out, r.target);
  append_seconds(out, r.request_seconds);
  append_seconds(out, r.target_seconds);
  append_seconds(out, r.response_seconds);
  append_code(out, r.elb_status);
  append_code(out, r.target_status);
  fmt::format_to(std::back_inserter(out), " {} {}", r.received, r.sent);
  append_quoted(out, r.request);
  append_quoted(out, r.user_agent);
  append_word(out, r.ssl_cipher);
  append_word(out, r.ssl_protocol);
  append_word(out, r.target_group);
  append_quoted(out, r.trace_id);
  append_quoted(out, r.domain_name);
  append_quoted(out, r.chosen_cert_arn);
  if (r.rule_priority == kRuleNotEvaluated) {
    out += " -";
  } else {
    fmt::format_to(std::back_inserter(out), " {}", r.rule_priority);
  }
  append_word(out, microseconds(r.created));
  append_quoted(out, r.action);
  append_quoted(out, r.redirect_url);
  append_quoted(out, r.error_reason);
  append_quoted(out, r.target);
  append_quoted(out, r.target_status == 0 ? std::string() : std::to_string(r.target_status));
  append_quoted(out, r.tier == codec::Tier::kCompliant ? std::string_view() : codec::to_string(r.tier));
  append_quoted(out, codec::to_string(r.finding));
  append_word(out, r.conn_trace_id);
  append_quoted(out, r.transformed_host);
  append_quoted(out, r.transformed_uri);
  append_quoted(out, r.transform_status);
  append_word(out, r.ip_address);
  append_word(out, to_string(r.ended_by));
  append_word(out, r.reason);
  append_quoted(out, r.traceparent);
  out += '\n';
}

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& path) {
  std::unique_ptr<AccessLog> log(new AccessLog(path));
  if (path == kStandardOutput) {
    log->fd_.reset(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
  } else {
    log->fd_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  }
  if (!log->fd_) return Error("access_log", "open access log " + path + ": " + std::strerror(errno));
  log->writer_ = std::thread([raw = log.get()] { raw->run(); });
  return log;
}

AccessLog::~AccessLog() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    leaving_ = true;
  }
  changed_.notify_one();
  if (writer_.joinable()) writer_.join();
}

void AccessLog::write(std::string& lines) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (pending_.size() + lines.size() > kMaxPendingLog) {
      drop(lines);
    } else {
      wake = pending_.empty();
      pending_ += lines;
    }
  }
  lines.clear();
  if (wake) changed_.notify_one();
}

void AccessLog::reopen() {
  {
    std::lock_guard lock(mutex_);
    reopen_ = true;
  }
  changed_.notify_one();
}

void AccessLog::drop(std::string_view lines) {
  dropped_bytes_ += lines.size();
  dropped_lines_ += static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
}

// False: the program ends and nobody reads.
bool AccessLog::wait_for_room() {
  for (;;) {
    pollfd writable{fd_.get(), POLLOUT, 0};
    const bool last = leaving_;
    if (::poll(&writable, 1, kWaitForReaderMs) != 0) return true;
    if (last) return false;
  }
}

void AccessLog::write_out(std::string_view lines) {
  const bool piecewise = path_ == kStandardOutput;
  while (!lines.empty()) {
    if (piecewise && !wait_for_room()) return drop(lines);
    const ssize_t n =
        ::write(fd_.get(), lines.data(), piecewise ? std::min(lines.size(), kPipePiece) : lines.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return drop(lines);
    lines.remove_prefix(static_cast<std::size_t>(n));
  }
}

void AccessLog::run() {
  std::string lines;
  for (bool more = true; more;) {
    bool again = false;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || reopen_ || !pending_.empty(); });
      lines.swap(pending_);
      again = std::exchange(reopen_, false);
      more = !stopping_;
    }
    write_out(lines);
    lines.clear();
    if (again && path_ != kStandardOutput) {
      shared::UniqueFd fresh(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
      if (fresh) fd_ = std::move(fresh);
    }
  }
}

}  // namespace balancer::proxy
