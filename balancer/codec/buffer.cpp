#include "balancer/codec/buffer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace balancer::codec {

namespace {
constexpr std::size_t kSmallest = 512;
}

void Buffer::append_decimal(std::uint64_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  append(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

void Buffer::append_hex(std::uint64_t number) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
  append(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

void Buffer::shrink(std::size_t keep) {
  if (!empty() || capacity_ <= keep) return;
  data_.reset();
  capacity_ = begin_ = end_ = 0;
}

// Moves the content to the front when half of the memory is free anyway, grows otherwise: either way a byte
// is moved a constant number of times on average.
void Buffer::make_room(std::size_t room) {
  const std::size_t used = size();
  if (used + room <= capacity_ && used <= capacity_ / 2) {
    std::memmove(data_.get(), data_.get() + begin_, used);
  } else {
    const std::size_t capacity = std::max({kSmallest, used + room, capacity_ * 2});
    std::unique_ptr<char[]> grown(new char[capacity]);  // not make_unique: that fills with zeros
    if (used != 0) std::memcpy(grown.get(), data_.get() + begin_, used);
    data_ = std::move(grown);
    capacity_ = capacity;
  }
  begin_ = 0;
  end_ = used;
}

}  // namespace balancer::codec
