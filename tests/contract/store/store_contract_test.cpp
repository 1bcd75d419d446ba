// What every Store promises, asked of the memory twin and of SQLite.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <map>
#include <random>

#include "tests/contract/store/harness.h"

namespace agent::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Kind {
  const char* name;
  std::unique_ptr<Harness> (*make)();
};

class StoreContract : public testing::TestWithParam<Kind> {
 protected:
  Store& store() { return harness_->store(); }
  std::vector<Record> load() {
    auto records = store().load();
    EXPECT_TRUE(records) << (records ? "" : records.error().text());
    return records ? std::move(*records) : std::vector<Record>();
  }
  void commit(const ChangeSet& changes) {
    const auto done = store().commit(changes);
    EXPECT_TRUE(done) << (done ? "" : done.error().text());
  }
  std::unique_ptr<Harness> harness_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(
    Store, StoreContract,
    testing::Values(
        Kind{"memory", [] { return std::unique_ptr<Harness>(std::make_unique<MemoryHarness>()); }},
        Kind{"sqlite", [] { return std::unique_ptr<Harness>(std::make_unique<SqliteHarness>()); }}),
    [](const auto& kind) { return std::string(kind.param.name); });

TEST_P(StoreContract, StartsEmptyAndLoadsByKeyOrder) {
  EXPECT_THAT(load(), IsEmpty());
  commit({{{"task/b", "2"}, {"cluster/a", "1"}, {"task/a", "3"}}, {}});
  EXPECT_THAT(load(), ElementsAre(Record{"cluster/a", "1"}, Record{"task/a", "3"}, Record{"task/b", "2"}));
}

TEST_P(StoreContract, ReplacesDeletesAndIgnoresAbsentKeys) {
  commit({{{"a", "1"}, {"b", "1"}, {"c", "1"}}, {}});
  commit({{{"a", "2"}}, {"b", "never there"}});
  commit({});
  EXPECT_THAT(load(), ElementsAre(Record{"a", "2"}, Record{"c", "1"}));
}

TEST_P(StoreContract, LastPutWinsAndDeleteBeatsPutInOneChangeSet) {
  commit({{{"a", "1"}, {"a", "2"}, {"b", "1"}}, {"b"}});
  EXPECT_THAT(load(), ElementsAre(Record{"a", "2"}));
}

TEST_P(StoreContract, KeepsAnyBytes) {
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte.push_back(static_cast<char>(i));
  const std::string big(3 * 1024 * 1024, 'x');
  const std::vector<Record> records{
      {"big", big}, {"bytes", every_byte}, {"empty", ""}, {"k\xc3\xa9y '\"%_", "v"}};
  commit({records, {}});
  harness_->reopen();
  EXPECT_EQ(load(), records);
}

TEST_P(StoreContract, WhatWasCommittedIsThereAfterReopening) {
  commit({{{"a", "1"}, {"b", "1"}}, {}});
  commit({{{"c", "1"}}, {"a"}});
  harness_->reopen();
  EXPECT_THAT(load(), ElementsAre(Record{"b", "1"}, Record{"c", "1"}));
}

TEST_P(StoreContract, AClosedStoreRefusesWorkAndClosesAgain) {
  commit({{{"a", "1"}}, {}});
  EXPECT_TRUE(store().close());
  EXPECT_TRUE(store().close());
  EXPECT_EQ(store().load().error().code(), "io");
  EXPECT_EQ(store().commit({{{"b", "1"}}, {}}).error().code(), "io");
  harness_->reopen();
  EXPECT_THAT(load(), ElementsAre(Record{"a", "1"}));
}

TEST_P(StoreContract, ACopyIsAStoreWithEverythingThatWasCommittedUntilItsEnd) {
  const std::string path = testing::TempDir() + "/copy-" + std::to_string(::getpid()) + ".db";
  for (int i = 0; i < 300; ++i) commit({{{"k" + std::to_string(i), std::string(100'000, 'x')}}, {}});
  auto copy = store().copy_to(path);
  ASSERT_TRUE(copy) << copy.error().text();
  int parts = 0;
  for (bool whole = false; !whole; ++parts) {
    if (parts < 5) commit({{{"during" + std::to_string(parts), "1"}}, {"k" + std::to_string(parts)}});
    auto advanced = (*copy)->advance();
    ASSERT_TRUE(advanced) << advanced.error().text();
    whole = *advanced;
  }
  commit({{{"after", "1"}}, {}});
  EXPECT_EQ(store().copy_to(path).error().code(), "exists");
  {
    auto opened = open_sqlite(path);
    ASSERT_TRUE(opened) << opened.error().text();
    auto expected = load();
    std::erase_if(expected, [](const Record& each) { return each.key == "after"; });
    EXPECT_EQ((*opened)->load().value(), expected);
  }
  std::filesystem::remove(path);
}

TEST_P(StoreContract, ACopyThatIsGivenUpLeavesNoFile) {
  const std::string path = testing::TempDir() + "/given-up-" + std::to_string(::getpid()) + ".db";
  commit({{{"a", "1"}}, {}});
  {
    auto copy = store().copy_to(path);
    ASSERT_TRUE(copy) << copy.error().text();
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_P(StoreContract, AgreesWithAMapUnderRandomChanges) {
  std::mt19937 random(20241106);
  std::map<std::string, std::string> model;
  for (int round = 0; round < 60; ++round) {
    ChangeSet changes;
    for (unsigned i = random() % 8; i > 0; --i) {
      changes.puts.push_back({"k" + std::to_string(random() % 20), std::to_string(random())});
    }
    for (unsigned i = random() % 4; i > 0; --i)
      changes.deletes.push_back("k" + std::to_string(random() % 20));
    for (const Record& put : changes.puts) model[put.key] = put.value;
    for (const std::string& key : changes.deletes) model.erase(key);
    commit(changes);
    if (round % 20 == 0) harness_->reopen();
  }
  std::vector<Record> expected;
  for (const auto& [key, value] : model) expected.push_back({key, value});
  EXPECT_EQ(load(), expected);
}

}  // namespace
}  // namespace agent::store
