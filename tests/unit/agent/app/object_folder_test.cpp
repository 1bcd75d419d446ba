#include "agent/app/object_folder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace agent::app {
namespace {

namespace fs = std::filesystem;

class ObjectFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/berth-objects-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    fs::create_directories(root_ / "buckets/my.bucket/tls");
    fs::create_directories(root_ / "buckets/other");
    write("buckets/my.bucket/tls/ca.pem", "a bundle");
    write("buckets/other/secret.pem", "of another bucket");
    write("outside.pem", "of nobody's bucket");
    auto opened = ObjectFolder::open(root_ / "buckets");
    ASSERT_TRUE(opened) << opened.error().text();
    folder_ = *opened;
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const { std::ofstream(root_ / path) << text; }
  std::string outcome(std::string_view bucket, std::string_view key, std::size_t most = 100) const {
    const auto read = folder_->read(bucket, key, most);
    return read ? *read : std::string(read.error().code());
  }

  fs::path root_;
  std::shared_ptr<const ObjectFolder> folder_;
};

TEST_F(ObjectFolderTest, AnObjectIsAFileBelowItsBucketsFolder) {
  EXPECT_EQ(outcome("my.bucket", "tls/ca.pem"), "a bundle");
  EXPECT_EQ(outcome("my.bucket", "tls/ca.pem", 8), "a bundle");
  EXPECT_EQ(outcome("my.bucket", "tls/ca.pem", 7), "too_large");
}

TEST_F(ObjectFolderTest, WhatIsNotThereIsNamed) {
  const auto missing = folder_->read("my.bucket", "none.pem", 100);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().text(), "There is no object 'my.bucket/none.pem'");
  EXPECT_EQ(outcome("my.bucket", "tls"), "not_found");  // a folder
  EXPECT_EQ(outcome("none", "tls/ca.pem"), "not_found");
  EXPECT_EQ(outcome("my.bucket", ""), "not_found");
}

TEST_F(ObjectFolderTest, NothingOutsideOfABucketsFolderIsRead) {
  fs::create_symlink(root_ / "outside.pem", root_ / "buckets/my.bucket/absolute.pem");
  fs::create_symlink("../../outside.pem", root_ / "buckets/my.bucket/relative.pem");
  fs::create_symlink("../other/secret.pem", root_ / "buckets/my.bucket/neighbour.pem");
  fs::create_symlink("tls/ca.pem", root_ / "buckets/my.bucket/inside.pem");
  for (const char* key : {"../other/secret.pem", "../../outside.pem", "tls/../../other/secret.pem",
                          "/etc/hostname", "absolute.pem", "relative.pem", "neighbour.pem"})
    EXPECT_EQ(outcome("my.bucket", key), "not_found") << key;
  for (const char* bucket : {"..", ".", "", "../buckets/other", "/etc", "My.Bucket", "..."})
    EXPECT_EQ(outcome(bucket, "secret.pem"), "not_found") << bucket;
  EXPECT_EQ(outcome("my.bucket", std::string_view("tls/ca.pem\0x", 12)), "not_found");
  EXPECT_EQ(outcome("my.bucket", "inside.pem"), "a bundle");
}

TEST_F(ObjectFolderTest, AFolderThatIsNotThereIsRefusedAtTheStart) {
  const auto opened = ObjectFolder::open(root_ / "none");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().text().find("cannot be used: No such file or directory"), std::string::npos);
}

}  // namespace
}  // namespace agent::app
