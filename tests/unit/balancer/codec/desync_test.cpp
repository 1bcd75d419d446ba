// What the balancer makes of hostile and sloppy request heads, class by class. The expectations are those of
// defensive mode unless a case names another.
#include "balancer/codec/desync.h"

#include <gtest/gtest.h>

#include <string>

#include "balancer/codec/head.h"
#include "tests/unit/balancer/codec/requests.h"

namespace balancer::codec {
namespace {

using shared::lbconfig::DesyncMode;

enum class Expect { kPass, kPassAndClose, kRefuse };

struct Case {
  std::string name;
  std::string head;
  Expect expect = Expect::kPass;
  int status = 0;
  std::string refusal;  // word of the access log
  std::string reason;   // ELB's classification reason
};

Judgement judge_text(const std::string& text, DesyncMode mode, RequestHead& head) {
  RequestParser parser;
  const ParseState state = parser.parse(text, head);
  EXPECT_NE(state, ParseState::kIncomplete) << text;
  return judge(head, mode);
}

Case refuse(std::string name, std::string head, std::string reason, std::string refusal = "desync",
            int status = 400) {
  return {std::move(name), std::move(head), Expect::kRefuse, status, std::move(refusal), std::move(reason)};
}
Case normalise(std::string name, std::string head, std::string reason) {
  return {std::move(name), std::move(head), Expect::kPassAndClose, 0, "", std::move(reason)};
}
Case pass(std::string name, std::string head, std::string reason = "") {
  return {std::move(name), std::move(head), Expect::kPass, 0, "", std::move(reason)};
}

class Desync : public ::testing::TestWithParam<Case> {};

TEST_P(Desync, IsJudgedInDefensiveMode) {
  const Case& c = GetParam();
  RequestHead head;
  const Judgement got = judge_text(c.head, DesyncMode::kDefensive, head);
  EXPECT_EQ(static_cast<int>(got.verdict), static_cast<int>(c.expect)) << to_string(got.refusal);
  EXPECT_EQ(got.status, c.status);
  EXPECT_EQ(to_string(got.refusal), c.refusal);
  EXPECT_EQ(to_string(got.reason), c.reason);
}

// Strictest lets nothing but compliant heads pass; monitor never refuses for the tier alone.
TEST_P(Desync, IsJudgedByTheOtherModesAlike) {
  const Case& c = GetParam();
  RequestHead head;
  const Judgement strictest = judge_text(c.head, DesyncMode::kStrictest, head);
  EXPECT_EQ(strictest.verdict == Verdict::kPass, c.expect == Expect::kPass && c.reason.empty());
  const Judgement monitor = judge_text(c.head, DesyncMode::kMonitor, head);
  EXPECT_EQ(monitor.verdict == Verdict::kRefuse, c.expect == Expect::kRefuse && c.refusal != "desync");
}

INSTANTIATE_TEST_SUITE_P(
    ClTeAndTeCl, Desync,
    ::testing::Values(normalise("ClThenTe", post("Content-Length: 6\r\n" + kTe), "BothTeClPresent"),
                      normalise("TeThenCl", post(kTe + "\r\nContent-Length: 4"), "BothTeClPresent")),
    [](const auto& test_info) { return test_info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    TransferEncoding, Desync,
    ::testing::Values(
        pass("Plain", post(kTe)), pass("Tab", post("Transfer-Encoding:\tchunked")),
        pass("CaseIsIgnored", post("tRANSFER-ENCODING: ChUnKeD")),
        refuse("Parameter", post(kTe + ";q=1"), "BadTransferEncoding", "bad_transfer_encoding"),
        refuse("SecondLineUnknown", post(kTe + "\r\nTransfer-Encoding: x"), "BadTransferEncoding",
               "bad_transfer_encoding"),
        refuse("Unknown", post("Transfer-Encoding: xchunked"), "BadTransferEncoding",
               "unknown_transfer_coding", 501),
        refuse("UnknownWithLength", post("Transfer-Encoding: xchunked\r\nContent-Length: 5"),
               "BadTransferEncoding", "unknown_transfer_coding", 501),
        refuse("Gzip", post("Transfer-Encoding: gzip, chunked"), "", "unknown_transfer_coding", 501),
        refuse("Identity", post("Transfer-Encoding: identity"), "", "bad_transfer_encoding"),
        refuse("ChunkedNotLast", post("Transfer-Encoding: chunked, identity"), "BadTransferEncoding",
               "bad_transfer_encoding"),
        refuse("ChunkedTwice", post("Transfer-Encoding: chunked, chunked"), "MultipleTransferEncodingChunked",
               "bad_transfer_encoding"),
        refuse("ChunkedInTwoLines", post(kTe + "\r\n" + kTe), "MultipleTransferEncodingChunked",
               "bad_transfer_encoding"),
        refuse("Quoted", post("Transfer-Encoding: \"chunked\""), "BadTransferEncoding",
               "bad_transfer_encoding"),
        refuse("EmptyElement", post("Transfer-Encoding: ,chunked"), "BadTransferEncoding",
               "bad_transfer_encoding"),
        refuse("Empty", post("Transfer-Encoding:"), "BadTransferEncoding", "bad_transfer_encoding"),
        refuse("Nul", nul(post("Transfer-Encoding: chunked@")), "BadHeader", "bad_transfer_encoding"),
        refuse("VerticalTab",
               post("Transfer-Encoding: \x0b"
                    "chunked"),
               "BadTransferEncoding", "bad_transfer_encoding"),
        refuse("NoBreakSpace",
               post("Transfer-Encoding: \xa0"
                    "chunked"),
               "BadTransferEncoding", "bad_transfer_encoding"),
        refuse("Folded", post("Transfer-Encoding:\r\n chunked"), "BadTransferEncoding",
               "bad_transfer_encoding"),
        refuse("OnHttp10", "POST / HTTP/1.0\r\nHost: a\r\n" + kTe + "\r\n\r\n",
               "UndefinedTransferEncodingSemantics", "transfer_encoding_on_http10"),
        normalise("OnGet", get(kTe), "UndefinedTransferEncodingSemantics")),
    [](const auto& test_info) { return test_info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    LookAlikes, Desync,
    ::testing::Values(
        normalise("Underscore", post("Transfer_Encoding: chunked"), "SuspiciousHeader"),
        normalise("Hyphens", post("Transfer---Encoding: chunked"), "SuspiciousHeader"),
        normalise("HighByteInFront", post("\xefTransfer-Encoding: chunked"), "SuspiciousHeader"),
        normalise("ControlInFront", post("\x01Transfer-Encoding: chunked"), "SuspiciousHeader"),
        normalise("LongS",
                  post("Tran\xc5\xbf"
                       "fer-Encoding: chunked"),
                  "SuspiciousHeader"),
        normalise("DotlessI", post("Transfer-Encod\xc4\xb1ng: chunked"), "SuspiciousHeader"),
        normalise("EnDash", post("Content\xe2\x80\x93Length: 5"), "SuspiciousHeader"),
        refuse("SpaceBeforeColon", post("Transfer-Encoding : chunked"), "SuspiciousHeader"),
        refuse("WithLength", post("Transfer_Encoding: chunked\r\nContent-Length: 5"),
               "SuspiciousTeClPresent"),
        refuse("LengthWithTe", post("Content_Length: 5\r\n" + kTe), "SuspiciousTeClPresent"),
        refuse("BothSuspicious", post("Content_Length: 5\r\nTransfer_Encoding: chunked"),
               "SuspiciousTeClPresent"),
        refuse("TeBesideTe", post("Transfer_Encoding: chunked\r\n" + kTe), "MultipleTransferEncodingChunked"),
        refuse("OtherLength", post("Content_Length: 5\r\nContent-Length: 6"), "MultipleContentLength"),
        normalise("SameLength", post("Content_Length: 5\r\nContent-Length: 5"), "SuspiciousHeader"),
        pass("LongerName", post("Content-Length-Hint: 5")),
        pass("OtherName", post("Content-Type: text/plain"))),
    [](const auto& test_info) { return test_info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    ContentLength, Desync,
    ::testing::Values(
        pass("Plain", post("Content-Length: 5")), pass("LeadingZero", post("Content-Length: 05")),
        normalise("SameTwice", post("Content-Length: 5\r\nContent-Length: 5"), "DuplicateContentLength"),
        refuse("TwoDifferent", post("Content-Length: 5\r\nContent-Length: 6"), "MultipleContentLength",
               "multiple_content_length"),
        refuse("List", post("Content-Length: 5, 6"), "BadContentLength", "bad_content_length"),
        refuse("ListOfSame", post("Content-Length: 5, 5"), "BadContentLength", "bad_content_length"),
        refuse("Plus", post("Content-Length: +5"), "BadContentLength", "bad_content_length"),
        refuse("Minus", post("Content-Length: -5"), "BadContentLength", "bad_content_length"),
        refuse("Hexadecimal", post("Content-Length: 0x5"), "BadContentLength", "bad_content_length"),
        refuse("Parameter", post("Content-Length: 5;a"), "BadContentLength", "bad_content_length"),
        refuse("TwoNumbers", post("Content-Length: 5 5"), "BadContentLength", "bad_content_length"),
        refuse("Fraction", post("Content-Length: 1000.1"), "BadContentLength", "bad_content_length"),
        refuse("Nul", nul(post("Content-Length: 5@")), "BadHeader", "bad_content_length"),
        refuse("Overflow", post("Content-Length: 18446744073709551616"), "BadContentLength",
               "bad_content_length"),
        refuse("OverInt64", post("Content-Length: 9223372036854775808"), "BadContentLength",
               "bad_content_length"),
        refuse("NoBreakSpace", post("Content-Length: 5\xa0"), "BadContentLength", "bad_content_length"),
        refuse("Empty", post("Content-Length:"), "BadContentLength", "bad_content_length"),
        refuse("Folded", post("Content-Length:\r\n 5"), "BadContentLength", "bad_content_length"),
        normalise("OnGet", get("Content-Length: 40"), "UndefinedContentLengthSemantics"),
        pass("ZeroOnGet", get("Content-Length: 0"), "GetHeadZeroContentLength")),
    [](const auto& test_info) { return test_info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Lines, Desync,
    ::testing::Values(
        refuse("BareLf", "POST / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "NonCrLfLineTermination"),
        refuse("BareLfAtTheEnd", "POST / HTTP/1.1\r\nHost: a\r\n\n", "NonCrLfLineTermination"),
        refuse("HiddenBehindBareLf", post("X: X\n" + kTe), "NonCrLfLineTermination"),
        refuse("BareCrInValue", post("X: a\rb"), "BadHeader"), refuse("CrCrLf", post("X: a\r"), "BadHeader"),
        refuse("NulInValue", nul(post("X: a@b")), "BadHeader"),
        refuse("NulInName", nul(post("X@: a")), "BadHeader"),
        pass("ControlInValue",
             post("X: a\x01"
                  "b"),
             "NonCompliantHeader"),
        pass("HighBytesInValue", post("X: \xff\x80")),
        pass("NameNotToken", post("X[]: a"), "NonCompliantHeader"),
        refuse("Folded", post("X: a\r\n b"), "MultilineHeader"),
        pass("FoldedContentType", post("Content-Type: multipart/mixed;\r\n boundary=a")),
        refuse("SpaceBeforeFirstField", "POST / HTTP/1.1\r\n Host: a\r\n\r\n", "", "bad_header_line"),
        refuse("EmptyName", post(": x"), "EmptyHeader"), refuse("NoColon", post("foo"), "MissingHeaderColon"),
        refuse("SpaceBeforeColon", post("X : a"), "NonCompliantHeader"),
        pass("OneEmptyLineInFront", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        refuse("TwoEmptyLinesInFront", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "", "bad_request_line")),
    [](const auto& test_info) { return test_info.param.name; });

std::string with_host(const std::string& lines) { return "GET / HTTP/1.1\r\n" + lines + "\r\n\r\n"; }

INSTANTIATE_TEST_SUITE_P(
    Host, Desync,
    ::testing::Values(pass("Plain", with_host("Host: a.example.com:8080")),
                      pass("Ipv6", with_host("Host: [2001:db8::1]:80")),
                      pass("Underscore", with_host("Host: my_service")),
                      pass("NoneInHttp10", "GET / HTTP/1.0\r\n\r\n"),
                      refuse("Two", with_host("Host: a\r\nHost: a"), "", "duplicate_host"),
                      refuse("List", with_host("Host: a, b"), "", "bad_host"),
                      refuse("User", with_host("Host: a@b"), "", "bad_host"),
                      refuse("Slash", with_host("Host: a/b"), "", "bad_host"),
                      refuse("Space", with_host("Host: a b"), "", "bad_host"),
                      refuse("Empty", with_host("Host:"), "", "bad_host"),
                      refuse("Port", with_host("Host: a:99999"), "", "bad_host"),
                      refuse("PortNotDigits", with_host("Host: a:+80"), "", "bad_host"),
                      refuse("OnlyPort", with_host("Host: :80"), "", "bad_host"),
                      refuse("BrokenLiteral", with_host("Host: [::1"), "", "bad_host"),
                      refuse("BrokenEscape", with_host("Host: a%2"), "", "bad_host"),
                      refuse("None", with_host("X: y"), "", "missing_host"),
                      pass("AbsoluteTarget", line("GET http://b/ HTTP/1.1")),
                      refuse("AbsoluteTargetWithUser", line("GET http://u@b/ HTTP/1.1"), "", "bad_target")),
    [](const auto& test_info) { return test_info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    RequestLine, Desync,
    ::testing::Values(
        pass("Query", line("GET /a?b=c&d HTTP/1.1")), pass("Utf8", line("GET /\xc3\xbc HTTP/1.1")),
        pass("OptionsAsterisk", line("OPTIONS * HTTP/1.1")), pass("CustomMethod", line("PURGE /x HTTP/1.1")),
        pass("MinorVersion", line("GET / HTTP/1.2"), "NonCompliantVersion"),
        refuse("TwoSpaces", line("GET  / HTTP/1.1"), "NonCompliantVersion"),
        refuse("SpaceAtTheEnd", line("GET / HTTP/1.1 "), "NonCompliantVersion"),
        refuse("TabAsSeparator", line("GET\t/ HTTP/1.1"), "BadMethod", "bad_method"),
        refuse("TabInTarget", line("GET /a\tb HTTP/1.1"), "AmbiguousUri"),
        refuse("DelInTarget",
               line("GET /a\x7f"
                    "b HTTP/1.1"),
               "AmbiguousUri"),
        refuse("NulInTarget", nul(line("GET /a@b HTTP/1.1")), "BadUri", "bad_target"),
        refuse("SpaceInTarget", line("GET /a b HTTP/1.1"), "SpaceInUri"),
        refuse("TwoVersions", line("GET / HTTP/1.1 HTTP/1.1"), "SpaceInUri"),
        refuse("LongMinor", line("GET / HTTP/1.10"), "BadVersion", "bad_version"),
        refuse("LowerCaseVersion", line("GET / http/1.1"), "BadVersion", "bad_version"),
        refuse("Http2", line("GET / HTTP/2.0"), "NonCompliantVersion", "version_not_supported", 505),
        refuse("Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "NonCompliantVersion",
               "version_not_supported", 505),
        refuse("Http09", "GET /\r\n\r\n", "NonCompliantVersion", "version_not_supported", 505),
        refuse("NoTarget", line("GET HTTP/1.1"), "MissingUri", "bad_request_line"),
        refuse("OnlyMethod", line("GET"), "MissingUri", "bad_request_line"),
        refuse("MethodNotToken", line("G(T / HTTP/1.1"), "BadMethod", "bad_method"),
        refuse("SpaceInFront", line(" GET / HTTP/1.1"), "BadMethod", "bad_method"),
        refuse("Trace", line("TRACE / HTTP/1.1"), "", "method_not_allowed", 405),
        refuse("Connect", line("CONNECT a:443 HTTP/1.1"), "", "method_not_allowed", 405),
        refuse("Fragment", line("GET /a#b HTTP/1.1"), "", "bad_target"),
        refuse("Backslash", line("GET \\admin HTTP/1.1"), "", "bad_target"),
        refuse("Asterisk", line("GET * HTTP/1.1"), "", "bad_target"),
        refuse("OtherScheme", line("GET ftp://a/ HTTP/1.1"), "", "bad_target"),
        refuse("ForeignProtocol", std::string("\x16\x03\x01\x02\n\n", 6), "BadMethod", "bad_method")),
    [](const auto& test_info) { return test_info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Others, Desync,
    ::testing::Values(
        pass("Expect", post("Content-Length: 5\r\nExpect: 100-Continue")),
        refuse("ExpectUnknown", post("Expect: y 100-continue"), "", "unknown_expectation", 417),
        pass("ForwardedFor30", get("X-Forwarded-For: " + repeated("1.2.3.4, ", 29) + "1.2.3.4")),
        refuse("ForwardedFor31", get("X-Forwarded-For: " + repeated("1.2.3.4, ", 30) + "1.2.3.4"), "",
               "too_many_forwarded_for", 463),
        refuse("ForwardedFor31Lines", get(repeated("X-Forwarded-For: 1.2.3.4\r\n", 31) + "X: y"), "",
               "too_many_forwarded_for", 463),
        refuse("ConnectionOptions", get("Connection: " + repeated("a,", 33)), "",
               "too_many_connection_options"),
        refuse("Fields", get(repeated("a: b\r\n", 128) + "a: b"), "", "too_many_headers"),
        refuse("LongRequestLine", line("GET /" + std::string(16 * 1024, 'a') + " HTTP/1.1"), "",
               "request_line_too_long", 414),
        refuse("LongField", get("X: " + std::string(16 * 1024, 'a')), "", "header_too_long"),
        refuse("LongHead", get(repeated("X: " + std::string(16'000, 'a') + "\r\n", 5) + "X: y"), "",
               "headers_too_long")),
    [](const auto& test_info) { return test_info.param.name; });

TEST(DesyncTiers, TakeTheFirstReasonOfTheHighestTier) {
  RequestHead head;
  const Judgement got =
      judge_text("GET / HTTP/1.2\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\nX[]: y\r\n\r\n",
                 DesyncMode::kMonitor, head);
  EXPECT_EQ(to_string(got.tier), "Ambiguous");
  EXPECT_EQ(to_string(got.reason), "DuplicateContentLength");
  EXPECT_EQ(got.verdict, Verdict::kPassAndClose);
  EXPECT_TRUE(head.findings.has(Finding::kNonCompliantVersion));
  EXPECT_TRUE(head.findings.has(Finding::kUndefinedContentLengthSemantics));
}

TEST(DesyncTiers, MonitorStillClosesWhereBothFramingFieldsWereSent) {
  RequestHead head;
  const Judgement got = judge_text(post("Content-Length: 5\r\n" + kTe), DesyncMode::kMonitor, head);
  EXPECT_EQ(got.verdict, Verdict::kPassAndClose);
  EXPECT_EQ(head.body.kind, BodyFraming::Kind::kChunked);
}

TEST(DesyncTiers, HeadsAreReusedWithoutTraces) {
  RequestHead head;
  EXPECT_EQ(judge_text(post("Content-Length: 5\r\n" + kTe + "\r\nTransfer_Encoding: x"),
                       DesyncMode::kDefensive, head)
                .tier,
            Tier::kSevere);
  EXPECT_EQ(judge_text(get("X: y"), DesyncMode::kStrictest, head).verdict, Verdict::kPass);
  EXPECT_EQ(head.body, BodyFraming());
}

}  // namespace
}  // namespace balancer::codec
