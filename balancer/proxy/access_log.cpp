#include "balancer/proxy/access_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "shared/http/message.h"

namespace balancer::proxy {

using shared::Error;
using shared::Result;

namespace {

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
  for (std::string* text :
       {&load_balancer, &client, &target, &request, &user_agent, &target_group, &trace_id, &redirect_url})
    text->clear();
  request_seconds = target_seconds = response_seconds = -1;
  elb_status = target_status = 0;
  received = sent = 0;
  rule_priority = -1;
  action = reason = {};
  tier = codec::Tier::kCompliant;
  finding = codec::Finding::kNone;
  ended_by = EndedBy::kNobody;
}

void append_line(std::string& out, const AccessRecord& r) {
  out += r.type;
  append_word(out, shared::http::iso8601(r.time));
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
  out += " - -";  // ssl_cipher ssl_protocol
  append_word(out, r.target_group);
  append_quoted(out, r.trace_id);
  out += " \"-\" \"-\"";  // domain_name chosen_cert_arn
  fmt::format_to(std::back_inserter(out), " {}", r.rule_priority);
  append_word(out, shared::http::iso8601(r.created));
  append_quoted(out, r.action);
  append_quoted(out, r.redirect_url);
  out += " \"-\"";  // error_reason
  append_quoted(out, r.target);
  append_quoted(out, r.target_status == 0 ? std::string() : std::to_string(r.target_status));
  append_quoted(out, r.tier == codec::Tier::kCompliant ? std::string_view() : codec::to_string(r.tier));
  append_quoted(out, codec::to_string(r.finding));
  out += " -";                  // conn_trace_id
  out += " \"-\" \"-\" \"-\"";  // transformed_host transformed_uri request_transform_status
  out += " -";                  // ip_address
  append_word(out, to_string(r.ended_by));
  append_word(out, r.reason);
  out += '\n';
}

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& path) {
  std::unique_ptr<AccessLog> log(new AccessLog(path));
  log->fd_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!log->fd_) return Error("access_log", "open access log " + path + ": " + std::strerror(errno));
  log->writer_ = std::thread([raw = log.get()] { raw->run(); });
  return log;
}

AccessLog::~AccessLog() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (writer_.joinable()) writer_.join();
}

void AccessLog::write(std::string& lines) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (pending_.size() + lines.size() > kMaxPendingLog) {
      dropped_ += lines.size();
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
    for (std::size_t done = 0; done < lines.size();) {
      const ssize_t n = ::write(fd_.get(), lines.data() + done, lines.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        dropped_ += lines.size() - done;
        break;
      }
      done += static_cast<std::size_t>(n);
    }
    lines.clear();
    if (again) {
      shared::UniqueFd fresh(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
      if (fresh) fd_ = std::move(fresh);
    }
  }
}

}  // namespace balancer::proxy
