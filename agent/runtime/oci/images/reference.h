// Names of images, as users write them: [host[:port]/]path[:tag][@digest]. Pure.
#pragma once
#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace agent::runtime::oci {

inline constexpr std::string_view kDefaultRegistry = "docker.io";
inline constexpr std::size_t kMaxImageName = 255;  // host and path
inline constexpr std::size_t kMaxTag = 128;

struct Reference {
  std::string host;    // "docker.io", "127.0.0.1:5000"
  std::string path;    // "library/busybox"
  std::string tag;     // empty only with a digest
  std::string digest;  // "sha256:<64 hex>"; decides where both are given

  std::string repository() const { return host + "/" + path; }
  // What the image is stored under: one spelling for all that mean the same.
  std::string name() const { return repository() + (digest.empty() ? ":" + tag : "@" + digest); }
  const std::string& wanted() const { return digest.empty() ? tag : digest; }  // of a manifest request
};

// Error "malformed" names the text and what is wrong.
shared::Result<Reference> parse_reference(std::string_view text);
// "sha256:" and 64 lower-case hexadecimal digits: the only algorithm that is taken.
bool is_digest(std::string_view text);
std::string hex_of(std::string_view digest);  // the part after "sha256:"

}  // namespace agent::runtime::oci
