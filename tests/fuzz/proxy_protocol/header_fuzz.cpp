// Whatever a connection begins with: reading it byte by byte decides what reading it whole decides, a header
// is never longer than what was looked at or than its bound, and what was told is told again by both writers.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "balancer/proxy_protocol/header.h"
#include "shared/base/check.h"

namespace {

namespace pp = balancer::proxy_protocol;

void check_told(const pp::Addresses& told, const std::string& header) {
  const pp::Read again = pp::read(header);
  BERTH_CHECK(again.state == pp::ReadState::kComplete && again.bytes == header.size(), "our header is none");
  BERTH_CHECK(again.told.has_value(), "our header tells nothing");
  BERTH_CHECK(again.told->source.ip() == told.source.ip(), "another source address");
  BERTH_CHECK(again.told->source.port() == told.source.port(), "another source port");
  BERTH_CHECK(again.told->destination.ip() == told.destination.ip(), "another destination address");
  BERTH_CHECK(again.told->destination.port() == told.destination.port(), "another destination port");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const pp::Read whole = pp::read(bytes);
  const std::size_t looked_at = std::min<std::size_t>(size, pp::kMaxBinaryHeader);
  pp::Read step;
  for (std::size_t i = 1; i <= looked_at && step.state == pp::ReadState::kIncomplete; ++i)
    step = pp::read(bytes.substr(0, i));
  BERTH_CHECK(step.state == whole.state && step.bytes == whole.bytes, "piece by piece it is another header");
  BERTH_CHECK(size < pp::kMaxBinaryHeader || whole.state != pp::ReadState::kIncomplete, "no end in sight");
  BERTH_CHECK((whole.state == pp::ReadState::kError) == !whole.problem.empty(), "an error without a word");
  if (whole.state != pp::ReadState::kComplete) return 0;
  BERTH_CHECK(whole.bytes <= looked_at, "a header longer than its bound");
  if (!whole.told) return 0;
  check_told(*whole.told, pp::write_v1(*whole.told));
  check_told(*whole.told, pp::write_v2(*whole.told));
  return 0;
}
