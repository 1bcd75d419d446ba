// Tables, widths, times and differences as people see them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/cli/output/diff.h"
#include "agent/cli/output/table.h"
#include "agent/cli/output/terminal.h"
#include "agent/cli/output/text.h"

namespace agent::cli {
namespace {

using nlohmann::json;
using shared::Millis;

Table services() {
  Table table({{"SERVICE", Align::kLeft, false, 8, 0},
               {"RUNNING", Align::kRight},
               {"ARN", Align::kLeft, true},
               {"LAST EVENT", Align::kLeft, false, 10, 1}});
  table.add({{"web"}, {"2/3"}, {"arn:web"}, {"has reached a steady state."}});
  table.add({{"a-service-with-a-long-name"}, {"10/10"}, {"arn:b"}, {""}});
  return table;
}

TEST(Tables, NumbersStandAtTheRightAndNothingFollowsTheLastColumn) {
  EXPECT_EQ(services().render({}),
            "SERVICE                     RUNNING  LAST EVENT\n"
            "web                             2/3  has reached a steady state.\n"
            "a-service-with-a-long-name    10/10  -\n");
}

TEST(Tables, WideOnesHaveMoreColumns) {
  EXPECT_NE(services().render({0, Colour::kOff, true}).find("arn:web"), std::string::npos);
  EXPECT_EQ(services().render({}).find("arn:web"), std::string::npos);
}

TEST(Tables, ANarrowTerminalShortensLongCellsAndThenDropsColumns) {
  for (const std::size_t width : {60UL, 50UL, 40UL, 29UL, 28UL, 20UL}) {
    const std::string text = services().render({width, Colour::kOff, false});
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t end = text.find('\n', at);
      EXPECT_LE(columns_of(text.substr(at, end - at)), width) << text;
      at = end + 1;
    }
    EXPECT_NE(text.find("web"), std::string::npos);
    EXPECT_EQ(text.find("LAST EVENT") != std::string::npos, width >= 29) << text;
  }
}

TEST(Tables, ColoursDoNotMoveColumns) {
  Table table({{"STATE"}, {"NEXT"}});
  table.add({{"ok", Style::kGood}, {"x"}});
  EXPECT_EQ(table.render({0, Colour::kOn, false}),
            "\033[1mSTATE\033[0m  \033[1mNEXT\033[0m\n\033[32mok\033[0m     x\n");
}

TEST(Tables, WhatAContainerSaysCannotChangeTheTerminal) {
  EXPECT_EQ(harmless("a\033[2Jb\nc\x7f\xC2\x9B"
                     "d"),
            "a?[2Jbc??d");
  Table table({{"REASON"}});
  table.add({{"\033]0;title\007x"}});
  EXPECT_EQ(table.render({}).find('\033'), std::string::npos);
}

TEST(Texts, AreShortenedByCharactersNotBytes) {
  EXPECT_EQ(shortened_to("grüße", 5), "grüße");
  EXPECT_EQ(shortened_to("grüße aus", 5), "grüß…");
  EXPECT_EQ(columns_of(shortened_to("a long text", 6)), 6U);
  EXPECT_EQ(shortened_to("ab cd", 4), "ab…");
}

TEST(Texts, TellLengthsOfTimeInTheUnitThatMatters) {
  EXPECT_EQ(span(Millis(0)), "0s");
  EXPECT_EQ(span(Millis(350)), "350ms");
  EXPECT_EQ(span(Millis(3'460)), "3.4s");
  EXPECT_EQ(span(Millis(12'900)), "12s");
  EXPECT_EQ(span(Millis(243'000)), "4m 3s");
  EXPECT_EQ(span(Millis(12'000'000)), "3h 20m");
  EXPECT_EQ(span(Millis(187'200'000)), "2d 4h");
  EXPECT_EQ(age(Millis(243'000)), "4m");
  EXPECT_EQ(age(Millis(900)), "0s");
  EXPECT_EQ(span(Millis(-5)), "0s");
}

TEST(Texts, HaveTimesInUtc) {
  const auto time = from_epoch_seconds(1'796'068'987.25);
  EXPECT_EQ(date_text(time), "2026-11-30 20:03:07");
  EXPECT_EQ(clock_text(time), "20:03:07");
  EXPECT_EQ(clock_millis(time), "20:03:07.250");
}

TEST(Texts, ShortenIdsAndNothingElse) {
  EXPECT_EQ(short_id("arn:aws:ecs:us-east-1:0:task/default/4023438f9e5556f710c830851d78c32e"), "4023438f");
  EXPECT_EQ(short_id("mi-bfa20e61be1cacc04"), "mi-bfa20e61be1cacc04");
  EXPECT_EQ(revision_in("arn:aws:ecs:us-east-1:0:task-definition/web:3"), "web:3");
}

TEST(Colours, AreForTerminalsThatWantThem) {
  EXPECT_EQ(colour_for("auto", true, {{"TERM", "xterm"}}), Colour::kOn);
  EXPECT_EQ(colour_for("auto", false, {{"TERM", "xterm"}}), Colour::kOff);
  EXPECT_EQ(colour_for("auto", true, {{"TERM", "xterm"}, {"NO_COLOR", "1"}}), Colour::kOff);
  EXPECT_EQ(colour_for("auto", true, {{"TERM", "dumb"}}), Colour::kOff);
  EXPECT_EQ(colour_for("always", false, {{"NO_COLOR", "1"}}), Colour::kOn);
  EXPECT_EQ(colour_for("never", true, {{"TERM", "xterm"}}), Colour::kOff);
}

TEST(Differences, NameMembersByWhatPeopleCallThem) {
  const json before = json::parse(R"({"cpu":"256","containerDefinitions":[
    {"name":"web","image":"web:1","environment":[{"name":"A","value":"1"},{"name":"B","value":"2"}]},{"name":"old","image":"x"}]})");
  const json after = json::parse(R"({"containerDefinitions":[
    {"name":"side","image":"s:1"},{"name":"web","image":"web:2","environment":[{"name":"B","value":"3"},{"name":"A","value":"1"}]}],"memory":"512"})");
  EXPECT_EQ(render(differences(before, after), Colour::kOff),
            "  ~ containerDefinitions[web].environment[B]: \"2\" -> \"3\"\n"
            "  ~ containerDefinitions[web].image: \"web:1\" -> \"web:2\"\n"
            "  - containerDefinitions[old]: {\"image\":\"x\",\"name\":\"old\"}\n"
            "  + containerDefinitions[side].image: \"s:1\"\n"
            "  + containerDefinitions[side].name: \"side\"\n"
            "  - cpu: \"256\"\n"
            "  + memory: \"512\"\n");
}

TEST(Differences, OfPlainListsAreByPlace) {
  const auto found =
      differences(json::parse(R"({"command":["a","b"]})"), json::parse(R"({"command":["a","c","d"]})"));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].path, "command[1]");
  EXPECT_EQ(found[1].path, "command[2]");
  EXPECT_EQ(found[1].kind, Difference::Kind::kAdded);
}

}  // namespace
}  // namespace agent::cli
