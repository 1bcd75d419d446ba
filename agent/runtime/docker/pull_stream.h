// JSON lines out of a chunked stream, and the errors the engine hides in the middle of a pull it answered
// with 200. Pure.
#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace agent::runtime::docker {

class Lines {
 public:
  // Longer ones are skipped: nothing we read is that long.
  static constexpr std::size_t kMaxLine = 1024 * 1024;
  void feed(std::string_view bytes, const std::function<void(std::string_view)>& line);
  void finish(const std::function<void(std::string_view)>& line);  // the last one may lack its newline

 private:
  std::string rest_;
  bool skipping_ = false;
};

class PullStream {
 public:
  void feed(std::string_view bytes);
  // The first error in the stream, empty if there was none. Call after its end.
  std::string finish();

 private:
  void read(std::string_view line);
  Lines lines_;
  std::string error_;
};

}  // namespace agent::runtime::docker
