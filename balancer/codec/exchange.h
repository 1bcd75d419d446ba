// What follows from the two heads of one exchange: framing, who may keep its connection, what an interim
// answer means.
#pragma once
#include <cstdint>
#include <string_view>

#include "balancer/codec/body.h"
#include "balancer/codec/head.h"

namespace balancer::codec {

// What must be remembered of a request until its response has been forwarded. Small and without views.
struct RequestFacts {
  bool head_method = false;
  bool http11 = true;
  bool keep_alive = true;       // the client is willing; set to false to close after the response
  bool websocket = false;       // an upgrade was forwarded
  bool continued = false;       // the client was told 100 (Continue) by us
  bool takes_trailers = false;  // TE: trailers (RFC 9110 section 10.1.4)
};
RequestFacts facts_of(const RequestHead& head);

enum class ResponseKind : std::uint8_t {
  kFinal,
  kInterimForward,  // 1xx but 101: write its head to the client, then read the next head
  kInterimDrop,     // for an HTTP/1.0 client, or a 100 that we have given already: read the next head
  kUpgrade,         // a valid 101: write its head, then relay bytes both ways
  kBad              // answer 502; `problem` is the word for the log
};

struct ResponsePlan {
  ResponseKind kind = ResponseKind::kFinal;
  BodyFraming in;   // what follows the head on the target's connection
  BodyFraming out;  // how it goes to the client; see form()
  bool keep_client = false;
  // The target's connection may serve again once the body was read to its end, the request body was sent, and
  // no byte is left over.
  bool reuse_target = false;
  std::string_view problem{};

  BodyForm form() const {
    return out.kind == BodyFraming::Kind::kChunked ? BodyForm::kChunked : BodyForm::kPlain;
  }
};

// Trailers go on where the client takes them and gets the body in chunks: in.trailers and out.trailers say
// so. Framing by RFC 9112 section 6.3. Transfer-Encoding beside Content-Length, or twice the same length:
// read by the rules, then the target's connection closes. A chunked body goes to an HTTP/1.0 client unframed,
// ended by closing.
ResponsePlan plan_response(const ResponseHead& head, const RequestFacts& request);

}  // namespace balancer::codec
