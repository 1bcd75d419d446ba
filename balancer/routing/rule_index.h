// Which rules can hold for a host and a path at all, so that a listener of a thousand rules costs what its
// few candidates cost. A rule is filed under what every text that it matches must be, end in (hosts) or begin
// with (paths); a rule that says nothing of the kind is a candidate always. Candidates come in ascending
// order and are checked in full by the caller: the index leaves out what cannot match and decides nothing.
//
// A request costs one walk over at most kMaxPattern bytes of either text and a look-up for each length that
// some rule's part has. Immutable once built; read by all workers.
#pragma once
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "balancer/routing/pattern.h"

namespace balancer::routing {

// What a pattern fixes of the texts that it matches.
struct IndexKey {
  enum class Kind : std::uint8_t { kAny, kWhole, kPart };
  Kind kind = Kind::kAny;
  std::string text;
  auto operator<=>(const IndexKey&) const = default;
};
// The whole host or what follows the last wildcard; `pattern` in lower case.
IndexKey host_key(std::string_view pattern);
// The whole path or what stands before the first wildcard.
IndexKey path_key(std::string_view pattern);

// Keys of one kind of text, as numbers; 0 is "any text".
class KeyTable {
 public:
  enum class From : std::uint8_t { kFront, kBack };
  explicit KeyTable(From from) : from_(from) {}

  std::uint32_t add(const IndexKey& key);
  void build();
  // Appends the numbers of all keys that `text` has, and perhaps one that it has not.
  void find(std::string_view text, std::vector<std::uint32_t>& out) const;

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t number = 0;  // 0: empty
  };
  std::uint64_t hash_of(std::string_view text) const;
  void insert(std::uint64_t hash, std::uint32_t number);
  void look_up(std::uint64_t hash, std::vector<std::uint32_t>& out) const;

  From from_;
  std::map<IndexKey, std::uint32_t> keys_;  // while it is built
  std::vector<Slot> slots_;                 // a power of two, at most half full
  std::bitset<kMaxPattern + 1> whole_sizes_, part_sizes_;
  std::size_t longest_part_ = 0;
};

class RuleIndex {
 public:
  // Space for one search, reused so that it does not allocate.
  struct Space {
    struct Cursor {
      const std::uint32_t* at;
      const std::uint32_t* end;
    };
    std::vector<std::uint32_t> hosts, paths;
    std::vector<Cursor> cursors;
  };

  // Rules are added in ascending order. It is a candidate when a host key and a path key of it are there; an
  // empty list is "any".
  void add(std::uint32_t rule, const std::vector<IndexKey>& hosts, const std::vector<IndexKey>& paths);
  void build();

  // The first candidate for which `holds` says true; `none` without one. `host` is in lower case.
  template <class Holds>
  std::uint32_t first(std::string_view host, std::string_view path, Space& space, std::uint32_t none,
                      Holds holds) const {
    collect(host, path, space);
    std::uint32_t last = none;
    for (;;) {
      Space::Cursor* least = nullptr;
      for (Space::Cursor& cursor : space.cursors) {
        if (cursor.at != cursor.end && (least == nullptr || *cursor.at < *least->at)) least = &cursor;
      }
      if (least == nullptr) return none;
      const std::uint32_t rule = *least->at++;
      if (rule == last) continue;  // filed under two keys of this request
      last = rule;
      if (holds(rule)) return rule;
    }
  }

 private:
  // A pair of keys and its rules in rules_.
  struct Slot {
    std::uint64_t pair = 0;
    std::uint32_t begin = 0;
    std::uint32_t count = 0;  // 0: empty
  };
  void collect(std::string_view host, std::string_view path, Space& space) const;
  std::size_t slot_of(std::uint64_t pair) const;

  KeyTable hosts_{KeyTable::From::kBack};
  KeyTable paths_{KeyTable::From::kFront};
  std::map<std::uint64_t, std::vector<std::uint32_t>> filed_;  // while it is built
  std::vector<Slot> slots_;                                    // a power of two, at most half full
  std::vector<std::uint32_t> rules_;
};

}  // namespace balancer::routing
