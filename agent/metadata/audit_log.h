// The audit log of the requests for roles' keys: a file, one line each. When it has become large it is
// renamed to "<file>.1", in place of the one before. Thread: one.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/base/unique_fd.h"

namespace agent::metadata {

inline constexpr std::int64_t kMaxAuditBytes = 10 * 1024 * 1024;

class AuditLog {
 public:
  // Appends to a file that is there; made with mode 0600. Error "audit_log" with the path and the reason.
  static shared::Result<AuditLog> open(std::string path, std::int64_t most_bytes = kMaxAuditBytes);
  // What cannot be written is lost: containers are not kept waiting for a disk.
  void write(std::string_view line);

 private:
  AuditLog(std::string path, std::int64_t most, shared::UniqueFd fd, std::int64_t size)
      : path_(std::move(path)), most_(most), fd_(std::move(fd)), size_(size) {}
  std::string path_;
  std::int64_t most_;
  shared::UniqueFd fd_;
  std::int64_t size_;
};

}  // namespace agent::metadata
