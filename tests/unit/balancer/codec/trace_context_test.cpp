// What a request says of where it comes from: its trace, and the proxies before us.
#include "balancer/codec/trace_context.h"

#include <gtest/gtest.h>

#include "balancer/codec/forwarded_for.h"
#include "tests/unit/balancer/codec/requests.h"

namespace balancer::codec {
namespace {

struct Asked {
  std::string text;
  RequestHead head;
  explicit Asked(const std::string& fields) : text(get(fields)) {
    RequestParser parser;
    EXPECT_EQ(parser.parse(text, head), ParseState::kComplete) << fields;
  }
};

TEST(Traceparent, IsFoundAsItCame) {
  EXPECT_EQ(traceparent_of(Asked("TraceParent: 00-a-b-01").head), "00-a-b-01");
  EXPECT_EQ(traceparent_of(Asked("tracestate: a=b").head), std::nullopt);
  EXPECT_EQ(traceparent_of(Asked("traceparent: 1\r\ntraceparent: 2").head), "1");
}

TEST(Traceparent, ThatIsMadeNamesTheTraceOfTheStamp) {
  const TraceStamp stamp = make_trace_stamp(0x67891233, 0xabcdef01, 0x2345678912345678);
  EXPECT_EQ(stamp.view(), "1-67891233-abcdef012345678912345678");
  EXPECT_EQ(make_traceparent(stamp, 0x0123456789abcdef, true).view(),
            "00-67891233abcdef012345678912345678-0123456789abcdef-01");
  EXPECT_EQ(make_traceparent(stamp, 0, false).view(),
            "00-67891233abcdef012345678912345678-0000000000000001-00")
      << "a span of zeros is none";
}

TEST(Traceparent, IsWrittenOnlyWhereItIsGiven) {
  const Asked read("A: b");
  Buffer out;
  write_request_head(out, read.head, RequestRewrite());
  EXPECT_EQ(out.view().find("traceparent"), std::string_view::npos);
  RequestRewrite options;
  options.traceparent = "00-1-2-01";
  out.clear();
  write_request_head(out, read.head, options);
  EXPECT_NE(out.view().find("\r\ntraceparent: 00-1-2-01\r\n"), std::string_view::npos);
}

TEST(ForwardedFor, IsCountedFromTheEndOverAllLines) {
  const auto at = [](const std::string& fields, int hops) {
    return std::string(forwarded_for(Asked(fields).head, hops));
  };
  const std::string three = "X-Forwarded-For: 192.0.2.1, 192.0.2.2\r\nX: y\r\nX-Forwarded-For: 192.0.2.3";
  EXPECT_EQ(at(three, 1), "192.0.2.3");
  EXPECT_EQ(at(three, 2), "192.0.2.2");
  EXPECT_EQ(at(three, 3), "192.0.2.1");
  EXPECT_EQ(at(three, 4), "");
  EXPECT_EQ(at("A: b", 1), "");
  EXPECT_EQ(at("X-Forwarded-For: a, ,, b ,", 1), "b");
  EXPECT_EQ(at("X-Forwarded-For: 192.0.2.1:4711", 1), "192.0.2.1");
  EXPECT_EQ(at("X-Forwarded-For: [2001:db8::1]:4711", 1), "2001:db8::1");
  EXPECT_EQ(at("X-Forwarded-For: [2001:db8::1]", 1), "2001:db8::1");
  EXPECT_EQ(at("X-Forwarded-For: 2001:db8::1", 1), "2001:db8::1");
  EXPECT_EQ(at("X-Forwarded-For: [2001:db8::1", 1), "");
}

}  // namespace
}  // namespace balancer::codec
