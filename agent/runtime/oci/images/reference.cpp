#include "agent/runtime/oci/images/reference.h"

#include <algorithm>

namespace agent::runtime::oci {
namespace {

using shared::Error;
using shared::Result;

constexpr std::string_view kAlgorithm = "sha256:";
constexpr std::size_t kHexDigits = 64;

bool digit(char c) { return c >= '0' && c <= '9'; }
bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool alphanumeric(char c) { return digit(c) || lower(c) || (c >= 'A' && c <= 'Z'); }

// [a-z0-9]+(([._]|__|-+)[a-z0-9]+)*
bool good_component(std::string_view text) {
  std::size_t at = 0;
  const auto word = [&] {
    const std::size_t from = at;
    while (at < text.size() && (lower(text[at]) || digit(text[at]))) ++at;
    return at > from;
  };
  if (!word()) return false;
  while (at < text.size()) {
    if (text.substr(at, 2) == "__") {
      at += 2;
    } else if (text[at] == '-') {
      while (at < text.size() && text[at] == '-') ++at;
    } else if (text[at] == '.' || text[at] == '_') {
      ++at;
    } else {
      return false;
    }
    if (!word()) return false;
  }
  return true;
}

bool good_path(std::string_view path) {
  for (;;) {
    const auto slash = path.find('/');
    if (!good_component(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool good_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= kMaxTag && (alphanumeric(tag[0]) || tag[0] == '_') &&
         std::all_of(tag.begin(), tag.end(),
                     [](char c) { return alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

bool good_host(std::string_view host) {
  if (host.empty() || (!alphanumeric(host[0]) && host[0] != '[')) return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return alphanumeric(c) || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
  });
}

}  // namespace

bool is_digest(std::string_view text) {
  if (!text.starts_with(kAlgorithm) || text.size() != kAlgorithm.size() + kHexDigits) return false;
  text.remove_prefix(kAlgorithm.size());
  return std::all_of(text.begin(), text.end(), [](char c) { return digit(c) || (c >= 'a' && c <= 'f'); });
}

std::string hex_of(std::string_view digest) { return std::string(digest.substr(kAlgorithm.size())); }

Result<Reference> parse_reference(std::string_view text) {
  const auto bad = [&](const std::string& why) {
    return Error("malformed", "image '" + std::string(text) + "': " + why, shared::Blame::kClient);
  };
  Reference out;
  std::string_view rest = text;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    out.digest = rest.substr(at + 1);
    if (!is_digest(out.digest)) return bad("the digest is not sha256: and 64 hexadecimal digits");
    rest = rest.substr(0, at);
  }
  const auto slash = rest.find('/');
  const std::string_view first = rest.substr(0, slash);
  const bool names_host = slash != std::string_view::npos &&
                          (first == "localhost" || first.find_first_of(".:") != std::string_view::npos);
  if (names_host) {
    out.host = first;
    rest.remove_prefix(slash + 1);
  } else {
    out.host = kDefaultRegistry;
  }
  if (out.host == "index.docker.io") out.host = kDefaultRegistry;
  if (const auto colon = rest.rfind(':'); colon != std::string_view::npos) {
    out.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!good_tag(out.tag)) return bad("the tag is malformed");
  }
  if (out.tag.empty() && out.digest.empty()) out.tag = "latest";
  out.path = rest;
  if (!good_path(out.path))
    return bad("the repository is malformed (lower-case letters, digits, separators)");
  if (out.host == kDefaultRegistry && out.path.find('/') == std::string::npos)
    out.path = "library/" + out.path;
  if (!good_host(out.host)) return bad("the registry's host is malformed");
  if (out.host.size() + 1 + out.path.size() > kMaxImageName)
    return bad("host and path have more than " + std::to_string(kMaxImageName) + " characters");
  return out;
}

}  // namespace agent::runtime::oci
