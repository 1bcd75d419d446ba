#include "agent/aws/query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace agent::aws {
namespace {

using testing::ElementsAre;
using testing::Pair;

Query query(std::string_view form) {
  auto parsed = Query::parse(form);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().text());
  return std::move(*parsed);
}

TEST(Query, ReadsScalarsStructuresListsAndMaps) {
  const Query q = query(
      "Action=CreateRule&Version=2015-12-01&Priority=10&Enabled=True&Matcher.HttpCode=200-299"
      "&Names.member.2=b+c&Names.member.1=a%2Eb&Tags.member.1.Key=k&Tags.member.1.Value="
      "&Actions.member.1.ForwardConfig.TargetGroups.member.1.Weight=20&Flat.1=x"
      "&Extra.entry.1.key=display&Extra.entry.1.value=page");
  const QueryReader in = q.root();
  EXPECT_EQ(in.string("Action"), "CreateRule");
  EXPECT_EQ(in.required_integer<int>("Priority", 1, 50000), 10);
  EXPECT_EQ(in.boolean("Enabled"), true);
  EXPECT_EQ(in.child("Matcher")->string("HttpCode"), "200-299");
  EXPECT_THAT(*in.strings("Names"), ElementsAre("a.b", "b c"));
  EXPECT_THAT(*in.strings("Flat"), ElementsAre("x"));
  const auto tags = in.children("Tags");
  ASSERT_EQ(tags.size(), 1U);
  EXPECT_EQ(tags[0].required_string("Key"), "k");
  EXPECT_EQ(tags[0].text("Value"), "");
  EXPECT_EQ(tags[0].string("Value"), std::nullopt);
  const auto groups = in.children("Actions")[0].child("ForwardConfig")->children("TargetGroups");
  EXPECT_EQ(groups[0].integer<int>("Weight"), 20);
  EXPECT_EQ(groups[0].path_of("Weight"), "Actions.member.1.ForwardConfig.TargetGroups.member.1.Weight");
  EXPECT_THAT(*in.string_map("Extra"), ElementsAre(Pair("display", "page")));
  EXPECT_TRUE(in.ok());
}

TEST(Query, ListsAreOrderedByNumberNotByTextAndGapsAreClosed) {
  const Query q = query("L.member.10=ten&L.member.2=two&L.member.1=one&L.member.300=last");
  EXPECT_THAT(*q.root().strings("L"), ElementsAre("one", "two", "ten", "last"));
}

TEST(Query, TellsAbsentFromEmpty) {
  const Query q = query("SecurityGroups=&ProtocolVersion=&Port=");
  const QueryReader in = q.root();
  EXPECT_TRUE(in.has("SecurityGroups"));
  EXPECT_TRUE(in.strings("SecurityGroups")->empty());
  EXPECT_TRUE(in.children("SecurityGroups").empty());
  EXPECT_FALSE(in.has("Subnets"));
  EXPECT_EQ(in.strings("Subnets"), std::nullopt);
  EXPECT_EQ(in.string("ProtocolVersion"), std::nullopt);
  EXPECT_EQ(in.text("ProtocolVersion"), "");
  EXPECT_EQ(in.integer<int>("Port"), std::nullopt);
  EXPECT_EQ(in.child("Port").has_value(), false);
  EXPECT_TRUE(in.ok());
}

TEST(Query, RefusesMalformedForms) {
  std::string many;
  for (std::size_t i = 0; i <= kMaxQueryParameters; ++i) many += "P" + std::to_string(i) + "=1&";
  std::string deep = "a";
  for (std::size_t i = 0; i < kMaxQueryDepth; ++i) deep += ".a";
  for (const std::string& form : {std::string("a=%zz"), std::string("a=1&a=2"), many, deep}) {
    const auto got = Query::parse(form);
    ASSERT_FALSE(got) << form.substr(0, 40);
    EXPECT_EQ(got.error().code(), "MalformedQueryString");
  }
  EXPECT_TRUE(Query::parse(""));
  EXPECT_TRUE(Query::parse("a.a=1&a=2"));
}

enum class Kind { kForward, kRedirect };
constexpr std::array<QueryChoice<Kind>, 2> kKinds{
    {{"forward", Kind::kForward}, {"redirect", Kind::kRedirect}}};

struct WrongCase {
  const char* name;
  const char* form;
  std::function<void(const QueryReader&)> read;
  const char* code;
  const char* text;
};

class WrongForm : public testing::TestWithParam<WrongCase> {};

TEST_P(WrongForm, IsReportedWithItsPath) {
  const Query q = query(GetParam().form);
  GetParam().read(q.root());
  ASSERT_FALSE(q.root().ok());
  EXPECT_EQ(q.root().error().code(), GetParam().code);
  EXPECT_EQ(q.root().error().text(), GetParam().text);
  EXPECT_FALSE(q.result());
}

INSTANTIATE_TEST_SUITE_P(
    Query, WrongForm,
    testing::Values(
        WrongCase{"missing", "", [](const QueryReader& r) { (void)r.required_string("Name"); },
                  "MissingParameter", "The request must contain the parameter Name."},
        WrongCase{"missing_inside", "Tags.member.1.Value=v",
                  [](const QueryReader& r) { (void)r.children("Tags")[0].required_string("Key"); },
                  "MissingParameter", "The request must contain the parameter Tags.member.1.Key."},
        WrongCase{"no_number", "Port=80x", [](const QueryReader& r) { (void)r.integer<int>("Port"); },
                  "ValidationError",
                  "1 validation error detected: Value '80x' at 'Port' failed to satisfy constraint: Member "
                  "must be an "
                  "integer"},
        WrongCase{"too_large", "Port=65536",
                  [](const QueryReader& r) { (void)r.integer<int>("Port", 1, 65535); }, "ValidationError",
                  "1 validation error detected: Value '65536' at 'Port' failed to satisfy constraint: Member "
                  "must have "
                  "value less than or equal to 65535"},
        WrongCase{"boolean", "B=1", [](const QueryReader& r) { (void)r.boolean("B"); }, "ValidationError",
                  "1 validation error detected: Value '1' at 'B' failed to satisfy constraint: Member must "
                  "be true or "
                  "false"},
        WrongCase{
            "choice", "Actions.member.1.Type=x",
            [](const QueryReader& r) { (void)r.children("Actions")[0].choice("Type", kKinds); },
            "ValidationError",
            "1 validation error detected: Value 'x' at 'Actions.member.1.Type' failed to satisfy constraint: "
            "Member must satisfy enum value set: [forward, redirect]"},
        WrongCase{"list_index", "L.member.x=1", [](const QueryReader& r) { (void)r.strings("L"); },
                  "MalformedQueryString", "Parameter 'L.member.x' has no list index."},
        WrongCase{"first_stays", "A=x&B=y",
                  [](const QueryReader& r) {
                    (void)r.required_string("C");
                    (void)r.integer<int>("A");
                  },
                  "MissingParameter", "The request must contain the parameter C."}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace agent::aws
