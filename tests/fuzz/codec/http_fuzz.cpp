// What must hold for any bytes given to the HTTP/1.1 codec as a request, as a response and as a chunked body:
// - however they are cut into pieces, the same comes out;
// - what is passed on to a target or a client reads back whole, without ambiguity, with the same framing, and
// holds one
//   framing field at most.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "balancer/codec/body.h"
#include "balancer/codec/exchange.h"
#include "balancer/codec/forwarded_for.h"
#include "balancer/codec/head.h"
#include "balancer/codec/rewrite.h"
#include "balancer/codec/trace_context.h"
#include "shared/base/check.h"

namespace {

using balancer::codec::BodyFraming;
using balancer::codec::BodyReader;
using balancer::codec::Buffer;
using balancer::codec::Field;
using balancer::codec::FieldId;
using balancer::codec::Finding;
using balancer::codec::Findings;
using balancer::codec::Judgement;
using balancer::codec::ParseState;
using balancer::codec::Refusal;
using balancer::codec::RequestFacts;
using balancer::codec::RequestHead;
using balancer::codec::RequestParser;
using balancer::codec::RequestRewrite;
using balancer::codec::ResponseHead;
using balancer::codec::ResponseKind;
using balancer::codec::ResponseParser;
using balancer::codec::ResponsePlan;
using balancer::codec::Verdict;
using shared::lbconfig::DesyncMode;

constexpr std::size_t kPieces[] = {1, 7, 1000};

template <class Parser, class Head>
ParseState parse_in_pieces(std::string_view bytes, std::size_t piece, Parser& parser, Head& head) {
  ParseState state = ParseState::kIncomplete;
  for (std::size_t given = 0; state == ParseState::kIncomplete && given < bytes.size();) {
    given = std::min(given + piece, bytes.size());
    state = parser.parse(bytes.substr(0, given), head);
  }
  return state;
}

std::string printed(const RequestHead& head) {
  std::string text = std::string(to_string(head.refusal)) + "|" + std::to_string(head.findings.mask()) + "|" +
                     std::to_string(static_cast<int>(head.body.kind)) + "|" +
                     std::to_string(head.body.length);
  if (head.refusal == Refusal::kNone) {
    text +=
        "|" + std::string(head.method()) + "|" + std::string(head.path()) + "|" + std::string(head.query());
  }
  for (const Field& field : head.fields) {
    text += "|" + std::string(head.name(field)) + "=" + std::string(head.value(field));
  }
  return text;
}

// A head that is sent on has one reading. Findings about what a method means, and control bytes in values,
// may remain.
void check_forwarded(const RequestHead& head) {
  RequestRewrite options;
  options.client_address = "192.0.2.1";
  options.default_host = "lb.example.com";
  options.trace = balancer::codec::make_trace_stamp(1, 2, 3);
  const auto made = balancer::codec::make_traceparent(options.trace, 4, true);
  const bool has_traceparent = balancer::codec::traceparent_of(head).has_value();
  if (!has_traceparent) options.traceparent = made.view();
  Buffer out;
  write_request_head(out, head, options);
  RequestParser parser;
  RequestHead again;
  const ParseState state = parser.parse(out.view(), again);
  const bool grew_over_limit =
      again.refusal == Refusal::kFieldTooLong || again.refusal == Refusal::kHeadTooLong ||
      again.refusal == Refusal::kTooManyFields || again.refusal == Refusal::kTargetTooLong ||
      again.refusal == Refusal::kTooManyForwardedFor;
  if (grew_over_limit) return;
  BERTH_CHECK(state == ParseState::kComplete, "the forwarded head cannot be read");
  BERTH_CHECK(parser.head_bytes() == out.size(), "the forwarded head ends early");
  constexpr std::uint32_t kHarmless = Findings::bit(Finding::kNonCompliantHeader) |
                                      Findings::bit(Finding::kUndefinedContentLengthSemantics) |
                                      Findings::bit(Finding::kUndefinedTransferEncodingSemantics) |
                                      Findings::bit(Finding::kGetHeadZeroContentLength);
  BERTH_CHECK((again.findings.mask() & ~kHarmless) == 0, "the forwarded head is ambiguous");
  BERTH_CHECK(again.body == head.body, "the forwarded head frames another body");
  BERTH_CHECK(again.method() == head.method() && again.has_query == head.has_query, "another request line");
  BERTH_CHECK(head.target_needs_escape || (again.path() == head.path() && again.query() == head.query()),
              "another target");
  BERTH_CHECK(again.websocket == head.websocket && !again.expects_continue, "another protocol");
  BERTH_CHECK(balancer::codec::forwarded_for(again, 1) == options.client_address, "another last hop");
  BERTH_CHECK(has_traceparent || balancer::codec::traceparent_of(again) == made.view(), "another trace");
}

void check_request(std::string_view bytes) {
  RequestParser parser;
  RequestHead head;
  const ParseState state = parse_in_pieces(bytes, bytes.size(), parser, head);
  for (const std::size_t piece : kPieces) {
    RequestParser other_parser;
    RequestHead other;
    const ParseState other_state = parse_in_pieces(bytes, piece, other_parser, other);
    BERTH_CHECK(other_state == state, "pieces change the outcome");
    if (state == ParseState::kIncomplete) continue;
    BERTH_CHECK(printed(other) == printed(head), "pieces change the head");
    BERTH_CHECK(other_parser.head_bytes() == parser.head_bytes(), "pieces change where the head ends");
  }
  if (state == ParseState::kIncomplete) return;
  for (const DesyncMode mode : {DesyncMode::kMonitor, DesyncMode::kDefensive, DesyncMode::kStrictest}) {
    const Judgement judgement = judge(head, mode);
    BERTH_CHECK((judgement.verdict == Verdict::kRefuse) == (judgement.status != 0), "a refusal has a status");
    if (judgement.verdict != Verdict::kRefuse) check_forwarded(head);
  }
}

void check_response(std::string_view bytes) {
  ResponseParser parser;
  ResponseHead head;
  const ParseState state = parse_in_pieces(bytes, bytes.size(), parser, head);
  for (const std::size_t piece : kPieces) {
    ResponseParser other_parser;
    ResponseHead other;
    BERTH_CHECK(parse_in_pieces(bytes, piece, other_parser, other) == state, "pieces change the outcome");
    BERTH_CHECK(state != ParseState::kComplete || other.fields.size() == head.fields.size(),
                "pieces change the head");
  }
  if (state != ParseState::kComplete) return;
  for (const RequestFacts& request :
       {RequestFacts{}, RequestFacts{true, true, true, false}, RequestFacts{false, false, true, false},
        RequestFacts{false, true, true, false, false, true}, RequestFacts{false, true, true, true},
        RequestFacts{false, true, true, false, true}}) {
    const ResponsePlan plan = plan_response(head, request);
    if (plan.kind == ResponseKind::kBad || plan.kind == ResponseKind::kInterimDrop) continue;
    Buffer out;
    write_response_head(out, head, plan, request, {});
    ResponseParser again_parser;
    ResponseHead again;
    const ParseState again_state = again_parser.parse(out.view(), again);
    if (again_parser.problem() == "headers_too_long" || again_parser.problem() == "too_many_headers")
      continue;
    BERTH_CHECK(again_state == ParseState::kComplete, "the response head cannot be read");
    BERTH_CHECK(again_parser.head_bytes() == out.size(), "the response head ends early");
    const bool te = again.has(FieldId::kTransferEncoding), cl = again.has(FieldId::kContentLength);
    BERTH_CHECK(!(te && cl) && !again.is_repeated(FieldId::kContentLength), "two framing fields");
    if (plan.kind == ResponseKind::kInterimForward) {
      BERTH_CHECK(request.http11 && !te && !cl && !again.connection_close, "an interim answer frames a body");
      BERTH_CHECK(plan_response(again, request).kind == plan.kind, "an interim answer became another");
    }
    if (plan.kind != ResponseKind::kFinal) continue;
    ResponsePlan client = plan_response(again, request);
    client.in.trailers = plan.out.trailers;  // a client may hope for some in any chunked body
    BERTH_CHECK(client.in == plan.out || !request.http11, "the client frames another body");
  }
}

std::string read_chunked(std::string_view bytes, std::size_t piece) {
  BodyReader reader({BodyFraming::Kind::kChunked, 0});
  std::string payload;
  std::size_t used = 0;
  std::size_t given = 0;
  while (!reader.done() && !reader.failed()) {
    const BodyReader::Step step = reader.read(bytes.substr(used, given - used));
    payload += step.payload;
    used += step.consumed;
    if (step.consumed != 0) continue;
    if (given == bytes.size()) break;
    given = std::min(given + piece, bytes.size());
  }
  // How much payload came before the failure depends on the pieces; where it fails does not.
  return (reader.failed() ? std::string(reader.problem()) : payload) + "|" + std::to_string(used) +
         (reader.done() ? "done" : "");
}

// What is written behind the last chunk reads back as the same trailers, and nothing else follows.
void check_trailers(std::string_view bytes) {
  const BodyFraming framing{BodyFraming::Kind::kChunked, 0, true};
  BodyReader reader(framing);
  Buffer in, out;
  in.append(bytes);
  constexpr std::size_t kAll = 1 << 24;
  using balancer::codec::BodyForm;
  using balancer::codec::Transfer;
  if (transfer_body(reader, in, out, BodyForm::kChunked, kAll) != Transfer::kDone) return;
  const std::string trailers(reader.trailers());
  Buffer again;
  BodyReader again_reader(framing);
  BERTH_CHECK(transfer_body(again_reader, out, again, BodyForm::kChunked, kAll) == Transfer::kDone,
              "cannot be read");
  BERTH_CHECK(out.empty() && again_reader.trailers() == trailers, "other trailers");
}

void check_body(std::string_view bytes) {
  check_trailers(bytes);
  const std::string whole = read_chunked(bytes, bytes.size());
  for (const std::size_t piece : kPieces) {
    BERTH_CHECK(read_chunked(bytes, piece) == whole, "pieces change the body");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_request(bytes);
  check_response(bytes);
  check_body(bytes);
  return 0;
}
