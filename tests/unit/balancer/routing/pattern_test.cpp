#include "balancer/routing/pattern.h"

#include <gtest/gtest.h>

#include <string>

#include "shared/env/random.h"

namespace balancer::routing {
namespace {

bool matches(std::string_view pattern, std::string_view text, Case letters = Case::kSensitive,
             Escapes escapes = Escapes::kNone) {
  const auto compiled = Pattern::compile(pattern, letters, escapes);
  EXPECT_TRUE(compiled);
  return compiled->matches(text);
}

TEST(Pattern, FollowsTheTableOfTheApi) {
  struct Row {
    const char* pattern;
    const char* text;
    bool expected;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"*.example.com", "example.com", false},
           {"*.example.com", "a.b.example.com", true},
           {"/img/*", "/img", false},
           {"/img/*", "/img/", true},
           {"/img*", "/img/a", true},
           {"/a", "/a/", false},
           {"/A", "/a", false},
           {"", "", true},
           {"", "a", false},
           {"*", "", true},
           {"**", "anything", true},
           {"?", "", false},
           {"?", "a", true},
           {"?", "ab", false},
           {"a?c", "abc", true},
           {"*a", "bab", false},
           {"*a", "baa", true},
           {"a*a", "a", false},
           {"a*a", "aa", true},
           {"*ab*", "aab", true},
           {"*a?c*d", "abdabcd", true},
           {"/*/*/x", "/a/b/c/x", true},
           {"/*/*/x", "/a/x", false},
           {"*??*", "a", false},
           {"*??*", "ab", true},
       }) {
    EXPECT_EQ(matches(row.pattern, row.text), row.expected) << row.pattern << " against " << row.text;
  }
}

TEST(Pattern, FoldsCaseAndReadsEscapesOnlyWhenAsked) {
  EXPECT_TRUE(matches("*.Example.COM", "WWW.example.com", Case::kInsensitive));
  EXPECT_TRUE(matches("*xA?*", "..Xab", Case::kInsensitive));
  EXPECT_TRUE(matches("a\\*b", "a*b", Case::kInsensitive, Escapes::kBackslash));
  EXPECT_FALSE(matches("a\\*b", "axb", Case::kInsensitive, Escapes::kBackslash));
  EXPECT_TRUE(matches("\\?\\\\*", "?\\x", Case::kInsensitive, Escapes::kBackslash));
  EXPECT_FALSE(matches("\\?*", "x", Case::kInsensitive, Escapes::kBackslash));
  EXPECT_TRUE(matches("a\\*b", "a\\xb")) << "a backslash is a byte like others in a path";
  EXPECT_FALSE(Pattern::compile(std::string(kMaxPattern + 1, 'a'), Case::kSensitive, Escapes::kNone));
}

// The obvious definition, exponential and all.
bool slow_match(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    return slow_match(pattern.substr(1), text) || (!text.empty() && slow_match(pattern, text.substr(1)));
  }
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
         slow_match(pattern.substr(1), text.substr(1));
}

TEST(Pattern, AgreesWithItsDefinition) {
  shared::env::SeededRandom random(7);
  const auto draw = [&](std::string_view alphabet, std::size_t longest) {
    std::string text;
    for (std::size_t i = random.below(longest + 1); i > 0; --i)
      text += alphabet[random.below(alphabet.size())];
    return text;
  };
  int hits = 0;
  for (int i = 0; i < 60'000; ++i) {
    const std::string pattern = draw("ab*?", 8);
    const std::string text = draw("ab", 10);
    const bool expected = slow_match(pattern, text);
    hits += expected ? 1 : 0;
    ASSERT_EQ(matches(pattern, text), expected) << pattern << " against " << text;
  }
  EXPECT_GT(hits, 1000);
}

// Backtracking would need 16384^5 steps here; one pass over the text is over before anybody looks.
TEST(Pattern, TakesOnePassOverHostileText) {
  const std::string text(16 * 1024, 'a');
  EXPECT_FALSE(matches("*a*a*a*a*a*b", text));
  EXPECT_FALSE(matches("*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab*", text));
  EXPECT_FALSE(matches("*" + std::string(100, 'a') + "b?*", text));
  EXPECT_TRUE(matches("*" + std::string(100, 'a') + "?*", text));
  EXPECT_TRUE(matches("*" + std::string(60, '?') + "aaaaaaaa*", text));
}

}  // namespace
}  // namespace balancer::routing
