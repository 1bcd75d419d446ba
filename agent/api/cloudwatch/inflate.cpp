#include <zlib.h>

#include <array>

#include "agent/api/cloudwatch/cloudwatch.h"
#include "agent/api/cloudwatch/operations.h"

namespace agent::api::cloudwatch {

shared::Result<std::string> inflated(const std::string& gzip) {
  constexpr int kGzip = 16 + MAX_WBITS;  // zlib's way to ask for that format alone
  constexpr std::size_t kPiece = 16 * 1024;
  z_stream stream{};
  if (inflateInit2(&stream, kGzip) != Z_OK) return invalid("The body cannot be inflated.");
  std::string out;
  std::array<char, kPiece> piece{};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  int state = Z_OK;
  while (state == Z_OK && out.size() <= kMaxInflated) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    state = inflate(&stream, Z_NO_FLUSH);
    out.append(piece.data(), piece.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (out.size() > kMaxInflated) return invalid("The body is larger than 1 MiB when it is inflated.");
  if (state != Z_STREAM_END) return invalid("The body is no gzip, although its Content-Encoding says so.");
  return out;
}

}  // namespace agent::api::cloudwatch
