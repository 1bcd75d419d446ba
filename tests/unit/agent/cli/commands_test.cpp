// The words of a call, help and completion, tokens and exports.
#include <gtest/gtest.h>

#include <set>

#include "agent/cli/commands/frame/command.h"
#include "agent/cli/commands/hosts/dev.h"
#include "agent/cli/commands/hosts/programs.h"

namespace agent::cli {
namespace {

Call parsed(const std::vector<std::string>& words) {
  auto call = parse_call(words);
  EXPECT_TRUE(call) << (call ? "" : call.error().text());
  return call ? *std::move(call) : Call{};
}

std::string refused(const std::vector<std::string>& words) {
  const auto call = parse_call(words);
  return call ? "" : call.error().text();
}

TEST(Calls, HaveFlagsAnywhereAndWordsBehindTwoDashes) {
  const Call call = parsed(
      {"--cluster", "c", "run", "job", "--wait", "-eA=1", "--env", "B=2", "-o=json", "--", "sh", "-c", "x"});
  ASSERT_NE(call.command, nullptr);
  EXPECT_EQ(call.command->name, "run");
  EXPECT_EQ(call.arguments.word(0), "job");
  EXPECT_EQ(call.arguments.value("--cluster"), "c");
  EXPECT_EQ(call.arguments.values("--env"), (std::vector<std::string>{"A=1", "B=2"}));
  EXPECT_EQ(call.arguments.rest, (std::vector<std::string>{"sh", "-c", "x"}));
}

TEST(Calls, OfTwoWordsAreOneCommand) {
  EXPECT_EQ(parsed({"lb", "rules", "web"}).command->name, "lb rules");
  EXPECT_NE(refused({"lb"}).find("lb ls"), std::string::npos);
  EXPECT_NE(refused({"lb", "rule"}).find("unknown command 'rule'"), std::string::npos);
}

TEST(Calls, ThatAreWrongSayWhatWasMeant) {
  EXPECT_NE(refused({"scal", "web"}).find("did you mean 'scale'?"), std::string::npos);
  EXPECT_NE(refused({"ps", "--nod", "x"}).find("did you mean '--node'?"), std::string::npos);
  EXPECT_NE(refused({"why"}).find("TASK|SERVICE"), std::string::npos);
  EXPECT_NE(refused({"nodes", "x"}).find("'x' is too much"), std::string::npos);
  EXPECT_NE(refused({"ps", "--node"}).find("needs a value"), std::string::npos);
  EXPECT_NE(refused({"ps", "--all=1"}).find("takes no value"), std::string::npos);
}

TEST(Calls, ForHelpAndVersionPrintIt) {
  EXPECT_NE(parsed({}).print.find("Usage: berth COMMAND"), std::string::npos);
  EXPECT_NE(parsed({"--help"}).print.find("Exit codes:"), std::string::npos);
  EXPECT_NE(parsed({"deploy", "--help"}).print.find("--image"), std::string::npos);
  EXPECT_NE(parsed({"help", "logs"}).print.find("--previous"), std::string::npos);
  EXPECT_NE(parsed({"--version"}).print.find("berth "), std::string::npos);
}

TEST(Catalogue, HasNoNameTwiceAndEveryCommandRuns) {
  std::set<std::string> names;
  for (const Command& each : commands()) {
    EXPECT_TRUE(names.insert(each.name).second) << each.name;
    EXPECT_TRUE(each.run) << each.name;
    EXPECT_LE(each.least, each.most) << each.name;
    std::set<std::string> flags;
    for (const auto* list : {&each.flags, &common_flags()})
      for (const Flag& flag : *list) {
        EXPECT_TRUE(flags.insert(flag.name).second) << each.name << " " << flag.name;
        EXPECT_TRUE(flag.letter == 0 || flags.insert(std::string(1, flag.letter)).second)
            << each.name << " -" << flag.letter;
      }
  }
}

TEST(Durations, AreReadAsPeopleWriteThem) {
  using std::chrono::seconds;
  EXPECT_EQ(parse_span("90"), seconds(90));
  EXPECT_EQ(parse_span("1h30m"), seconds(5400));
  EXPECT_EQ(parse_span("2d"), seconds(172'800));
  for (const char* wrong : {"", "x", "5 m", "-3s", "5y", "m"}) EXPECT_FALSE(parse_span(wrong)) << wrong;
}

TEST(Completion, NamesCommandsFlagsAndWhatTheyAreAbout) {
  const std::string text = bash_completion();
  EXPECT_NE(text.find("*\" lb rules \"*)"), std::string::npos);
  EXPECT_LT(text.find("*\" lb rules \"*)"), text.find("*\" lb \"*)"));
  EXPECT_NE(text.find("kinds='services tasks'"), std::string::npos);
  EXPECT_NE(text.find("--previous"), std::string::npos);
}

TEST(Tokens, ComeBackAsTheyWere) {
  const auto token = parse_token(to_text({"http://10.0.0.1:7350", "ID", "s+/e"}));
  ASSERT_TRUE(token);
  EXPECT_EQ(token->control, "http://10.0.0.1:7350");
  EXPECT_EQ(token->secret_access_key, "s+/e");
  for (const char* wrong : {"", "berth1.", "berth1.e30=", "x"}) EXPECT_FALSE(parse_token(wrong)) << wrong;
}

TEST(Joining, SetsVariablesWhereTheyStandAndKeepsTheRest) {
  EXPECT_EQ(with_variables("# mine\nECS_CLUSTER=c\n#BERTH_CONTROL=x\nBERTH_CONTROL=y\n",
                           {{"BERTH_CONTROL", "http://c"}, {"BERTH_ADDRESS", "10.0.0.2"}}),
            "# mine\nECS_CLUSTER=c\nBERTH_CONTROL=http://c\n\nBERTH_ADDRESS=10.0.0.2\n");
}

TEST(Exports, AreQuotedForAShell) {
  EXPECT_EQ(exports_text({{"A", "plain/+="}, {"B", "it's $x"}, {"C", ""}}),
            "export A=plain/+=\nexport B='it'\\''s $x'\n");
}

}  // namespace
}  // namespace agent::cli
