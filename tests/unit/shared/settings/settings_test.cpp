#include "shared/settings/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace shared::settings {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using namespace std::chrono_literals;

class SettingsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "settings_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ + "/agent.json";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  SettingsSpec spec() {
    SettingsSpec s("berth-test", "A program for tests.", "1.2.3");
    s.file("-c,--config", "BERTH_CONFIG", path_);
    s.add({.name = "cluster",
           .flag = "--cluster",
           .env = {"BERTH_CLUSTER", "ECS_CLUSTER"},
           .fallback = "default",
           .help = "Cluster to join."});
    s.add({.name = "workers",
           .flag = "--workers",
           .env = {"BERTH_WORKERS"},
           .kind = Kind::kInteger,
           .fallback = "2",
           .help = "Threads.",
           .min = 1,
           .max = 64});
    s.add({.name = "external",
           .flag = "--external",
           .env = {"ECS_EXTERNAL"},
           .kind = Kind::kBoolean,
           .fallback = "false",
           .help = "Not in a cloud."});
    s.add({.name = "stop_timeout",
           .flag = "--stop-timeout",
           .env = {"ECS_CONTAINER_STOP_TIMEOUT"},
           .kind = Kind::kDuration,
           .fallback = "30s",
           .help = "Grace.",
           .min = 1000});
    s.add({.name = "drivers",
           .flag = "--driver",
           .env = {"ECS_AVAILABLE_LOGGING_DRIVERS"},
           .kind = Kind::kList,
           .fallback = "json-file,none",
           .help = "Drivers.",
           .choices = {"json-file", "none", "syslog"}});
    s.add({.name = "attributes",
           .flag = "--attribute",
           .env = {"ECS_INSTANCE_ATTRIBUTES"},
           .kind = Kind::kMap,
           .fallback = "",
           .help = "Attributes."});
    s.add({.name = "password",
           .env = {"BERTH_PASSWORD"},
           .help = "Secret.",
           .unset = "nobody gets in",
           .secrecy = Secrecy::kSecret});
    return s;
  }
  Result<Loaded> load_with(std::vector<std::string> arguments, Environment environment = {}) {
    return load(spec(), arguments, environment);
  }
  std::string error(std::vector<std::string> arguments, Environment environment = {}) {
    const auto got = load_with(std::move(arguments), std::move(environment));
    EXPECT_FALSE(got);
    if (got) return "no error";
    EXPECT_EQ(got.error().code(), "setting");
    return got.error().text();
  }
  void write(const std::string& text) { std::ofstream(path_) << text; }

  std::string directory_;
  std::string path_;
};

TEST_F(SettingsTest, DefaultsHoldWithoutAnySource) {
  const auto got = load_with({});
  ASSERT_TRUE(got) << got.error().text();
  const Settings& s = got->settings;
  EXPECT_EQ(s.string("cluster"), "default");
  EXPECT_EQ(s.integer("workers"), 2);
  EXPECT_FALSE(s.boolean("external"));
  EXPECT_EQ(s.duration("stop_timeout"), 30s);
  EXPECT_THAT(s.list("drivers"), ElementsAre("json-file", "none"));
  EXPECT_THAT(s.map("attributes"), IsEmpty());
  EXPECT_FALSE(s.has("password"));
  EXPECT_EQ(s.string_if("password"), std::nullopt);
  EXPECT_EQ(s.source("cluster"), "default");
  EXPECT_FALSE(s.is_explicit("cluster"));
  EXPECT_FALSE(got->print);
  EXPECT_THAT(got->warnings, IsEmpty());
}

