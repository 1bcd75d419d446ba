// Objects: where the API finds what a call names by bucket and key (Amazon S3), such as the bundle of a trust
// store. Thread: the caller's; a read may touch a disk, never a network.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace agent::aws {

class Objects {
 public:
  virtual ~Objects() = default;
  // Errors: "not_found" with what is not there, "too_large", "unreadable".
  virtual shared::Result<std::string> read(std::string_view bucket, std::string_view key,
                                           std::size_t most_bytes) const = 0;
};

}  // namespace agent::aws
