// Whatever a client sends as its cookies: reading never fails, nothing that was not sealed by a key opens,
// and the value that is really there is found behind anything that leaves room for it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "balancer/sticky/cookies.h"
#include "shared/base/check.h"

namespace {

namespace sticky = balancer::sticky;
namespace codec = balancer::codec;

constexpr shared::WallTime kNow{shared::Millis(1'800'000'000'000)};

sticky::Said read(const std::string& fields, sticky::Sealer& sealer) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n";
  codec::RequestParser parser;
  codec::RequestHead head;
  if (parser.parse(text, head) != codec::ParseState::kComplete) return {};
  (void)sticky::find_cookie(head, "SID");
  (void)sticky::sets_cookie(codec::ResponseHead(), "SID");
  return sticky::read(head, sealer, {.target = true, .group = true, .application_cookie = "SID"}, kNow);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static sticky::Sealer sealer({{7, std::string(32, 'a')}, {6, std::string(32, 'b')}});
  static const sticky::Mark mark = sticky::target_mark("g", "r");
  static const sticky::Value value = sealer.seal(sticky::Kind::kTarget, mark, kNow + std::chrono::hours(1));
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const sticky::Said said = read("Cookie: " + bytes, sealer);
  BERTH_CHECK(!said.target && !said.group, "a value that nobody sealed opens");
  const sticky::Said raw = read(bytes, sealer);
  BERTH_CHECK(!raw.target && !raw.group, "a value that nobody sealed opens");
  BERTH_CHECK(!sealer.open(sticky::Kind::kTarget, bytes, kNow), "a value that nobody sealed opens");
  if (bytes.find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos || size > 8000) return 0;
  const sticky::Said found = read("Cookie: AWSALBCORS=" + std::string(value.view()) + "; " + bytes, sealer);
  BERTH_CHECK(found.target == mark, "a good value was not found");
  return 0;
}
