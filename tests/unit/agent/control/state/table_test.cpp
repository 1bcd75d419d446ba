// Tables: what followers of the change log see of a change, and what undo makes of it.
#include "agent/control/state/table/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace agent::control::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Words = std::vector<std::string>;

struct Followed : ::testing::Test {
  Table<std::string> table{"word/", [](const std::string& row) { return row; },
                           [](std::string_view text, std::string& row) {
                             row = text;
                             return true;
                           }};
  Table<std::string>::Reader reader = table.follow();

  // What a follower takes in that looks now: each key that is noted with its row, "-" for none.
  Words seen() {
    Words out;
    for (const std::string& key : table.take_changes(reader)) {
      const std::string* row = table.find(key);
      out.push_back(key + "=" + (row == nullptr ? "-" : *row));
    }
    return out;
  }
};

TEST(TableOfManyRows, IsLoadedAsItWasStoredAndNamesTheFirstRowThatCannotBeDecoded) {
  constexpr std::size_t kRows = 3 * kRowsLoadedAtOnce / 2;
  const auto stored = [] {
    std::vector<store::Record> records;
    for (std::size_t i = 0; i < kRows; ++i) {
      const std::string number = std::to_string(100'000 + i);
      records.push_back({"word/" + number, "row " + number});
    }
    return records;
  };
  const auto empty_table = [] {
    return std::make_unique<Table<std::string>>(
        "word/", [](const std::string& row) { return row; },
        [](std::string_view text, std::string& row) {
          row = text;
          return text != "bad";
        });
  };
  const auto table = empty_table();
  const auto reader = table->follow();
  auto records = stored();
  EXPECT_EQ(table->load(records), std::nullopt);
  EXPECT_EQ(table->size(), kRows);
  for (const auto& [key, row] : table->rows()) ASSERT_EQ(row, "row " + key);
  EXPECT_EQ(table->take_changes(reader).size(), kRows);

  records = stored();
  for (const std::size_t i : {kRowsLoadedAtOnce - 1, std::size_t{9'000}, std::size_t{5'000}})
    records[i].value = "bad";
  EXPECT_EQ(empty_table()->load(records), "word/105000");
}

TEST_F(Followed, AFollowerNeverSeesATouchedRowBeforeItsChange) {
  table.put("a", "1");
  EXPECT_THAT(seen(), ElementsAre("a=1"));
  Words during{"not asked"};
  EXPECT_TRUE(table.edit("a", [&](std::string& row) {
    during = seen();
    row = "2";
  }));
  EXPECT_THAT(during, IsEmpty()) << "it would take the key with the row of before, and not be told again";
  EXPECT_THAT(seen(), ElementsAre("a=2"));
  EXPECT_THAT(seen(), IsEmpty());
}

TEST_F(Followed, WhoLooksWhileAnEarlierEditIsUnreadIsToldOfTheLaterOneToo) {
  table.put("a", "1");
  Words during;
  table.edit("a", [&](std::string& row) {
    during = seen();
    row = "2";
  });
  EXPECT_THAT(during, ElementsAre("a=1"));
  EXPECT_THAT(seen(), ElementsAre("a=2"));
}

TEST_F(Followed, PutAndEraseAreNotedWithWhatTheyLeave) {
  EXPECT_EQ(table.put("a", "1"), "1");
  table.put("b", "1");
  EXPECT_THAT(seen(), ElementsAre("a=1", "b=1"));
  table.put("a", "2");
  table.erase("b");
  EXPECT_THAT(seen(), ElementsAre("a=2", "b=-"));
}

TEST_F(Followed, AnEditOfNothingSaysSoAndTouchesNothing) {
  bool called = false;
  EXPECT_FALSE(table.edit("a", [&](std::string&) { called = true; }));
  EXPECT_FALSE(called);
  EXPECT_THAT(seen(), IsEmpty());
  EXPECT_FALSE(table.changed_in_step());
}

TEST_F(Followed, AChangeThatThrowsHalfWayIsNotedAndCanBeUndone) {
  table.put("a", "1");
  table.begin_step();
  (void)seen();
  const auto half = [](std::string& row) {
    row = "half";
    throw std::runtime_error("no");
  };
  EXPECT_THROW(table.edit("a", half), std::runtime_error);
  EXPECT_THAT(seen(), ElementsAre("a=half"));
  table.undo_step();
  EXPECT_THAT(seen(), ElementsAre("a=1"));
}

TEST_F(Followed, UndoGivesTheRowOfBeforeTheStepWhateverTheStepDidToIt) {
  table.put("a", "1");
  table.put("b", "1");
  table.begin_step();
  table.edit("a", [](std::string& row) { row = "2"; });
  table.edit("a", [](std::string& row) { row = "3"; });
  table.erase("b");
  table.put("b", "4");
  table.put("c", "5");
  EXPECT_THAT(table.changed_since_savepoint(), ElementsAre("word/a", "word/b", "word/c"));
  (void)seen();
  table.undo_step();
  EXPECT_THAT(seen(), ElementsAre("a=1", "b=1", "c=-"));
  EXPECT_FALSE(table.changed_in_step());
}

TEST_F(Followed, WhatIsMadeDurableIsTheRowAfterTheChange) {
  table.put("a", "1");
  table.edit("a", [](std::string& row) { row = "2"; });
  store::ChangeSet changes;
  table.collect(changes);
  ASSERT_EQ(changes.puts.size(), 1u);
  EXPECT_EQ(changes.puts[0].key, "word/a");
  EXPECT_EQ(changes.puts[0].value, "2");
}

TEST_F(Followed, AChangeOfARowThatChangesItsTableIsRefusedAtOnce) {
  table.put("a", "1");
  EXPECT_DEATH(table.edit("a", [&](std::string&) { table.erase("a"); }), "no other row of its table");
}

TEST_F(Followed, APausedReaderKeepsNothingAndHearsOnlyOfWhatComesAfterIt) {
  const auto other = table.follow();
  table.pause(other);
  for (int i = 0; i < 100; ++i) table.put("a" + std::to_string(i % 3), std::to_string(i));
  EXPECT_EQ(seen().size(), 3U);
  table.resume(other);
  EXPECT_THAT(table.take_changes(other), IsEmpty());
  table.put("b", "1");
  EXPECT_THAT(table.take_changes(other), ElementsAre("b"));
  EXPECT_THAT(seen(), ElementsAre("b=1"));
  table.pause(reader);
  table.put("c", "1");
  EXPECT_THAT(table.take_changes(other), ElementsAre("c"));
  table.pause(other);
  table.put("d", "1");
  table.resume(reader);
  table.put("e", "1");
  EXPECT_THAT(seen(), ElementsAre("e=1"));
}

}  // namespace
}  // namespace agent::control::test
