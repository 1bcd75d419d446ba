#include "shared/base/wildcard.h"

#include <gtest/gtest.h>

#include <string>

namespace shared {
namespace {

bool fits(std::string_view pattern, std::string_view text) {
  return fits_pattern(
      pattern.size(), [&](std::size_t place) { return pattern[place] == '*'; },
      [&](std::size_t place, char c) { return pattern[place] == '?' || pattern[place] == c; }, text);
}

TEST(Wildcard, AStarIsAnyCharactersAndNone) {
  for (const char* text : {"ab", "a-b", "a-ab-b", "abab"}) EXPECT_TRUE(fits("a*b", text)) << text;
  for (const char* text : {"", "a", "b", "ba", "abc", "xab"}) EXPECT_FALSE(fits("a*b", text)) << text;
  EXPECT_TRUE(fits("*", ""));
  EXPECT_TRUE(fits("a***", "a"));
  EXPECT_TRUE(fits("*a?c*", "xxabcabc"));
  EXPECT_FALSE(fits("", "a"));
  EXPECT_TRUE(fits("", ""));
}

TEST(Wildcard, ManyStarsCostNoMoreThanTheProductOfTheLengths) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  EXPECT_FALSE(fits(pattern + "b", std::string(20'000, 'a')));
}

}  // namespace
}  // namespace shared
