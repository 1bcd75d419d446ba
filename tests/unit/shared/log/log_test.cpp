#include "shared/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <thread>
#include <vector>

#include "shared/json/reader.h"

namespace shared::log {
namespace {

using testing::EndsWith;
using testing::MatchesRegex;
using testing::SizeIs;

class LogTest : public testing::Test {
 protected:
  void configure_as(Format format, Level level = Level::kDebug) {
    configure({level, format, [this](std::string_view line) { lines_.emplace_back(line); }});
  }
  void TearDown() override { configure({}); }
  std::vector<std::string> lines_;
};

TEST_F(LogTest, AJsonLineIsAnObjectOfTheEventAndItsFields) {
  configure_as(Format::kJson);
  const std::string target = "10.0.0.7:80";
  warn("target_unhealthy", {{"target", target},
                            {"reason", "Target.Timeout"},
                            {"failures", 3},
                            {"bytes", std::uint64_t{18446744073709551615U}},
                            {"ratio", 0.25},
                            {"not_finite", std::nan("")},
                            {"fail_open", false}});
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_THAT(lines_[0], EndsWith(R"(,"level":"warn","event":"target_unhealthy","target":"10.0.0.7:80",)"
                                  R"("reason":"Target.Timeout","failures":3,"bytes":18446744073709551615,)"
                                  R"("ratio":0.25,"not_finite":null,"fail_open":false})"));
  EXPECT_THAT(lines_[0], MatchesRegex("\\{\"time\":\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z\",.*"));
}

TEST_F(LogTest, NoFieldCanForgeALineOrAnotherField) {
  configure_as(Format::kJson);
  const std::string hostile = "a\"},\n{\"level\":\"info\\%v\x01\x7f";
  error("odd", {{"text", hostile}});
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_EQ(lines_[0].find('\n'), std::string::npos);
  const auto document = json::Document::parse(lines_[0], "x");
  ASSERT_TRUE(document) << lines_[0];
  EXPECT_EQ(document->root().string("text"), hostile);
  configure_as(Format::kLogfmt);
  error("odd", {{"text", hostile}, {"plain", "x=y"}, {"empty", ""}});
  EXPECT_THAT(lines_[1], EndsWith(R"( level=error event=odd text="a\"},\n{\"level\":\"info\\%v\u0001\u007f")"
                                  R"( plain="x=y" empty="")"));
}

TEST_F(LogTest, LogfmtIsPlainWherePossible) {
  configure_as(Format::kLogfmt);
  info("listening", {{"endpoint", "127.0.0.1:80"}, {"workers", 2}, {"note", "two words"}});
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_THAT(lines_[0],
              EndsWith(R"(Z level=info event=listening endpoint=127.0.0.1:80 workers=2 note="two words")"));
}

TEST_F(LogTest, LevelsBelowTheChosenOneAreNotWritten) {
  configure_as(Format::kLogfmt, Level::kWarn);
  debug("a");
  info("b");
  warn("c");
  EXPECT_FALSE(enabled(Level::kInfo));
  set_level(Level::kDebug);
  debug("d");
  ASSERT_THAT(lines_, SizeIs(2));
  EXPECT_THAT(lines_[1], EndsWith("event=d"));
}

TEST_F(LogTest, AnErrorBecomesTwoFields) {
  configure_as(Format::kLogfmt);
  error("store_failed", Error("disk_full", "commit to store: disk is full"), {{"changes", 4}});
  EXPECT_THAT(lines_[0], EndsWith(R"(changes=4 code=disk_full error="commit to store: disk is full")"));
}

TEST_F(LogTest, ManyThreadsWriteWholeLines) {
  configure_as(Format::kLogfmt);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < 100; ++i) info("tick", {{"thread", t}, {"i", i}});
      });
    }
  }
  EXPECT_THAT(lines_, SizeIs(400));
  EXPECT_THAT(lines_, testing::Each(MatchesRegex("time=[^ ]+ level=info event=tick thread=[0-9] i=[0-9]+")));
}

TEST(LogWords, AreParsed) {
  EXPECT_EQ(parse_level("warn"), Level::kWarn);
  EXPECT_EQ(parse_level("WARN"), std::nullopt);
  EXPECT_EQ(parse_format("logfmt"), Format::kLogfmt);
  EXPECT_EQ(parse_format(""), std::nullopt);
}

}  // namespace
}  // namespace shared::log
