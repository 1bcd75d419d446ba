// What a client makes of coded bytes: as far as they go, and whether that is all.
#pragma once
#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace tests::support {

struct Decoded {
  bool good = false;   // false: these are no bytes of that coding
  bool whole = false;  // the coding says that it ends here, and nothing is behind
  std::string text;
};

inline Decoded decode_gzip(std::string_view coded) {
  Decoded out;
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return out;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(coded.data()));
  stream.avail_in = static_cast<uInt>(coded.size());
  std::array<char, 4096> room;
  int done = Z_OK;
  while (done == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    done = inflate(&stream, Z_SYNC_FLUSH);
    out.text.append(room.data(), room.size() - stream.avail_out);
  }
  out.good = done == Z_STREAM_END || done == Z_BUF_ERROR;
  out.whole = done == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  return out;
}

inline Decoded decode_brotli(std::string_view coded) {
  Decoded out;
  std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
  const auto* next_in = reinterpret_cast<const std::uint8_t*>(coded.data());
  std::size_t left = coded.size();
  std::array<char, 4096> room;
  BrotliDecoderResult done = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
  while (done == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT || BrotliDecoderHasMoreOutput(state.get()) != 0) {
    auto* next_out = reinterpret_cast<std::uint8_t*>(room.data());
    std::size_t free = room.size();
    done = BrotliDecoderDecompressStream(state.get(), &left, &next_in, &free, &next_out, nullptr);
    out.text.append(room.data(), room.size() - free);
  }
  out.good = done != BROTLI_DECODER_RESULT_ERROR;
  out.whole = done == BROTLI_DECODER_RESULT_SUCCESS && left == 0;
  return out;
}

inline Decoded decode_zstd(std::string_view coded) {
  Decoded out;
  std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  ZSTD_inBuffer in{coded.data(), coded.size(), 0};
  std::array<char, 4096> room;
  std::size_t left = 1;
  for (;;) {
    ZSTD_outBuffer to{room.data(), room.size(), 0};
    left = ZSTD_decompressStream(context.get(), &to, &in);
    if (ZSTD_isError(left) != 0) return out;
    out.text.append(room.data(), to.pos);
    if (left == 0 || (in.pos == in.size && to.pos < to.size)) break;
  }
  out.good = true;
  out.whole = left == 0 && in.pos == in.size;
  return out;
}

// `coding` as in Content-Encoding.
inline Decoded decode(std::string_view coding, std::string_view coded) {
  if (coding == "gzip") return decode_gzip(coded);
  if (coding == "br") return decode_brotli(coded);
  if (coding == "zstd") return decode_zstd(coded);
  return {};
}

}  // namespace tests::support
