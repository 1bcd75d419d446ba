#include "balancer/codec/buffer.h"

#include <gtest/gtest.h>

#include <string>

#include "shared/env/random.h"

namespace balancer::codec {
namespace {

TEST(Buffer, HoldsWhatAStringWouldHold) {
  shared::env::SeededRandom random(1);
  Buffer buffer;
  std::string expected;
  for (int step = 0; step < 20'000; ++step) {
    switch (random.below(6)) {
      case 0:
      case 1: {
        const std::string bytes = random.hex(random.below(200));
        buffer.append(bytes);
        expected += bytes;
        break;
      }
      case 2: {
        const std::size_t drop = random.below(expected.size() + 1);
        buffer.consume(drop);
        expected.erase(0, drop);
        break;
      }
      case 3: {
        const std::span<char> room = buffer.prepare(random.below(300));
        if (room.empty()) break;
        room[0] = 'x';
        buffer.commit(1);
        expected += 'x';
        break;
      }
      case 4: {
        const std::size_t keep = random.below(expected.size() + 1);
        buffer.truncate(keep);
        expected.resize(keep);
        break;
      }
      default:
        buffer.append_decimal(step);
        expected += std::to_string(step);
        buffer.shrink(1024);
    }
    ASSERT_EQ(buffer.view(), expected) << "step " << step;
  }
}

TEST(Buffer, StopsGrowingWhenItIsDrainedAsFastAsItIsFilled) {
  Buffer buffer;
  const std::string block(1000, 'b');
  buffer.append("odd");
  for (int i = 0; i < 10'000; ++i) {
    buffer.append(block);
    buffer.consume(block.size());
  }
  EXPECT_EQ(buffer.size(), 3U);
  EXPECT_LE(buffer.capacity(), 8 * block.size());
  buffer.clear();
  buffer.shrink();
  EXPECT_EQ(buffer.capacity(), 0U);
}

TEST(Buffer, WritesNumbers) {
  Buffer buffer;
  buffer.append_decimal(0);
  buffer.append(' ');
  buffer.append_decimal(18'446'744'073'709'551'615U);
  buffer.append(' ');
  buffer.append_hex(0xdeadbeef0);
  EXPECT_EQ(buffer.view(), "0 18446744073709551615 deadbeef0");
}

}  // namespace
}  // namespace balancer::codec
