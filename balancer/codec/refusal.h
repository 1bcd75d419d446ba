// Why a request is not passed on. One table row binds the status sent to the client and the word in the
// access log, so that both and every counter agree. What ELB documents decides the status (400, 405, 414,
// 417, 463, 501, 505).
#pragma once
#include <cstdint>
#include <string_view>

namespace balancer::codec {

enum class Refusal : std::uint8_t {
  kNone,
  kBadRequestLine,
  kBadMethod,
  kBadTarget,
  kBadVersion,
  kVersionNotSupported,
  kMethodNotAllowed,  // TRACE, CONNECT
  kTargetTooLong,     // request line over kMaxRequestLine
  kFieldTooLong,      // one header line over kMaxFieldLine
  kHeadTooLong,       // all header lines over kMaxRequestHead
  kTooManyFields,     // over kMaxFields
  kTooManyConnectionOptions,
  kBadFieldLine,  // no name, no colon, space before the colon, folding without a field
  kMissingHost,
  kDuplicateHost,
  kBadHost,
  kBadContentLength,
  kMultipleContentLength,
  kBadTransferEncoding,
  kUnknownTransferCoding,
  kTransferEncodingOnHttp10,
  kUnknownExpectation,
  kTooManyForwardedFor,
  kDesync,  // the mode of desync mitigation refuses this tier; the finding names the reason
  kCount
};

int status_of(Refusal refusal);               // 0 for kNone
std::string_view to_string(Refusal refusal);  // "bad_host"; empty for kNone

}  // namespace balancer::codec
