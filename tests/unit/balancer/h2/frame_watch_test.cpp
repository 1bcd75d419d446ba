#include "balancer/h2/frame_watch.h"

#include <gtest/gtest.h>

#include "tests/support/h2_frames.h"

namespace balancer::h2 {
namespace {

// Whether a block is open after each byte, as 0 and 1.
std::string watched(const std::string& bytes, std::size_t skip = 0) {
  FrameWatch watch(skip);
  std::string out;
  for (const char byte : bytes) {
    watch.note(std::string_view(&byte, 1));
    out += watch.in_header_block() ? '1' : '0';
  }
  return out;
}

const std::string kOf9 = "000000000";

TEST(FrameWatch, SeesABlockFromItsFramesHeadToItsLastByte) {
  EXPECT_EQ(watched(frame(kHeadersFrame, kEndHeadersFlag, 1, "abc")),
            "00000000"
            "1"
            "11"
            "0");
  EXPECT_EQ(watched(frame(kHeadersFrame, kEndHeadersFlag, 1)), kOf9);
}

TEST(FrameWatch, KeepsABlockOpenUntilTheContinuationThatEndsIt) {
  const std::string bytes = frame(kHeadersFrame, 0, 1, "a") + frame(kContinuationFrame, 0, 1) +
                            frame(kContinuationFrame, kEndHeadersFlag, 1, "b") +
                            frame(kPingFrame, 0, 0, "12345678");
  EXPECT_EQ(watched(bytes),
            "00000000"
            "11"
            "111111111"
            "111111111"
            "0" +
                kOf9 + "00000000");
}

TEST(FrameWatch, DoesNotCareHowBytesAreCutNorForOtherFramesNorForThePreface) {
  std::string bytes =
      hello() + frame(kDataFrame, kEndHeadersFlag, 1, "abcd") + frame(kHeadersFrame, 0, 3, "abc");
  EXPECT_EQ(watched(bytes, kPrefaceBytes).find('1'), bytes.size() - 4);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    FrameWatch watch(kPrefaceBytes);
    watch.note(std::string_view(bytes).substr(0, cut));
    watch.note(std::string_view(bytes).substr(cut));
    EXPECT_TRUE(watch.in_header_block());
    watch.note(frame(kContinuationFrame, kEndHeadersFlag, 3));
    EXPECT_FALSE(watch.in_header_block());
  }
}

TEST(FrameWatch, SeesPaddingThatIsAsLongAsItsFrame) {
  const auto bad = [](std::uint8_t type, std::uint8_t flags, const std::string& payload) {
    FrameWatch watch(0);
    for (const char byte : frame(kDataFrame, 0, 1, "abc") + frame(type, flags, 1, payload))
      watch.note(std::string_view(&byte, 1));
    return watch.bad_padding();
  };
  EXPECT_FALSE(bad(kDataFrame, kPaddedFlag, std::string("\2") + "a" + kNul + kNul));
  EXPECT_FALSE(bad(kDataFrame, kPaddedFlag, std::string("\3") + kNul + kNul + kNul)) << "nothing but padding";
  EXPECT_TRUE(bad(kDataFrame, kPaddedFlag, std::string("\4") + kNul + kNul + kNul));
  EXPECT_TRUE(bad(kDataFrame, kPaddedFlag, "\xff"));
  EXPECT_TRUE(bad(kDataFrame, kPaddedFlag, ""));
  EXPECT_FALSE(bad(kDataFrame, 0, "\xff")) << "no padding";
  EXPECT_FALSE(bad(kPingFrame, kPaddedFlag, "\xff"));
}

}  // namespace
}  // namespace balancer::h2
