// Message bodies, sans-io: where a body ends, and its bytes without their framing.
// Chunked coding is read strictly (RFC 9112 section 7.1): CRLF only, no space around sizes, extensions
// counted against a limit and dropped. Trailers are parsed apart from the head and dropped, so that none can
// pose as a header.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "balancer/codec/buffer.h"

namespace balancer::codec {

// Chunk extensions of one body, all chunks together: nobody uses them, attackers do.
inline constexpr std::size_t kMaxChunkExtensionBytes = 16 * 1024;
inline constexpr std::size_t kMaxTrailerBytes = 16 * 1024;  // all trailer lines of one body
inline constexpr std::size_t kMaxChunkSizeDigits = 16;
// Larger lengths are refused as broken; leaves room for sums.
inline constexpr std::uint64_t kMaxBodyLength =
    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

struct BodyFraming {
  enum class Kind : std::uint8_t { kNone, kLength, kChunked, kUntilClose };
  Kind kind = Kind::kNone;
  std::uint64_t length = 0;  // kLength only
  bool operator==(const BodyFraming&) const = default;
  // False when no byte follows the head.
  bool has_bytes() const { return kind == Kind::kChunked || kind == Kind::kUntilClose || length > 0; }
};

class BodyReader {
 public:
  struct Step {
    std::size_t consumed = 0;  // bytes of the input that are dealt with, payload included
    std::string_view payload;  // part of the input
  };

  BodyReader() = default;
  explicit BodyReader(BodyFraming framing) { start(framing); }
  void start(BodyFraming framing);

  // Takes at most one run of payload; call again with the rest of the input until nothing is consumed (more
  // bytes are needed), done() or failed().
  Step read(std::string_view input);
  // The sender closed: ends an until-close body well; anything else that is not done has failed.
  void finish();

  bool done() const { return state_ == State::kDone; }
  bool failed() const { return state_ == State::kFailed; }
  std::string_view problem() const {
    return problem_;
  }  // "bad_chunk_size"; a word for the log, empty unless failed
  const BodyFraming& framing() const { return framing_; }
  std::uint64_t payload_bytes() const { return payload_bytes_; }  // given out so far

 private:
  enum class State : std::uint8_t {
    kDone,
    kFixed,  // remaining_ bytes of payload, then done
    kUntilClose,
    kSizeStart,  // first digit of a chunk size
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,  // at the start of a trailer line, or of the final empty line
    kTrailer,
    kTrailerLf,
    kFinalLf,
    kFailed
  };
  Step take_payload(std::string_view input);
  std::size_t read_framing(std::string_view input);
  bool frame_byte(char byte);
  bool fail(std::string_view problem);

  BodyFraming framing_;
  State state_ = State::kDone;
  std::uint8_t digits_ = 0;
  bool trailer_colon_ = false;
  std::uint64_t remaining_ = 0;
  std::uint64_t payload_bytes_ = 0;
  std::size_t extension_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::string_view problem_;
};

// How the bytes go out on the other side.
enum class BodyForm : std::uint8_t { kPlain, kChunked };

enum class Transfer : std::uint8_t {
  kNeedInput,  // all of `in` that could be used is in `out`
  kOutFull,    // `out` holds `max_out` bytes or more; call again when some were sent
  kDone,       // the body is complete, its last chunk is in `out`; `in` holds what follows it
  kFailed
};

// Moves body bytes from `in` to `out`, re-framed. Consumes from `in` what it used. `out` may pass max_out by
// the framing of one chunk.
Transfer transfer_body(BodyReader& reader, Buffer& in, Buffer& out, BodyForm form, std::size_t max_out);
// After the sender closed: finish() and, for kChunked, the last chunk.
Transfer finish_body(BodyReader& reader, Buffer& out, BodyForm form);

void write_chunk(Buffer& out,
                 std::string_view payload);  // nothing for an empty payload, which would end the body
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace balancer::codec
