#include "shared/base/text.h"

#include <gtest/gtest.h>

namespace shared {
namespace {

TEST(Text, IsShortenedBetweenCharacters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcd", 3), "abc");
  EXPECT_EQ(shortened("", 0), "");
  // Two, three and four bytes: whole, or not at all.
  for (const std::string& character :
       {std::string("\u00e9"), std::string("\u20ac"), std::string("\U0001f600")}) {
    const std::string text = "ab" + character + "c";
    const std::size_t end = 2 + character.size();
    for (std::size_t limit = 2; limit < end; ++limit) EXPECT_EQ(shortened(text, limit), "ab") << limit;
    EXPECT_EQ(shortened(text, end), "ab" + character);
    EXPECT_EQ(shortened(character, character.size()), character);
    EXPECT_EQ(shortened(character, character.size() - 1), "");
  }
}

TEST(Text, ThatIsNoUtf8IsCutWhereTheLimitIs) {
  EXPECT_EQ(shortened(std::string(10, '\x80'), 6), std::string(6, '\x80'));
}

TEST(Text, IsLowerCaseInItsAsciiLettersAlone) {
  EXPECT_EQ(lower_case(std::string("X-Amz@[`{AZaz09\u00c4")), "x-amz@[`{azaz09\u00c4");
  static_assert(lower_case('A') == 'a' && lower_case('@') == '@' && lower_case('[') == '[');
}

TEST(Text, OfAnErrorBeginsWithItsCode) {
  EXPECT_EQ(with_code(Error("io", "disk is gone")), "io: disk is gone");
}

}  // namespace
}  // namespace shared
