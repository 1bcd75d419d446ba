// Repositories of ECR: names in the registry that the installation's setting names.
#pragma once
#include "agent/model/common.h"

namespace agent::model {

// Key: its name.
struct Repository {
  std::string name;
  std::string arn;
  bool immutable = false;
  bool scan_on_push = false;
  std::string encryption;  // "AES256", "KMS"
  std::string kms_key;
  std::string policy;     // JSON as it was given; may be empty
  std::string lifecycle;  // likewise
  std::vector<Tag> tags;
  WallTime created_at{};
};

}  // namespace agent::model
