// A container's log as Docker's json-file driver writes it: one JSON object a line, with rotation. No memory
// is asked for after the start, so that a host without any still gets its lines.
#pragma once
#include <cstddef>
#include <cstdint>
#include <ctime>

namespace agent::runtime::oci::monitor {

inline constexpr std::size_t kLine = 16 * 1024;  // longer lines become several records, as with Docker

class LogFile {
 public:
  // `path` lives as long as this. `most`: bytes of a file until the next one is begun, 0 = no limit;
  // `files`: how many there are at most, this one included.
  void open(const char* path, std::int64_t most, int files);
  bool is_open() const { return fd_ >= 0; }
  // A line, with its newline if it has one. A full disk drops it, and the next that fits says how many.
  void write(const char* stream, const char* text, std::size_t size, const timespec& at);

 private:
  void rotate();
  void put(const char* bytes, std::size_t size);

  const char* path_ = nullptr;
  int fd_ = -1;
  std::int64_t size_ = 0;
  std::int64_t most_ = 0;
  int files_ = 1;
  char record_[kLine * 6 + 128];  // every byte of a line may become six
};

// The line's text inside quotes; returns the size. `out` takes six times as many bytes. Invalid UTF-8 becomes
// U+FFFD; <, >, & and the line separators are escaped, as Go's encoder does.
std::size_t escape(const char* text, std::size_t size, char* out);

}  // namespace agent::runtime::oci::monitor
