#include "agent/dns/message.h"

#include <gtest/gtest.h>

#include "tests/unit/agent/dns/packets.h"

namespace agent::dns {
namespace {

TEST(Names, HaveOneFormWhateverTheyAreWrittenAs) {
  EXPECT_EQ(normal("Web.Apps.Local."), "web.apps.local");
  EXPECT_EQ(normal("a\\.b.c"), "a\\.b.c");
  EXPECT_EQ(normal("."), "");
  EXPECT_EQ(normal("me@host.local"), normal("me\\@host.local"));
  EXPECT_EQ(normal(std::string(64, 'a') + ".local"), std::nullopt);
  EXPECT_EQ(normal("a..b"), std::nullopt);
  std::string long_name;
  for (int i = 0; i < 64; ++i) long_name += "abc.";
  EXPECT_EQ(normal(long_name), std::nullopt);
}

TEST(Names, AreWithinZonesByWholeLabels) {
  EXPECT_TRUE(is_within("web.apps.local", "apps.local"));
  EXPECT_TRUE(is_within("apps.local", "apps.local"));
  EXPECT_FALSE(is_within("myapps.local", "apps.local"));
  EXPECT_FALSE(is_within("x\\.apps.local", "apps.local"));  // the dot is part of the label
  EXPECT_TRUE(is_within("x\\\\.apps.local", "apps.local"));
}

TEST(Queries, AreRefusedWithPointersCutsAndLongLabels) {
  const auto verdict = [](const std::string& bytes) { return read_query(bytes).verdict; };
  using Verdict = Read::Verdict;
  const std::string good = test::query("web.apps.local", 1, 0x0100, test::edns(4096));
  EXPECT_EQ(verdict(good), Verdict::kQuery);
  for (std::size_t length = kHeaderBytes; length < good.size(); ++length)
    EXPECT_EQ(verdict(good.substr(0, length)), Verdict::kMalformed) << length;
  const std::string header = good.substr(0, 10) + test::u16(0);
  EXPECT_EQ(verdict(header + "\xC0\x0C" + test::u16(1) + test::u16(1)), Verdict::kMalformed);
  EXPECT_EQ(verdict(header + "\x40" + std::string(64, 'a') + '\0' + test::u16(1) + test::u16(1)),
            Verdict::kMalformed);
  std::string two_opts = test::query("a.b", 1, 0x0100, test::edns(4096) + test::edns(4096));
  two_opts[11] = 2;
  EXPECT_EQ(verdict(two_opts), Verdict::kMalformed);
}

TEST(Queries, SayHowMuchTheirClientsTakeAndNoMoreThanFitsAPath) {
  EXPECT_EQ(read_query(test::query("a.b", 1)).query.udp_bytes, 512);
  EXPECT_EQ(read_query(test::query("a.b", 1, 0x0100, test::edns(100))).query.udp_bytes, 512);
  EXPECT_EQ(read_query(test::query("a.b", 1, 0x0100, test::edns(1000))).query.udp_bytes, 1000);
  EXPECT_EQ(read_query(test::query("a.b", 1, 0x0100, test::edns(65000))).query.udp_bytes, 1232);
}

}  // namespace
}  // namespace agent::dns
