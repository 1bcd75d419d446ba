// What every AsyncStore promises, asked of the one that commits at once and of the one with a thread on
// SQLite.
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <thread>

#include "agent/store/async_store.h"
#include "shared/httpd/io_loop.h"
#include "tests/contract/store/harness.h"

namespace agent::store {
namespace {

using shared::Result;

constexpr shared::Millis kPatience{20'000};

enum class Committer { kDirect, kThread };

class AsyncStoreContract : public testing::TestWithParam<Committer> {
 protected:
  AsyncStoreContract() {
    if (GetParam() == Committer::kDirect) {
      below_ = std::make_unique<MemoryHarness>();
    } else {
      below_ = std::make_unique<SqliteHarness>();
    }
    commit_to_it();
  }

  void commit_to_it() {
    if (GetParam() == Committer::kDirect) {
      store_ = std::make_unique<DirectStore>(below_->store());
    } else {
      store_ = on_a_thread(below_->store(), loop_);
    }
  }
  void reopen() {
    store_.reset();
    below_->reopen();
    commit_to_it();
  }
  void run_until(const bool& done) {
    ASSERT_TRUE(loop_.run_until([&] { return done; }, kPatience)) << "no answer";
  }
  std::string value_of(const std::string& key) {
    const auto records = store_->load();
    if (!records) return "error";
    for (const Record& each : *records) {
      if (each.key == key) return each.value;
    }
    return "none";
  }

  shared::httpd::IoLoop loop_;
  std::unique_ptr<Harness> below_;
  std::unique_ptr<AsyncStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Store, AsyncStoreContract, testing::Values(Committer::kDirect, Committer::kThread),
                         [](const auto& each) {
                           return each.param == Committer::kDirect ? "direct" : "thread";
                         });

TEST_P(AsyncStoreContract, AnswersOnTheCallersThreadOnceTheChangeIsDurable) {
  bool done = false;
  store_->commit({{{"a", "1"}}, {}}, [&, caller = std::this_thread::get_id()](const Result<void>& result) {
    EXPECT_TRUE(result) << (result ? "" : result.error().text());
    EXPECT_EQ(std::this_thread::get_id(), caller);
    done = true;
  });
  run_until(done);
  reopen();
  EXPECT_EQ(value_of("a"), "1");
}

TEST_P(AsyncStoreContract, TakesTheNextCommitFromTheAnswerOfTheLast) {
  bool done = false;
  int commits = 0;
  const std::function<void()> next = [&] {
    store_->commit({{{"counter", std::to_string(++commits)}}, {}}, [&](const Result<void>& result) {
      ASSERT_TRUE(result);
      if (commits == 100) {
        done = true;
      } else {
        next();
      }
    });
  };
  next();
  run_until(done);
  EXPECT_EQ(value_of("counter"), "100");
}

TEST_P(AsyncStoreContract, PassesOnWhyACommitFailed) {
  ASSERT_TRUE(below_->store().close());
  bool done = false;
  store_->commit({{{"a", "1"}}, {}}, [&](const Result<void>& result) {
    EXPECT_EQ(result ? "" : result.error().code(), "io");
    done = true;
  });
  run_until(done);
}

TEST_P(AsyncStoreContract, CarriesOutWhatItWasGivenWhenItIsDestroyed) {
  bool answered = false;
  store_->commit({{{"a", "1"}}, {}}, [&](const Result<void>&) { answered = true; });
  const bool at_once = answered;
  store_.reset();
  loop_.run_until([] { return false; }, shared::Millis(20));
  EXPECT_EQ(answered, at_once) << "its owner may be gone too";
  reopen();
  EXPECT_EQ(value_of("a"), "1");
}

TEST_P(AsyncStoreContract, ACopyIsMadeBesideCommitsOneAtATime) {
  const std::string path = testing::TempDir() + "/async-copy-" + std::to_string(::getpid()) + ".db";
  bool saved = false;
  store_->commit({{{"a", std::string(20'000'000, 'x')}}, {}}, [&](const Result<void>&) { saved = true; });
  run_until(saved);
  bool copied = false, refused = false, committed = false;
  store_->copy_to(path, [&](const Result<void>& result) {
    EXPECT_TRUE(result) << (result ? "" : result.error().text());
    copied = true;
  });
  store_->copy_to(path, [&](const Result<void>& result) {
    EXPECT_EQ(result ? "" : result.error().code(), GetParam() == Committer::kThread ? "busy" : "exists");
    refused = true;
  });
  store_->commit({{{"b", "2"}}, {}}, [&](const Result<void>& result) {
    EXPECT_TRUE(result);
    committed = true;
  });
  run_until(copied);
  run_until(refused);
  run_until(committed);
  auto opened = open_sqlite(path);
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ((*opened)->load().value().front().key, "a");
  opened->reset();
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace agent::store
