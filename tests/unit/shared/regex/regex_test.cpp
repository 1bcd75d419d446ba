#include "shared/regex/regex.h"

#include <gtest/gtest.h>

#include <ctime>

namespace shared::regex {
namespace {

Regex good(std::string_view text, Case letters = Case::kSensitive) {
  auto regex = Regex::compile(text, letters, kMaxCondition);
  EXPECT_TRUE(regex) << text << ": " << regex.error().text();
  return std::move(regex).value();
}
std::string reason(std::string_view text) {
  const auto regex = Regex::compile(text, Case::kSensitive, kMaxCondition);
  return regex ? "" : regex.error().text();
}

TEST(Regex, IsFoundAnywhereUnlessItSaysWhere) {
  EXPECT_TRUE(good("b+").found_in("abbc"));
  EXPECT_FALSE(good("^b").found_in("ab"));
  EXPECT_TRUE(good("^/api/v[0-9]+/.*$").found_in("/api/v2/x"));
  EXPECT_FALSE(good("^/api/v[0-9]+/.*$").found_in("/api/vx/x"));
  EXPECT_TRUE(good("[[:digit:]]{3}").found_in("a123"));
  EXPECT_TRUE(good("[)(?>]").found_in(">")) << "in a class these are characters";
  EXPECT_TRUE(good("[]1]").found_in("1"));
  EXPECT_TRUE(good(".").found_in("\xff")) << "texts are bytes";
}

TEST(Regex, FoldsLettersOnlyWhenAsked) {
  EXPECT_FALSE(good("abc").found_in("ABC"));
  EXPECT_TRUE(good("abc", Case::kInsensitive).found_in("xABCx"));
  EXPECT_TRUE(good("(?i)abc").found_in("ABC"));
}

TEST(Regex, SaysWhatItDoesNotTake) {
  EXPECT_EQ(reason(""), "is empty");
  EXPECT_EQ(reason(std::string(129, 'a')), "is longer than 128 bytes");
  EXPECT_EQ(reason(std::string(128, 'a')), "");
  EXPECT_EQ(reason("a\tb"), "holds a character that is not printable ASCII");
  EXPECT_EQ(reason("\xc3\xbc"), "holds a character that is not printable ASCII");
  EXPECT_EQ(reason("a(?=b)"), "look-around is not offered: (?=");
  EXPECT_EQ(reason("a(?!b)"), "look-around is not offered: (?!");
  EXPECT_EQ(reason("(?<=a)b"), "look-around is not offered: (?<=");
  EXPECT_EQ(reason("(?<!a)b"), "look-around is not offered: (?<!");
  EXPECT_EQ(reason("(?>a)b"), "atomic groups are not offered: (?>");
  EXPECT_EQ(reason("(a)\\1"), "back-references are not offered: \\1");
  EXPECT_EQ(reason("\\p{L}"), "Unicode classes are not offered: \\p");
  EXPECT_EQ(reason("[\\PL]"), "Unicode classes are not offered: \\P");
  for (const char* text : {"a++", "a*+", "(?R)", "(?1)", "\\g<1>", "(", "[a", "a{1001}", "*a", "a\\",
                           "((((a{100}){100}){100}){100})"}) {
    EXPECT_TRUE(reason(text).starts_with("cannot be compiled: ")) << text << ": " << reason(text);
  }
}

// What makes backtracking engines hang.
TEST(Regex, TakesTimeLinearInTheText) {
  const std::string text(1 << 20, 'a');
  const auto before = std::clock();
  for (const char* hostile :
       {"(a+)+$b", "(a|aa)+$b", "(.*a){20}b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(a?){50}a{50}b"}) {
    EXPECT_FALSE(good(hostile).found_in(text)) << hostile;
  }
  EXPECT_LT((std::clock() - before) / CLOCKS_PER_SEC, 20) << "a mebibyte each";
}

std::string rewritten(std::string_view regex, std::string_view replacement, std::string_view text,
                      std::size_t longest = 100) {
  const auto rewriter = Rewriter::compile(regex, replacement, Case::kSensitive);
  EXPECT_TRUE(rewriter) << rewriter.error().text();
  std::string out = "old";
  switch (rewriter->apply(text, longest, out)) {
    case Rewritten::kNoMatch:
      return "(no match)";
    case Rewritten::kTooLong:
      return "(too long)";
    case Rewritten::kDone:
      break;
  }
  return out;
}

TEST(Rewriter, ReplacesTheFirstMatchAndKeepsTheRest) {
  EXPECT_EQ(rewritten("^/dp/([A-Za-z0-9]+)/?$", "/product.php?id=$1", "/dp/B09/"), "/product.php?id=B09");
  EXPECT_EQ(rewritten("b(.)", "<$1$0>", "abcbd"), "a<cbc>bd");
  EXPECT_EQ(rewritten("x", "y", "abc"), "(no match)");
  EXPECT_EQ(rewritten("(a)|(b)", "[$1$2]", "b"), "[b]") << "a group that took no part is empty";
  EXPECT_EQ(rewritten("$", "/", "ab"), "ab/") << "an empty match is a match";
  EXPECT_EQ(rewritten("a", "$$1$", "a"), "$1$");
  EXPECT_EQ(rewritten("(a)", "$12$x", "a"), "a2$x") << "two digits only where there is such a group";
  EXPECT_EQ(rewritten("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", "$10", "abcdefghij"), "j");
}

TEST(Rewriter, StopsAtTheLongestResult) {
  EXPECT_EQ(rewritten("a", "$0$0", "aaa", 4), "aaaa");
  EXPECT_EQ(rewritten("a", "$0$0", "aaa", 3), "(too long)");
  EXPECT_EQ(rewritten("(.+)", "$1$1$1$1", "aaaa", 15), "(too long)");
}

TEST(Rewriter, RefusesGroupsThatAreNotThere) {
  const auto rewriter = Rewriter::compile("(a)", "$2", Case::kSensitive);
  ASSERT_FALSE(rewriter);
  EXPECT_EQ(rewriter.error().text(), "names the group $2, but the expression has 1");
  EXPECT_FALSE(Rewriter::compile("a", std::string(1025, 'x'), Case::kSensitive));
  EXPECT_TRUE(Rewriter::compile(std::string(1024, 'a'), std::string(1024, 'x'), Case::kSensitive));
}

}  // namespace
}  // namespace shared::regex
