// Which content coding a client gets, and which responses get one (RFC 9110 sections 8.4, 12.5.3, 12.5.5).
// Pure. Thread: any.
#pragma once
#include <optional>

#include "balancer/codec/exchange.h"
#include "balancer/codec/head.h"
#include "shared/lbconfig/traffic.h"

namespace balancer::encode {

// What a request's Accept-Encoding says, as far as a target group's settings go.
struct Accepted {
  std::optional<shared::lbconfig::Coding> coding{};  // the one that it likes best of those that we may use
  bool identity_refused = false;                     // it takes no response as it is
};
// Of codings that a client likes equally, the settings' first. None is chosen where the field is missing, and
// where it says that it likes the response better as it is. Elements that cannot be read are passed over.
Accepted accepted_coding(const codec::MessageHead& request, const shared::lbconfig::Compression& settings);

struct Treatment {
  bool encode = false;
  // The answer depends on Accept-Encoding, so that a cache must know: also of responses that this client gets
  // as they are.
  bool vary = false;
  bool weaken = false;  // a strong ETag names other bytes than the client gets
};
// `plan` is of a final response. Left as they are: HEAD (but Vary), 204, 205, 206, 304 (but Vary and its
// ETag, which are those of the response that the client has), what has a coding already, `no-transform`,
// content types that are not listed, gRPC, and bodies shorter than the settings say, unless the client
// refuses them as they are.
Treatment treat(const codec::ResponseHead& head, const codec::ResponsePlan& plan,
                const codec::RequestFacts& request, const Accepted& accepted,
                const shared::lbconfig::Compression& settings);

}  // namespace balancer::encode
