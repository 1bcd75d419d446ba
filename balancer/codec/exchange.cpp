#include "balancer/codec/exchange.h"

#include "balancer/codec/field_line.h"

namespace balancer::codec {

namespace {

using Kind = BodyFraming::Kind;

ResponsePlan bad(std::string_view problem) {
  ResponsePlan plan;
  plan.kind = ResponseKind::kBad;
  plan.problem = problem;
  return plan;
}

ResponsePlan plan_interim(const ResponseHead& head, const RequestFacts& request) {
  ResponsePlan plan;
  plan.keep_client = request.keep_alive;
  if (head.status != 101) {
    // RFC 9110 section 15.2: HTTP/1.0 knows none, and a proxy passes on all others, whatever they mean.
    const bool wanted = request.http11 && !(head.status == 100 && request.continued);
    plan.kind = wanted ? ResponseKind::kInterimForward : ResponseKind::kInterimDrop;
    return plan;
  }
  if (!request.websocket) return bad("unasked_101");
  if (!head.connection_upgrade || !lists(head, FieldId::kUpgrade, "websocket") ||
      !head.has(FieldId::kSecWebSocketAccept)) {
    return bad("bad_101");
  }
  plan.kind = ResponseKind::kUpgrade;
  return plan;
}

// nullopt-like: `problem` is set when the framing cannot be trusted. `clean` turns false when the connection
// must close.
std::string_view read_framing(const ResponseHead& head, BodyFraming& framing, bool& clean) {
  std::uint64_t length = 0;
  const Codings codings = read_codings(head);
  const Length lengths = read_length(head, length);
  if (lengths == Length::kMalformed) return "bad_content_length";
  if (lengths == Length::kDifferent) return "multiple_content_length";
  if (lengths == Length::kSameTwice) clean = false;
  framing =
      lengths == Length::kAbsent ? BodyFraming{Kind::kUntilClose, 0} : BodyFraming{Kind::kLength, length};
  if (codings == Codings::kAbsent) return "";
  if (codings != Codings::kChunked && codings != Codings::kIdentity) return "bad_transfer_encoding";
  if (lengths != Length::kAbsent || !head.http11) clean = false;  // RFC 9112 sections 6.1 and 6.3
  if (codings == Codings::kChunked) framing = {Kind::kChunked, 0};
  return "";
}

}  // namespace

RequestFacts facts_of(const RequestHead& head) {
  return {head.head_method, head.http11, head.keep_alive, head.websocket, false, head.takes_trailers};
}

ResponsePlan plan_response(const ResponseHead& head, const RequestFacts& request) {
  if (head.status < 200) return plan_interim(head, request);
  ResponsePlan plan;
  bool clean = true;
  if (const std::string_view problem = read_framing(head, plan.in, clean); !problem.empty())
    return bad(problem);
  if (request.head_method || head.status == 204 || head.status == 304) {
    if (head.status == 204 && plan.in.kind != Kind::kUntilClose && plan.in.has_bytes()) clean = false;
    plan.in = BodyFraming();
  }
  plan.out = plan.in;
  if (plan.in.kind == Kind::kChunked || plan.in.kind == Kind::kUntilClose) {
    plan.out = {request.http11 ? Kind::kChunked : Kind::kUntilClose, 0};
    plan.in.trailers = plan.out.trailers =
        request.takes_trailers && plan.in.kind == Kind::kChunked && plan.out.kind == Kind::kChunked;
  }
  plan.keep_client = request.keep_alive && plan.out.kind != Kind::kUntilClose;
  plan.reuse_target = clean && plan.in.kind != Kind::kUntilClose && !head.connection_close &&
                      (head.http11 || head.connection_keep_alive);
  return plan;
}

}  // namespace balancer::codec
