#include "agent/app/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "shared/httpd/server.h"

namespace agent::app {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::variant<Options, Exit> parsed(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--roles", "control"});
  return parse_options(arguments);
}

TEST(Options, WebSocketsOfHostsAndBalancersHaveALimitThatCanBeSet) {
  EXPECT_EQ(std::get<Options>(parsed({})).max_websockets, shared::httpd::ServerLimits{}.max_websockets);
  ASSERT_EQ(::setenv("BERTH_MAX_WEBSOCKETS", "30000", 1), 0);
  EXPECT_EQ(std::get<Options>(parsed({})).max_websockets, 30'000U);
  EXPECT_EQ(std::get<Options>(parsed({"--max-websockets", "7"})).max_websockets, 7U);
  ASSERT_EQ(::unsetenv("BERTH_MAX_WEBSOCKETS"), 0);
  for (const char* bad : {"0", "-1", "1000001", "many"}) {
    const auto refused = parsed({"--max-websockets", bad});
    ASSERT_TRUE(std::holds_alternative<Exit>(refused)) << bad;
    EXPECT_EQ(std::get<Exit>(refused).code, 2);
    EXPECT_THAT(std::get<Exit>(refused).text, HasSubstr("--max-websockets")) << bad;
  }
}

TEST(Options, AnAcmeServerIsAnHttpsUrlAndItsOtherSettingsNeedIt) {
  const auto good =
      parsed({"--acme-directory", "https://ca.test/dir", "--acme-contact", "ops@a.test,mailto:other@a.test"});
  ASSERT_TRUE(std::holds_alternative<Options>(good));
  const control::Settings& settings = std::get<Options>(good).control_settings;
  EXPECT_EQ(settings.acme_directory, "https://ca.test/dir");
  EXPECT_EQ(settings.acme_contact, (std::vector<std::string>{"mailto:ops@a.test", "mailto:other@a.test"}));
  const auto refused = [](std::vector<std::string> arguments) {
    const auto out = parsed(std::move(arguments));
    return std::holds_alternative<Exit>(out) ? std::get<Exit>(out).text : std::string();
  };
  EXPECT_THAT(refused({"--acme-directory", "http://ca.test/dir"}),
              HasSubstr("'http://ca.test/dir' is no https URL"));
  EXPECT_THAT(refused({"--acme-directory", "https://ca.test/dir", "--acme-contact", "ops"}),
              HasSubstr("'ops' is no mail address"));
  EXPECT_THAT(refused({"--acme-contact", "ops@a.test"}), HasSubstr("needs --acme-directory too"));
  EXPECT_THAT(refused({"--acme-ca-file", "ca.pem"}), HasSubstr("needs --acme-directory too"));
}

TEST(Options, CredentialsOfRegistriesAreNotPrinted) {
  ASSERT_EQ(::setenv("ECS_ENGINE_AUTH_DATA", R"({"r.test": {"username": "u", "password": "hunter2"}})", 1), 0);
  const auto printed = parsed({"--print-settings"});
  ASSERT_EQ(::unsetenv("ECS_ENGINE_AUTH_DATA"), 0);
  ASSERT_TRUE(std::holds_alternative<Exit>(printed));
  EXPECT_EQ(std::get<Exit>(printed).code, 0);
  EXPECT_THAT(std::get<Exit>(printed).text, HasSubstr("registry_auth_data"));
  EXPECT_EQ(std::get<Exit>(printed).text.find("hunter2"), std::string::npos);
}

TEST(Options, CheckNamesFileLineAndMemberOfWhatIsWrong) {
  const std::string path = ::testing::TempDir() + "/check-" + std::to_string(::getpid()) + ".json";
  const auto checked = [&](const std::string& text) {
    std::ofstream(path) << text;
    return std::get<Exit>(parse_options({"check", "--config", path}));
  };
  // Warnings of variables that the environment of the tests has may follow or come first.
  const Exit wrong = checked("{\n \"roles\": [\"control\"],\n \"acount\": \"1\",\n \"max_websockets\": 0\n}");
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.text, StartsWith(path + ":3: unknown member 'acount' (did you mean 'account'?)\n" + path +
                                     ":4: max_websockets: 0 is below the minimum of 1\n"));
  const Exit inside = checked("{\n \"roles\": [\"node\", \"control\"],\n \"address\": \"here\"\n}");
  EXPECT_EQ(inside.code, 1);
  EXPECT_THAT(inside.text, StartsWith(path + ":3: address: 'here' is not an IP address\n"));
  const Exit good = checked("{\"roles\": [\"control\"]}");
  EXPECT_EQ(good.code, 0);
  EXPECT_THAT(good.text, EndsWith("the settings are good\n"));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace agent::app
