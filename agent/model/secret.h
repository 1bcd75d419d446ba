// A secret of Secrets Manager.
#pragma once
#include "agent/model/common.h"

namespace agent::model {

struct SecretVersion {
  std::string id;
  std::string value;                // sealed, see agent/api/sealing/sealer.h
  bool is_binary = false;           // SecretBinary; else SecretString
  std::vector<std::string> stages;  // "AWSCURRENT"; each is on one version at most
  WallTime created_at{};
};

// Key: its name.
struct Secret {
  std::string name;
  std::string arn;  // with six characters of its own, so that one made later under that name is another
  std::string description;
  std::string key_id;                   // as it was given
  std::vector<SecretVersion> versions;  // oldest first; may be empty
  std::vector<Tag> tags;
  std::string policy;  // the resource policy as it was sent; empty: none
  WallTime created_at{};
  WallTime changed_at{};
  WallTime accessed_at{};  // the beginning of a day; WallTime{}: never
  WallTime deleted_at{};   // WallTime{}: it is not to be deleted
  WallTime gone_at{};      // then it is no more
};

}  // namespace agent::model
