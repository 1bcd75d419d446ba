#include "balancer/sticky/cookies.h"

#include <algorithm>

#include "balancer/codec/chars.h"
#include "shared/http/message.h"

namespace balancer::sticky {

using shared::WallTime;

namespace {

constexpr std::string_view kTargetName = "AWSALB";
constexpr std::string_view kTargetCorsName = "AWSALBCORS";
constexpr std::string_view kApplicationName = "AWSALBAPP-0";
constexpr std::string_view kGroupName = "AWSALBTG";
constexpr std::string_view kGroupCorsName = "AWSALBTGCORS";
constexpr std::chrono::hours kShownFor{7 * 24};

// RFC 6265 section 4.1.1: a quoted value means what is inside.
std::string_view unquoted(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

// Calls `visit(name, value)` for each pair of the Cookie fields, in order, until it says false. Pairs without
// '=' are passed over.
template <class Visit>
void each_cookie(const codec::MessageHead& head, Visit visit) {
  if (!head.has(codec::FieldId::kCookie)) return;
  std::size_t left = kMaxCookieBytes;
  for (const codec::Field& field : head.fields) {
    if (field.id != codec::FieldId::kCookie || (field.flags & (codec::kBadValue | codec::kFolded)) != 0)
      continue;
    std::string_view rest = head.value(field);
    if (rest.size() > left) return;  // not half a cookie
    left -= rest.size();
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos) continue;
      if (!visit(codec::trim(pair.substr(0, equals)), unquoted(codec::trim(pair.substr(equals + 1))))) return;
    }
  }
}

// What the cookies of one kind say: those with a CORS name win over those without.
class Reading {
 public:
  Reading(Sealer& sealer, Kind kind, WallTime now) : sealer_(sealer), kind_(kind), now_(now) {}

  void take(std::string_view value, bool cors) {
    came_ = true;
    std::optional<Mark>& mark = cors ? cors_ : plain_;
    std::size_t& tries = cors ? cors_tries_ : plain_tries_;
    if (mark || tries == kMaxTries) return;
    ++tries;
    mark = sealer_.open(kind_, value, now_);
  }
  std::optional<Mark> mark() const { return cors_ ? cors_ : plain_; }
  bool unreadable() const { return came_ && !mark(); }

 private:
  Sealer& sealer_;
  Kind kind_;
  WallTime now_;
  bool came_ = false;
  std::size_t plain_tries_ = 0, cors_tries_ = 0;
  std::optional<Mark> plain_, cors_;
};

}  // namespace

Said read(const codec::MessageHead& head, Sealer& sealer, const Wanted& wanted, WallTime now) {
  Reading target(sealer, Kind::kTarget, now);
  Reading application(sealer, Kind::kApplication, now);
  Reading group(sealer, Kind::kGroup, now);
  bool application_there = false;
  each_cookie(head, [&](std::string_view name, std::string_view value) {
    if (name.starts_with(kTargetName)) {
      if (wanted.target && (name == kTargetName || name == kTargetCorsName))
        target.take(value, name == kTargetCorsName);
      if (wanted.group && (name == kGroupName || name == kGroupCorsName))
        group.take(value, name == kGroupCorsName);
      if (!wanted.application_cookie.empty() && name == kApplicationName) application.take(value, false);
    } else if (!wanted.application_cookie.empty() && name == wanted.application_cookie) {
      application_there = application_there || !value.empty();
    }
    return true;
  });
  Said said;
  said.group = group.mark();
  said.group_unreadable = group.unreadable();
  if (wanted.target) {
    said.target = target.mark();
    said.target_unreadable = target.unreadable();
  } else if (application_there) {
    said.target = application.mark();
    said.target_unreadable = application.unreadable();
  }
  return said;
}

std::optional<std::string_view> find_cookie(const codec::MessageHead& head, std::string_view name) {
  std::optional<std::string_view> found;
  each_cookie(head, [&](std::string_view candidate, std::string_view value) {
    if (candidate == name) found = value;
    return !found.has_value();
  });
  return found;
}

bool sets_cookie(const codec::MessageHead& response, std::string_view name) {
  if (name.empty() || !response.has(codec::FieldId::kSetCookie)) return false;
  for (const codec::Field& field : response.fields) {
    if (field.id != codec::FieldId::kSetCookie || (field.flags & codec::kBadValue) != 0) continue;
    const std::string_view value = response.value(field);
    const std::string_view pair = value.substr(0, value.find(';'));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || codec::trim(pair.substr(0, equals)) != name) continue;
    if (!unquoted(codec::trim(pair.substr(equals + 1))).empty()) return true;
  }
  return false;
}

std::string_view Lines::get(Sealer& sealer, Kind kind, const Mark& mark, shared::Millis duration,
                            WallTime now) {
  if (!sealer.can_seal()) return {};
  const std::int64_t second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  if (second == second_ && key_id_ == sealer.key_id() && duration == duration_ && kind == kind_ &&
      mark == mark_)
    return text_;
  second_ = second;
  key_id_ = sealer.key_id();
  duration_ = duration;
  kind_ = kind;
  mark_ = mark;
  const Value value = sealer.seal(kind, mark, now + duration);
  const std::string shown = "; Expires=" + shared::http::http_date(now + kShownFor) + "; Path=/";
  text_.clear();
  const auto add = [&](std::string_view name, std::string_view attributes) {
    text_ += "Set-Cookie: ";
    text_ += name;
    text_ += '=';
    text_ += value.view();
    text_ += shown;
    text_ += attributes;
    text_ += "\r\n";
  };
  constexpr std::string_view kCross = "; SameSite=None; Secure";
  switch (kind) {
    case Kind::kTarget:
      add(kTargetName, "");
      add(kTargetCorsName, kCross);
      break;
    case Kind::kGroup:
      add(kGroupName, "");
      add(kGroupCorsName, kCross);
      break;
    case Kind::kApplication:
      add(kApplicationName, "");
      break;
  }
  return text_;
}

}  // namespace balancer::sticky
