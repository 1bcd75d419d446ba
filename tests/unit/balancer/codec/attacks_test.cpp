// The request and response attacks that are known by name, row by row of the list of HTTP/1.1 patterns
// (elbv2.md section 9.1): the bytes, and what becomes of them in each mode. Behind every request a plain
// second one is sent on the same connection: it is answered as itself, or the connection is closed; a target
// never reads anything that was not framed as a request of its own. What needs sockets (rows 6, 13, 15, 16
// and parts of 21) is tested with the proxy as well.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "balancer/codec/exchange.h"
#include "balancer/codec/head.h"
#include "balancer/codec/rewrite.h"
#include "tests/unit/balancer/codec/requests.h"

namespace balancer::codec {
namespace {

using shared::lbconfig::DesyncMode;
using Kind = BodyFraming::Kind;

constexpr std::string_view kSecond = "GET /second HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::size_t kPlenty = 4 * 1024 * 1024;

struct Served {
  std::vector<std::string> forwarded;  // what a target reads, whole requests
  std::string outcome;                 // of the first request: "pass", "close", "cut", "wait" or a status
};

// One client connection, without sockets.
Served serve(std::string_view bytes, DesyncMode mode) {
  Served served;
  const auto note = [&](std::string outcome) {
    if (served.outcome.empty()) served.outcome = std::move(outcome);
  };
  Buffer in;
  in.append(bytes);
  while (!in.empty()) {
    RequestParser parser;
    RequestHead head;
    if (parser.parse(in.view(), head) == ParseState::kIncomplete) return note("wait"), served;
    const Judgement judgement = judge(head, mode);
    if (judgement.verdict == Verdict::kRefuse) return note(std::to_string(judgement.status)), served;
    RequestRewrite rewrite;
    rewrite.client_address = "192.0.2.1";
    rewrite.default_host = "lb";
    rewrite.trace = make_trace_stamp(1, 2, 3);
    Buffer out;
    write_request_head(out, head, rewrite);
    BodyReader body(head.body);
    const bool close = judgement.verdict == Verdict::kPassAndClose || !head.keep_alive;
    const BodyForm form = head.body.kind == Kind::kChunked ? BodyForm::kChunked : BodyForm::kPlain;
    in.consume(parser.head_bytes());
    const Transfer moved = transfer_body(body, in, out, form, kPlenty);
    if (moved == Transfer::kFailed) return note("cut"), served;  // the target's connection ends in the body
    if (moved != Transfer::kDone) return note("wait"), served;
    served.forwarded.emplace_back(out.view());
    note(close ? "close" : "pass");
    if (close) return served;
  }
  return served;
}

// What a strict target makes of it: exactly one request, of the expected framing.
void expect_one_request(const std::string& bytes) {
  RequestParser parser;
  RequestHead head;
  ASSERT_EQ(parser.parse(bytes, head), ParseState::kComplete) << bytes;
  EXPECT_EQ(head.refusal, Refusal::kNone) << bytes;
  EXPECT_FALSE(head.has(FieldId::kTransferEncoding) && head.has(FieldId::kContentLength)) << bytes;
  EXPECT_FALSE(head.is_repeated(FieldId::kContentLength)) << bytes;
  EXPECT_FALSE(head.findings.has(Finding::kSuspiciousHeader)) << bytes;
  std::string_view rest = std::string_view(bytes).substr(parser.head_bytes());
  BodyReader body(head.body);
  while (!body.done() && !body.failed()) {
    const BodyReader::Step step = body.read(rest);
    if (step.consumed == 0) break;
    rest.remove_prefix(step.consumed);
  }
  EXPECT_TRUE(body.done()) << bytes;
  EXPECT_TRUE(rest.empty()) << "a target would read more than one request: " << bytes;
}

struct Attack {
  int row;
  std::string name;
  std::string bytes;
  std::string expect;  // "monitor defensive strictest", or one word for all of them
};
std::ostream& operator<<(std::ostream& out, const Attack& attack) { return out << attack.name; }

std::string host(const std::string& fields) { return "GET / HTTP/1.1\r\n" + fields + "\r\n\r\n"; }
std::string chunked(const std::string& body) { return post("Transfer-Encoding: chunked", body); }
std::string hidden(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"; }
std::string expected(const Attack& attack, DesyncMode mode) {
  const std::string& all = attack.expect;
  const std::size_t first = all.find(' ');
  if (first == std::string::npos) return all;
  const std::size_t second = all.find(' ', first + 1);
  if (mode == DesyncMode::kMonitor) return all.substr(0, first);
  if (mode == DesyncMode::kDefensive) return all.substr(first + 1, second - first - 1);
  return all.substr(second + 1);
}

class Attacks : public ::testing::TestWithParam<Attack> {};

TEST_P(Attacks, HaveTheSafeReactionInEveryMode) {
  const Attack& attack = GetParam();
  for (const DesyncMode mode : {DesyncMode::kMonitor, DesyncMode::kDefensive, DesyncMode::kStrictest}) {
    SCOPED_TRACE("row " + std::to_string(attack.row) + ", mode " + std::to_string(static_cast<int>(mode)));
    const Served served = serve(attack.bytes + std::string(kSecond), mode);
    EXPECT_EQ(served.outcome, expected(attack, mode));
    for (const std::string& request : served.forwarded) expect_one_request(request);
    if (served.outcome == "pass") {
      ASSERT_GE(served.forwarded.size(), 2U);
      EXPECT_TRUE(served.forwarded.back().starts_with("GET /second HTTP/1.1\r\n")) << served.forwarded.back();
    } else {
      EXPECT_LE(served.forwarded.size(), 1U);
    }
    for (const std::string& request : served.forwarded) {
      EXPECT_FALSE(request.starts_with("GET /hidden") || request.starts_with("GPOST")) << request;
    }
  }
}

const std::string kAmbiguous = "close close 400";  // passed on in one reading, then both connections end
const std::string kRefusedByMode = "close 400 400";

std::vector<Attack> framing() {
  return {
      {1, "ClTe", post("Content-Length: 6\r\n" + kTe, "0\r\n\r\nG"), kAmbiguous},
      {2, "TeCl", post("Content-Length: 4\r\n" + kTe, "12\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n"), kAmbiguous},
      {3, "TeTe", post(kTe + "\r\nTransfer-Encoding: x"), "400"},
      {3, "TeUnknown", post("Transfer-Encoding: xchunked"), "501"},
      {3, "TeUnknownBeforeChunked", post("Transfer-Encoding: gzip, chunked"), "501"},
      {3, "ChunkedNotLast", post("Transfer-Encoding: chunked, gzip"), "400"},
      {3, "ChunkedThenUnknown", post("Transfer-Encoding: chunked, x"), "400"},
      {3, "ChunkedWithParameter", post(kTe + ";a=b"), "400"},
      {3, "ChunkedWithEmptyParameter", post(kTe + ";"), "400"},
      {3, "ChunkedTwice", post("Transfer-Encoding: chunked, chunked"), "400"},
      {3, "TeIdentity", post("Transfer-Encoding: identity"), "400"},
      {3, "TeOnHttp10", "POST / HTTP/1.0\r\nHost: a\r\n" + kTe + "\r\n\r\n", "400"},
      {3, "TeTab", post("Transfer-Encoding:\tchunked", "0\r\n\r\n"), "pass"},
      {3, "TeCase", post("tRANSFER-ENCODING: ChUnKeD", "0\r\n\r\n"), "pass"},
      {3, "TeLeadingSpace", "POST / HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: a\r\n\r\n", "400"},
      {3, "TeLeadingSpaceLater", post(" Transfer-Encoding: chunked", hidden("/hidden")), "400"},
      {3, "TeSpaceBeforeColon", post("Transfer-Encoding : chunked", hidden("/hidden")), kRefusedByMode},
      {3, "TeFoldedBeforeColon", post("Transfer-Encoding\r\n : chunked", hidden("/hidden")), kRefusedByMode},
      {3, "TeFoldedValue", post("Transfer-Encoding:\r\n chunked"), "400"},
      {3, "TeQuoted", post("Transfer-Encoding: \"chunked\""), "400"},
      {3, "TeEmptyElement", post("Transfer-Encoding: ,chunked"), "400"},
      {3, "TeNul", nul(post("Transfer-Encoding: chunked@")), "400"},
      {3, "TeVerticalTab",
       post("Transfer-Encoding: \x0b"
            "chunked"),
       "400"},
      {3, "TeControlBehind", post("Transfer-Encoding: chunked\x11"), "400"},
      {3, "TeNoBreakSpace",
       post("Transfer-Encoding: \xa0"
            "chunked"),
       "400"},
      {3, "TeUnderscore", post("Transfer_Encoding: chunked", hidden("/hidden")), kAmbiguous},
      {3, "TeUnderscoreWithLength", post("Transfer_Encoding: chunked\r\nContent-Length: 5", "hello"),
       kRefusedByMode},
      {3, "TeBehindBareLf", post("X: X\n" + kTe, "0\r\n\r\n"), kRefusedByMode},
      {3, "TeHighByteInFront", post("\xefTransfer-Encoding: chunked", hidden("/hidden")), kAmbiguous},
      {3, "TeLongS",
       post("Tran\xc5\xbf"
            "fer-Encoding: chunked",
            hidden("/hidden")),
       kAmbiguous},
      {4, "ClTwoDifferent", post("Content-Length: 5\r\nContent-Length: 6"), "400"},
      {4, "ClList", post("Content-Length: 5, 6"), "400"},
      {4, "ClListOfSame", post("Content-Length: 5, 5"), "400"},
      {4, "ClPlus", post("Content-Length: +5"), "400"},
      {4, "ClMinus", post("Content-Length: -5"), "400"},
      {4, "ClHexadecimal", post("Content-Length: 0x5"), "400"},
      {4, "ClParameter", post("Content-Length: 5;a"), "400"},
      {4, "ClTwoNumbers", post("Content-Length: 5 5"), "400"},
      {4, "ClNul", nul(post("Content-Length: 5@")), "400"},
      {4, "ClOverflow", post("Content-Length: 18446744073709551616"), "400"},
      {4, "ClNoBreakSpace", post("Content-Length: 5\xa0"), "400"},
      {4, "ClEmpty", post("Content-Length:"), "400"},
      // The name is not the field's: dropped, and nothing behind the head is read as a request in any mode.
      {4, "ClSpaceBeforeColon", post("Content-Length : 35", hidden("/hidden")), kRefusedByMode},
      {4, "ClTabBeforeColon", post("Content-Length\t: 35", hidden("/hidden")), kRefusedByMode},
      {4, "ClVerticalTabBeforeColon", post("Content-Length\x0b: 35", hidden("/hidden")), kAmbiguous},
      {4, "ClNoBreakSpaceBeforeColon", post("Content-Length\xa0: 35", hidden("/hidden")), kAmbiguous},
      {4, "ClUtf8NoBreakSpaceBeforeColon", post("Content-Length\xc2\xa0: 35", hidden("/hidden")), kAmbiguous},
      {4, "ClQuotedName", post("\"Content-Length\": 35", hidden("/hidden")), kAmbiguous},
      {4, "ClInnerSpace", post("Content Length: 35", hidden("/hidden")), kAmbiguous},
      {4, "ClDash", post("Content\xe2\x80\x93Length: 35", hidden("/hidden")), kAmbiguous},
      {4, "ClWithoutColon", post("Content-Length 35", hidden("/hidden")), kRefusedByMode},
      {4, "ClBehindBareLf", post("X: X\nContent-Length: 5", "hello"), kRefusedByMode},
      {4, "ClInFoldedLine", post("X: X\r\n Content-Length: 35", hidden("/hidden")), kRefusedByMode},
      {5, "ClSameTwice", post("Content-Length: 5\r\nContent-Length: 5", "hello"), kAmbiguous},
      {6, "ClZeroPathsGetTheirBody", post("Content-Length: 34", hidden("/hidden") + "x"), "pass"},
      {7, "GetWithBody", get("Content-Length: 34", hidden("/hidden") + "x"), kAmbiguous},
      {7, "GetWithChunks", get(kTe, "0\r\n\r\n"), kAmbiguous},
      {7, "GetWithZeroLength", get("Content-Length: 0"), "pass pass 400"},
  };
}

std::vector<Attack> bodies() {
  const std::string end = "\r\n0\r\n\r\n";
  return {
      {8, "ExtensionWithBareLf", chunked("5;ext\nx" + end), "cut"},
      {8, "SizeEndsInBareCr", chunked("5\rhello" + end), "cut"},
      {8, "SizeTooLarge", chunked("FFFFFFFFFFFFFFFFF\r\n" + end), "cut"},
      {8, "SizeNegative", chunked("-1\r\n" + end), "cut"},
      {8, "SizeWithSpace", chunked(" 5\r\nhello" + end), "cut"},
      {8, "SizeEmpty", chunked("\r\nhello" + end), "cut"},
      {8, "DataTooLong", chunked("3\r\nabcX" + end), "cut"},
      {8, "LastLineIsBareLf", chunked("0\r\n\n"), "cut"},
      {8, "ExtensionOf100Kb", chunked("1;" + std::string(100'000, 'e') + "\r\nx" + end), "cut"},
      {8, "ExtensionsOf1Mb", chunked(repeated("1;" + std::string(1'000, 'e') + "\r\nx\r\n", 1'000) + end),
       "cut"},
      {9, "BareLfLines", "POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n", kRefusedByMode},
      {9, "BareCrInValue", post("X: a\rb"), kRefusedByMode},
      {9, "CrCrLf", post("X: a\r"), kRefusedByMode},
      {9, "NulInValue", nul(post("X: a@b")), kRefusedByMode},
      {9, "NulInName", nul(post("X@: a")), kRefusedByMode},
      {9, "MissingLastLine", "POST / HTTP/1.1\r\nHost: a\r\nX: y\r\n",
       "400"},  // the second request is its lines
      {10, "ObsFold", post("X: a\r\n continued"), kRefusedByMode},
      {10, "EmptyName", post(": x"), kRefusedByMode},
      {10, "NoColon", post("foo"), kRefusedByMode},
      {20, "TrailersOfFraming",
       chunked(
           "1\r\nx\r\n0\r\nHost: b\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\nAuthorization: y\r\n\r\n"),
       "pass"},
      {20, "TrailerWithoutColon", chunked("0\r\nfoo\r\n\r\n"), "cut"},
      {20, "TrailerFolded", chunked("0\r\na: b\r\n c\r\n\r\n"), "cut"},
      {20, "TrailersOf100Kb", chunked("0\r\na: " + std::string(100'000, 't') + "\r\n\r\n"), "cut"},
  };
}

std::vector<Attack> heads() {
  return {
      {11, "TwoHosts", host("Host: a\r\nHost: b"), "400"},
      {11, "AbsoluteTargetWins", line("GET http://b/ HTTP/1.1"), "pass"},
      {11, "HostList", host("Host: a, b"), "400"},
      {11, "HostUser", host("Host: a@b"), "400"},
      {11, "HostPath", host("Host: a/b"), "400"},
      {11, "HostSpace", host("Host: a b"), "400"},
      {11, "HostEmpty", host("Host:"), "400"},
      {11, "HostPort", host("Host: a:99999"), "400"},
      {11, "HostMissing", host("X: y"), "400"},
      {12, "TwoSpaces", line("GET  / HTTP/1.1"), "pass 400 400"},
      {12, "TabForSpace", line("GET\t/ HTTP/1.1"), "400"},
      {12, "TabInTarget", line("GET /\ta HTTP/1.1"), kRefusedByMode},
      {12, "SpaceInTarget", line("GET /a b HTTP/1.1"), "pass 400 400"},
      {12, "LongMinor", line("GET / HTTP/1.10"), "400"},
      {12, "Http2", line("GET / HTTP/2.0"), "505"},
      {12, "LowerCaseVersion", line("GET / http/1.1"), "400"},
      {12, "TwoVersions", line("GET / HTTP/1.1 HTTP/1.1"), "pass 400 400"},
      {12, "Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
      {12, "NoTarget", line("GET HTTP/1.1"), "400"},
      {13, "Pipelined", hidden("/a") + hidden("/b"), "pass"},
      {13, "BehindClose", get("Connection: close", hidden("/hidden")), "close"},
      {14, "ConnectionNamesOurs",
       get("Connection: Host, X-Forwarded-For, Transfer-Encoding, Content-Length, X-Amzn-Trace-Id"), "pass"},
      {15, "UpgradeH2c", get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x"),
       "pass"},
      {16, "ExpectUnknown", post("Expect: y 100-continue"), "417"},
      {16, "ExpectContinue", post("Expect: 100-continue\r\nContent-Length: 5", "hello"), "pass"},
      {17, "EscapedDots", line("GET /%2e%2e/admin HTTP/1.1"), "pass"},
      {17, "DotsBehindSemicolon", line("GET /x/..;/admin HTTP/1.1"), "pass"},
      {17, "EscapedSlash", line("GET /%2fadmin HTTP/1.1"), "pass"},
      {17, "TwoSlashes", line("GET //admin HTTP/1.1"), "pass"},
      {17, "EscapedNul", line("GET /a%00 HTTP/1.1"), "400"},
      {17, "EscapedNulInQuery", line("GET /a?info_hash=%00 HTTP/1.1"), "pass"},
      {17, "Backslash", line("GET \\admin HTTP/1.1"), "400"},
      {17, "OverlongUtf8", line("GET /\xc0\xae\xc0\xae/admin HTTP/1.1"), "400"},
      {17, "SurrogateInUtf8", line("GET /\xed\xa0\x80 HTTP/1.1"), "400"},
      {17, "Latin1", line("GET /\xfc HTTP/1.1"), "400"},
      {17, "Utf8", line("GET /\xc3\xbc HTTP/1.1"), "pass"},
      {17, "Asterisk", line("GET * HTTP/1.1"), "400"},
      {17, "Connect", line("CONNECT a:443 HTTP/1.1"), "405"},
      {18, "Spoofs",
       get("X_Forwarded_For: 1\r\nX-Amzn-Oidc-Identity: root\r\nX-Amzn-Mtls-Clientcert-Subject: CN=x"),
       "pass"},
      {18, "ForwardedFor31", get("X-Forwarded-For: " + repeated("1.2.3.4, ", 30) + "1.2.3.4"), "463"},
      {19, "LineInHost", host("Host: a\rSet-Cookie: x"), "400"},
      {19, "EscapedLineInPath", line("GET /%0d%0aSet-Cookie:x HTTP/1.1"), "pass"},
  };
}

const auto kNameOf = [](const auto& test_info) {
  return "Row" + std::to_string(test_info.param.row) + test_info.param.name;
};
INSTANTIATE_TEST_SUITE_P(Framing, Attacks, ::testing::ValuesIn(framing()), kNameOf);
INSTANTIATE_TEST_SUITE_P(Bodies, Attacks, ::testing::ValuesIn(bodies()), kNameOf);
INSTANTIATE_TEST_SUITE_P(Heads, Attacks, ::testing::ValuesIn(heads()), kNameOf);

std::string first_forwarded(const std::string& bytes) {
  const Served served = serve(bytes, DesyncMode::kDefensive);
  EXPECT_FALSE(served.forwarded.empty()) << served.outcome;
  return served.forwarded.empty() ? "" : served.forwarded.front();
}

TEST(AttackRow2, ThePayloadOfAChunkIsPayloadOnly) {
  const std::string got =
      first_forwarded(post("Content-Length: 4\r\n" + kTe, "12\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n"));
  EXPECT_NE(got.find("\r\n\r\n12\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n"), std::string::npos) << got;
}

TEST(AttackRow7, AGetWithABodyCostsTheTargetsConnectionOnly) {
  const auto judged = [](const std::string& bytes, DesyncMode mode) {
    RequestParser parser;
    RequestHead head;
    EXPECT_EQ(parser.parse(bytes, head), ParseState::kComplete);
    return judge(head, mode);
  };
  for (const DesyncMode mode : {DesyncMode::kMonitor, DesyncMode::kDefensive}) {
    EXPECT_TRUE(judged(get("Content-Length: 5"), mode).client_may_stay);
    EXPECT_TRUE(judged(get(kTe), mode).client_may_stay);
    EXPECT_FALSE(judged(get("Content-Length: 5\r\nContent-Length: 5"), mode).client_may_stay);
    EXPECT_FALSE(judged(get("Content-Length: 5\r\n" + kTe), mode).client_may_stay);
    EXPECT_FALSE(judged(get("Content_Length: 5\r\nContent-Length: 5"), mode).client_may_stay);
  }
  EXPECT_FALSE(judged(get("Content-Length: 5"), DesyncMode::kStrictest).client_may_stay);
}

TEST(AttackRow14, FieldsThatWeWriteStayWhateverConnectionNames) {
  const std::string got =
      first_forwarded(get("Connection: Host, X-Forwarded-For, Transfer-Encoding, Content-Length, "
                          "X-Amzn-Trace-Id\r\nX-Forwarded-For: 1.1.1.1"));
  for (const char* kept :
       {"Host: a\r\n", "X-Forwarded-For: 1.1.1.1, 192.0.2.1\r\n", "X-Amzn-Trace-Id: Root="}) {
    EXPECT_NE(got.find(kept), std::string::npos) << kept;
  }
  EXPECT_EQ(got.find("Connection"), std::string::npos);
}

TEST(AttackRow15, NoUpgradeButWebsocketReachesATarget) {
  const std::string got =
      first_forwarded(get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x"));
  EXPECT_EQ(got.find("Upgrade"), std::string::npos) << got;
  EXPECT_EQ(got.find("HTTP2-Settings"), std::string::npos) << got;
}

// Bytes that are no ASCII have one form behind us, the one that rules match by `*` alone.
TEST(AttackRow17, TargetsReadEscapesOnly) {
  const std::string got = first_forwarded(line("GET /\xc3\xbc/%c3%bc?q=\xe2\x82\xac HTTP/1.1"));
  EXPECT_TRUE(got.starts_with("GET /%C3%BC/%c3%bc?q=%E2%82%AC HTTP/1.1\r\n")) << got;
  EXPECT_TRUE(first_forwarded(line("GET /a%2e/%2F HTTP/1.1")).starts_with("GET /a%2e/%2F HTTP/1.1\r\n"))
      << "escapes of the client are its own";
}

TEST(AttackRow18, NamesThatOnlyWeMaySayAreDropped) {
  const std::string got =
      first_forwarded(get("X_Forwarded_For: 6.6.6.6\r\nX-Amzn-Oidc-Identity: "
                          "root\r\nX-Amzn_Mtls-Clientcert-Subject: CN=x\r\nX-Amzn-Tls-Version: y"));
  for (const char* spoof : {"6.6.6.6", "root", "CN=x", "X-Amzn-Tls"}) {
    EXPECT_EQ(got.find(spoof), std::string::npos) << spoof;
  }
}

TEST(AttackRow20, TrailersDoNotBecomeHeaders) {
  const std::string got =
      first_forwarded(chunked("1\r\nx\r\n0\r\nHost: evil\r\nContent-Length: 5\r\nAuthorization: y\r\n\r\n"));
  EXPECT_EQ(got.find("evil"), std::string::npos) << got;
  EXPECT_EQ(got.find("Authorization"), std::string::npos) << got;
}

struct Answer {
  std::string name;
  std::string head;
  std::string expect;  // "bad", "reuse" or "close": of the target's connection
  RequestFacts request{};
};

class TargetAttacks : public ::testing::TestWithParam<Answer> {};

TEST_P(TargetAttacks, AreRefusedOrCostTheConnection) {
  const Answer& c = GetParam();
  ResponseParser parser;
  ResponseHead head;
  const std::string text = c.head + "\r\n\r\n";  // what `head` points into
  const ParseState state = parser.parse(text, head);
  std::string got = "bad";
  if (state == ParseState::kComplete) {
    const ResponsePlan plan = plan_response(head, c.request);
    got = plan.kind == ResponseKind::kBad ? "bad" : plan.reuse_target ? "reuse" : "close";
  }
  EXPECT_EQ(got, c.expect);
}

const std::string kOk = "HTTP/1.1 200 OK\r\n";
INSTANTIATE_TEST_SUITE_P(
    Row21, TargetAttacks,
    ::testing::Values(
        Answer{"Plain", kOk + "Content-Length: 5", "reuse"},
        Answer{"TeAndCl", kOk + "Content-Length: 5\r\n" + kTe, "close"},
        Answer{"TwoLengths", kOk + "Content-Length: 5\r\nContent-Length: 6", "bad"},
        Answer{"SameLengthTwice", kOk + "Content-Length: 5\r\nContent-Length: 5", "close"},
        Answer{"BadLength", kOk + "Content-Length: +5", "bad"},
        Answer{"UnknownCoding", kOk + "Transfer-Encoding: xchunked", "bad"},
        Answer{"ChunkedNotLast", kOk + "Transfer-Encoding: chunked, gzip", "bad"},
        Answer{"ChunkedWithParameter", kOk + kTe + ";a=b", "bad"},
        Answer{"LookAlike", kOk + "Content-Length : 5", "bad"},
        Answer{"NoContentWithBody", "HTTP/1.1 204 No Content\r\nContent-Length: 5", "close"},
        Answer{"NotModifiedTellsALength", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5", "reuse"},
        Answer{"HeadTellsALength", kOk + "Content-Length: 5", "reuse", {.head_method = true}},
        Answer{"Unasked101", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket",
               "bad"},
        Answer{"101WithoutAccept",
               "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket",
               "bad",
               {.websocket = true}},
        Answer{"HeadOf33Kb", kOk + "X: " + std::string(33 * 1024, 'x'), "bad"},
        Answer{"LineInValue", kOk + "X: a\rSet-Cookie: b", "bad"}),
    [](const auto& test_info) { return test_info.param.name; });

}  // namespace
}  // namespace balancer::codec
