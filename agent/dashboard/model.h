// What the dashboard shows: things, each a JSON text under a kind and an id, and in which order they changed.
// Who looks has a position in that order and is told what comes after it: everything there is from position
// 0, and what became other since from any later one. So a first look, the next change and a return after the
// connection broke are the same question, and somebody slow gets the newest text of a thing only. Pure.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agent::dashboard {

// Things that are gone are remembered, so that who was away hears of it. Beyond so many the oldest are not:
// who was away for longer begins anew.
inline constexpr std::size_t kMostGone = 20'000;

// Whom a thing concerns besides those who want its kind: "service:default/web".
struct Filter {
  std::set<std::string, std::less<>> kinds;
  std::set<std::string, std::less<>> watched;  // owners, or "<kind>:<id>" of one thing
  bool wants(std::string_view kind, std::string_view id, std::string_view owner) const;
};

struct Batch {
  bool anew = false;              // forget what you know
  std::vector<std::string> set;   // texts
  std::vector<std::string> gone;  // "<kind>/<id>"
  std::uint64_t position = 0;     // to ask from the next time
  bool more = false;              // it was cut at `most_bytes`
  bool empty() const { return !anew && set.empty() && gone.empty(); }
};

class Model {
 public:
  // `text` without the members that say kind and id. Nothing happens when it is what it was.
  void put(const std::string& kind, const std::string& id, const std::string& owner, std::string text);
  void erase(const std::string& kind, const std::string& id);
  // Of the owner, all.
  void erase_owned(const std::string& kind, const std::string& owner);

  Batch since(std::uint64_t position, const Filter& filter, std::size_t most_bytes) const;
  std::uint64_t newest() const { return newest_; }
  std::size_t size() const { return things_.size(); }
  bool has(const std::string& kind, const std::string& id) const { return things_.contains({kind, id}); }

 private:
  using Key = std::pair<std::string, std::string>;
  struct Thing {
    std::string owner;
    std::string text;
    std::uint64_t changed = 0;
  };
  struct Gone {
    Key key;
    std::string owner;
  };

  std::map<Key, Thing> things_;
  std::map<std::uint64_t, Key> order_;  // of the last change
  std::map<std::uint64_t, Gone> gone_;
  std::uint64_t newest_ = 1;     // 0 is the position of who knows nothing
  std::uint64_t forgotten_ = 0;  // the newest that went out of gone_
};

}  // namespace agent::dashboard
