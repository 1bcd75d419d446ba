#include "agent/scheduler/tournament.h"

#include <algorithm>
#include <bit>

namespace agent::scheduler {
namespace {

// A tree with fewer entries than one in so many leaves is made smaller.
constexpr std::size_t kSparse = 4;

}  // namespace

int Tournament::compare(std::uint32_t left, std::uint32_t right) const {
  const std::int64_t* a = ranks_.data() + left * width_;
  const std::int64_t* b = ranks_.data() + right * width_;
  for (std::size_t i = 0; i < width_; ++i) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

Tournament::Node Tournament::better(std::size_t at) const {
  const Node left = node(2 * at);
  const Node right = node(2 * at + 1);
  if (right.ties == 0) return left;
  if (left.ties == 0) return right;
  const int order = compare(left.winner, right.winner);
  if (order == 0) return {left.winner, left.ties + right.ties};
  return order < 0 ? left : right;
}

void Tournament::climb(std::uint32_t position) {
  for (std::size_t at = (leaves_ + position) / 2; at > 0; at /= 2) {
    const Node now = better(at);
    // Above a node that says the same of others than this entry nothing can be different.
    if (now == nodes_[at] && now.winner != position) return;
    nodes_[at] = now;
  }
}

std::uint32_t Tournament::append(std::uint32_t slot, const Rank& rank) {
  slots_.push_back(slot);
  ranks_.insert(ranks_.end(), rank.begin(), rank.begin() + static_cast<std::ptrdiff_t>(width_));
  return static_cast<std::uint32_t>(slots_.size() - 1);
}

void Tournament::settle() {
  leaves_ = std::bit_ceil(std::max<std::size_t>(1, slots_.size()));
  if (nodes_.size() > leaves_) nodes_.shrink_to_fit();
  nodes_.assign(leaves_, {});
  for (std::size_t at = leaves_ - 1; at > 0; --at) nodes_[at] = better(at);
}

std::uint32_t Tournament::add(std::uint32_t slot, const Rank& rank) {
  const std::uint32_t position = append(slot, rank);
  if (slots_.size() > leaves_) {
    settle();
  } else {
    climb(position);
  }
  return position;
}

void Tournament::change(std::uint32_t position, const Rank& rank) {
  std::int64_t* at = ranks_.data() + position * width_;
  if (std::equal(at, at + width_, rank.begin())) return;
  std::copy_n(rank.begin(), width_, at);
  climb(position);
}

std::optional<std::uint32_t> Tournament::remove(std::uint32_t position) {
  const auto last = static_cast<std::uint32_t>(slots_.size() - 1);
  if (position != last) {
    slots_[position] = slots_[last];
    std::copy_n(ranks_.data() + last * width_, width_, ranks_.data() + position * width_);
  }
  slots_.pop_back();
  ranks_.resize(last * width_);
  if (slots_.size() < leaves_ / kSparse) {
    slots_.shrink_to_fit();
    ranks_.shrink_to_fit();
    settle();
  } else {
    climb(last);
    if (position != last) climb(position);
  }
  return position == last ? std::nullopt : std::optional(slots_[position]);
}

std::uint32_t Tournament::slot_of_lowest(std::uint32_t nth) const {
  const std::uint32_t lowest = node(1).winner;
  std::size_t at = 1;
  while (at < leaves_) {
    at *= 2;
    const Node left = node(at);
    const std::uint32_t there = left.ties > 0 && compare(left.winner, lowest) == 0 ? left.ties : 0;
    if (nth < there) continue;
    nth -= there;
    ++at;
  }
  return slots_[at - leaves_];
}

}  // namespace agent::scheduler
