// Whom a container runs as: the image's own passwd and group files, as text. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace agent::runtime::oci {

struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;  // supplementary; the primary one is among them
  std::string home = "/";
};

// `wanted`: "", "name", "uid", each with ":group" or ":gid". Files that are not there are empty. Errors, code
// "user", in the words of Docker's: no matching entries, a number out of range.
shared::Result<User> find_user(const std::string& wanted, std::string_view passwd, std::string_view group,
                               const std::vector<std::string>& added_groups);

}  // namespace agent::runtime::oci
