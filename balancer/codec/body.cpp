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
      if (++trailer_fields_ > kMaxTrailerFields) return fail("too_many_trailers");
      keep_trailer_byte(byte);
      return ++trailer_bytes_ <= kMaxTrailerBytes || fail("trailers_too_long");
    case State::kTrailer:
      if (++trailer_bytes_ > kMaxTrailerBytes) return fail("trailers_too_long");
      keep_trailer_byte(byte);
      if (!trailer_colon_) {
        trailer_colon_ = byte == ':';
        return trailer_colon_ || is(byte, kTokenChar) || fail("bad_trailer");
      }
      if (byte == '\r') return state_ = State::kTrailerLf, true;
      return !is(byte, kControlChar) || byte == '\t' || fail("bad_trailer");
    case State::kTrailerLf:
      end_trailer_line();
      return state_ = State::kTrailerStart, byte == '\n' || fail("bad_trailer");
    case State::kFinalLf:
      return state_ = State::kDone, byte == '\n' || fail("bad_chunk_end");
    default:
      BERTH_CHECK(false, "no framing is read in this state");
  }
}

void BodyReader::keep_trailer_byte(char byte) {
  if (!framing_.trailers || byte == '\r') return;
  if (!trailers_) trailers_ = std::make_unique<Trailers>();
  trailers_->lines.append(byte);
}

void BodyReader::end_trailer_line() {
  if (!trailers_) return;
  const std::string_view line = trailers_->lines.view().substr(trailers_->line_start);
  const std::string_view name = line.substr(0, line.find(':'));
  if (may_be_trailer(name) && !is_one_of(name, left_out_)) {
    trailers_->lines.append("\r\n");
    trailers_->line_start = trailers_->lines.size();
  } else {
    trailers_->lines.truncate(trailers_->line_start);
  }
}

bool BodyReader::fail(std::string_view problem) {
  state_ = State::kFailed;
  problem_ = problem;
  return false;
}

bool BodyReader::take_all(std::size_t bytes) {
  if (bytes == 0) return false;
  if (state_ == State::kFixed) {
    if (remaining_ < bytes) return false;
    remaining_ -= bytes;
    if (remaining_ == 0) state_ = State::kDone;
  } else if (state_ != State::kUntilClose) {
    return false;
  }
  payload_bytes_ += bytes;
  return true;
}

std::uint64_t BodyReader::expected() const {
  return state_ == State::kFixed || state_ == State::kData ? remaining_ : 0;
}

void BodyReader::finish() {
  if (state_ == State::kUntilClose) {
    state_ = State::kDone;
  } else if (state_ != State::kDone && state_ != State::kFailed) {
    fail("body_cut_short");
  }
}

void write_last_chunk(Buffer& out, std::string_view trailers) {
  if (trailers.empty()) return out.append(kLastChunk);
  out.append("0\r\n");
  out.append(trailers);
  out.append("\r\n");
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
      if (form == BodyForm::kChunked) write_last_chunk(out, reader.trailers());
      return Transfer::kDone;
    }
    if (step.consumed == 0) return Transfer::kNeedInput;
  }
  return Transfer::kOutFull;
}

Transfer finish_body(BodyReader& reader, Buffer& out, BodyForm form, std::string_view trailers) {
  if (reader.done()) return Transfer::kDone;
  reader.finish();
  if (reader.failed()) return Transfer::kFailed;
  if (form == BodyForm::kChunked) write_last_chunk(out, trailers);
  return Transfer::kDone;
}

}  // namespace balancer::codec
