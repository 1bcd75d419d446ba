#include "balancer/codec/refusal.h"

#include <array>

namespace balancer::codec {

namespace {

struct Answer {
  Refusal refusal;
  int status;
  std::string_view word;
};
constexpr std::array kAnswers = {
    Answer{Refusal::kNone, 0, ""},
    Answer{Refusal::kBadRequestLine, 400, "bad_request_line"},
    Answer{Refusal::kBadMethod, 400, "bad_method"},
    Answer{Refusal::kBadTarget, 400, "bad_target"},
    Answer{Refusal::kBadVersion, 400, "bad_version"},
    Answer{Refusal::kVersionNotSupported, 505, "version_not_supported"},
    Answer{Refusal::kMethodNotAllowed, 405, "method_not_allowed"},
    Answer{Refusal::kTargetTooLong, 414, "request_line_too_long"},
    Answer{Refusal::kFieldTooLong, 400, "header_too_long"},
    Answer{Refusal::kHeadTooLong, 400, "headers_too_long"},
    Answer{Refusal::kTooManyFields, 400, "too_many_headers"},
    Answer{Refusal::kTooManyConnectionOptions, 400, "too_many_connection_options"},
    Answer{Refusal::kBadFieldLine, 400, "bad_header_line"},
    Answer{Refusal::kMissingHost, 400, "missing_host"},
    Answer{Refusal::kDuplicateHost, 400, "duplicate_host"},
    Answer{Refusal::kBadHost, 400, "bad_host"},
    Answer{Refusal::kBadContentLength, 400, "bad_content_length"},
    Answer{Refusal::kMultipleContentLength, 400, "multiple_content_length"},
    Answer{Refusal::kBadTransferEncoding, 400, "bad_transfer_encoding"},
    Answer{Refusal::kUnknownTransferCoding, 501, "unknown_transfer_coding"},
    Answer{Refusal::kTransferEncodingOnHttp10, 400, "transfer_encoding_on_http10"},
    Answer{Refusal::kUnknownExpectation, 417, "unknown_expectation"},
    Answer{Refusal::kTooManyForwardedFor, 463, "too_many_forwarded_for"},
    Answer{Refusal::kDesync, 400, "desync"},
};
constexpr bool answers_in_order() {
  for (std::size_t i = 0; i < kAnswers.size(); ++i) {
    if (static_cast<std::size_t>(kAnswers[i].refusal) != i) return false;
  }
  return kAnswers.size() == static_cast<std::size_t>(Refusal::kCount);
}
static_assert(answers_in_order(), "one row for each Refusal, in its order");

}  // namespace

int status_of(Refusal refusal) { return kAnswers[static_cast<std::size_t>(refusal)].status; }
std::string_view to_string(Refusal refusal) { return kAnswers[static_cast<std::size_t>(refusal)].word; }

}  // namespace balancer::codec
