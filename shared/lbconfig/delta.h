// What changed from one configuration to another: the listeners, target groups and targets that are new,
// other or gone. Its size and cost are those of the change, as long as unchanged parts are shared. Pure.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/lbconfig/config.h"

namespace shared::lbconfig {

// An item that is new or another one, and its index in the list as it is afterwards. Items that are neither
// removed nor put keep their order and fill the places between.
template <class T>
struct Placed {
  std::size_t at = 0;
  T item;
  bool operator==(const Placed&) const = default;
};

// By id, or by registration. `put` is in ascending order of `at`.
template <class T>
struct ListDelta {
  std::vector<std::string> removed;
  std::vector<Placed<T>> put;
  bool empty() const { return removed.empty() && put.empty(); }
  bool operator==(const ListDelta&) const = default;
};

struct TargetsDelta {
  std::string target_group;
  ListDelta<Target> targets;
  bool operator==(const TargetsDelta&) const = default;
};

struct Delta {
  std::uint64_t from_version = 0;  // makes sense for this one only
  std::uint64_t version = 0;
  ListDelta<Part<Listener>> listeners;
  // Put groups are without targets: those that the group had stay, but for what `targets` says.
  ListDelta<Part<TargetGroup>> target_groups;
  std::vector<TargetsDelta> targets;
  ListDelta<Part<Certificate>> certificates;
  ListDelta<Part<TrustStore>> trust_stores;
  std::optional<CookieKeys> cookie_keys;          // all of them, where they changed
  std::optional<AcmeChallenges> acme_challenges;  // likewise
  bool operator==(const Delta&) const = default;
};

// apply(from, diff(from, to)) == to, for valid configurations.
Delta diff(const Config& from, const Config& to);
// Parts that did not change are those of `from`. The result is valid if `from` is, or an error says what is
// not: another version, places that do not fit, and all that a whole configuration is refused for.
Result<Config> apply(const Config& from, const Delta& delta);

}  // namespace shared::lbconfig
