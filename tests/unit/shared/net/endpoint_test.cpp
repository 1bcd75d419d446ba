#include "shared/net/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shared::net {
namespace {

using ::testing::HasSubstr;

TEST(Endpoint, ReadsEverySpellingAndWritesItBack) {
  for (const std::string text : {"127.0.0.1:80", "[::1]:8080", "[2001:db8::7]:0", "localhost:65535",
                                 "control-1.example.internal:443", "unix:/run/docker.sock"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(to_string(*endpoint), text);
  }
  EXPECT_EQ(parse_endpoint("[::1]:8080")->address, "::1");
  EXPECT_EQ(parse_endpoint("[::1]:8080")->port, 8080);
  EXPECT_TRUE(parse_endpoint("unix:relative.sock")->is_unix());
}

TEST(Endpoint, ReadsTheDockerHostSpellingOfAUnixSocket) {
  EXPECT_EQ(parse_endpoint("unix:///var/run/docker.sock")->unix_path, "/var/run/docker.sock");
}

TEST(Endpoint, RefusesTextNamingItAndThePartThatIsWrong) {
  const struct {
    std::string text;
    std::string reason;
  } cases[] = {
      {"", "port is missing"},
      {"127.0.0.1", "port is missing"},
      {":80", "address is missing"},
      {"127.0.0.1:", "port is not a number"},
      {"127.0.0.1:65536", "port is not a number"},
      {"127.0.0.1:-1", "port is not a number"},
      {"127.0.0.1:+1", "port is not a number"},
      {"127.0.0.1:80x", "port is not a number"},
      {"127.0.0.1:99999999999999999999", "port is not a number"},
      {"256.0.0.1:80", "neither an IP address nor a host name"},
      {"10.1:80", "neither an IP address nor a host name"},
      {"a b:80", "neither an IP address nor a host name"},
      {"*:80", "neither an IP address nor a host name"},
      {"a..b:80", "neither an IP address nor a host name"},
      {std::string(254, 'a') + ":80", "neither an IP address nor a host name"},
      {"::1:80", "needs brackets"},
      {"[::1:80", "bracket is not closed"},
      {"[127.0.0.1]:80", "not an IPv6 address"},
      {"[]:80", "not an IPv6 address"},
      {"[:80", "bracket is not closed"},
      {"unix:", "empty"},
      {"unix:/" + std::string(107, 'x'), "longer than 107"},
      {std::string("unix:/a\0b", 9), "zero byte"},
  };
  for (const auto& [text, reason] : cases) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_EQ(endpoint.error().code(), "malformed");
    EXPECT_THAT(endpoint.error().text(), HasSubstr(reason)) << text;
    EXPECT_THAT(endpoint.error().text(), HasSubstr(text)) << text;
  }
}

TEST(Endpoint, TellsAddressesFromNames) {
  EXPECT_TRUE(is_ip_address("10.0.0.7"));
  EXPECT_TRUE(is_ip_address("fe80::1"));
  EXPECT_TRUE(is_ip_address("::ffff:10.0.0.7"));
  EXPECT_FALSE(is_ip_address("10.0.0"));
  EXPECT_FALSE(is_ip_address("localhost"));
  EXPECT_FALSE(is_ip_address("[::1]"));
  EXPECT_FALSE(is_ip_address(std::string_view("10.0.0.7\0", 9)));
  EXPECT_FALSE(is_ip_address(""));
}

}  // namespace
}  // namespace shared::net
