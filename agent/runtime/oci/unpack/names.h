// What an entry's name in an archive means: hostile text in, clean parts out. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace agent::runtime::oci::unpack {

inline constexpr std::size_t kMaxComponent = 255;  // NAME_MAX
inline constexpr std::size_t kMaxPath = 4095;      // PATH_MAX without the end
inline constexpr std::size_t kMaxDepth = 256;
inline constexpr std::string_view kWhiteout = ".wh.";
inline constexpr std::string_view kAufs = ".wh..wh.";
inline constexpr std::string_view kOpaque = ".wh..wh..opq";

using Parts = std::vector<std::string>;

// Without empty parts and "."; empty for the root itself. Error "unsafe": "..", a NUL, a name or a path that
// is too long, too many levels.
shared::Result<Parts> clean_name(std::string_view name);
std::string joined(const Parts& parts);  // "a/b", "." for none
// An extended attribute that an image may set: security.capability, user.*, and trusted.* but overlayfs' own.
bool takes_attribute(std::string_view name);

}  // namespace agent::runtime::oci::unpack
