// Configuration from a JSON file: read at start, on reload() (SIGHUP) and when the file was written or
// replaced. A file that cannot be read or is not valid is logged with its path, and the former configuration
// stays; the same content is not complained of again because a neighbour in its directory changed. Versions
// are counted here: a file that changed gets the next one whatever it says. The files of certificates and
// trust stores that it names are read, watched and told of likewise. Thread: the IoLoop's.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/unique_fd.h"
#include "shared/httpd/io_loop.h"
#include "shared/lbconfig/config.h"

namespace balancer::feed {

class FileSource {
 public:
  // `on_config` gets every valid, changed content.
  FileSource(shared::httpd::IoLoop& loop, std::string path,
             std::function<void(shared::lbconfig::Config)> on_config);
  // Reads now; the error names path and place. Then watches the file's directory.
  shared::Result<void> start();
  // Somebody asks for it: reads even what was refused before, which may be good by now (a port is free
  // again).
  void reload();
  // The content handed over last cannot be served.
  void refused(std::string reason) { last_error_ = std::move(reason); }
  // Why the file as it stands is not what is served; nothing: it is.
  const std::optional<std::string>& last_error() const { return last_error_; }

 private:
  enum class Unchanged { kSkip, kSkipUnlessRefused };
  shared::Result<void> read(Unchanged unchanged);
  void read_again(Unchanged unchanged);
  void watch();
  bool watch_directory_of(const std::string& path);
  void watch_named();
  void on_notice();

  shared::httpd::IoLoop& loop_;
  const std::string path_;
  std::function<void(shared::lbconfig::Config)> on_config_;
  std::uint64_t version_ = 0;
  std::optional<std::string> content_;            // as read last, valid or not; nothing: it could not be read
  std::vector<std::string> named_;                // files that it names
  std::optional<shared::lbconfig::Config> read_;  // as handed over last, with what is in them
  std::optional<std::string> last_error_;
  shared::UniqueFd notices_;
  shared::env::Timer watch_;
  shared::env::Timer settle_;
  bool settling_ = false;
};

}  // namespace balancer::feed
