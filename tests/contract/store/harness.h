// The stores that the contracts are asked of, and their restart.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "agent/store/store.h"

namespace agent::store {

class Harness {
 public:
  virtual ~Harness() = default;
  virtual Store& store() = 0;
  // A new store on what the last one left behind, as after a restart.
  virtual void reopen() = 0;
};

class MemoryHarness final : public Harness {
 public:
  Store& store() override { return *store_; }
  void reopen() override { store_ = std::make_unique<MemoryStore>(*store_); }

 private:
  std::unique_ptr<MemoryStore> store_ = std::make_unique<MemoryStore>();
};

class SqliteHarness final : public Harness {
 public:
  SqliteHarness() {
    std::string pattern = testing::TempDir() + "store_contract_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    reopen();
  }
  ~SqliteHarness() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  Store& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    auto opened = open_sqlite(directory_ + "/control.db");
    ASSERT_TRUE(opened) << opened.error().text();
    store_ = std::move(*opened);
  }

 private:
  std::string directory_;
  std::unique_ptr<Store> store_;
};

}  // namespace agent::store
