// Stickiness by cookies as ALB has it (elastic load balancing: sticky sessions):
//
//   AWSALB, AWSALBCORS        lb_cookie: the target of a client. Both are always set together, AWSALBCORS
//   with
//                             SameSite=None; Secure for pages of other sites; it wins when both arrive.
//   AWSALBAPP-0               app_cookie: the target, for as long as the application's own cookie is sent too
//   AWSALBTG, AWSALBTGCORS    the target group of a weighted forward action
//
// `Expires` is seven days ahead whatever the duration, which the sealed value enforces. What comes in is a
// client's word: read() never fails, looks at a bounded number of bytes and tries a bounded number of values.
// Sans-io, no clock.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "balancer/codec/buffer.h"
#include "balancer/codec/head.h"
#include "balancer/sticky/value.h"

namespace balancer::sticky {

// Bytes of all Cookie fields together that are looked at (ALB: 16 KB of cookies); what is behind them is not
// read.
inline constexpr std::size_t kMaxCookieBytes = 16 * 1024;
// Values of one name that are tried: old paths and domains leave a client with two of them now and then.
inline constexpr std::size_t kMaxTries = 3;

// Which cookies a request is read for. All off: there is nothing to read.
struct Wanted {
  bool target = false;                  // lb_cookie
  bool group = false;                   // TargetGroupStickinessConfig
  std::string_view application_cookie;  // app_cookie: its name, case-sensitive; empty: off
  bool anything() const { return target || group || !application_cookie.empty(); }
};

struct Said {
  std::optional<Mark> target;  // of lb_cookie, or of app_cookie together with the application's cookie
  std::optional<Mark> group;
  // A cookie of that kind came and none could be used: forged, expired, of a key that is gone. ALB counts the
  // first as a non-sticky request, and logs the second as AWSALBTGCookieInvalid.
  bool target_unreadable = false;
  bool group_unreadable = false;
};

Said read(const codec::MessageHead& head, Sealer& sealer, const Wanted& wanted, shared::WallTime now);

// The value of the first cookie of that name, without quotes; nothing when there is none.
std::optional<std::string_view> find_cookie(const codec::MessageHead& head, std::string_view name);

// Whether a response sets the application's cookie to something: that is when AWSALBAPP-0 is set beside it.
bool sets_cookie(const codec::MessageHead& response, std::string_view name);

// The Set-Cookie lines of one mark, with their line ends, sealed once for each second: keep one for each
// target (and group) and worker, and the hot path appends some hundred bytes. Thread: its owner's.
class Lines {
 public:
  // Complete lines; empty when there is no key. Valid until the next call.
  std::string_view get(Sealer& sealer, Kind kind, const Mark& mark, shared::Millis duration,
                       shared::WallTime now);

 private:
  std::string text_;
  std::int64_t second_ = -1;
  std::uint32_t key_id_ = 0;
  shared::Millis duration_{0};
  Kind kind_ = Kind::kTarget;
  Mark mark_;
};

}  // namespace balancer::sticky
