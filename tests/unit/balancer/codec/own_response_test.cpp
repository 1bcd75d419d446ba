#include "balancer/codec/own_response.h"

#include <gtest/gtest.h>

namespace balancer::codec {
namespace {

TEST(OwnResponse, WritesTheStandardPageByteForByte) {
  Buffer out;
  write_status_page(out, {.status = 503, .date = "Tue, 24 Nov 2026 08:00:43 GMT"});
  EXPECT_EQ(out.view(),
            "HTTP/1.1 503 Service Temporarily Unavailable\r\n"
            "Server: awselb/2.0\r\n"
            "Date: Tue, 24 Nov 2026 08:00:43 GMT\r\n"
            "Content-Type: text/html\r\n"
            "Content-Length: 162\r\n"
            "\r\n"
            "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n"
            "<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n");
}

TEST(OwnResponse, TellsTheLengthItSendsForEveryStatus) {
  for (const int status : {400, 405, 408, 413, 414, 417, 463, 500, 501, 502, 503, 504, 505, 507}) {
    Buffer out;
    write_status_page(out, {.status = status});
    const std::string_view text = out.view();
    const std::size_t body = text.find("\r\n\r\n") + 4;
    EXPECT_NE(text.find("Content-Length: " + std::to_string(text.size() - body) + "\r\n"),
              std::string_view::npos)
        << text;
    EXPECT_EQ(text.find("Unknown"), std::string_view::npos) << status;
  }
}

TEST(OwnResponse, OmitsTheBodyForHeadAndTellsItsLength) {
  Buffer out;
  write_own_response(out, {.status = 200,
                           .content_type = "text/plain",
                           .body = "hello",
                           .server = ServerField::kOmit,
                           .send_body = BodySend::kOmit,
                           .client = Persist::kClose});
  EXPECT_EQ(out.view(),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\n");
}

TEST(OwnResponse, WritesARedirectForAnOldClient) {
  Buffer out;
  write_status_page(out, {.status = 301, .location = "https://a:443/", .http11 = false});
  EXPECT_NE(out.view().find("Location: https://a:443/\r\nConnection: keep-alive\r\n\r\n<html>"),
            std::string_view::npos)
      << out.view();
}

TEST(OwnResponse, GivesNoContentNoBody) {
  Buffer out;
  write_own_response(out, {.status = 204, .body = "x", .server = ServerField::kOmit});
  EXPECT_EQ(out.view(), "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST(OwnResponse, HasTheListenersFields) {
  const ResponseEdits edits({{"X-Frame-Options", "DENY"}, {"Server", "mine"}, {"Content-Type", ""}});
  Buffer out;
  OwnResponse response;
  response.status = 503;
  response.edits = &edits;
  write_status_page(out, response);
  const std::string got(out.view());
  EXPECT_NE(got.find("\r\nX-Frame-Options: DENY\r\nServer: mine\r\n\r\n"), std::string::npos) << got;
  EXPECT_EQ(got.find("awselb"), std::string::npos) << got;
  EXPECT_EQ(got.find("Content-Type"), std::string::npos) << got;
}

}  // namespace
}  // namespace balancer::codec