TEST_F(SettingsTest, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  write(R"({"cluster":"file","workers":3,"stop_timeout":"1m","external":true,"drivers":["syslog"],
            "attributes":{"a":"1"},"password":null})");
  const Environment environment{{"ECS_CLUSTER", "env"}, {"BERTH_WORKERS", "4"}, {"BERTH_CLUSTER", ""}};
  const auto got = load_with({"--cluster", "flag"}, environment);
  ASSERT_TRUE(got) << got.error().text();
  const Settings& s = got->settings;
  EXPECT_EQ(s.string("cluster"), "flag");
  EXPECT_EQ(s.source("cluster"), "--cluster");
  EXPECT_EQ(s.integer("workers"), 4);
  EXPECT_EQ(s.source("workers"), "BERTH_WORKERS");
  EXPECT_EQ(s.duration("stop_timeout"), 60s);
  EXPECT_EQ(s.source("stop_timeout"), path_ + ":1: stop_timeout");
  EXPECT_TRUE(s.is_explicit("stop_timeout"));
  EXPECT_TRUE(s.boolean("external"));
  EXPECT_THAT(s.list("drivers"), ElementsAre("syslog"));
  EXPECT_THAT(s.map("attributes"), ElementsAre(Pair("a", "1")));
  EXPECT_EQ(load_with({}, environment)->settings.string("cluster"), "env");
  EXPECT_EQ(
      load_with({}, {{"BERTH_CLUSTER", "first"}, {"ECS_CLUSTER", "second"}})->settings.string("cluster"),
      "first");
}

TEST_F(SettingsTest, TheFileIsFoundByFlagThenEnvironmentThenDefault) {
  write(R"({"cluster":"at-default"})");
  const std::string other = directory_ + "/other.json";
  std::ofstream(other) << R"({"cluster":"other"})";
  EXPECT_EQ(load_with({})->settings.string("cluster"), "at-default");
  EXPECT_EQ(load_with({}, {{"BERTH_CONFIG", other}})->settings.string("cluster"), "other");
  EXPECT_EQ(load_with({"-c", other})->settings.string("cluster"), "other");
  EXPECT_EQ(error({"--config=/nonexistent.json"}), "-c,--config: there is no file /nonexistent.json");
  EXPECT_EQ(error({}, {{"BERTH_CONFIG", "/nonexistent.json"}}),
            "BERTH_CONFIG: there is no file /nonexistent.json");
  EXPECT_THAT(error({"-c", directory_}), HasSubstr("cannot be read"));
}

TEST_F(SettingsTest, ReadsListsMapsAndBooleansInEveryNotation) {
  const auto list = [&](std::vector<std::string> arguments, std::string env) {
    return load_with(std::move(arguments), {{"ECS_AVAILABLE_LOGGING_DRIVERS", std::move(env)}})
        ->settings.list("drivers");
  };
  EXPECT_THAT(list({}, R"(["none","syslog"])"), ElementsAre("none", "syslog"));
  EXPECT_THAT(list({}, " none , syslog,"), ElementsAre("none", "syslog"));
  EXPECT_THAT(list({"--driver", "none", "--driver=syslog,json-file"}, ""),
              ElementsAre("none", "syslog", "json-file"));
  EXPECT_THAT(list({}, "[]"), IsEmpty());
  const auto map = [&](std::vector<std::string> arguments, std::string env) {
    return load_with(std::move(arguments), {{"ECS_INSTANCE_ATTRIBUTES", std::move(env)}})
        ->settings.map("attributes");
  };
  EXPECT_THAT(map({}, R"({"a":"1,2","b":""})"), ElementsAre(Pair("a", "1,2"), Pair("b", "")));
  EXPECT_THAT(map({}, "a=1,b=x=y"), ElementsAre(Pair("a", "1"), Pair("b", "x=y")));
  EXPECT_THAT(map({"--attribute", "a=1", "--attribute", "b=2"}, ""),
              ElementsAre(Pair("a", "1"), Pair("b", "2")));
  for (const char* yes : {"1", "t", "TRUE", "True"}) {
    EXPECT_TRUE(load_with({}, {{"ECS_EXTERNAL", yes}})->settings.boolean("external")) << yes;
  }
  EXPECT_TRUE(load_with({"--external"})->settings.boolean("external"));
  EXPECT_FALSE(load_with({"--external=false"}, {{"ECS_EXTERNAL", "true"}})->settings.boolean("external"));
  EXPECT_EQ(load_with({"--cluster=a", "--cluster=b"})->settings.string("cluster"), "b");
}

