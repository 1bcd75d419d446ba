#include "shared/httpd/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shared::httpd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Wire, NeverLetsAValueBreakAHeadApart) {
  http::Response response = http::make_response(200, "text/plain", "");
  response.headers.add("X-Evil", "a\r\nSet-Cookie: b");
  response.headers.add("Bad Name", "x");
  response.headers.add("X-Good", "y");
  const std::string head = response_head(response, {}, from_epoch_millis(0));
  EXPECT_THAT(head, Not(HasSubstr("Set-Cookie")));
  EXPECT_THAT(head, Not(HasSubstr("Bad Name")));
  EXPECT_THAT(head, HasSubstr("X-Good: y\r\n"));

  http::Request request;
  request.headers.add("X-Evil", "a\nb");
  EXPECT_EQ(request_head(request, "h").error().code(), "malformed");
  for (const std::string_view target : {"/a b", "/a\r\nX: y", ""}) {
    EXPECT_FALSE(request_head({.target = std::string(target)}, "h")) << target;
  }
  EXPECT_FALSE(request_head({.method = "GE T"}, "h"));
}

TEST(Wire, DerivesTheHostFromTheEndpointUnlessGiven) {
  EXPECT_EQ(host_header(*net::parse_endpoint("10.0.0.7:8080")), "10.0.0.7:8080");
  EXPECT_EQ(host_header(*net::parse_endpoint("[::1]:80")), "[::1]");
  EXPECT_EQ(host_header(*net::parse_endpoint("unix:/run/x.sock")), "localhost");
  http::Request request;
  EXPECT_THAT(*request_head(request, "derived"), HasSubstr("\r\nHost: derived\r\n"));
  request.headers.add("host", "given");
  EXPECT_THAT(*request_head(request, "derived"), HasSubstr("\r\nHost: given\r\n"));
}

TEST(Wire, FindsTokensInLists) {
  EXPECT_TRUE(has_token("keep-alive, Upgrade", "upgrade"));
  EXPECT_TRUE(has_token(" \tclose\t ", "close"));
  EXPECT_FALSE(has_token("closed,upgrade2", "close"));
  EXPECT_FALSE(has_token("", "close"));
}

}  // namespace
}  // namespace shared::httpd
