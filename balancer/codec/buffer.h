// Buffer: the bytes between a socket and a codec. One contiguous run that is appended to at the back and
// consumed at the front; never fills new memory with zeros, so that preparing a read costs nothing. Not a
// queue of blocks and not shared. Thread: its owner's. Views and pointers into it are void after prepare(),
// append(), shrink() or a move; consume() and clear() move no bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace balancer::codec {

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t capacity) { prepare(capacity); }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  const char* data() const { return data_.get() + begin_; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::size_t capacity() const { return capacity_; }
  char& at(std::size_t index) { return data_[begin_ + index]; }  // index < size()
  std::string_view view() const { return {data(), size()}; }

  // At least `room` writable bytes behind the content; commit() says how many were written.
  std::span<char> prepare(std::size_t room) {
    if (capacity_ - end_ < room) make_room(room);
    return {data_.get() + end_, capacity_ - end_};
  }
  void commit(std::size_t written) { end_ += written; }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(prepare(bytes.size()).data(), bytes.data(), bytes.size());
    end_ += bytes.size();
  }
  void append(char byte) {
    prepare(1)[0] = byte;
    ++end_;
  }
  void append_decimal(std::uint64_t number);
  void append_hex(std::uint64_t number);  // lower case, no leading zeros

  // Drops `count` bytes (at most size()) from the front.
  void consume(std::size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  // Drops bytes from the back, so that `size` are left.
  void truncate(std::size_t size) { end_ = begin_ + size; }
  void clear() { begin_ = end_ = 0; }
  // Gives the memory back when it is empty and larger than `keep`: for connections that go idle.
  void shrink(std::size_t keep = 0);
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
  }

 private:
  void make_room(std::size_t room);

  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace balancer::codec
