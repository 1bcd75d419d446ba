#include "shared/json/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "shared/json/nearest.h"

namespace shared::json {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Document document(std::string_view text) {
  auto parsed = Document::parse(text, "SerializationException");
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().text());
  return std::move(*parsed);
}

TEST(Parse, RefusesWhatIsNotJson) {
  for (const std::string_view text :
       {"", "{", "[1,]", "{} x", "NaN", "[Infinity]", "{\"a\":1e999}", "// c\n{}", "\"\xff\"", "{'a':1}"}) {
    const auto got = parse(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().code(), "json");
    EXPECT_EQ(got.error().blame(), Blame::kClient);
    EXPECT_THAT(got.error().text(), HasSubstr("invalid JSON: "));
    EXPECT_THAT(got.error().text(), testing::Not(HasSubstr("json.exception")));
  }
  EXPECT_THAT(parse("{\"a\":\n tru}").error().text(), HasSubstr("line 2"));
}

TEST(Parse, LastOfARepeatedKeyWins) { EXPECT_EQ((*parse(R"({"a":1,"a":2})"))["a"], 2); }

TEST(Parse, DepthIsLimitedAndBracketsInStringsDoNotCount) {
  const std::string deepest = std::string(64, '[') + std::string(64, ']');
  EXPECT_TRUE(parse(deepest));
  EXPECT_FALSE(parse("[" + deepest + "]"));
  EXPECT_FALSE(parse(std::string(1000000, '[')));
  EXPECT_TRUE(parse(R"(["[[[\"[[[", "}}}"])", {.depth = 1}));
  EXPECT_FALSE(parse("[{}]", {.depth = 1}));
}

TEST(ToText, NeverFailsOnInvalidUtf8) {
  EXPECT_EQ(to_text(nlohmann::json{{"a", "x\xff"}}), "{\"a\":\"x\xef\xbf\xbd\"}");
}

TEST(Reader, ReadsEveryTypeAndTreatsNullAsAbsent) {
  const Document d =
      document(R"({"s":"x","n":null,"i":7,"whole":3.0,"big":9223372036854775807,"d":1.5,"b":true,
      "t":1700000000.25,"list":["a","b"],"none":[],"ints":[1,-2],"map":{"k":"v","gone":null},
      "kids":[{"id":1},{"id":2}],"kid":{"id":3},"named":{"x":{"id":4}},"raw":{"z":[1]}})");
  const Reader in = d.root();
  EXPECT_EQ(in.string("s"), "x");
  EXPECT_EQ(in.string("n"), std::nullopt);
  EXPECT_FALSE(in.has("n"));
  EXPECT_EQ(in.string_or("absent", "y"), "y");
  EXPECT_EQ(in.integer<int>("i"), 7);
  EXPECT_EQ(in.integer<std::uint16_t>("whole"), 3);
  EXPECT_EQ(in.integer("big"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(in.integer_or<int>("absent", 5), 5);
  EXPECT_EQ(in.number("d"), 1.5);
  EXPECT_EQ(in.boolean("b"), true);
  EXPECT_EQ(epoch_millis(*in.time("t")), 1700000000250);
  EXPECT_THAT(*in.strings("list"), ElementsAre("a", "b"));
  EXPECT_TRUE(in.strings("none")->empty());
  EXPECT_EQ(in.strings("absent"), std::nullopt);
  EXPECT_THAT(*in.integers("ints"), ElementsAre(1, -2));
  EXPECT_THAT(*in.string_map("map"), ElementsAre(Pair("k", "v")));
  ASSERT_EQ(in.children("kids").size(), 2U);
  EXPECT_EQ(in.children("kids")[1].integer("id"), 2);
  EXPECT_EQ(in.children("kids")[1].path(), "kids[1]");
  EXPECT_EQ(in.child("kid")->integer("id"), 3);
  EXPECT_EQ(in.child_map("named").at(0).second.path_of("id"), "named.x.id");
  EXPECT_EQ(in.raw("raw"), R"({"z":[1]})");
  EXPECT_TRUE(in.ok());
  EXPECT_TRUE(d.result());
}

enum class Color { kRed, kGreen };
constexpr std::array<Choice<Color>, 2> kColors{{{"RED", Color::kRed}, {"GREEN", Color::kGreen}}};

struct WrongCase {
  const char* name;
  const char* text;
  std::function<void(const Reader&)> read;
  const char* error;
};

class WrongDocument : public testing::TestWithParam<WrongCase> {};

TEST_P(WrongDocument, IsReportedWithItsPath) {
  const Document d = document(GetParam().text);
  const Reader in = d.root();
  GetParam().read(in);
  ASSERT_FALSE(in.ok());
  EXPECT_EQ(in.error().text(), GetParam().error);
  EXPECT_EQ(in.error().code(), "SerializationException");
  EXPECT_EQ(in.error().blame(), Blame::kClient);
  EXPECT_FALSE(d.result());
}

INSTANTIATE_TEST_SUITE_P(
    Reader, WrongDocument,
    testing::Values(WrongCase{"string", R"({"a":1})", [](const Reader& r) { (void)r.string("a"); },
                              "a: expected a string, got number"},
                    WrongCase{"required", R"({})", [](const Reader& r) { (void)r.required_string("a"); },
                              "a: is required"},
                    WrongCase{"required_null", R"({"a":null})",
                              [](const Reader& r) { (void)r.required_integer<int>("a"); }, "a: is required"},
                    WrongCase{"required_wrong_type", R"({"a":"1"})",
                              [](const Reader& r) { (void)r.required_integer<int>("a"); },
                              "a: expected a number, got string"},
                    WrongCase{"fraction", R"({"a":1.5})", [](const Reader& r) { (void)r.integer("a"); },
                              "a: expected a whole number, got 1.5"},
                    WrongCase{"beyond_int64", R"({"a":9223372036854775808})",
                              [](const Reader& r) { (void)r.integer("a"); },
                              "a: expected a whole number, got 9223372036854775808"},
                    WrongCase{"range", R"({"x":[{},{"port":70000}]})",
                              [](const Reader& r) {
                                for (const Reader& c : r.children("x"))
                                  (void)c.integer<std::uint16_t>("port");
                              },
                              "x[1].port: must be between 0 and 65535, got 70000"},
                    WrongCase{"boolean", R"({"a":"true"})", [](const Reader& r) { (void)r.boolean("a"); },
                              "a: expected a boolean, got string"},
                    WrongCase{"element", R"({"a":["x",{}]})", [](const Reader& r) { (void)r.strings("a"); },
                              "a[1]: expected a string, got object"},
                    WrongCase{"map", R"({"a":{"k":[]}})", [](const Reader& r) { (void)r.string_map("a"); },
                              "a.k: expected a string, got array"},
                    WrongCase{"child", R"({"a":{"b":3}})",
                              [](const Reader& r) { (void)r.child("a")->child("b"); },
                              "a.b: expected an object, got number"},
                    WrongCase{"children", R"({"a":[[]]})", [](const Reader& r) { (void)r.children("a"); },
                              "a[0]: expected an object, got array"},
                    WrongCase{"root", R"([])", [](const Reader& r) { (void)r.string("a"); },
                              "document: expected an object, got array"},
                    WrongCase{"choice", R"({"a":"red"})",
                              [](const Reader& r) { (void)r.choice("a", kColors); },
                              "a: expected one of RED, GREEN, got 'red'"},
                    WrongCase{"time", R"({"a":1e300})", [](const Reader& r) { (void)r.time("a"); },
                              "a: is not a time in seconds since 1970"},
                    WrongCase{"first_error_stays", R"({"a":1,"b":2})",
                              [](const Reader& r) {
                                (void)r.string("a");
                                (void)r.string("b");
                                r.fail("c", "later");
                              },
                              "a: expected a string, got number"},
                    WrongCase{"unknown_member", R"({"c":{"lisener":1}})",
                              [](const Reader& r) {
                                r.child("c")->only_members({"listener", "target"});
                              },
                              "c: unknown member 'lisener' (did you mean 'listener'?)"},
                    WrongCase{"unknown_member_far", R"({"zzz":null})",
                              [](const Reader& r) { r.only_members({"listener"}); }, "unknown member 'zzz'"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Reader, ChoiceGivesTheMeaning) {
  const Document d = document(R"({"a":"GREEN"})");
  EXPECT_EQ(d.root().choice("a", kColors), Color::kGreen);
  EXPECT_EQ(d.root().choice("absent", kColors), std::nullopt);
}

TEST(Reader, SurvivesTheMoveOfItsDocument) {
  Document d = document(R"({"a":"x"})");
  const Reader in = d.root();
  const Document moved = std::move(d);
  EXPECT_EQ(in.string("a"), "x");
}

TEST(Document, GivesItsCodeToSyntaxErrors) {
  EXPECT_EQ(Document::parse("{", "SerializationException").error().code(), "SerializationException");
}

TEST(NearestName, IgnoresCaseAndPrefersTheClosest) {
  const std::vector<std::string_view> known{"cluster", "clusters", "data_dir"};
  EXPECT_EQ(nearest_name("Cluster", known), "cluster");
  EXPECT_EQ(nearest_name("datadir", known), "data_dir");
  EXPECT_EQ(nearest_name("listen", known), std::nullopt);
}

}  // namespace
}  // namespace shared::json
