// Which of many entries rank lowest, and which of these is the n-th: a tree in which each node knows the
// lowest below it and how many share its rank. A change costs the logarithm of the number of entries, asking
// for the lowest nothing. Not for others. Thread: one.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace agent::scheduler {

// What a host's own facts decide between hosts: its tasks of the group, its remaining cpu and memory.
inline constexpr std::size_t kMaxRankWidth = 3;
using Rank = std::array<std::int64_t, kMaxRankWidth>;  // compared from the front

class Tournament {
 public:
  // Of each rank so many numbers count; 0: all entries are equal.
  explicit Tournament(std::size_t width) : width_(width) {}

  // Entries have positions from 0 on, without gaps. append() is for many at once: settle() must follow.
  std::uint32_t append(std::uint32_t slot, const Rank& rank);
  void settle();
  std::uint32_t add(std::uint32_t slot, const Rank& rank);
  void change(std::uint32_t position, const Rank& rank);
  // The last entry takes the position that is freed; its slot is returned if that is another one.
  std::optional<std::uint32_t> remove(std::uint32_t position);

  bool empty() const { return slots_.empty(); }
  // The rest is for a tournament with entries only.
  std::int64_t lowest(std::size_t index) const { return ranks_[node(1).winner * width_ + index]; }
  std::uint32_t ties() const { return node(1).ties; }
  std::uint32_t slot_of_lowest(std::uint32_t nth) const;  // nth < ties()

 private:
  struct Node {
    std::uint32_t winner = 0;  // position
    std::uint32_t ties = 0;    // 0: no entries below
    bool operator==(const Node&) const = default;
  };
  Node node(std::size_t at) const {
    if (at < leaves_) return nodes_[at];
    const auto position = static_cast<std::uint32_t>(at - leaves_);
    return {position, position < slots_.size() ? 1U : 0U};
  }
  int compare(std::uint32_t left, std::uint32_t right) const;
  Node better(std::size_t at) const;  // of the node's two children
  void climb(std::uint32_t position);

  std::size_t width_;
  std::size_t leaves_ = 1;  // a power of two
  std::vector<Node> nodes_{1};
  std::vector<std::int64_t> ranks_;  // width_ numbers for each position
  std::vector<std::uint32_t> slots_;
};

}  // namespace agent::scheduler