TEST_F(SettingsTest, ErrorsNameSourceAndField) {
  EXPECT_EQ(error({}, {{"ECS_CONTAINER_STOP_TIMEOUT", "10x"}}),
            "ECS_CONTAINER_STOP_TIMEOUT: '10x' is not a duration (such as 90s or 1h30m)");
  EXPECT_EQ(error({"--stop-timeout", "500ms"}), "--stop-timeout: 500ms is below the minimum of 1s");
  EXPECT_EQ(error({"--workers=65"}), "--workers: 65 is above the maximum of 64");
  EXPECT_EQ(error({"--workers=two"}), "--workers: 'two' is not a number");
  EXPECT_EQ(error({"--external=maybe"}), "--external: 'maybe' is not a boolean (true or false)");
  EXPECT_EQ(error({"--driver", "none", "--driver", "json"}),
            "--driver: 'json' is not one of json-file, none, syslog");
  EXPECT_EQ(error({}, {{"ECS_AVAILABLE_LOGGING_DRIVERS", "[1]"}}),
            "ECS_AVAILABLE_LOGGING_DRIVERS: '[1]' is not a list (such as [\"a\",\"b\"] or a,b)");
  EXPECT_THAT(error({"--attribute", "x"}), HasSubstr("--attribute: 'x' is not a map"));
  EXPECT_EQ(error({"--clustr", "x"}), "unknown flag '--clustr' (did you mean '--cluster'?)");
  EXPECT_EQ(error({"--print-setings"}), "unknown flag '--print-setings' (did you mean '--print-settings'?)");
  EXPECT_EQ(error({"stray"}), "unexpected argument 'stray'");
  EXPECT_THAT(error({"--cluster"}), HasSubstr("--cluster"));
}

TEST_F(SettingsTest, ErrorsInTheFileNameFileAndMember) {
  const auto file_error = [&](const std::string& text) {
    write(text);
    return error({});
  };
  EXPECT_EQ(file_error(R"({"stop_timout":"30s"})"),
            path_ + ":1: unknown member 'stop_timout' (did you mean 'stop_timeout'?)");
  EXPECT_EQ(file_error(R"({"workers":"2"})"), path_ + ":1: workers: expected a number, got string");
  EXPECT_EQ(file_error(R"({"workers":0})"), path_ + ":1: workers: 0 is below the minimum of 1");
  EXPECT_EQ(file_error(R"({"stop_timeout":"soon"})"),
            path_ + ":1: stop_timeout: 'soon' is not a duration (such as 90s or 1h30m)");
  EXPECT_EQ(file_error(R"({"drivers":["x"]})"),
            path_ + ":1: drivers: 'x' is not one of json-file, none, syslog");
  EXPECT_EQ(file_error("[]"), path_ + ": document: expected an object, got array");
  EXPECT_THAT(file_error("{,}"), HasSubstr(path_ + ": invalid JSON: "));
}

TEST_F(SettingsTest, ACheckFindsEveryMistakeWithFileLineAndMember) {
  write(
      "{\n  \"workers\": 0,\n  \"drivers\": [\n    \"none\"\n  ],\n\n  \"stop_timout\": \"30s\", "
      "\"external\": 1\n}\n");
  const Checked got = check(spec(), {"--stop-timeout=soon"}, {{"BERTH_WORKERS", "x"}});
  EXPECT_THAT(got.problems,
              ElementsAre(path_ + ":7: unknown member 'stop_timout' (did you mean 'stop_timeout'?)",
                          path_ + ":2: workers: 0 is below the minimum of 1",
                          path_ + ":7: external: expected a boolean, got number",
                          "BERTH_WORKERS: 'x' is not a number",
                          "--stop-timeout: 'soon' is not a duration (such as 90s or 1h30m)"));
  write("{\"workers\": 2}");
  EXPECT_THAT(check(spec(), {}, {}).problems, IsEmpty());
  EXPECT_THAT(check(spec(), {"stray"}, {}).problems, ElementsAre("unexpected argument 'stray'"));
}

TEST_F(SettingsTest, WarnsAboutOwnVariablesThatNothingReads) {
  const auto got =
      load_with({}, {{"BERTH_CLUSTR", "x"}, {"ECS_UNKNOWN", "x"}, {"BERTH_CONFIG", ""}, {"HOME", "/"}});
  EXPECT_THAT(got->warnings, ElementsAre("unknown variable 'BERTH_CLUSTR' (did you mean 'BERTH_CLUSTER'?)"));
}

