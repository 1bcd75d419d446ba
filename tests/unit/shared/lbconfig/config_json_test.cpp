#include "shared/lbconfig/json.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/unit/shared/lbconfig/any_config.h"

namespace shared::lbconfig {
namespace {

TEST(ConfigJson, GivesBackEveryConfigThatWasWritten) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Config config = testing::AnyConfig(seed).make();
    const auto read = config_from_json(config_to_json(config));
    ASSERT_TRUE(read) << "seed " << seed << ": " << read.error().text();
    ASSERT_EQ(*read, config) << "seed " << seed << "\n" << config_to_json(config);
  }
}

TEST(ConfigJson, ReadsTheExampleWithItsDefaults) {
  std::ifstream file(std::string(BERTH_SOURCE_DIR) + "/config/balancer.json");
  std::stringstream text;
  text << file.rdbuf();
  const auto config = config_from_json(text.str());
  ASSERT_TRUE(config) << config.error().text();
  ASSERT_EQ(config->listeners.size(), 1U);
  const Listener& listener = *config->listeners[0];
  EXPECT_EQ(listener.rules.size(), 2U);
  EXPECT_EQ(listener.rules[0].id, "10");
  EXPECT_EQ(listener.rules[0].action.redirect.host, "#{host}");
  EXPECT_EQ(listener.default_action.forward.target_groups[0].weight, 1);
  EXPECT_EQ(listener.options.client_keep_alive, Millis(3'600'000));
  ASSERT_EQ(config->target_groups.size(), 1U);
  EXPECT_EQ(config->target_groups[0]->targets[1].registration, "127.0.0.1:9002");
  EXPECT_EQ(config->target_groups[0]->health_check.unhealthy_threshold, 2);
}

struct Mistake {
  std::string name;
  std::string find, replace;  // in the text of kGood
  std::string error;
};

constexpr const char* kGood = R"({"listeners": [{"id": "l", "port": 80, "address": "0.0.0.0",
  "rules": [
    {"priority": 1, "conditions": [{"field": "source-ip", "values": ["10.0.0.0/8"]}],
     "action": {"type": "forward", "forward": {"target_groups": [{"target_group": "x", "weight": 2}]}}},
    {"priority": 2, "conditions": [{"field": "query-string", "query": [{"value": "1"}]}],
     "action": {"type": "redirect", "redirect": {"path": "/a", "port": "443", "protocol": "HTTPS"}}}],
  "default_action": {"type": "fixed-response", "fixed_response": {"status": 404}},
  "options": {"desync": "defensive", "idle_timeout_ms": 1000}}],
 "target_groups": [{"id": "x", "health_check": {"matcher": "200-299", "timeout_ms": 900, "interval_ms": 1000},
   "targets": [{"address": "10.0.0.1", "port": 80}, {"address": "10.0.0.2", "port": 80}]}]})";

class ConfigMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(ConfigMistake, IsNamedWithItsPath) {
  std::string text = kGood;
  const std::size_t at = text.find(GetParam().find);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, GetParam().find.size(), GetParam().replace);
  const auto config = config_from_json(text);
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().text().find(GetParam().error), std::string::npos) << config.error().text();
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigMistake,
    ::testing::Values(
        Mistake{"NoSuchTargetGroup", R"("target_group": "x")", R"("target_group": "y")",
                "listeners[0].rules[0].action.forward.target_groups[0].target_group: no target group 'y'"},
        Mistake{"UnknownMember", R"("port": 80, "address")", R"("prot": 80, "address")", "listeners[0]"},
        Mistake{"MissingPort", R"("port": 80, "address")", R"("address")", "listeners[0].port: is required"},
        Mistake{"WrongType", R"("weight": 2)", R"("weight": "2")",
                "listeners[0].rules[0].action.forward.target_groups[0].weight: expected a number"},
        Mistake{"WeightTooLarge", R"("weight": 2)", R"("weight": 1000)",
                "weight: must be from 0 to 999, got 1000"},
        Mistake{"PriorityTwice", R"("priority": 2)", R"("priority": 1)",
                "listeners[0].rules[1].priority: must be above"},
        Mistake{"NoCidr", R"("10.0.0.0/8")", R"("10.0.0.0/33")",
                "conditions[0].values[0]: '10.0.0.0/33' is no address"},
        Mistake{"RegexOfAnAddress", R"("values": ["10.0.0.0/8"])", R"("regex_values": ["a"])",
                "conditions[0]: unknown member 'regex_values'"},
        Mistake{"RegexOutsideOfTheDialect", R"({"field": "source-ip", "values": ["10.0.0.0/8"]})",
                R"x({"field": "host-header", "regex_values": ["a", "(?=b)"]})x",
                "conditions[0].regex_values[1]: '(?=b)' look-around is not offered"},
        Mistake{"HostWithADotAtItsEnd", R"({"field": "source-ip", "values": ["10.0.0.0/8"]})",
                R"({"field": "host-header", "values": ["a.example."]})",
                "conditions[0].values[0]: 'a.example.' ends with a dot"},
        Mistake{"RewriteRegex", R"("priority": 1,)",
                R"x("priority": 1, "url_rewrite": {"regex": "(a", "replace": "b"},)x",
                "rules[0].url_rewrite.regex: '(a' cannot be compiled: missing )"},
        Mistake{"RewriteGroup", R"("priority": 1,)",
                R"("priority": 1, "host_rewrite": {"regex": "a", "replace": "$1"},)",
                "rules[0].host_rewrite.replace: '$1' names the group $1, but the expression has 0"},
        Mistake{"RewriteWithoutReplace", R"("priority": 1,)",
                R"("priority": 1, "host_rewrite": {"regex": "a"},)",
                "rules[0].host_rewrite.replace: is required"},
        Mistake{"NoConditions", R"([{"field": "source-ip", "values": ["10.0.0.0/8"]}])", "[]",
                "rules[0].conditions: a rule needs at least one condition"},
        Mistake{"ActionOfAnotherType", R"("type": "fixed-response")", R"("type": "forward")",
                "listeners[0].default_action"},
        Mistake{"FixedStatus", R"("status": 404)", R"("status": 304)",
                "fixed_response.status: must be 2xx, 4xx or 5xx"},
        Mistake{"RedirectPort", R"("port": "443")", R"("port": "70000")",
                "redirect.port: must be 1 to 65535"},
        Mistake{"RedirectInjection", R"("path": "/a")", R"("path": "/a\r\nX: y")",
                "path: holds a control character"},
        Mistake{"DesyncWord", R"("defensive")", R"("paranoid")",
                "listeners[0].options.desync: expected one of"},
        Mistake{"IdleTimeoutZero", R"("idle_timeout_ms": 1000)", R"("idle_timeout_ms": 0)",
                "options.idle_timeout_ms: must be from 1 to 4000000, got 0"},
        Mistake{"ListenerAddress", R"("0.0.0.0")", R"("localhost")",
                "listeners[0].address: 'localhost' is no IP"},
        Mistake{"Matcher", R"("200-299")", R"("2xx")", "target_groups[0].health_check.matcher"},
        Mistake{"TimeoutOverInterval", R"("timeout_ms": 900)", R"("timeout_ms": 1001)",
                "health_check.timeout_ms: must be from 1 to 1000"},
        Mistake{"RegistrationTwice", R"("address": "10.0.0.2")", R"("address": "10.0.0.1")",
                "target_groups[0].targets[1].registration: '10.0.0.1:80' is used twice"},
        Mistake{"TargetPort", R"("10.0.0.2", "port": 80)", R"("10.0.0.2", "port": 0)", "targets[1].port"},
        Mistake{"NoJson", R"("listeners")", R"(listeners)", "line 1"}),
    [](const auto& test_info) { return test_info.param.name; });

