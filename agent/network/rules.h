// What our table of nftables is: the text of it, and whoever gives it to the kernel (libnftables). One table
// per bridge, "berth_<bridge>", and nothing of anybody else's is touched.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "shared/base/result.h"

struct nft_ctx;

namespace agent::network {

// A host port that leads to a container.
struct Published {
  std::string bind_ip = "0.0.0.0";
  int host_port = 0;
  std::string protocol = "tcp";
  std::string address;  // the container's
  int container_port = 0;
  bool operator==(const Published&) const = default;
};

std::string table_name(const std::string& bridge);
// The whole table anew, as one transaction: it is there as it should be, or as it was.
std::string table_text(const std::string& bridge, const std::string& subnet,
                       const std::vector<Published>& ports);
std::string element_text(const std::string& bridge, const char* what,
                         const Published& port);  // "add", "delete"

class Rules {
 public:
  static shared::Result<std::unique_ptr<Rules>> open();
  ~Rules();
  // Error "nftables" with its words. Any thread.
  shared::Result<void> apply(const std::string& commands);
  bool has_table(const std::string& bridge);

 private:
  explicit Rules(nft_ctx* context) : context_(context) {}
  std::mutex mutex_;
  nft_ctx* context_;
};

}  // namespace agent::network
