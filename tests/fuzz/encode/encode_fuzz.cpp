// Whatever a target says and however it is split: the client decodes exactly that, at every flush what was
// said so far. Whatever a client says in Accept-Encoding: a coding is chosen only if it was named or `*` was.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "balancer/encode/encoder.h"
#include "balancer/encode/negotiation.h"
#include "shared/base/check.h"
#include "tests/support/decoder.h"

namespace {

namespace encode = balancer::encode;
namespace codec = balancer::codec;
using shared::lbconfig::kCodingWords;

void negotiate(const std::string& value) {
  shared::lbconfig::Compression settings;
  settings.algorithms = {encode::Coding::kBrotli, encode::Coding::kGzip, encode::Coding::kZstd};
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: " + value + "\r\n\r\n";
  codec::RequestParser parser;
  codec::RequestHead head;
  if (parser.parse(text, head) != codec::ParseState::kComplete) return;
  const encode::Accepted accepted = encode::accepted_coding(head, settings);
  if (!accepted.coding) return;
  std::string lowered = value;
  for (char& c : lowered) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const std::string_view word = kCodingWords[static_cast<std::size_t>(*accepted.coding)];
  BERTH_CHECK(lowered.find(word) != std::string::npos || lowered.find('*') != std::string::npos,
              "a coding that the client did not name");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static encode::EncoderPool pool;
  if (size < 3) return 0;
  const auto coding = static_cast<encode::Coding>(data[0] % kCodingWords.size());
  const int level = 1 + data[1] % 9;
  const std::string_view said(reinterpret_cast<const char*>(data) + 3, size - 3);
  negotiate(std::string(said));
  auto encoder = pool.take(coding, level);
  BERTH_CHECK(encoder != nullptr, "an encoder is there");
  codec::Buffer coded;
  std::uint32_t state = data[2];
  const std::string_view word = kCodingWords[static_cast<std::size_t>(coding)];
  for (std::size_t at = 0; at < said.size();) {
    state = state * 1664525 + 1013904223;
    const std::size_t piece = std::min<std::size_t>(said.size() - at, 1 + (state >> 16) % 300);
    const bool flush = (state >> 28) == 0;
    BERTH_CHECK(
        encoder->write(said.substr(at, piece), flush ? encode::Until::kFlushed : encode::Until::kMore, coded),
        "an encoder takes everything");
    at += piece;
    if (flush)
      BERTH_CHECK(tests::support::decode(word, coded.view()).text == said.substr(0, at), "a flush is whole");
  }
  BERTH_CHECK(encoder->write({}, encode::Until::kFinished, coded), "an encoder finishes");
  const auto decoded = tests::support::decode(word, coded.view());
  BERTH_CHECK(decoded.whole && decoded.text == said, "the client decodes what was said");
  pool.give(std::move(encoder));
  return 0;
}