TEST(ConfigJson, RefusesTwoListenersOnOnePort) {
  Listener listener;
  listener.id = "a";
  listener.port = 80;
  listener.default_action.type = ActionType::kFixedResponse;
  Config config;
  config.listeners.push_back(listener);
  listener.id = "b";
  config.listeners.push_back(listener);
  const auto valid = validate(config);
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().text(), "listeners[1].port: 80 of 0.0.0.0 has another listener already");
  listener.port = 81;
  config.listeners[1] = listener;
  EXPECT_TRUE(validate(config));
}

TEST(Config, EqualPartsAreSharedAndOthersAreNot) {
  const Config former = testing::AnyConfig(3).make();
  Config newer = *config_from_json(config_to_json(former));
  TargetGroup changed = *newer.target_groups[0];
  changed.slow_start += Millis(1);
  newer.target_groups[0] = changed;
  EXPECT_FALSE(newer.target_groups.back().is(former.target_groups.back()));
  const Config shared = sharing_parts(newer, former);
  EXPECT_EQ(shared, newer);
  for (std::size_t i = 0; i < former.target_groups.size(); ++i)
    EXPECT_EQ(shared.target_groups[i].is(former.target_groups[i]), i != 0) << i;
  for (std::size_t i = 0; i < former.listeners.size(); ++i)
    EXPECT_TRUE(shared.listeners[i].is(former.listeners[i])) << i;
}

// A change of a valid configuration is refused for what it broke, also where it broke what did not change.
TEST(Config, AChangeIsValidatedAsTheWholeIs) {
  const auto problem = [](const Config& from, const Config& to) {
    const auto whole = validate(to);
    const auto change = validate_change(to, from);
    EXPECT_EQ(whole.has_value(), change.has_value());
    return change ? std::string() : change.error().text();
  };
  Config from;
  TargetGroup group;
  group.id = "tg";
  from.target_groups.push_back(group);
  Listener listener;
  listener.id = "web";
  listener.port = 80;
  listener.default_action.forward.target_groups = {{"tg", 1}};
  from.listeners.push_back(listener);
  EXPECT_EQ(problem(from, from), "");

  Config gone = from;
  gone.target_groups.clear();
  EXPECT_EQ(problem(from, gone),
            "listeners[0].default_action.forward.target_groups[0].target_group: no target group 'tg'");
  Config twice = from;
  listener.id = "other";
  twice.listeners.push_back(listener);
  EXPECT_EQ(problem(from, twice), "listeners[1].port: 80 of 0.0.0.0 has another listener already");
  Config same_id = from;
  same_id.target_groups.push_back(from.target_groups[0]);
  EXPECT_EQ(problem(from, same_id), "target_groups[1].id: is used twice");
  Config bad = from;
  group.minimum_healthy_count = 0;
  bad.target_groups[0] = group;
  EXPECT_EQ(problem(from, bad), "target_groups[0].minimum_healthy_count: must be at least 1");
}

}  // namespace
}  // namespace shared::lbconfig
