// A layer's bytes: from compressed (gzip, zstd, or not at all) to the tar that its diffID is of, and from
// that to entries. libarchive reads; nothing of it writes.
#pragma once
#include <functional>
#include <string>

#include "agent/runtime/oci/unpack/tree.h"
#include "shared/base/result.h"

namespace agent::runtime::oci::unpack {

// Reads `input` to its end and gives the tree every entry. Returns the diffID, "sha256:...". Errors: the
// tree's, "malformed" (no tar, broken compression), "limit".
shared::Result<std::string> unpack_stream(int input, const Limits& limits, Tree& tree);

}  // namespace agent::runtime::oci::unpack
