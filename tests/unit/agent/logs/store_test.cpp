#include "agent/logs/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace agent::logs {
namespace {

using testing::ElementsAre;

constexpr std::int64_t kNow = 1'796'000'000'000;
constexpr std::int64_t kDayMillis = 86'400'000;

class Folder {
 public:
  Folder() {
    std::string name = "/tmp/berth-logs-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file() const { return path_ + "/logs.db"; }

 private:
  std::string path_;
};

struct Lines {
  explicit Lines(std::int64_t max_bytes = kDefaultMaxBytes) : store(*Store::open(folder.file(), max_bytes)) {}
  Group make(const std::string& name) {
    Group group;
    group.name = name;
    group.created_at = kNow;
    EXPECT_TRUE(store->create_group(group));
    return *store->group(name);
  }
  Stream stream_of(const Group& group, const std::string& name) {
    EXPECT_TRUE(store->create_stream(group, name, kNow));
    return *store->stream(group, name);
  }
  std::vector<std::string> all(const Group& group, std::int64_t now = kNow) {
    std::vector<std::string> out;
    FilterQuery query;
    query.group = group.id;
    const auto found = store->filter(group, query, *Pattern::parse(""), now);
    for (const auto& event : found->events) out.push_back(event.message);
    return out;
  }
  void sweep_all(std::int64_t now = kNow) {
    for (int i = 0; i < 100; ++i) {
      const auto more = store->sweep(now);
      ASSERT_TRUE(more) << more.error().text();
      if (!*more) return;
    }
    FAIL() << "it never ends";
  }

  Folder folder;
  std::unique_ptr<Store> store;
};

TEST(LogStore, IsForItsOwnerOnlyAndKeepsWhatWasPut) {
  Folder folder;
  {
    auto store = *Store::open(folder.file());
    ASSERT_TRUE(store->create_group({0, "g", kNow, 7, "STANDARD", 0, {{"team", "red"}}}));
    ASSERT_TRUE(store->set_retention("g", 7));
    const Group group = *store->group("g");
    ASSERT_TRUE(store->create_stream(group, "s", kNow));
    ASSERT_TRUE(store->put(group, *store->stream(group, "s"), {{kNow, "a\nb\n"}, {kNow, "\xc3\xa4"}}, kNow));
  }
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(folder.file()).permissions(), perms::owner_read | perms::owner_write);
  auto store = *Store::open(folder.file());
  const Group group = *store->group("g");
  EXPECT_EQ(group.retention_days, 7);
  EXPECT_EQ(group.tags.at("team"), "red");
  EXPECT_EQ(group.bytes, 6);
  StreamQuery query;
  query.stream = store->stream(group, "s")->id;
  const auto events = store->read(group, query, kNow);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 2U);
  EXPECT_EQ((*events)[0].message, "a\nb\n");
  EXPECT_EQ((*events)[1].message, "\xc3\xa4");
}

TEST(LogStore, OldLinesAreSeenByNobodyAndGoWithTheSweep) {
  Lines lines;
  lines.make("g");
  ASSERT_TRUE(lines.store->set_retention("g", 1));
  const Group group = *lines.store->group("g");
  const Stream stream = lines.stream_of(group, "s");
  ASSERT_TRUE(lines.store->put(group, stream, {{kNow - kDayMillis + 1, "old"}, {kNow, "new"}}, kNow));
  EXPECT_THAT(lines.all(group), ElementsAre("old", "new"));
  EXPECT_THAT(lines.all(group, kNow + 10), ElementsAre("new"));
  StreamQuery query;
  query.stream = stream.id;
  EXPECT_EQ(lines.store->read(group, query, kNow + 10)->size(), 1U);
  EXPECT_EQ(lines.store->group("g")->bytes, 6);
  lines.sweep_all(kNow + 10);
  EXPECT_EQ(lines.store->group("g")->bytes, 3);
}

TEST(LogStore, WhatIsBeyondItsSizeGoesOldestFirst) {
  Lines lines(1'000'000);
  const Group group = lines.make("g");
  const Stream stream = lines.stream_of(group, "s");
  const std::string line(100, 'x');
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(lines.store->put(group, stream, std::vector<NewEvent>(1'000, {kNow + i, line}), kNow));
  EXPECT_EQ(lines.store->group("g")->bytes, 2'000'000);
  lines.sweep_all();
  EXPECT_LE(lines.store->group("g")->bytes, 1'000'000);
  EXPECT_GE(lines.store->group("g")->bytes, 400'000);
  StreamQuery query;
  query.stream = stream.id;
  query.newest = false;
  query.limit = 1;
  EXPECT_GT(lines.store->read(group, query, kNow)->front().at.timestamp, kNow + 9);
}

TEST(LogStore, ADeletedGroupLeavesNothing) {
  Lines lines;
  const Group old = lines.make("g");
  ASSERT_TRUE(lines.store->put(old, lines.stream_of(old, "s"), {{kNow, "secret"}}, kNow));
  ASSERT_TRUE(lines.store->delete_group("g"));
  EXPECT_EQ(lines.store->delete_group("g").error().code(), "ResourceNotFoundException");
  const Group fresh = lines.make("g");
  EXPECT_THAT(lines.all(fresh), ElementsAre());
  const Stream stream = lines.stream_of(fresh, "s");
  ASSERT_TRUE(lines.store->put(fresh, stream, {{kNow, "new"}}, kNow));
  lines.sweep_all();
  EXPECT_THAT(lines.all(fresh), ElementsAre("new"));
  EXPECT_THAT(lines.all(old), ElementsAre());
  ASSERT_TRUE(lines.store->delete_stream(fresh, "s"));
  EXPECT_THAT(lines.all(fresh), ElementsAre());
  lines.sweep_all();
  EXPECT_EQ(lines.store->group("g")->bytes, 0);
}

TEST(LogStore, APageEndsWithItsBytesAndGoesOnWhereItEnded) {
  Lines lines;
  const Group group = lines.make("g");
  const Stream stream = lines.stream_of(group, "s");
  std::vector<NewEvent> events;
  for (int i = 0; i < 5; ++i) events.push_back({kNow, std::string(400'000, static_cast<char>('a' + i))});
  ASSERT_TRUE(lines.store->put(group, stream, events, kNow));
  FilterQuery query;
  query.group = group.id;
  std::string seen;
  for (int page = 0; page < 3; ++page) {
    const auto found = lines.store->filter(group, query, *Pattern::parse(""), kNow);
    ASSERT_TRUE(found);
    for (const auto& event : found->events) seen += event.message[0];
    EXPECT_EQ(found->next.has_value(), page < 2);
    query.after = found->next;
  }
  EXPECT_EQ(seen, "abcde");
}

}  // namespace
}  // namespace agent::logs
