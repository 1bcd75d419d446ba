// Requests with hostile signatures. Input: the target on the first line, header lines, an empty line, the
// body. Nothing may be accepted that was not signed with the secret; whatever sign() signs, verify() accepts,
// until it is changed.
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/aws/auth_error.h"
#include "agent/aws/sigv4.h"
#include "shared/base/check.h"

namespace aws = agent::aws;
namespace http = shared::http;

namespace {

constexpr std::string_view kRegion = "us-east-1";
constexpr std::string_view kService = "ecs";
constexpr std::string_view kSecret = "a secret that the input does not know";
const shared::WallTime kNow = *http::parse_amz_date("20150830T123600Z");

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(line.size() < text.size() ? line.size() + 1 : text.size());
  return line;
}

http::Request read_request(std::string_view text) {
  http::Request request;
  request.method = "POST";
  request.target = take_line(text);
  for (std::string_view line = take_line(text); !line.empty(); line = take_line(text)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    request.headers.add(std::string(line.substr(0, colon)), std::string(line.substr(colon + 1)));
  }
  request.body = text;
  return request;
}

bool accepts(const http::Request& request) {
  const auto authorization = aws::parse_authorization(request);
  if (!authorization) {
    BERTH_CHECK(aws::wire_error(authorization.error(), aws::Protocol::kJson).status == 400,
                "the caller's error");
    return false;
  }
  const auto verified =
      aws::verify(request, *authorization, kSecret, kNow, {.region = kRegion, .service = kService});
  if (!verified) {
    BERTH_CHECK(aws::wire_error(verified.error(), aws::Protocol::kQuery).status < 500, "the caller's error");
  }
  return verified.has_value();
}

void check_round_trip(http::Request request) {
  if (!http::parse_form(request.query())) return;
  http::Headers kept;
  for (const auto& [name, value] : request.headers.fields()) {
    if (http::equals_ignoring_case(name.substr(0, 6), "x-amz-") || http::equals_ignoring_case(name, "host"))
      continue;
    kept.add(name, value);
  }
  kept.add("Host", "localhost");
  request.headers = std::move(kept);
  aws::sign(request, {"AKIAIOSFODNN7EXAMPLE", std::string(kSecret), "token"}, kRegion, kService, kNow);
  BERTH_CHECK(accepts(request), "verify() must accept what sign() made");
  request.body.push_back('x');
  BERTH_CHECK(!accepts(request), "a changed body must be refused");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const http::Request request = read_request(std::string_view(reinterpret_cast<const char*>(data), size));
  BERTH_CHECK(!accepts(request), "accepted a signature made without the secret");
  check_round_trip(request);
  return 0;
}
