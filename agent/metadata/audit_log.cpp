#include "agent/metadata/audit_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace agent::metadata {

using shared::Error;
using shared::Result;

namespace {

constexpr mode_t kOwnerOnly = 0600;

shared::UniqueFd open_audit_file(const std::string& path) {
  return shared::UniqueFd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kOwnerOnly));
}

}  // namespace

Result<AuditLog> AuditLog::open(std::string path, std::int64_t most_bytes) {
  shared::UniqueFd fd = open_audit_file(path);
  struct stat about {};
  if (!fd || ::fstat(fd.get(), &about) != 0)
    return Error("audit_log", "open " + path + ": " + std::strerror(errno));
  return AuditLog(std::move(path), most_bytes, std::move(fd), about.st_size);
}

void AuditLog::write(std::string_view line) {
  if (size_ >= most_ && std::rename(path_.c_str(), (path_ + ".1").c_str()) == 0) {
    if (shared::UniqueFd fresh = open_audit_file(path_)) {
      fd_ = std::move(fresh);
      size_ = 0;
    }
  }
  const std::string text = std::string(line) + "\n";
  const ssize_t written = ::write(fd_.get(), text.data(), text.size());
  if (written > 0) size_ += written;
}

}  // namespace agent::metadata
