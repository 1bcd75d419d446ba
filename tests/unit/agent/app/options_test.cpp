#include "agent/app/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "shared/httpd/server.h"

namespace agent::app {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace agent::app
