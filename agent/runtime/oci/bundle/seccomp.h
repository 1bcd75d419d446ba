// Which system calls a container may make: Docker's defaults (of its newest release, where releases differ),
// as the part `linux.seccomp` of an OCI configuration. Data and pure functions.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace agent::runtime::oci {

extern const std::span<const std::string_view> kAlwaysAllowed;

// `capabilities`: those of the container, "CAP_...": some calls come with one.
nlohmann::json seccomp_profile(const std::set<std::string>& capabilities);

}  // namespace agent::runtime::oci
