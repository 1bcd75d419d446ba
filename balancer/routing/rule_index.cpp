#include "balancer/routing/rule_index.h"

#include <algorithm>
#include <bit>

namespace balancer::routing {

namespace {

constexpr std::uint64_t kHashStart = 0xcbf29ce484222325U;  // FNV-1a
constexpr std::uint64_t kHashPrime = 0x100000001b3U;
constexpr std::uint64_t kWholeMark = 0x9e3779b97f4a7c15U;  // so that "whole" and "part" of one text differ
constexpr std::uint64_t kPairPrime = 0x9e3779b97f4a7c15U;
// A rule with more pairs of hosts and paths is filed under its hosts only.
constexpr std::size_t kMaxPairsOfRule = 64;

constexpr std::uint64_t add_byte(std::uint64_t hash, char c) {
  return (hash ^ static_cast<unsigned char>(c)) * kHashPrime;
}
constexpr std::size_t start_of(std::uint64_t hash, std::size_t slots) {
  return static_cast<std::size_t>(hash ^ (hash >> 32)) & (slots - 1);
}
constexpr std::uint64_t pair_of(std::uint32_t host, std::uint32_t path) {
  return std::uint64_t{host} << 32 | path;
}

}  // namespace

IndexKey host_key(std::string_view pattern) {
  const std::size_t wildcard = pattern.find_last_of("*?");
  if (wildcard == std::string_view::npos) return {IndexKey::Kind::kWhole, std::string(pattern)};
  pattern.remove_prefix(wildcard + 1);
  if (pattern.empty()) return {};
  return {IndexKey::Kind::kPart, std::string(pattern)};
}

IndexKey path_key(std::string_view pattern) {
  const std::size_t wildcard = pattern.find_first_of("*?");
  if (wildcard == std::string_view::npos) return {IndexKey::Kind::kWhole, std::string(pattern)};
  pattern = pattern.substr(0, wildcard);
  if (pattern.empty() || pattern == "/") return {};
  return {IndexKey::Kind::kPart, std::string(pattern)};
}

std::uint32_t KeyTable::add(const IndexKey& key) {
  if (key.kind == IndexKey::Kind::kAny || key.text.size() > kMaxPattern) return 0;
  return keys_.emplace(key, static_cast<std::uint32_t>(keys_.size() + 1)).first->second;
}

std::uint64_t KeyTable::hash_of(std::string_view text) const {
  std::uint64_t hash = kHashStart;
  for (std::size_t i = 0; i < text.size(); ++i) {
    hash = add_byte(hash, from_ == From::kFront ? text[i] : text[text.size() - 1 - i]);
  }
  return hash;
}

void KeyTable::build() {
  slots_.assign(std::bit_ceil(keys_.size() * 2), {});
  for (const auto& [key, number] : keys_) {
    const bool whole = key.kind == IndexKey::Kind::kWhole;
    (whole ? whole_sizes_ : part_sizes_).set(key.text.size());
    if (!whole) longest_part_ = std::max(longest_part_, key.text.size());
    insert(hash_of(key.text) ^ (whole ? kWholeMark : 0), number);
  }
  keys_.clear();
}

void KeyTable::insert(std::uint64_t hash, std::uint32_t number) {
  std::size_t at = start_of(hash, slots_.size());
  while (slots_[at].number != 0) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {hash, number};
}

// Keys with the same hash are all found: which of them it is, the rule's own conditions say.
void KeyTable::look_up(std::uint64_t hash, std::vector<std::uint32_t>& out) const {
  for (std::size_t at = start_of(hash, slots_.size()); slots_[at].number != 0;
       at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].hash == hash) out.push_back(slots_[at].number);
  }
}

void KeyTable::find(std::string_view text, std::vector<std::uint32_t>& out) const {
  const std::size_t size = text.size();
  const bool whole = size <= kMaxPattern && whole_sizes_.test(size);
  const std::size_t steps = whole ? size : std::min(size, longest_part_);
  std::uint64_t hash = kHashStart;
  for (std::size_t i = 0; i < steps; ++i) {
    hash = add_byte(hash, from_ == From::kFront ? text[i] : text[size - 1 - i]);
    if (part_sizes_.test(i + 1)) look_up(hash, out);
  }
  if (whole) look_up(hash ^ kWholeMark, out);
}

void RuleIndex::add(std::uint32_t rule, const std::vector<IndexKey>& hosts,
                    const std::vector<IndexKey>& paths) {
  const auto numbers = [](KeyTable& table, const std::vector<IndexKey>& keys) {
    std::vector<std::uint32_t> out;
    for (const IndexKey& key : keys) out.push_back(table.add(key));
    const bool any = out.empty() || std::find(out.begin(), out.end(), 0) != out.end();
    return any ? std::vector<std::uint32_t>{0} : out;
  };
  const auto of_hosts = numbers(hosts_, hosts);
  const bool too_many = hosts.size() * paths.size() > kMaxPairsOfRule;
  const auto of_paths = too_many ? std::vector<std::uint32_t>{0} : numbers(paths_, paths);
  for (const std::uint32_t host : of_hosts) {
    for (const std::uint32_t path : of_paths) {
      auto& rules = filed_[pair_of(host, path)];
      if (rules.empty() || rules.back() != rule) rules.push_back(rule);
    }
  }
}

std::size_t RuleIndex::slot_of(std::uint64_t pair) const {
  std::size_t at = start_of(pair * kPairPrime, slots_.size());
  while (slots_[at].count != 0 && slots_[at].pair != pair) at = (at + 1) & (slots_.size() - 1);
  return at;
}

void RuleIndex::build() {
  hosts_.build();
  paths_.build();
  slots_.assign(std::bit_ceil(filed_.size() * 2 + 1), {});
  for (const auto& [pair, rules] : filed_) {
    slots_[slot_of(pair)] = {pair, static_cast<std::uint32_t>(rules_.size()),
                             static_cast<std::uint32_t>(rules.size())};
    rules_.insert(rules_.end(), rules.begin(), rules.end());
  }
  filed_.clear();
}

void RuleIndex::collect(std::string_view host, std::string_view path, Space& space) const {
  space.hosts.assign(1, 0);
  space.paths.assign(1, 0);
  space.cursors.clear();
  hosts_.find(host, space.hosts);
  paths_.find(path, space.paths);
  for (const std::uint32_t of_host : space.hosts) {
    for (const std::uint32_t of_path : space.paths) {
      const Slot& slot = slots_[slot_of(pair_of(of_host, of_path))];
      if (slot.count == 0) continue;
      const std::uint32_t* begin = rules_.data() + slot.begin;
      space.cursors.push_back({begin, begin + slot.count});
    }
  }
}

}  // namespace balancer::routing
