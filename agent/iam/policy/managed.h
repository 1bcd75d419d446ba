// The policies of AWS's own that stacks around ECS attach: arn:aws:iam::aws:policy/<path><name>. They can be
// read and attached and never changed. Others are not here, and attaching one is refused, so that nobody
// believes in rights that nobody has.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace agent::iam::policy {

struct ManagedPolicy {
  std::string_view path;  // "/", "/service-role/"
  std::string_view name;
  int version;                // that AWS's has today; older ones are not kept
  std::string_view document;  // JSON
};

std::span<const ManagedPolicy> managed_policies();  // in the order of their names
std::string arn_of(const ManagedPolicy& policy);
const ManagedPolicy* find_managed(std::string_view arn);  // nullptr: there is none

}  // namespace agent::iam::policy
