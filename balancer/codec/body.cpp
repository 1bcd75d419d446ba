#include "balancer/codec/body.h"

#include <algorithm>

#include "balancer/codec/chars.h"
#include "shared/base/check.h"

namespace balancer::codec {

void BodyReader::start(BodyFraming framing) {
  *this = BodyReader();
  framing_ = framing;
  switch (framing.kind) {
    case BodyFraming::Kind::kNone:
      state_ = State::kDone;
      break;
    case BodyFraming::Kind::kLength:
      remaining_ = framing.length;
      state_ = framing.length == 0 ? State::kDone : State::kFixed;
      break;
    case BodyFraming::Kind::kChunked:
      state_ = State::kSizeStart;
      break;
    case BodyFraming::Kind::kUntilClose:
      state_ = State::kUntilClose;
      break;
  }
}

BodyReader::Step BodyReader::read(std::string_view input) {
  const std::size_t framing_bytes = read_framing(input);
  Step step = take_payload(input.substr(framing_bytes));
  step.consumed += framing_bytes;
  return step;
}

BodyReader::Step BodyReader::take_payload(std::string_view input) {
  Step step;
  switch (state_) {
    case State::kUntilClose:
      step.payload = input;
      break;
    case State::kFixed:
    case State::kData:
      step.payload =
          input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size())));
      remaining_ -= step.payload.size();
      if (remaining_ == 0) state_ = state_ == State::kFixed ? State::kDone : State::kDataCr;
      break;
    default:
      return step;
  }
  step.consumed = step.payload.size();
  payload_bytes_ += step.consumed;
  return step;
}

// Bytes that are framing, up to the next payload byte, the end of the body or of the input.
std::size_t BodyReader::read_framing(std::string_view input) {
  std::size_t used = 0;
  while (used < input.size()) {
    switch (state_) {
      case State::kDone:
      case State::kFixed:
      case State::kUntilClose:
      case State::kData:
      case State::kFailed:
        return used;
      default:
        break;
    }
    if (!frame_byte(input[used])) return used;
    ++used;
  }
  return used;
}

// One step of the chunk grammar; false when it failed.
bool BodyReader::frame_byte(char byte) {
  switch (state_) {
    case State::kSizeStart:
    case State::kSize: {
      const int digit = hex_value(byte);
      if (digit >= 0) {
        if (++digits_ > kMaxChunkSizeDigits || remaining_ > kMaxBodyLength >> 4)
          return fail("chunk_too_large");
        remaining_ = remaining_ << 4 | static_cast<std::uint64_t>(digit);
        state_ = State::kSize;
        return true;
      }
      if (state_ == State::kSizeStart) return fail("bad_chunk_size");
      if (byte == '\r') return state_ = State::kSizeLf, true;
      if (byte != ';') return fail("bad_chunk_size");
      state_ = State::kExtension;
      [[fallthrough]];
    }
    case State::kExtension:
      if (byte == '\r') return state_ = State::kSizeLf, true;
      if (is(byte, kControlChar) && byte != '\t') return fail("bad_chunk_extension");
      return ++extension_bytes_ <= kMaxChunkExtensionBytes || fail("chunk_extensions_too_long");
    case State::kSizeLf:
      if (byte != '\n') return fail("bad_chunk_size");
      digits_ = 0;
      state_ = remaining_ == 0 ? State::kTrailerStart : State::kData;
      return true;
    case State::kDataCr:
      return state_ = State::kDataLf, byte == '\r' || fail("bad_chunk_end");
    case State::kDataLf:
      return state_ = State::kSizeStart, byte == '\n' || fail("bad_chunk_end");
    case State::kTrailerStart:
      if (byte == '\r') return state_ = State::kFinalLf, true;
      trailer_colon_ = false;
      state_ = State::kTrailer;
      if (!is(byte, kTokenChar)) return fail("bad_trailer");
      return ++trailer_bytes_ <= kMaxTrailerBytes || fail("trailers_too_long");
    case State::kTrailer:
      if (++trailer_bytes_ > kMaxTrailerBytes) return fail("trailers_too_long");
      if (!trailer_colon_) {
        trailer_colon_ = byte == ':';
        return trailer_colon_ || is(byte, kTokenChar) || fail("bad_trailer");
      }
      if (byte == '\r') return state_ = State::kTrailerLf, true;
      return !is(byte, kControlChar) || byte == '\t' || fail("bad_trailer");
    case State::kTrailerLf:
      return state_ = State::kTrailerStart, byte == '\n' || fail("bad_trailer");
    case State::kFinalLf:
      return state_ = State::kDone, byte == '\n' || fail("bad_chunk_end");
    default:
      BERTH_CHECK(false, "no framing is read in this state");
  }
}

bool BodyReader::fail(std::string_view problem) {
  state_ = State::kFailed;
  problem_ = problem;
  return false;
}

void BodyReader::finish() {
  if (state_ == State::kUntilClose) {
    state_ = State::kDone;
  } else if (state_ != State::kDone && state_ != State::kFailed) {
    fail("body_cut_short");
  }
}

void write_chunk(Buffer& out, std::string_view payload) {
  if (payload.empty()) return;
  out.append_hex(payload.size());
  out.append("\r\n");
  out.append(payload);
  out.append("\r\n");
}

Transfer transfer_body(BodyReader& reader, Buffer& in, Buffer& out, BodyForm form, std::size_t max_out) {
  if (reader.done()) return Transfer::kDone;
  while (out.size() < max_out) {
    const std::string_view input = in.view().substr(0, max_out - out.size());
    const BodyReader::Step step = reader.read(input);
    if (form == BodyForm::kChunked) {
      write_chunk(out, step.payload);
    } else {
      out.append(step.payload);
    }
    in.consume(step.consumed);
    if (reader.failed()) return Transfer::kFailed;
    if (reader.done()) {
      if (form == BodyForm::kChunked) out.append(kLastChunk);
      return Transfer::kDone;
    }
    if (step.consumed == 0) return Transfer::kNeedInput;
  }
  return Transfer::kOutFull;
}

Transfer finish_body(BodyReader& reader, Buffer& out, BodyForm form) {
  if (reader.done()) return Transfer::kDone;
  reader.finish();
  if (reader.failed()) return Transfer::kFailed;
  if (form == BodyForm::kChunked) out.append(kLastChunk);
  return Transfer::kDone;
}

}  // namespace balancer::codec
