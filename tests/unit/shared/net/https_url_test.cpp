#include "shared/net/https_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shared::net {
namespace {

using ::testing::HasSubstr;

TEST(HttpsUrl, HasAnEndpointAndATarget) {
  const struct {
    const char* text;
    HttpsUrl url;
    const char* authority;
  } cases[] = {
      {"https://a.example/keys", {{.address = "a.example", .port = 443}, "/keys"}, "a.example"},
      {"HTTPS://a.example:443", {{.address = "a.example", .port = 443}, "/"}, "a.example"},
      {"https://a.example:8443/x?y=1", {{.address = "a.example", .port = 8443}, "/x?y=1"}, "a.example:8443"},
      {"https://127.0.0.1?q", {{.address = "127.0.0.1", .port = 443}, "/?q"}, "127.0.0.1"},
      {"https://[::1]/x", {{.address = "::1", .port = 443}, "/x"}, "[::1]"},
      {"https://[::1]:99/x", {{.address = "::1", .port = 99}, "/x"}, "[::1]:99"},
  };
  for (const auto& each : cases) {
    const auto url = parse_https_url(each.text);
    ASSERT_TRUE(url) << url.error().text();
    EXPECT_EQ(*url, each.url) << each.text;
    EXPECT_EQ(url->authority(), each.authority);
  }
}

TEST(HttpUrl, IsOfEitherSchemeWithThePortThatIsUsualThere) {
  const auto plain = parse_http_url("http://a.example/x?y=1");
  ASSERT_TRUE(plain) << plain.error().text();
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->at, (HttpsUrl{{.address = "a.example", .port = 80}, "/x?y=1"}));
  EXPECT_EQ(authority_of(plain->at.to, kHttpPort), "a.example");
  EXPECT_EQ(parse_http_url("http://[::1]:443")->at.to, (Endpoint{.address = "::1", .port = 443}));
  const auto tls = parse_http_url("https://a.example");
  ASSERT_TRUE(tls) << tls.error().text();
  EXPECT_TRUE(tls->tls);
  EXPECT_EQ(tls->at, (HttpsUrl{{.address = "a.example", .port = 443}, "/"}));
  EXPECT_THAT(parse_http_url("ftp://a.example").error().text(),
              HasSubstr("does not begin with http:// or https://"));
  EXPECT_THAT(parse_http_url("http://a.example/#x").error().text(),
              HasSubstr("'http://a.example/#x': has a fragment"));
}

TEST(HttpsUrl, WhatTwoReadersCouldTakeForTwoHostsIsRefusedWithTheReason) {
  const struct {
    const char* text;
    const char* why;
  } cases[] = {
      {"http://a.example/", "does not begin with https://"},
      {"", "does not begin with https://"},
      {"https://", "no host"},
      {"https:///x", "no host"},
      {"https://user@a.example/", "user information"},
      {"https://a.example\\@b.example/", "characters"},
      {"https://a.example/ x", "characters"},
      {"https://a.example/\xc3\xa4", "characters"},
      {"https://a.example/#x", "fragment"},
      {"https://a.example:0/", "port 0"},
      {"https://a.example:65536/", "port is not a number"},
      {"https://a.example:/", "port is not a number"},
      {"https://::1/", "brackets"},
      {"https://[a.example]/", "IPv6"},
      {"https://300.1.1.1/", "neither an IP address nor a host name"},
      {"https://unix:/x", "path after"},
      {"https://unix:443/x", "no host"},
  };
  for (const auto& each : cases) {
    const auto url = parse_https_url(each.text);
    ASSERT_FALSE(url) << each.text;
    EXPECT_THAT(url.error().text(), HasSubstr(each.why)) << each.text;
    EXPECT_THAT(url.error().text(), HasSubstr(each.text));
  }
}

}  // namespace
}  // namespace shared::net
