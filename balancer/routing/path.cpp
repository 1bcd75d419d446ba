#include "balancer/codec/chars.h"
#include "balancer/routing/route_table.h"

namespace balancer::routing {

namespace {

bool needs_work(std::string_view path) {
  return path.find('%') != std::string_view::npos || path.find("/.") != std::string_view::npos;
}

// Decodes escapes of unreserved characters (RFC 3986 section 6.2.2.2).
void decode_unreserved(std::string_view path, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 2 < path.size()) {
      const int high = codec::hex_value(path[i + 1]);
      const int low = codec::hex_value(path[i + 2]);
      const auto byte = static_cast<char>(high * 16 + low);
      if (high >= 0 && low >= 0 && codec::is(byte, codec::kUnreservedChar)) {
        out.push_back(byte);
        i += 2;
        continue;
      }
    }
    out.push_back(path[i]);
  }
}

// RFC 3986 section 5.2.4, in place: the result is never longer than what was read.
void remove_dot_segments(std::string& path) {
  std::size_t written = 0;
  std::size_t at = 0;
  while (at < path.size()) {  // path[at] is '/'
    std::size_t end = path.find('/', at + 1);
    if (end == std::string::npos) end = path.size();
    const std::string_view segment = std::string_view(path).substr(at + 1, end - at - 1);
    const bool last = end == path.size();
    if (segment == "." || segment == "..") {
      if (segment == "..") {
        const std::size_t parent = written == 0 ? std::string::npos : path.rfind('/', written - 1);
        written = parent == std::string::npos ? 0 : parent;
      }
      if (last) path[written++] = '/';
    } else {
      for (std::size_t i = at; i < end; ++i) path[written++] = path[i];
    }
    at = end;
  }
  path.resize(written);
}

}  // namespace

std::string_view normalise_path(std::string_view path, std::string& space) {
  if (!path.starts_with('/') || !needs_work(path)) return path;
  decode_unreserved(path, space);
  remove_dot_segments(space);
  return space;
}

}  // namespace balancer::routing
