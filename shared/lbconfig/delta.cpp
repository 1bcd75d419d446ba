#include "shared/lbconfig/delta.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "shared/lbconfig/json.h"

namespace shared::lbconfig {

namespace {

constexpr const char* kDeltaErrorCode = "InvalidDelta";

const std::string& key_of(const Part<Listener>& listener) { return listener->id; }
const std::string& key_of(const Part<TargetGroup>& group) { return group->id; }
const std::string& key_of(const Part<Certificate>& certificate) { return certificate->id; }
const std::string& key_of(const Part<TrustStore>& store) { return store->id; }
const std::string& key_of(const Target& target) { return target.registration; }

// All but the targets. A member that is new to TargetGroup does not compile here before it has its place.
auto settings(const TargetGroup& group) {
  const auto& [id, name, algorithm, check, slow_start, count, percent, targets, protocol, version, sticky,
               mitigation, stream, limit, hold, budget, outliers, maintenance, compression] = group;
  return std::tie(id, name, algorithm, check, slow_start, count, percent, protocol, version, sticky,
                  mitigation, stream, limit, hold, budget, outliers, maintenance, compression);
}

TargetGroup settings_of(const TargetGroup& group) {
  const auto& [id, name, algorithm, check, slow_start, count, percent, targets, protocol, version, sticky,
               mitigation, stream, limit, hold, budget, outliers, maintenance, compression] = group;
  return {id,   name,     algorithm, check,       slow_start, count,  percent,
          {},   protocol, version,   sticky,      mitigation, stream, limit,
          hold, budget,   outliers,  maintenance, compression};
}

// What stays is a run of `from` in its order; an item that comes before another one which it followed is put
// again.
template <class T, class Same>
ListDelta<T> diff_list(const std::vector<T>& from, const std::vector<T>& to, Same same) {
  ListDelta<T> out;
  // Both ends of a long list are mostly untouched.
  std::size_t head = 0;
  while (head < from.size() && head < to.size() && key_of(from[head]) == key_of(to[head]) &&
         same(from[head], to[head]))
    ++head;
  std::size_t tail = 0;
  const std::size_t most = std::min(from.size(), to.size()) - head;
  while (tail < most && key_of(from[from.size() - 1 - tail]) == key_of(to[to.size() - 1 - tail]) &&
         same(from[from.size() - 1 - tail], to[to.size() - 1 - tail]))
    ++tail;

  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = head; i < from.size() - tail; ++i) places.emplace(key_of(from[i]), i);
  std::unordered_set<std::string_view> here;
  std::size_t next = head;  // what stays must not come before it
  for (std::size_t i = head; i < to.size() - tail; ++i) {
    here.insert(key_of(to[i]));
    const auto known = places.find(key_of(to[i]));
    if (known != places.end() && known->second >= next && same(from[known->second], to[i])) {
      next = known->second + 1;
    } else {
      out.put.push_back({i, to[i]});
    }
  }
  for (std::size_t i = head; i < from.size() - tail; ++i) {
    if (here.count(key_of(from[i])) == 0) out.removed.push_back(key_of(from[i]));
  }
  return out;
}

template <class T>
Result<void> apply_list(std::vector<T>& list, const ListDelta<T>& delta, const std::string& path) {
  if (delta.empty()) return {};
  std::unordered_set<std::string_view> leaving;
  for (const std::string& key : delta.removed) {
    if (!leaving.insert(key).second)
      return Error(kDeltaErrorCode, path + ".removed: '" + key + "' is there twice", Blame::kClient);
  }
  std::size_t missing = delta.removed.size();
  for (const Placed<T>& put : delta.put) {
    if (!leaving.insert(key_of(put.item)).second)
      return Error(kDeltaErrorCode, path + ".put: '" + key_of(put.item) + "' is there twice", Blame::kClient);
  }
  std::vector<T> stay;
  stay.reserve(list.size());
  const std::unordered_set<std::string_view> removed(delta.removed.begin(), delta.removed.end());
  for (T& item : list) {
    if (leaving.count(key_of(item)) == 0) {
      stay.push_back(std::move(item));
    } else if (removed.count(key_of(item)) != 0) {
      --missing;
    }
  }
  if (missing != 0) return Error(kDeltaErrorCode, path + ".removed: names what is not there", Blame::kClient);
  std::vector<T> out;
  out.reserve(stay.size() + delta.put.size());
  auto kept = stay.begin();
  for (std::size_t i = 0; i < delta.put.size(); ++i) {
    const Placed<T>& put = delta.put[i];
    if (put.at < out.size() || put.at - out.size() > static_cast<std::size_t>(stay.end() - kept))
      return Error(kDeltaErrorCode,
                   path + ".put[" + std::to_string(i) + "].at: no such place: " + std::to_string(put.at),
                   Blame::kClient);
    while (out.size() < put.at) out.push_back(std::move(*kept++));
    out.push_back(put.item);
  }
  std::move(kept, stay.end(), std::back_inserter(out));
  list = std::move(out);
  return {};
}

using GroupIndex = std::unordered_map<std::string_view, const Part<TargetGroup>*>;

GroupIndex index_groups(const Config& config) {
  GroupIndex out;
  for (const auto& group : config.target_groups) out.emplace(group->id, &group);
  return out;
}

}  // namespace