TEST_F(SettingsTest, PrintsHelpVersionAndSettings) {
  const auto help = load_with({"--help", "--nonsense"});
  ASSERT_TRUE(help && help->print);
  EXPECT_THAT(*help->print, HasSubstr("A program for tests."));
  EXPECT_THAT(*help->print, HasSubstr("--stop-timeout VALUE"));
  EXPECT_THAT(*help->print,
              HasSubstr("Cluster to join. [BERTH_CLUSTER, ECS_CLUSTER; file: cluster; default default]"));
  EXPECT_THAT(*help->print, HasSubstr("Settings without a flag:\n  password "));
  EXPECT_THAT(*help->print, HasSubstr(" Secret. [BERTH_PASSWORD; file: password; default: nobody gets in]"));
  EXPECT_THAT(*help->print, HasSubstr("; default json-file,none; one of json-file, none, syslog]"));
  EXPECT_EQ(load_with({"--version"})->print, "berth-test 1.2.3\n");
  EXPECT_EQ(load_with({"--print-settings", "--workers=7"}, {{"BERTH_PASSWORD", "hunter2"}})->print,
            "# --cluster: Cluster to join. [BERTH_CLUSTER, ECS_CLUSTER; file: cluster; default default]\n"
            "cluster = default  (default)\n"
            "# --workers: Threads. [BERTH_WORKERS; file: workers; default 2]\n"
            "workers = 7  (--workers)\n"
            "# --external: Not in a cloud. [ECS_EXTERNAL; file: external; default false]\n"
            "external = false  (default)\n"
            "# --stop-timeout: Grace. [ECS_CONTAINER_STOP_TIMEOUT; file: stop_timeout; default 30s]\n"
            "stop_timeout = 30s  (default)\n"
            "# --driver: Drivers. [ECS_AVAILABLE_LOGGING_DRIVERS; file: drivers; default json-file,none; "
            "one of json-file, none, syslog]\n"
            "drivers = [\"json-file\",\"none\"]  (default)\n"
            "# --attribute: Attributes. [ECS_INSTANCE_ATTRIBUTES; file: attributes; default empty]\n"
            "attributes = {}  (default)\n"
            "# Secret. [BERTH_PASSWORD; file: password; default: nobody gets in]\n"
            "password = ***  (BERTH_PASSWORD)\n");
  EXPECT_THAT(*load_with({"--print-settings"})->print, HasSubstr("password =  (unset)\n"));
}

TEST_F(SettingsTest, MisuseByTheProgramStopsIt) {
  const auto got = load_with({});
  EXPECT_DEATH((void)got->settings.integer("cluster"), "another kind");
  EXPECT_DEATH((void)got->settings.string("password"), "unset");
  SettingsSpec s("x", "", "1");
  EXPECT_DEATH(s.add({.name = "a", .kind = Kind::kInteger, .fallback = "x", .help = ""}), "fallback");
}

TEST(Duration, IsReadAsGoReadsIt) {
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("1.5h"), 90min);
  EXPECT_EQ(parse_duration("100ms"), 100ms);
  EXPECT_EQ(parse_duration("2m3s4ms"), 123004ms);
  EXPECT_EQ(parse_duration("1500us"), 2ms);
  EXPECT_EQ(parse_duration("0"), 0ms);
  for (const char* bad :
       {"", "10", "s", "10x", "-1s", "1s-1s", "1 s", "1e3s", "nan", "infs", "9999999999999h", "+1s"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
  for (const Millis d : {Millis(0), Millis(1), Millis(90'000), Millis(5'400'000), Millis(86'400'001)}) {
    EXPECT_EQ(parse_duration(duration_text(d)), d);
  }
  EXPECT_EQ(duration_text(90min), "1h30m");
}

TEST(ProcessEnvironment, HoldsTheVariablesOfThisProcess) {
  ::setenv("BERTH_TEST_VARIABLE", "a=b", 1);
  EXPECT_EQ(process_environment().at("BERTH_TEST_VARIABLE"), "a=b");
}

}  // namespace
}  // namespace shared::settings
