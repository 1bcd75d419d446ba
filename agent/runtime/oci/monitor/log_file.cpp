#include "agent/runtime/oci/monitor/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

namespace agent::runtime::oci::monitor {
namespace {

// Bytes of the UTF-8 character at `text`, 0 when it is none (RFC 3629).
std::size_t character(const unsigned char* text, std::size_t size) {
  const auto follows = [&](std::size_t at) { return at < size && (text[at] & 0xC0U) == 0x80U; };
  if (text[0] < 0x80) return 1;
  if (text[0] >= 0xC2 && text[0] <= 0xDF) return follows(1) ? 2 : 0;
  if (text[0] >= 0xE0 && text[0] <= 0xEF) {
    if (!follows(1) || !follows(2)) return 0;
    if (text[0] == 0xE0 && text[1] < 0xA0) return 0;
    return text[0] == 0xED && text[1] > 0x9F ? 0 : 3;
  }
  if (text[0] < 0xF0 || text[0] > 0xF4 || !follows(1) || !follows(2) || !follows(3)) return 0;
  if (text[0] == 0xF0 && text[1] < 0x90) return 0;
  return text[0] == 0xF4 && text[1] > 0x8F ? 0 : 4;
}

std::size_t put_text(char* out, const char* text) {
  const std::size_t size = std::strlen(text);
  std::memcpy(out, text, size);
  return size;
}

}  // namespace

std::size_t escape(const char* text, std::size_t size, char* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::size_t n = 0;
  for (std::size_t i = 0; i < size;) {
    const auto* at = reinterpret_cast<const unsigned char*>(text) + i;
    const std::size_t bytes = character(at, size - i);
    const unsigned char c = *at;
    if (bytes == 0) {
      n += put_text(out + n, "\\ufffd");
      ++i;
      continue;
    }
    if (bytes == 3 && at[0] == 0xE2 && at[1] == 0x80 && (at[2] == 0xA8 || at[2] == 0xA9)) {
      n += put_text(out + n, at[2] == 0xA8 ? "\\u2028" : "\\u2029");
    } else if (bytes > 1) {
      std::memcpy(out + n, at, bytes);
      n += bytes;
    } else if (c == '"' || c == '\\') {
      out[n++] = '\\';
      out[n++] = static_cast<char>(c);
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out[n++] = '\\';
      out[n++] = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
    } else if (c < 0x20 || c == '<' || c == '>' || c == '&') {
      n += put_text(out + n, "\\u00");
      out[n++] = kHex[c >> 4U];
      out[n++] = kHex[c & 15U];
    } else {
      out[n++] = static_cast<char>(c);
    }
    i += bytes;
  }
  return n;
}

void LogFile::open(const char* path, std::int64_t most, int files) {
  path_ = path;
  most_ = most;
  files_ = files;
  fd_ = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
  size_ = fd_ >= 0 ? ::lseek(fd_, 0, SEEK_END) : 0;
}

// x.log -> x.log.1 -> x.log.2, the last one goes.
void LogFile::rotate() {
  char from[PATH_MAX];
  char to[PATH_MAX];
  for (int i = files_ - 1; i > 0; --i) {
    std::snprintf(to, sizeof to, "%s.%d", path_, i);
    if (i == 1) {
      std::snprintf(from, sizeof from, "%s", path_);
    } else {
      std::snprintf(from, sizeof from, "%s.%d", path_, i - 1);
    }
    ::rename(from, to);
  }
  const int next = ::open(path_, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_TRUNC, 0640);
  if (next < 0) return;  // it goes on in the old one
  ::close(fd_);
  fd_ = next;
  size_ = 0;
}

void LogFile::put(const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t wrote = ::write(fd_, bytes, size);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return;  // no space: the line is lost, the container goes on
    bytes += wrote;
    size -= static_cast<std::size_t>(wrote);
    size_ += wrote;
  }
}

void LogFile::write(const char* stream, const char* text, std::size_t size, const timespec& at) {
  if (fd_ < 0) return;
  std::size_t n = put_text(record_, "{\"log\":\"");
  n += escape(text, size, record_ + n);
  n += put_text(record_ + n, "\",\"stream\":\"");
  n += put_text(record_ + n, stream);
  tm parts{};
  ::gmtime_r(&at.tv_sec, &parts);
  n += static_cast<std::size_t>(std::snprintf(
      record_ + n, 64, "\",\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ\"}\n", parts.tm_year + 1900,
      parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, at.tv_nsec));
  if (most_ > 0 && size_ > 0 && size_ + static_cast<std::int64_t>(n) > most_) rotate();
  put(record_, n);
}

}  // namespace agent::runtime::oci::monitor