Delta diff(const Config& from, const Config& to) {
  Delta delta;
  delta.from_version = from.version;
  delta.version = to.version;
  const auto same_part = [](const auto& a, const auto& b) { return a == b; };
  delta.listeners = diff_list(from.listeners, to.listeners, same_part);
  delta.target_groups = diff_list(from.target_groups, to.target_groups, [](const auto& a, const auto& b) {
    return a.is(b) || settings(*a) == settings(*b);
  });
  for (auto& put : delta.target_groups.put) put.item = settings_of(*put.item);
  delta.certificates = diff_list(from.certificates, to.certificates, same_part);
  delta.trust_stores = diff_list(from.trust_stores, to.trust_stores, same_part);
  if (from.cookie_keys != to.cookie_keys) delta.cookie_keys = to.cookie_keys;
  if (from.acme_challenges != to.acme_challenges) delta.acme_challenges = to.acme_challenges;
  const GroupIndex before = index_groups(from);
  static const std::vector<Target> kNone;
  for (const auto& group : to.target_groups) {
    const auto known = before.find(group->id);
    if (known != before.end() && known->second->is(group)) continue;
    const auto& targets = known == before.end() ? kNone : (*known->second)->targets;
    auto changed = diff_list(targets, group->targets, [](const auto& a, const auto& b) { return a == b; });
    if (!changed.empty()) delta.targets.push_back({group->id, std::move(changed)});
  }
  return delta;
}

Result<Config> apply(const Config& from, const Delta& delta) {
  if (delta.from_version != from.version)
    return Error(kDeltaErrorCode,
                 "from_version: is " + std::to_string(delta.from_version) + ", this is version " +
                     std::to_string(from.version),
                 Blame::kClient);
  if (delta.version <= from.version)
    return Error(
        kDeltaErrorCode,
        "version: must be above " + std::to_string(from.version) + ", got " + std::to_string(delta.version),
        Blame::kClient);
  Config to = from;
  to.version = delta.version;
  if (delta.cookie_keys) to.cookie_keys = *delta.cookie_keys;
  if (delta.acme_challenges) to.acme_challenges = *delta.acme_challenges;
  if (auto done = apply_list(to.listeners, delta.listeners, "listeners"); !done) return done.error();
  if (auto done = apply_list(to.target_groups, delta.target_groups, "target_groups"); !done)
    return done.error();
  if (auto done = apply_list(to.certificates, delta.certificates, "certificates"); !done) return done.error();
  if (auto done = apply_list(to.trust_stores, delta.trust_stores, "trust_stores"); !done) return done.error();
  const GroupIndex before = index_groups(from);
  for (const auto& put : delta.target_groups.put) {
    if (!put.item->targets.empty())
      return Error(kDeltaErrorCode, "target_groups.put: '" + put.item->id + "' has targets", Blame::kClient);
    const auto known = before.find(put.item->id);
    if (known == before.end() || (*known->second)->targets.empty()) continue;
    TargetGroup group = *put.item;
    group.targets = (*known->second)->targets;
    to.target_groups[put.at] = std::move(group);
  }
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < to.target_groups.size(); ++i) places.emplace(to.target_groups[i]->id, i);
  for (std::size_t i = 0; i < delta.targets.size(); ++i) {
    const std::string path = "targets[" + std::to_string(i) + "]";
    const auto place = places.find(delta.targets[i].target_group);
    if (place == places.end())
      return Error(kDeltaErrorCode,
                   path + ".target_group: no target group '" + delta.targets[i].target_group + "'",
                   Blame::kClient);
    TargetGroup group = *to.target_groups[place->second];
    if (auto done = apply_list(group.targets, delta.targets[i].targets, path); !done) return done.error();
    to.target_groups[place->second] = std::move(group);
  }
  if (auto valid = validate_change(to, from); !valid) return valid.error();
  return to;
}

}  // namespace shared::lbconfig
