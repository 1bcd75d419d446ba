#include "agent/runtime/oci/unpack/names.h"

namespace agent::runtime::oci::unpack {

using shared::Error;
using shared::Result;

Result<Parts> clean_name(std::string_view name) {
  const auto unsafe = [&](const std::string& why) {
    return Error("unsafe", "entry '" + std::string(name.substr(0, kMaxComponent)) + "': " + why);
  };
  if (name.size() > kMaxPath) return unsafe("the path is too long");
  if (name.find('\0') != std::string_view::npos) return unsafe("a NUL in the name");
  Parts parts;
  while (!name.empty()) {
    const auto slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(slash == std::string_view::npos ? name.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") return Error("unsafe", "an entry whose name has '..'");
    if (part.size() > kMaxComponent) return Error("unsafe", "a name of more than 255 bytes");
    parts.emplace_back(part);
  }
  if (parts.size() > kMaxDepth) return Error("unsafe", "more than 256 levels of folders");
  return parts;
}

std::string joined(const Parts& parts) {
  std::string out;
  for (const std::string& each : parts) out += (out.empty() ? "" : "/") + each;
  return out.empty() ? "." : out;
}

bool takes_attribute(std::string_view name) {
  if (name == "security.capability" || name.starts_with("user.")) return true;
  return name.starts_with("trusted.") && !name.starts_with("trusted.overlay.");
}

}  // namespace agent::runtime::oci::unpack
