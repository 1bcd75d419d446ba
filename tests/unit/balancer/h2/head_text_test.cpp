#include "balancer/h2/head_text.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "balancer/codec/body.h"
#include "tests/support/h2_frames.h"

namespace balancer::h2 {
namespace {

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";

// The text; "refused" or "too large" where there is none.
std::string text_of(const Fields& fields, bool ended = true, HeadText::Of kind = HeadText::Of::kRequest) {
  HeadText head;
  head.start(kind);
  for (const auto& [name, value] : fields) {
    if (!head.add(name, value)) return "refused";
  }
  if (!head.finish(ended, kKey)) return "refused";
  return head.too_large() ? "too large" : std::string(head.text());
}

Fields without(Fields fields, const std::string& name) {
  std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  return fields;
}
Fields with(Fields fields, const std::string& name, const std::string& value) {
  for (auto& field : fields) {
    if (field.first == name) field.second = value;
  }
  return fields;
}
Fields websocket(Fields more = {}) {
  Fields out = get_fields({{":protocol", "websocket"}});
  out[0].second = "CONNECT";
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

TEST(HeadText, IsTheRequestThatAnHttp11ClientWouldHaveSent) {
  struct Row {
    Fields fields;
    bool ended;
    std::string text;
  };
  for (const Row& row : std::vector<Row>{
           {get_fields(), true, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"},
           {get_fields({{"accept", "*/*"}}), true, "GET / HTTP/1.1\r\nhost: a\r\naccept: */*\r\n\r\n"},
           {get_fields({{"te", "trailers"}}), true, "GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n"},
           {get_fields({{"x", ""}}), true, "GET / HTTP/1.1\r\nhost: a\r\nx: \r\n\r\n"},
           {get_fields({{"x", "a b\tc \xc3\xa9"}}), true,
            "GET / HTTP/1.1\r\nhost: a\r\nx: a b\tc \xc3\xa9\r\n\r\n"},
           {with(get_fields(), ":path", "/a?b=c%20d"), true, "GET /a?b=c%20d HTTP/1.1\r\nhost: a\r\n\r\n"},
           {with(get_fields(), ":method", "PURGE"), true, "PURGE / HTTP/1.1\r\nhost: a\r\n\r\n"},
           {with(with(get_fields(), ":method", "OPTIONS"), ":path", "*"), true,
            "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n"},
           {with(get_fields(), ":method", "HEAD"), true, "HEAD / HTTP/1.1\r\nhost: a\r\n\r\n"},
           {without(get_fields({{"host", "b"}}), ":authority"), true, "GET / HTTP/1.1\r\nhost: b\r\n\r\n"},
           {get_fields({{"host", "a"}}), true, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"},
           {with(get_fields(), ":authority", "a:8080"), true, "GET / HTTP/1.1\r\nhost: a:8080\r\n\r\n"},
           {with(get_fields(), ":scheme", "https"), true, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"},
           {{{":path", "/"}, {":authority", "a"}, {":scheme", "http"}, {":method", "GET"}},
            true,
            "GET / HTTP/1.1\r\nhost: a\r\n\r\n"},
       }) {
    EXPECT_EQ(text_of(row.fields, row.ended), row.text);
  }
}

TEST(HeadText, SaysHowTheBodyIsFramedWhereTheFieldsDoNot) {
  const std::string post = "POST / HTTP/1.1\r\nhost: a\r\n";
  EXPECT_EQ(text_of(post_fields(), false), post + "transfer-encoding: chunked\r\n\r\n");
  EXPECT_EQ(text_of(post_fields(), true), post + "content-length: 0\r\n\r\n");
  EXPECT_EQ(text_of(post_fields({{"content-length", "5"}}), false), post + "content-length: 5\r\n\r\n");
  EXPECT_EQ(text_of(post_fields({{"content-length", "0"}}), true), post + "content-length: 0\r\n\r\n");
  EXPECT_EQ(text_of(get_fields(), false), "GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
  for (const char* method : {"DELETE", "GET", "HEAD", "OPTIONS", "PURGE"})
    EXPECT_EQ(text_of(with(get_fields(), ":method", method)),
              std::string(method) + " / HTTP/1.1\r\nhost: a\r\n\r\n");
}

TEST(HeadText, JoinsTheCrumbsOfACookieAndCountsThemAsOneField) {
  EXPECT_EQ(text_of(get_fields({{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}, {"cookie", "c"}})),
            "GET / HTTP/1.1\r\nhost: a\r\nx: y\r\ncookie: a=1; b=2; c\r\n\r\n");
  Fields many = get_fields();
  for (int i = 0; i < 500; ++i) many.emplace_back("cookie", "n" + std::to_string(i) + "=v");
  const std::string text = text_of(many);
  EXPECT_NE(text.find("; n499=v\r\n"), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
}

TEST(HeadText, OfAWebsocketIsAnUpgrade) {
  EXPECT_EQ(text_of(websocket({{"sec-websocket-version", "13"}, {"origin", "http://a"}}), false),
            "GET / HTTP/1.1\r\nhost: a\r\nsec-websocket-version: 13\r\norigin: http://a\r\nconnection: "
            "upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  EXPECT_EQ(text_of({{":method", "CONNECT"}, {":authority", "a:80"}}, false),
            "CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\ntransfer-encoding: chunked\r\n\r\n")
      << "which its reader refuses";
}

TEST(HeadText, RefusesWhatHttp11CannotSayOrMustNot) {
  struct Row {
    const char* name;
    Fields fields;
    bool ended = true;
  };
  std::vector<Row> rows = {
      {"no method", without(get_fields(), ":method")},
      {"no scheme", without(get_fields(), ":scheme")},
      {"no path", without(get_fields(), ":path")},
      {"empty method", with(get_fields(), ":method", "")},
      {"empty path", with(get_fields(), ":path", "")},
      {"empty scheme", with(get_fields(), ":scheme", "")},
      {"empty authority", with(get_fields(), ":authority", "")},
      {"path without slash", with(get_fields(), ":path", "a")},
      {"absolute path", with(get_fields(), ":path", "http://b/")},
      {"star of GET", with(get_fields(), ":path", "*")},
      {"other scheme", with(get_fields(), ":scheme", "ftp")},
      {"scheme with more", with(get_fields(), ":scheme", "http://x/")},
      {"status in a request", get_fields({{":status", "200"}})},
      {"unknown pseudo field", get_fields({{":x", "y"}})},
      {"upper-case pseudo field", get_fields({{":Path", "/"}})},
      {"only a colon", get_fields({{":", "y"}})},
      {"pseudo field after others", {{":method", "GET"}, {"x", "y"}, {":scheme", "http"}, {":path", "/"}}},
      {"method with a line", with(get_fields(), ":method", "GET / HTTP/1.1\r\nx: y\r\n\r\nGET")},
      {"method with a blank", with(get_fields(), ":method", "GET /x")},
      {"path with a line", with(get_fields(), ":path", "/ HTTP/1.1\r\nx: y")},
      {"path with a blank", with(get_fields(), ":path", "/ x")},
      {"path with a tab", with(get_fields(), ":path", "/\tx")},
      {"path with DEL", with(get_fields(), ":path", "/\x7f")},
      {"path with NUL", with(get_fields(), ":path", "/" + kNul)},
      {"authority with a line", with(get_fields(), ":authority", "a\r\nx: y")},
      {"authority with a blank", with(get_fields(), ":authority", "a b")},
      {"host differs", get_fields({{"host", "b"}})},
      {"host twice", get_fields({{"host", "a"}, {"host", "a"}})},
      {"CONNECT with a path", with(get_fields(), ":method", "CONNECT")},
      {"CONNECT without authority", {{":method", "CONNECT"}}},
      {"websocket that has ended", websocket(), true},
      {"websocket of GET", with(websocket(), ":method", "GET"), false},
      {"websocket without path", without(websocket(), ":path"), false},
      {"other protocol", with(websocket(), ":protocol", "connect-udp"), false},
      {"protocol with a line", with(websocket(), ":protocol", "websocket\r\nx: y"), false},
      {"empty name", get_fields({{"", "x"}})},
      {"upper-case name", get_fields({{"Accept", "x"}})},
      {"colon inside a name", get_fields({{"a:b", "x"}})},
      {"blank inside a name", get_fields({{"a b", "x"}})},
      {"blank behind a name", get_fields({{"transfer-encoding ", "chunked"}})},
      {"line in a name", get_fields({{"a\r\nb", "x"}})},
      {"NUL in a name", get_fields({{"a" + kNul, "x"}})},
      {"byte of 0x80 in a name", get_fields({{"a\x80", "x"}})},
      {"te with more", get_fields({{"te", "trailers, gzip"}})},
      {"te of another", get_fields({{"te", "gzip"}})},
  };
  for (const char* name : {":method", ":scheme", ":path", ":authority"}) {
    Fields twice = get_fields();
    twice.insert(twice.begin() + 4, *std::find_if(twice.begin(), twice.end(),
                                                  [&](const auto& field) { return field.first == name; }));
    rows.push_back({name, twice});
  }
  for (const char* name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings"})
    rows.push_back({name, get_fields({{name, "x"}})});
  for (const std::string& value :
       {std::string("a\rb"), std::string("a\nb"), std::string("a\r\nb: c"), "a" + kNul, std::string("a\x7f"),
        std::string("a\x0b"), std::string(" a"), std::string("a "), std::string("\ta"), std::string("a\t"),
        std::string(" ")})
    for (const char* name : {"x", "cookie", "host", "content-length"})
      rows.push_back({"value", without(get_fields({{name, value}}), ":authority")});
  for (const Row& row : rows) EXPECT_EQ(text_of(row.fields, row.ended), "refused") << row.name;
}

TEST(HeadText, DoesNotKeepMoreThanAHeadMayHave) {
  Fields many = get_fields();
  for (std::size_t i = 0; i < kMaxListedFields + kPseudoFields; ++i) many.emplace_back("x", "y");
  EXPECT_EQ(text_of(many), "too large");
  many.resize(kMaxListedFields);
  EXPECT_NE(text_of(many), "too large");
  for (const char* name : {"x", "cookie"}) {
    HeadText head;
    head.start(HeadText::Of::kRequest);
    for (const auto& [field, value] : get_fields()) ASSERT_TRUE(head.add(field, value));
    const std::string large(8 * 1024, 'v');
    for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(head.add(name, large));
    ASSERT_TRUE(head.finish(true));
    EXPECT_TRUE(head.too_large());
    EXPECT_LE(head.text().size(), 2 * kMaxHeadText + 2 * large.size());
  }
}

TEST(HeadText, IsTheAnswerThatAnHttp11ServerWouldHaveGiven) {
  struct Row {
    Fields fields;
    bool ended;
    std::string text;
  };
  for (const Row& row : std::vector<Row>{
           {{{":status", "200"}}, true, "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n"},
           {{{":status", "200"}}, false, "HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n"},
           {{{":status", "200"}, {"content-length", "3"}},
            false,
            "HTTP/1.1 200 \r\ncontent-length: 3\r\n\r\n"},
           {{{":status", "204"}}, true, "HTTP/1.1 204 \r\n\r\n"},
           {{{":status", "204"}}, false, "HTTP/1.1 204 \r\n\r\n"},
           {{{":status", "304"}, {"etag", "x"}}, false, "HTTP/1.1 304 \r\netag: x\r\n\r\n"},
           {{{":status", "103"}, {"link", "x"}}, false, "HTTP/1.1 103 \r\nlink: x\r\n\r\n"},
           {{{":status", "200"}, {"set-cookie", "a"}, {"set-cookie", "b"}},
            true,
            "HTTP/1.1 200 \r\nset-cookie: a\r\nset-cookie: b\r\ncontent-length: 0\r\n\r\n"},
       }) {
    EXPECT_EQ(text_of(row.fields, row.ended, HeadText::Of::kResponse), row.text);
  }
  for (const bool ended : {true, false})
    EXPECT_EQ(text_of({{":status", "200"}}, ended, HeadText::Of::kResponseToHead), "HTTP/1.1 200 \r\n\r\n")
        << "a length would be a lie";
}

TEST(HeadText, RefusesAnswersThatAreNone) {
  for (const Fields& fields : std::vector<Fields>{{},
                                                  {{"x", "y"}},
                                                  {{":status", "200"}, {":status", "200"}},
                                                  {{":status", "20"}},
                                                  {{":status", "2000"}},
                                                  {{":status", "-20"}},
                                                  {{":status", "099"}},
                                                  {{":status", "2x0"}},
                                                  {{":status", ""}},
                                                  {{":path", "/"}, {":status", "200"}},
                                                  {{"x", "y"}, {":status", "200"}},
                                                  {{":status", "200"}, {"transfer-encoding", "chunked"}},
                                                  {{":status", "200"}, {"connection", "close"}},
                                                  {{":status", "200"}, {"x", "a\r\nb: c"}}}) {
    EXPECT_EQ(text_of(fields, true, HeadText::Of::kResponse), "refused");
  }
}

TEST(HeadText, IsReusableAfterWhateverCameBefore) {
  HeadText head;
  head.start(HeadText::Of::kRequest);
  for (const auto& [name, value] : websocket({{"host", "a"}, {"cookie", "x"}, {"content-length", "1"}}))
    ASSERT_TRUE(head.add(name, value));
  ASSERT_TRUE(head.finish(false, kKey));
  head.start(HeadText::Of::kRequest);
  for (const auto& [name, value] : post_fields()) ASSERT_TRUE(head.add(name, value));
  ASSERT_TRUE(head.finish(false));
  EXPECT_EQ(head.text(), "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
  EXPECT_FALSE(head.extended_connect());
}

TEST(TrailerText, KeepsThoseThatMayBeTrailers) {
  TrailerText trailers;
  trailers.start();
  for (const auto& [name, value] : Fields{{"grpc-status", "0"},
                                          {"grpc-message", ""},
                                          {"content-length", "5"},
                                          {"host", "b"},
                                          {"authorization", "x"},
                                          {"x-forwarded-for", "1.2.3.4"},
                                          {"x-checksum", "abc"}})
    EXPECT_TRUE(trailers.add(name, value)) << name;
  EXPECT_EQ(trailers.text(), "grpc-status: 0\r\ngrpc-message: \r\nx-checksum: abc\r\n");
  for (const auto& [name, value] : Fields{{":path", "/"},
                                          {":status", "200"},
                                          {"X", "y"},
                                          {"", "y"},
                                          {"x", "a\r\nb"},
                                          {"transfer-encoding", "chunked"},
                                          {"connection", "x"}})
    EXPECT_FALSE(trailers.add(name, value)) << name;
  trailers.start();
  EXPECT_EQ(trailers.text(), "");
  for (std::size_t i = 0; i <= codec::kMaxTrailerFields; ++i) EXPECT_TRUE(trailers.add("x", "y"));
  EXPECT_TRUE(trailers.too_large());
  EXPECT_LE(trailers.text().size(), codec::kMaxTrailerBytes);
}

Fields listed(const FieldList& list) {
  Fields out;
  for (const ListedField& field : list.fields()) out.emplace_back(field.name, field.value);
  return out;
}

TEST(FieldList, OfAnAnswerHasLowerNamesAndNothingAboutTheConnection) {
  FieldList list;
  list.from_response(
      "HTTP/1.1 200 OK\r\nServer: x\r\nConnection: close\r\nKeep-Alive: 5\r\nTransfer-Encoding: chunked\r\n"
      "Proxy-Connection: a\r\nUpgrade: h2c\r\nX-Y:  a b\t\r\nEmpty:\r\nX-Y: c\r\n\r\n",
      false);
  EXPECT_EQ(listed(list),
            (Fields{{":status", "200"}, {"server", "x"}, {"x-y", "a b"}, {"empty", ""}, {"x-y", "c"}}));
  list.from_response("HTTP/1.1 103 Early Hints\r\n\r\n", false);
  EXPECT_EQ(listed(list), (Fields{{":status", "103"}}));
}

TEST(FieldList, OfAWebsocketsAnswerIsA200) {
  FieldList list;
  const std::string text =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Accept: "
      "x\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
  list.from_response(text, true);
  EXPECT_EQ(listed(list), (Fields{{":status", "200"}, {"sec-websocket-protocol", "chat"}}));
  list.from_response("HTTP/1.1 404 Not Found\r\n\r\n", true);
  EXPECT_EQ(listed(list), (Fields{{":status", "404"}}));
}

TEST(FieldList, OfARequestHasItsHostAsAuthority) {
  FieldList list;
  list.from_request("POST /a?b HTTP/1.1\r\nX: y\r\nHost: example.com:80\r\nTE: trailers\r\n\r\n", "https");
  EXPECT_EQ(listed(list), (Fields{{":method", "POST"},
                                  {":scheme", "https"},
                                  {":authority", "example.com:80"},
                                  {":path", "/a?b"},
                                  {"x", "y"},
                                  {"te", "trailers"}}));
}

TEST(FieldList, OfTrailersEndsWithTheirLines) {
  FieldList list;
  list.from_trailers("grpc-status: 0\r\nX-A: b\r\n");
  EXPECT_EQ(listed(list), (Fields{{"grpc-status", "0"}, {"x-a", "b"}}));
  list.from_trailers("");
  EXPECT_EQ(listed(list), Fields());
}

}  // namespace
}  // namespace balancer::h2
