#include "balancer/codec/refusal.h"

#include <array>

namespace balancer::codec {

namespace {

struct Row {
  Refusal refusal;
  int status;
  std::string_view word;
};
constexpr std::array kRows = {
    Row{Refusal::kNone, 0, ""},
    Row{Refusal::kBadRequestLine, 400, "bad_request_line"},
    Row{Refusal::kBadMethod, 400, "bad_method"},
    Row{Refusal::kBadTarget, 400, "bad_target"},
    Row{Refusal::kBadVersion, 400, "bad_version"},
    Row{Refusal::kVersionNotSupported, 505, "version_not_supported"},
    Row{Refusal::kMethodNotAllowed, 405, "method_not_allowed"},
    Row{Refusal::kTargetTooLong, 414, "request_line_too_long"},
    Row{Refusal::kFieldTooLong, 400, "header_too_long"},
    Row{Refusal::kHeadTooLong, 400, "headers_too_long"},
    Row{Refusal::kTooManyFields, 400, "too_many_headers"},
    Row{Refusal::kTooManyConnectionOptions, 400, "too_many_connection_options"},
    Row{Refusal::kBadFieldLine, 400, "bad_header_line"},
    Row{Refusal::kMissingHost, 400, "missing_host"},
    Row{Refusal::kDuplicateHost, 400, "duplicate_host"},
    Row{Refusal::kBadHost, 400, "bad_host"},
    Row{Refusal::kBadContentLength, 400, "bad_content_length"},
    Row{Refusal::kMultipleContentLength, 400, "multiple_content_length"},
    Row{Refusal::kBadTransferEncoding, 400, "bad_transfer_encoding"},
    Row{Refusal::kUnknownTransferCoding, 501, "unknown_transfer_coding"},
    Row{Refusal::kTransferEncodingOnHttp10, 400, "transfer_encoding_on_http10"},
    Row{Refusal::kUnknownExpectation, 417, "unknown_expectation"},
    Row{Refusal::kTooManyForwardedFor, 463, "too_many_forwarded_for"},
    Row{Refusal::kDesync, 400, "desync"},
};
constexpr bool rows_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].refusal) != i) return false;
  }
  return kRows.size() == static_cast<std::size_t>(Refusal::kCount);
}
static_assert(rows_in_order(), "one row for each Refusal, in its order");

}  // namespace

int status_of(Refusal refusal) { return kRows[static_cast<std::size_t>(refusal)].status; }
std::string_view to_string(Refusal refusal) { return kRows[static_cast<std::size_t>(refusal)].word; }

}  // namespace balancer::codec
