// Removes what an archive's later entry replaces, without following a link. Blocking.
#pragma once
#include <string>

namespace agent::runtime::oci::unpack {

// `name` of the folder, with everything below it. False with errno where something stays.
bool remove_beneath(int parent, const std::string& name);

}  // namespace agent::runtime::oci::unpack
