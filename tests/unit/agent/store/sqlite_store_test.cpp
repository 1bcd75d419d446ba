// What SQLite's store does beyond the contract: locks, modes, crashes and full disks. Real files.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "agent/store/store.h"

namespace agent::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SqliteStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "sqlite_store_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ + "/data/deep/control.db";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  static std::unique_ptr<Store> open(const std::string& path) {
    auto opened = open_sqlite(path);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().text());
    return opened ? std::move(*opened) : nullptr;
  }
  static mode_t mode(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }

  std::string directory_;
  std::string path_;
};

// Commits equal pairs until the disk is full; returns how many were acknowledged.
int fill(Store& store, int from, std::string& error_code) {
  for (int n = from;; ++n) {
    const std::string value = std::to_string(n) + std::string(20000, 'x');
    const auto done = store.commit(
        {{{"pair/" + std::to_string(n) + "/a", value}, {"pair/" + std::to_string(n) + "/b", value}}, {}});
    if (!done) {
      error_code = done.error().code();
      return n;
    }
  }
}

TEST_F(SqliteStoreTest, FilesAreForTheirOwnerOnly) {
  const mode_t before = ::umask(0);
  const auto store = open(path_);
  ASSERT_TRUE(store->commit({{{"a", "1"}}, {}}));
  ::umask(before);
  EXPECT_EQ(mode(path_), 0600U);
  EXPECT_EQ(mode(path_ + "-wal"), 0600U);
  EXPECT_EQ(mode(directory_ + "/data"), 0700U);
  EXPECT_EQ(mode(directory_ + "/data/deep"), 0700U);
}

TEST_F(SqliteStoreTest, ASecondOpenerIsToldThatItIsLocked) {
  auto first = open(path_);
  EXPECT_EQ(open_sqlite(path_).error().code(), "locked");
  const pid_t child = ::fork();
  if (child == 0) {
    const auto second = open_sqlite(path_);
    ::_exit(!second && second.error().code() == "locked" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  ASSERT_TRUE(first->commit({{{"a", "1"}}, {}}));  // the failed openers took nothing away
  EXPECT_TRUE(first->close());
  EXPECT_THAT(*open(path_)->load(), ElementsAre(Record{"a", "1"}));
}

TEST_F(SqliteStoreTest, WhatIsNoStoreIsCorrupt) {
  std::ofstream(directory_ + "/text") << std::string(5000, 'x');
  EXPECT_EQ(open_sqlite(directory_ + "/text").error().code(), "corrupt");
  { ASSERT_TRUE(open(path_)->commit({{{"a", std::string(20000, 'x')}}, {}})); }
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(8192, '\xff');
  }
  const auto damaged = open_sqlite(path_);
  EXPECT_EQ((damaged ? (*damaged)->load().error() : damaged.error()).code(), "corrupt");
}

TEST_F(SqliteStoreTest, UnusablePathsAreIoErrorsNamingThem) {
  EXPECT_EQ(open_sqlite(directory_).error().code(), "io");
  std::ofstream(directory_ + "/file") << "x";
  const auto under_a_file = open_sqlite(directory_ + "/file/control.db");
  EXPECT_EQ(under_a_file.error().code(), "io");
  EXPECT_THAT(under_a_file.error().text(), HasSubstr(directory_ + "/file"));
}

TEST_F(SqliteStoreTest, KillingTheProcessLosesNothingAcknowledged) {
  constexpr int kRounds = 4;
  constexpr int kCommitsBeforeKill = 25;
  int committed = 0;
  for (int round = 0; round < kRounds; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto store = open_sqlite(path_);
      for (int n = committed + 1; store; ++n) {
        const std::string value = std::to_string(n);
        if (!(*store)->commit({{{"first", value}, {"second", value}}, {}})) break;
        if (::write(pipe_ends[1], &n, sizeof n) != sizeof n) break;
      }
      ::_exit(1);
    }
    ::close(pipe_ends[1]);
    int acknowledged = 0;
    for (int i = 0; i < kCommitsBeforeKill; ++i) {
      ASSERT_EQ(::read(pipe_ends[0], &acknowledged, sizeof acknowledged),
                static_cast<ssize_t>(sizeof acknowledged));
    }
    ::kill(child, SIGKILL);
    while (::read(pipe_ends[0], &acknowledged, sizeof acknowledged) ==
           static_cast<ssize_t>(sizeof acknowledged)) {
    }
    ::close(pipe_ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const auto records = open(path_)->load();
    ASSERT_EQ(records->size(), 2U);
    EXPECT_EQ(records->at(0).value, records->at(1).value) << "half a change set survived";
    committed = std::stoi(records->at(0).value);
    EXPECT_GE(committed, acknowledged);
    EXPECT_LE(committed, acknowledged + 1);
  }
}

// Fills the store at `path`, then checks what is left, now and after a reopening. Room is made by
// `make_room`.
void check_full_disk(const std::string& path, const std::function<void()>& make_room) {
  auto opened = open_sqlite(path);
  ASSERT_TRUE(opened) << opened.error().text();
  std::string code;
  const int acknowledged = fill(**opened, 0, code);
  EXPECT_EQ(code, "disk_full");
  ASSERT_GT(acknowledged, 0);
  const auto count = static_cast<std::size_t>(acknowledged) * 2;
  EXPECT_EQ((*opened)->load()->size(), count);
  make_room();
  EXPECT_TRUE((*opened)->commit({{{"after", "1"}}, {}}));
  (void)(*opened)->close();
  EXPECT_EQ((*open_sqlite(path))->load()->size(), count + 1);
}

TEST_F(SqliteStoreTest, AFullFilesystemIsReportedAndCostsNothingEarlier) {
  const std::string mounted = directory_ + "/small";
  ASSERT_EQ(::mkdir(mounted.c_str(), 0700), 0);
  if (::mount("tmpfs", mounted.c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "cannot mount a tmpfs: " << std::strerror(errno);
  }
  const std::string ballast = mounted + "/ballast";
  std::ofstream(ballast) << std::string(200 * 1024, 'x');
  check_full_disk(mounted + "/control.db", [&] { std::filesystem::remove(ballast); });
  EXPECT_EQ(::umount(mounted.c_str()), 0) << std::strerror(errno);
}

TEST_F(SqliteStoreTest, AFileSizeLimitIsReportedAsAFullDisk) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlimit small{512 * 1024, limit.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    check_full_disk(path_, [&] { ::setrlimit(RLIMIT_FSIZE, &limit); });
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace agent::store
