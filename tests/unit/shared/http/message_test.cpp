#include "shared/http/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shared::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(Headers, IgnoreCaseInNamesAndKeepOrderAndDuplicates) {
  Headers headers;
  headers.add("Set-Cookie", "a=1");
  headers.add("Host", "x");
  headers.add("set-cookie", "b=2");
  EXPECT_EQ(headers.get("SET-COOKIE"), "a=1");
  EXPECT_EQ(headers.count("Set-Cookie"), 2U);
  EXPECT_EQ(headers.get("Cookie"), std::nullopt);

  headers.set("SET-cookie", "c=3");
  headers.set("Accept", "*/*");
  EXPECT_THAT(headers.fields(),
              ElementsAre(Pair("Set-Cookie", "c=3"), Pair("Host", "x"), Pair("Accept", "*/*")));
  headers.remove("HOST");
  EXPECT_THAT(headers.fields(), ElementsAre(Pair("Set-Cookie", "c=3"), Pair("Accept", "*/*")));
}

TEST(Request, SplitsItsTargetAtTheFirstQuestionMark) {
  Request request;
  request.target = "/v1/tasks?cluster=a?b";
  EXPECT_EQ(request.path(), "/v1/tasks");
  EXPECT_EQ(request.query(), "cluster=a?b");
  request.target = "/v1/tasks";
  EXPECT_EQ(request.path(), "/v1/tasks");
  EXPECT_EQ(request.query(), "");
}

TEST(Response, HasPhrasesForItsStatus) {
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(299), "Unknown");
  EXPECT_EQ(make_response(200, "text/plain", "hi").headers.get("content-type"), "text/plain");
}

TEST(PercentCoding, EncodesAsSignaturesWantIt) {
  EXPECT_EQ(percent_encode("a b/c~d_e-f.g+h%\xc3\xa4", Slash::kEncode), "a%20b%2Fc~d_e-f.g%2Bh%25%C3%A4");
  EXPECT_EQ(percent_encode("/a b/", Slash::kKeep), "/a%20b/");
}

TEST(PercentCoding, DecodesEveryByteItEncodes) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  for (const Slash slash : {Slash::kEncode, Slash::kKeep}) {
    for (const Plus plus : {Plus::kLiteral, Plus::kSpace}) {
      EXPECT_EQ(percent_decode(percent_encode(all, slash), plus), all);
    }
  }
  EXPECT_EQ(percent_decode("a+b%2b%2F", Plus::kLiteral), "a+b+/");
  EXPECT_EQ(percent_decode("a+b%2b", Plus::kSpace), "a b+");
}

TEST(PercentCoding, RefusesBrokenEscapes) {
  for (const std::string_view text : {"%", "a%2", "%zz", "%2x", "100%"}) {
    EXPECT_EQ(percent_decode(text, Plus::kLiteral), std::nullopt) << text;
  }
}

TEST(Form, KeepsOrderDuplicatesAndEmptyValues) {
  const auto form = parse_form("Action=RunTask&a=1&a=2&empty=&bare&&x+y=1%262&=v&");
  ASSERT_TRUE(form);
  EXPECT_THAT(*form, ElementsAre(Pair("Action", "RunTask"), Pair("a", "1"), Pair("a", "2"), Pair("empty", ""),
                                 Pair("bare", ""), Pair("x y", "1&2"), Pair("", "v")));
  EXPECT_TRUE(parse_form("")->empty());
}

TEST(Form, NamesTheParameterThatCannotBeDecoded) {
  const auto form = parse_form("good=1&Cluster=%G1");
  ASSERT_FALSE(form);
  EXPECT_THAT(form.error().text(), HasSubstr("\"Cluster\""));
  EXPECT_EQ(form.error().blame(), Blame::kClient);
}

}  // namespace
}  // namespace shared::http
