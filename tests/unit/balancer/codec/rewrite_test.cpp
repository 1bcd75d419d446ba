#include "balancer/codec/rewrite.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/balancer/codec/requests.h"

namespace balancer::codec {
namespace {

using shared::lbconfig::XffMode;

const TraceStamp kStamp = make_trace_stamp(0x67891233, 0xabcdef01, 0x2345678912345678);
constexpr std::string_view kTraceLine = "X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678\r\n";

RequestRewrite options() {
  RequestRewrite made;
  made.client_address = "203.0.113.9";
  made.client_port = 4711;
  made.default_host = "lb.example.com";
  made.trace = kStamp;
  return made;
}

std::string forward(const std::string& text, const RequestRewrite& rewrite = options()) {
  RequestParser parser;
  RequestHead head;
  EXPECT_EQ(parser.parse(text, head), ParseState::kComplete) << to_string(head.refusal);
  Buffer out;
  write_request_head(out, head, rewrite);
  return std::string(out.view());
}
// The one line of a forwarded head that begins with `name`, without name and line end; "-" when there is
// none, all of them joined by '|' when there are several.
std::string field(const std::string& head, const std::string& name) {
  std::string values;
  for (std::size_t at = head.find("\r\n" + name + ": "); at != std::string::npos;
       at = head.find("\r\n" + name + ": ", at + 2)) {
    const std::size_t value = at + 4 + name.size();
    values += (values.empty() ? "" : "|") + head.substr(value, head.find("\r\n", value) - value);
  }
  return values.empty() ? "-" : values;
}

TEST(RequestHeadForTarget, HasAnotherHostAndTargetWhenARuleRewritesThem) {
  RequestRewrite rewrite = options();
  rewrite.listener_port = 8080;
  rewrite.new_host = "Internal.example:81";
  rewrite.new_target = "/product.php?id=1";
  for (const bool preserve : {false, true}) {
    rewrite.preserve_host = preserve;
    const std::string head =
        forward("GET http://a.example/dp/1?x HTTP/1.1\r\nHost: a.example\r\n\r\n", rewrite);
    EXPECT_EQ(head.substr(0, head.find("\r\nX-")),
              "GET /product.php?id=1 HTTP/1.1\r\nHost: Internal.example:81");
  }
}

TEST(RequestHeadForTarget, IsWrittenByteForByte) {
  EXPECT_EQ(forward("POST http://WWW.Example.com/a%2fb/../c?q=1 HTTP/1.1\r\n"
                    "Host: ignored\r\n"
                    "User-Agent:  curl/8\r\n"
                    "aCCept: */*\r\n"
                    "Connection: keep-alive, X-Hop, Cookie\r\n"
                    "Keep-Alive: timeout=5\r\n"
                    "X-Hop: 1\r\n"
                    "Cookie: a=b\r\n"
                    "TE: trailers\r\n"
                    "Proxy-Authorization: Basic x\r\n"
                    "Expect: 100-continue\r\n"
                    "X-Forwarded-Proto: gopher\r\n"
                    "Content-Length: 007\r\n"
                    "\r\n"),
            "POST /a%2fb/../c?q=1 HTTP/1.1\r\n"
            "Host: www.example.com\r\n"
            "User-Agent: curl/8\r\n"
            "aCCept: */*\r\n"
            "Cookie: a=b\r\n"
            "X-Forwarded-For: 203.0.113.9\r\n"
            "X-Forwarded-Proto: http\r\n"
            "X-Forwarded-Port: 80\r\n" +
                std::string(kTraceLine) +
                "Content-Length: 7\r\n"
                "TE: trailers\r\n"
                "Connection: TE\r\n"
                "\r\n");
}

TEST(RequestHeadForTarget, OffersTrailersWhereTheClientTakesThem) {
  const auto offer = [](const std::string& fields, Persist target = Persist::kKeepAlive) {
    RequestRewrite rewrite = options();
    rewrite.target = target;
    const std::string got = forward(get(fields), rewrite);
    return field(got, "TE") + " / " + field(got, "Connection");
  };
  EXPECT_EQ(offer("TE: gzip;q=0.5, Trailers"), "trailers / TE");
  EXPECT_EQ(offer("TE: trailers", Persist::kClose), "trailers / TE, close");
  EXPECT_EQ(offer("TE: gzip"), "- / -");
  EXPECT_EQ(offer("A: b", Persist::kClose), "- / close");
  const std::string http10 = forward("GET / HTTP/1.0\r\nHost: a\r\nTE: trailers\r\n\r\n");
  EXPECT_EQ(field(http10, "TE"), "-");
}

TEST(RequestHeadForTarget, AnnouncesTrailersOfChunkedBodiesOnly) {
  EXPECT_EQ(field(forward("POST / HTTP/1.1\r\nHost: a\r\nTrailer: X-Sum\r\n" + kTe + "\r\n\r\n"), "Trailer"),
            "X-Sum");
  EXPECT_EQ(field(forward(get("Trailer: X-Sum")), "Trailer"), "-");
}

TEST(RequestHeadForTarget, CarriesFramingExactlyOnce) {
  const std::string both =
      forward("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(field(both, "Transfer-Encoding"), "chunked");
  EXPECT_EQ(field(both, "Content-Length"), "-");
  EXPECT_EQ(field(forward("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"),
                  "Content-Length"),
            "5");
  const std::string alike = forward("POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n");
  EXPECT_EQ(alike.find("chunked"), std::string::npos);
  EXPECT_EQ(field(get("A: b"), "Content-Length"), "-");
}

TEST(RequestHeadForTarget, KeepsTheWebsocketHandshakeAndNoOtherUpgrade) {
  const std::string handshake = forward(
      get("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13"));
  EXPECT_EQ(field(handshake, "Connection"), "upgrade");
  EXPECT_EQ(field(handshake, "Upgrade"), "websocket");
  EXPECT_EQ(field(handshake, "Sec-WebSocket-Key"), "k");
  const std::string h2c =
      forward(get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x"));
  EXPECT_EQ(field(h2c, "Connection") + field(h2c, "Upgrade") + field(h2c, "HTTP2-Settings"), "---");
}

TEST(RequestHeadForTarget, KeepsProtectedFieldsNamedByConnection) {
  const std::string got =
      forward(get("Connection: Host, X-Forwarded-For, X-Amzn-Trace-Id, Content-Type, "
                  "X-Mine\r\nX-Forwarded-For: 1.1.1.1\r\n"
                  "Content-Type: text/plain\r\nX-Mine: 1"));
  EXPECT_EQ(field(got, "Host"), "a");
  EXPECT_EQ(field(got, "X-Forwarded-For"), "1.1.1.1, 203.0.113.9");
  EXPECT_EQ(field(got, "Content-Type"), "text/plain");
  EXPECT_EQ(field(got, "X-Mine"), "-");
}

TEST(RequestHeadForTarget, DropsFieldsOnlyTheBalancerMaySend) {
  const std::string got =
      forward(get("X_Forwarded_For: 6.6.6.6\r\nX-Amzn-Oidc-Identity: root\r\n"
                  "x-amzn-mtls-clientcert-subject: CN=x\r\nX-Plain: y\r\nX[]: z"));
  EXPECT_EQ(got.find("6.6.6.6"), std::string::npos);
  EXPECT_EQ(got.find("root"), std::string::npos);
  EXPECT_EQ(got.find("CN=x"), std::string::npos);
  EXPECT_EQ(got.find("X[]"), std::string::npos);
  EXPECT_EQ(field(got, "X-Plain"), "y");
}

TEST(RequestHeadForTarget, DropsUnusualNamesWhenAsked) {
  RequestRewrite rewrite = options();
  EXPECT_EQ(field(forward(get("X_A: 1"), rewrite), "X_A"), "1");
  rewrite.drop_invalid_headers = true;
  EXPECT_EQ(field(forward(get("X_A: 1\r\nX-B: 2"), rewrite), "X_A"), "-");
}

TEST(RequestHeadForTarget, UnfoldsFoldedFields) {
  EXPECT_EQ(field(forward(get("Content-Type: multipart/mixed;\r\n\tboundary=a")), "Content-Type"),
            "multipart/mixed;  \tboundary=a");
}

TEST(RequestHeadForTarget, EscapesTargetsThatMonitorModeLetsPass) {
  const std::string got = forward("GET /a b\tc?d e HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(got.substr(0, got.find("\r\n")), "GET /a%20b%09c?d%20e HTTP/1.1");
}

struct HostCase {
  std::uint16_t port;
  std::string request, by_default, preserved;
};

TEST(RequestHeadForTarget, FollowsTheTableOfHosts) {
  const auto origin = [](std::string host) { return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"; };
  const HostCase cases[] = {
      {80, origin("Example.com"), "example.com", "Example.com"},
      {80, origin("example.com:80"), "example.com", "example.com:80"},
      {443, origin("example.com:443"), "example.com", "example.com:443"},
      {80, origin("example.com:8443"), "example.com:8443", "example.com:8443"},
      {80, "GET https://other/index.html HTTP/1.1\r\nHost: example.com\r\n\r\n", "other", "example.com"},
      {8080, origin("example.com"), "example.com:8080", "example.com"},
      {8080, origin("example.com:8080"), "example.com:8080", "example.com:8080"},
      {8080, origin("[::1]"), "[::1]:8080", "[::1]"},
      {80, "GET / HTTP/1.0\r\n\r\n", "lb.example.com", "lb.example.com"},
  };
  for (const HostCase& c : cases) {
    RequestRewrite rewrite = options();
    rewrite.listener_port = c.port;
    EXPECT_EQ(field(forward(c.request, rewrite), "Host"), c.by_default) << c.port << " " << c.request;
    rewrite.preserve_host = true;
    EXPECT_EQ(field(forward(c.request, rewrite), "Host"), c.preserved) << c.port << " " << c.request;
  }
}

TEST(RequestHeadForTarget, TreatsForwardedForByMode) {
  const std::string request = get("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2");
  RequestRewrite rewrite = options();
  EXPECT_EQ(field(forward(request, rewrite), "X-Forwarded-For"), "1.1.1.1, 2.2.2.2, 203.0.113.9");
  rewrite.xff_client_port = true;
  EXPECT_EQ(field(forward(get("A: b"), rewrite), "X-Forwarded-For"), "203.0.113.9:4711");
  rewrite.client_address = "2001:db8::9";
  EXPECT_EQ(field(forward(get("A: b"), rewrite), "X-Forwarded-For"), "[2001:db8::9]:4711");
  rewrite.xff_client_port = false;
  EXPECT_EQ(field(forward(get("A: b"), rewrite), "X-Forwarded-For"), "2001:db8::9");
  rewrite.xff = XffMode::kPreserve;
  EXPECT_EQ(field(forward(request, rewrite), "X-Forwarded-For"), "1.1.1.1|2.2.2.2");
  EXPECT_EQ(field(forward(get("A: b"), rewrite), "X-Forwarded-For"), "-");
  rewrite.xff = XffMode::kRemove;
  EXPECT_EQ(field(forward(request, rewrite), "X-Forwarded-For"), "-");
  EXPECT_EQ(field(forward(request, rewrite), "X-Forwarded-Proto"), "http");
}

TEST(RequestHeadForTarget, CarriesTheTraceOn) {
  const std::string id = "1-67891233-abcdef012345678912345678";
  const auto trace = [](const std::string& value) {
    return field(forward(get("X-Amzn-Trace-Id: " + value)), "X-Amzn-Trace-Id");
  };
  EXPECT_EQ(trace("Root=1-a-b"), "Self=" + id + ";Root=1-a-b");
  EXPECT_EQ(trace("Self=1-c-d;Root=1-a-b;Sampled=1;Mine=x"), "Self=" + id + ";Root=1-a-b;Sampled=1;Mine=x");
  EXPECT_EQ(trace("Parent=p;Mine=x"), "Root=" + id + ";Parent=p;Mine=x");
  EXPECT_EQ(trace("Root=1-a-b;Mine=" + std::string(7 * 1024, 'x')), "Root=" + id);
  EXPECT_EQ(trace(""), "Root=" + id);
}

std::string answer(const std::string& response, RequestFacts request = {}, ResponseRewrite rewrite = {}) {
  ResponseParser parser;
  ResponseHead head;
  EXPECT_EQ(parser.parse(response, head), ParseState::kComplete) << parser.problem();
  Buffer out;
  write_response_head(out, head, plan_response(head, request), request, rewrite);
  return std::string(out.view());
}

TEST(ResponseHeadForClient, IsWrittenByteForByte) {
  EXPECT_EQ(answer("HTTP/1.0 404 Nothing here\r\n"
                   "Server: nginx\r\n"
                   "Connection: keep-alive, X-Hop\r\n"
                   "X-Hop: 1\r\n"
                   "Keep-Alive: timeout=5\r\n"
                   "Set-Cookie: a\r\n"
                   "Set-Cookie: b\r\n"
                   "Trailer: X\r\n"
                   "Content-Length: 3\r\n"
                   "\r\n",
                   {}, {.date = "now", .extra_fields = "Set-Cookie: AWSALB=x\r\n"}),
            "HTTP/1.1 404 Nothing here\r\n"
            "Server: nginx\r\n"
            "Set-Cookie: a\r\n"
            "Set-Cookie: b\r\n"
            "Date: now\r\n"
            "Content-Length: 3\r\n"
            "Set-Cookie: AWSALB=x\r\n"
            "\r\n");
}

TEST(ResponseHeadForClient, TellsLengthAndPersistenceAsTheCaseDemands) {
  const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: then\r\n\r\n";
  EXPECT_EQ(answer(length, {.head_method = true}),
            "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(answer(length, {.keep_alive = false}, {.date = "now"}),
            "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 5\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer(length, {.http11 = false}),
            "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
            "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n\r\n"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", {.http11 = false}),
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

TEST(ResponseHeadForClient, AnnouncesTrailersWhereTheClientGetsThem) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(field(answer(chunked, {.takes_trailers = true}), "Trailer"), "X-Sum");
  EXPECT_EQ(field(answer(chunked), "Trailer"), "-");
  EXPECT_EQ(field(answer(chunked, {.head_method = true, .takes_trailers = true}), "Trailer"), "-");
  EXPECT_EQ(field(answer(chunked, {.http11 = false, .takes_trailers = true}), "Trailer"), "-");
  EXPECT_EQ(field(answer("HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Length: 1\r\n\r\n",
                         {.takes_trailers = true}),
                  "Trailer"),
            "-");
}

TEST(ResponseHeadForClient, HasTheListenersFieldsWhateverTheTargetSent) {
  const ResponseEdits edits({{"Strict-Transport-Security", "max-age=1"},
                             {"X-Frame-Options", "DENY"},
                             {"X-Powered-By", ""},
                             {std::string(70, 'x'), "long"}});
  EXPECT_EQ(
      answer("HTTP/1.1 500 Oops\r\nx-frame-options: ALLOW\r\nX-Frame-Options: twice\r\nX-Powered-By: php\r\n"
             "X-Frame-Option: other\r\nContent-Length: 0\r\n\r\n",
             {}, {.edits = &edits}),
      "HTTP/1.1 500 Oops\r\nX-Frame-Option: other\r\nStrict-Transport-Security: max-age=1\r\n"
      "X-Frame-Options: DENY\r\n" +
          std::string(70, 'x') + ": long\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 103 Early Hints\r\nX-Frame-Options: ALLOW\r\n\r\n", {}, {.edits = &edits}),
            "HTTP/1.1 103 Early Hints\r\nX-Frame-Options: ALLOW\r\n\r\n")
      << "interim responses are not the response";
  EXPECT_TRUE(edits.sets("STRICT-TRANSPORT-SECURITY") && edits.sets(std::string(70, 'X')));
  EXPECT_FALSE(edits.sets("") || edits.sets(std::string(71, 'x')) || ResponseEdits().sets("X-Frame-Options"));
}

TEST(ResponseHeadForClient, PassesInterimAndUpgradeHeads) {
  EXPECT_EQ(answer("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", {},
                   {.date = "now", .extra_fields = "A: b\r\n"}),
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  EXPECT_EQ(
      answer("HTTP/1.1 104 Upload Resumption Supported\r\nUpload-Offset: 5\r\nConnection: Secret, close\r\n"
             "Secret: x\r\nKeep-Alive: 5\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
      "HTTP/1.1 104 Upload Resumption Supported\r\nUpload-Offset: 5\r\n\r\n")
      << "without what speaks about one connection, and without a body";
  EXPECT_EQ(answer("HTTP/1.1 199 \r\n\r\n"), "HTTP/1.1 199 \r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n"
                   "Sec-WebSocket-Accept: x\r\n\r\n",
                   {.websocket = true}),
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n"
            "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
}

}  // namespace
}  // namespace balancer::codec
