// Response bodies that are compressed on their way (target group attributes berth.compression.*).
#include <algorithm>

#include "balancer/proxy/exchange/exchange.h"
#include "balancer/proxy/worker/worker.h"

namespace balancer::proxy {

using codec::BodyFraming;

// Before the head is said: what it says of the coding, and how the body is framed then.
void Exchange::begin_encoding(codec::ResponseRewrite& rewrite) {
  const shared::lbconfig::Compression& settings = config_->groups[group_]->group->compression;
  if (now_->edits.sets("content-encoding")) return;  // the listener's, who knows why
  const encode::Treatment treatment = encode::treat(response_head_, plan_, facts_, accepted_, settings);
  rewrite.vary_by_coding = treatment.vary;
  rewrite.weaken_etag = treatment.weaken;
  if (!treatment.encode) return;
  encoder_ = worker_.encoders().take(*accepted_.coding, settings.level);
  if (encoder_ == nullptr) return counters_->encoders_missing.add();
  counters_->encoded_responses.add();
  unflushed_ = false;
  rewrite.content_coding = shared::lbconfig::kCodingWords[static_cast<std::size_t>(*accepted_.coding)];
  if (plan_.out.kind != BodyFraming::Kind::kLength) return;
  // Its length will show.
  const bool chunked = facts_.http11 && !client_->frames_bodies();
  plan_.out = {chunked ? BodyFraming::Kind::kChunked : BodyFraming::Kind::kUntilClose, 0};
  if (!chunked && !client_->frames_bodies()) plan_.keep_client = false;
}

// False: out of memory, and the exchange is over.
bool Exchange::encode(std::string_view payload, encode::Until until) {
  codec::Buffer& coded = worker_.encode_space();
  coded.clear();
  if (!encoder_->write(payload, until, coded)) return body_broke(), false;
  unflushed_ = until == encode::Until::kMore && (unflushed_ || !payload.empty());
  counters_->encoded_from_bytes.add(payload.size());
  counters_->encoded_to_bytes.add(coded.size());
  if (plan_.form() == codec::BodyForm::kChunked) {
    codec::write_chunk(in_->out, coded.view());
  } else {
    in_->out.append(coded.view());
  }
  return true;
}

// As read_response_body(), with the encoder between. What waits for the client is bounded by kMaxOut, what
// one piece becomes, and what the encoder has held back. Whenever the target pauses, all that it has said
// goes out: events are not held up for the sake of a better ratio.
void Exchange::encode_response_body() {
  while (answer_ == Answer::kBody) {
    if (in_->unsent() >= kMaxOut) {
      bool some = false;
      if (!flush_client(some) || in_->unsent() >= kMaxOut) return;
    }
    Stream& from = target_->stream();
    const codec::BodyReader::Step step =
        response_body_.read(from.in.view().substr(0, std::min(from.in.size(), kBufferSize)));
    if (!step.payload.empty() && !encode(step.payload, encode::Until::kMore)) return;
    from.in.consume(step.consumed);
    if (response_body_.failed()) return body_broke();
    if (!response_body_.done() && step.consumed != 0) continue;
    if (!response_body_.done()) {
      if (out_of_turn()) return;
      const Filled filled = from.fill(worker_.buffers(), kBufferSize);
      if (filled == Filled::kBytes) {
        touch();
        continue;
      }
      if (filled == Filled::kBlocked || filled == Filled::kFull) {
        if (unflushed_) (void)encode({}, encode::Until::kFlushed);
        return;
      }
      if (filled == Filled::kFailed) return body_broke();
      response_body_.finish();
      if (response_body_.failed()) return body_broke();
    }
    if (!encode({}, encode::Until::kFinished)) return;
    if (plan_.form() == codec::BodyForm::kChunked) codec::write_last_chunk(in_->out, response_trailers());
    worker_.encoders().give(std::move(encoder_));
    return response_complete();
  }
}

}  // namespace balancer::proxy
