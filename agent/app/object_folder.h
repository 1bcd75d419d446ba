// A folder that stands for Amazon S3: FOLDER/BUCKET/KEY. Only the operator puts files there; calls can read
// them by bucket and key, and nothing outside of a bucket's folder, also not by "..", or a link that leads
// out.
#pragma once
#include <memory>
#include <string>

#include "agent/aws/objects.h"
#include "shared/base/unique_fd.h"

namespace agent::app {

class ObjectFolder final : public aws::Objects {
 public:
  // Error "setting": there is no such folder, or it cannot be read.
  static shared::Result<std::shared_ptr<const ObjectFolder>> open(const std::string& path);
  shared::Result<std::string> read(std::string_view bucket, std::string_view key,
                                   std::size_t most_bytes) const override;

 private:
  explicit ObjectFolder(shared::UniqueFd folder) : folder_(std::move(folder)) {}
  shared::UniqueFd folder_;
};

}  // namespace agent::app
