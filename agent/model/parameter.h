// A parameter of Systems Manager's Parameter Store.
#pragma once
#include "agent/model/common.h"

namespace agent::model {

struct ParameterVersion {
  std::int64_t number = 1;
  std::string type = "String";  // "StringList", "SecureString"
  std::string value;            // of a SecureString: sealed, see agent/api/sealing/sealer.h
  std::string description;
  std::string key_id;  // of a SecureString, as it was given
  std::string allowed_pattern;
  std::string tier = "Standard";
  std::string data_type = "text";
  std::string modified_by;  // ARN
  std::vector<std::string> labels;
  WallTime modified_at{};
};

// Key: its name as it is: "x" and "/x" are two.
struct Parameter {
  std::string name;
  std::vector<ParameterVersion> versions;  // oldest first; never empty
  std::vector<Tag> tags;
};

}  // namespace agent::model
