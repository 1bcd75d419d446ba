// Message bodies, sans-io: where a body ends, and its bytes without their framing.
// Chunked coding is read strictly (RFC 9112 section 7.1): CRLF only, no space around sizes, extensions
// counted against a limit and dropped. Trailers are parsed apart from the head, so that none can pose as a
// header; those that may be trailers (may_be_trailer) are kept where the framing says that they are wanted,
// else dropped.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "balancer/codec/buffer.h"

namespace balancer::codec {

// Chunk extensions of one body, all chunks together: nobody uses them, attackers do.
inline constexpr std::size_t kMaxChunkExtensionBytes = 16 * 1024;
inline constexpr std::size_t kMaxTrailerBytes = 16 * 1024;  // all trailer lines of one body
inline constexpr std::size_t kMaxTrailerFields = 64;        // of one body, dropped ones too
inline constexpr std::size_t kMaxChunkSizeDigits = 16;
// Larger lengths are refused as broken; leaves room for sums.
inline constexpr std::uint64_t kMaxBodyLength =
    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

struct BodyFraming {
  enum class Kind : std::uint8_t { kNone, kLength, kChunked, kUntilClose };
  Kind kind = Kind::kNone;
  std::uint64_t length = 0;  // kLength only
  bool trailers = false;     // kChunked only: the fields behind the last chunk go to the other side
  bool operator==(const BodyFraming&) const = default;
  // False when no byte follows the head.
  bool has_bytes() const { return kind == Kind::kChunked || kind == Kind::kUntilClose || length > 0; }
};

// RFC 9110 section 6.5.1: whether a field may be sent as a trailer, as far as names tell. Not those that
// frame, route, authenticate, condition or describe a message, belong to one connection or to us, nor names
// that a gateway could fold into one of these (`Content_Length`).
bool may_be_trailer(std::string_view name);
// Whether it is one of these, in any case.
bool is_one_of(std::string_view name, std::span<const std::string> names);
// Trailer lines with CRLF, without those of these names.
std::string without_trailers(std::string_view lines, std::span<const std::string> names);

class BodyReader {
 public:
  struct Step {
    std::size_t consumed = 0;  // bytes of the input that are dealt with, payload included
    std::string_view payload;  // part of the input
  };

  BodyReader() = default;
  explicit BodyReader(BodyFraming framing) { start(framing); }
  void start(BodyFraming framing);

  // Trailers of these names are left out too; for the body that was started. The names outlive it.
  void leave_out(std::span<const std::string> names) { left_out_ = names; }

  // Takes at most one run of payload; call again with the rest of the input until nothing is consumed (more
  // bytes are needed), done() or failed().
  Step read(std::string_view input);
  // Whether the next `bytes` are payload and nothing else, the body's last ones at most; takes them if so.
  bool take_all(std::size_t bytes);
  // Payload that is certain to come, framing apart: a hint for how much to read at once.
  std::uint64_t expected() const;
  // The sender closed: ends an until-close body well; anything else that is not done has failed.
  void finish();

  bool done() const { return state_ == State::kDone; }
  bool failed() const { return state_ == State::kFailed; }
  std::string_view problem() const {
    return problem_;
  }  // "bad_chunk_size"; a word for the log, empty unless failed
  const BodyFraming& framing() const { return framing_; }
  // Complete lines with CRLF, whole once done(); empty unless framing().trailers.
  std::string_view trailers() const { return trailers_ ? trailers_->lines.view() : std::string_view(); }
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
  struct Trailers {  // made by the first trailer: most bodies have none
    Buffer lines;
    std::size_t line_start = 0;
  };
  void keep_trailer_byte(char byte);
  void end_trailer_line();
  Step take_payload(std::string_view input);
  std::size_t read_framing(std::string_view input);
  bool frame_byte(char byte);
  bool fail(std::string_view problem);

  BodyFraming framing_;
  State state_ = State::kDone;
  std::uint8_t digits_ = 0;
  std::uint8_t trailer_fields_ = 0;
  bool trailer_colon_ = false;
  std::uint64_t remaining_ = 0;
  std::uint64_t payload_bytes_ = 0;
  std::size_t extension_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::string_view problem_;
  std::unique_ptr<Trailers> trailers_;
  std::span<const std::string> left_out_;
};

// How the bytes go out on the other side.
enum class BodyForm : std::uint8_t { kPlain, kChunked };

enum class Transfer : std::uint8_t {
  kNeedInput,  // all of `in` that could be used is in `out`
  kOutFull,    // `out` holds `max_out` bytes or more; call again when some were sent
  kDone,       // the body is complete, its last chunk is in `out`, with trailers; `in` holds what follows it
  kFailed
};

// Moves body bytes from `in` to `out`, re-framed. Consumes from `in` what it used. `out` may pass max_out by
// the framing of one chunk, by trailers, and by as much as `in` holds: where all of that is payload and `out`
// is empty, the two change places and no byte is copied.
Transfer transfer_body(BodyReader& reader, Buffer& in, Buffer& out, BodyForm form, std::size_t max_out);
// After the sender closed: finish() and, for kChunked, the last chunk with these trailers, lines of those
// that may be some.
Transfer finish_body(BodyReader& reader, Buffer& out, BodyForm form, std::string_view trailers = {});
// The last chunk of a body that was sent in chunks, and its trailers.
void write_last_chunk(Buffer& out, std::string_view trailers);

void write_chunk(Buffer& out,
                 std::string_view payload);  // nothing for an empty payload, which would end the body
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace balancer::codec
