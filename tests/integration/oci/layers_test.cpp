// Layers through berth-unpack as it is: what they become on the disk, and that hostile ones reach nothing.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/runtime/oci/files/files.h"
#include "agent/runtime/oci/store/archive.h"
#include "agent/runtime/oci/store/image_store.h"
#include "shared/crypto/hash.h"
#include "tests/support/docker_host.h"
#include "tests/support/tar_builder.h"

namespace agent::runtime::oci {
namespace {

namespace fs = std::filesystem;
using tests::TarBuilder;

class Layers : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    root_ = "/tmp/berth-layers-" + std::to_string(::getpid());
    fs::remove_all(root_);
    fs::create_directories(root_);
    UnpackSettings unpack;
    unpack.program = BERTH_BINARY_DIR "/agent/app/berth-unpack";
    unpack.max_layer_bytes = 1 << 20;
    unpack.max_layer_entries = 1000;
    auto opened = ImageStore::open(root_ / "images", unpack);
    ASSERT_TRUE(opened) << opened.error().text();
    store_ = *std::move(opened);
    std::ofstream(root_ / "outside") << "untouched";
  }
  void TearDown() override {
    if (store_) {
      EXPECT_EQ(read(root_ / "outside"), "untouched");
    }
    fs::remove_all(root_);
  }
  static std::string read(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  // Adds it on top of what was added before. What went wrong, or nothing.
  std::string add(const std::string& tar) {
    std::ofstream(root_ / "blob", std::ios::binary) << tar;
    auto diffs = diffs_;
    diffs.push_back("sha256:" + shared::crypto::sha256_hex(tar));
    auto added = store_->add_layer(diffs, diffs.size() - 1, root_ / "blob");
    if (!added) return added.error().text();
    diffs_ = diffs;
    return "";
  }
  fs::path layer(std::size_t index) const {
    return store_->layers_folder() / ImageStore::layer_name(chain_ids(diffs_)[index]) / "fs";
  }
  static struct stat stat_of(const fs::path& path) {
    struct stat is {};
    EXPECT_EQ(::lstat(path.c_str(), &is), 0) << path;
    return is;
  }
  static bool opaque(const fs::path& path) {
    char value = 0;
    return ::lgetxattr(path.c_str(), "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
  }

  fs::path root_;
  std::unique_ptr<ImageStore> store_;
  std::vector<std::string> diffs_;
};

TEST_F(Layers, FilesKeepOwnerModeAndContents) {
  ASSERT_EQ(add(TarBuilder()
                    .directory("d", 0700, 5)
                    .file("d/f", "text", 04755, 7)
                    .symlink("l", "/etc/passwd")
                    .hard_link("h", "d/f")
                    .finish()),
            "");
  EXPECT_EQ(read(layer(0) / "d/f"), "text");
  EXPECT_EQ(stat_of(layer(0) / "d/f").st_mode & 07777U, 04755u) << "set-user-ID outlives the change of owner";
  EXPECT_EQ(stat_of(layer(0) / "d/f").st_uid, 7u);
  EXPECT_EQ(stat_of(layer(0) / "d").st_mode & 07777U, 0700u);
  EXPECT_EQ(fs::read_symlink(layer(0) / "l"), "/etc/passwd");
  EXPECT_EQ(stat_of(layer(0) / "h").st_ino, stat_of(layer(0) / "d/f").st_ino);
}

TEST_F(Layers, WhiteoutsBecomeThoseOfOverlayfs) {
  ASSERT_EQ(add(TarBuilder().directory("a").file("a/x", "1").file("gone", "1").finish()), "");
  ASSERT_EQ(add(TarBuilder()
                    .file(".wh.gone", "")
                    .directory("a")
                    .file("a/.wh..wh..opq", "")
                    .file("a/y", "2")
                    .file("new", "")
                    .file(".wh.new", "")
                    .finish()),
            "");
  EXPECT_TRUE(S_ISCHR(stat_of(layer(1) / "gone").st_mode));
  EXPECT_EQ(stat_of(layer(1) / "gone").st_rdev, 0u);
  EXPECT_TRUE(opaque(layer(1) / "a"));
  EXPECT_TRUE(S_ISREG(stat_of(layer(1) / "new").st_mode)) << "a whiteout hides lower layers, not its own";
  EXPECT_FALSE(fs::exists(layer(1) / ".wh.gone"));
}

TEST_F(Layers, WhatOnlyLowerLayersHaveIsTakenFromThem) {
  ASSERT_EQ(add(TarBuilder()
                    .directory("usr")
                    .directory("usr/lib", 0711, 9)
                    .file("usr/lib/one", "1")
                    .symlink("lib", "usr/lib")
                    .finish()),
            "");
  ASSERT_EQ(add(TarBuilder().file("lib/two", "2").hard_link("usr/lib/again", "usr/lib/one").finish()), "");
  EXPECT_EQ(read(layer(1) / "usr/lib/two"), "2") << "the link of the layer below is followed";
  EXPECT_FALSE(fs::exists(layer(1) / "lib"));
  EXPECT_EQ(stat_of(layer(1) / "usr/lib").st_mode & 07777U, 0711u)
      << "a parent that is made up keeps its mode";
  EXPECT_EQ(stat_of(layer(1) / "usr/lib").st_uid, 9u);
  EXPECT_EQ(read(layer(1) / "usr/lib/again"), "1");
}

TEST_F(Layers, HostileNamesAreRefusedOrStayInside) {
  const std::string outside = (root_ / "outside").string();
  EXPECT_NE(add(TarBuilder().file("../../../outside", "bad").finish()).find("'..'"), std::string::npos);
  EXPECT_NE(add(TarBuilder().file("a/../../outside", "bad").finish()).find("'..'"), std::string::npos);
  EXPECT_NE(add(TarBuilder().hard_link("x", "../../../../outside").finish()).find("'..'"), std::string::npos);
  EXPECT_NE(add(TarBuilder().hard_link("x", outside).finish()).find("not there"), std::string::npos);
  EXPECT_NE(add(TarBuilder().device("null", 0, 0).finish()).find("forged whiteout"), std::string::npos);
  EXPECT_NE(add(TarBuilder().file(".wh...", "").finish()).find("whiteout"), std::string::npos);
  EXPECT_NE(add("garbage").find("malformed"), std::string::npos);
  EXPECT_NE(add(TarBuilder().symlink("a", "b").symlink("b", "a").file("a/x", "bad").finish())
                .find("symbolic links"),
            std::string::npos);
  ASSERT_EQ(add(TarBuilder().file(outside, "inside").finish()), "") << "an absolute name is one inside";
  EXPECT_EQ(read(layer(0).string() + outside), "inside");
}

TEST_F(Layers, LinksNeverLeadAWriteOutside) {
  const std::string folder = root_.string();
  ASSERT_EQ(add(TarBuilder().symlink("a", folder).file("a/outside", "bad").finish()), "");
  EXPECT_EQ(read(layer(0).string() + folder + "/outside"), "bad")
      << "the link's target is a folder of the layer";
  ASSERT_EQ(add(TarBuilder().symlink("b", "../../../../../.." + folder).file("b/outside", "bad").finish()),
            "");
  ASSERT_EQ(add(TarBuilder().symlink("c", folder + "/outside").file("c", "replaces the link").finish()), "");
  EXPECT_EQ(read(layer(2) / "c"), "replaces the link");
}

TEST_F(Layers, AttributesOfOverlayfsCannotBeForged) {
  ASSERT_EQ(add(TarBuilder()
                    .pax("SCHILY.xattr.trusted.overlay.redirect", "/etc")
                    .pax("SCHILY.xattr.user.note", "kept")
                    .directory("d")
                    .finish()),
            "");
  char value[16];
  EXPECT_LT(::lgetxattr((layer(0) / "d").c_str(), "trusted.overlay.redirect", value, sizeof value), 0);
}

TEST_F(Layers, BombsEndAtTheLimits) {
  EXPECT_NE(add(TarBuilder().file("big", std::string(2 << 20, 'x')).finish()).find("limit: more than"),
            std::string::npos);
  TarBuilder many;
  for (int i = 0; i < 1100; ++i) many.directory("d" + std::to_string(i));
  EXPECT_NE(add(many.finish()).find("limit: more than 1000 entries"), std::string::npos);
  // 64 MiB of zeros in 64 KiB.
  ASSERT_TRUE(tests::shell("head -c 67108864 /dev/zero | gzip -9 > " + (root_ / "bomb").string()));
  EXPECT_FALSE(add(read(root_ / "bomb")).empty());
  EXPECT_TRUE(fs::is_empty(root_ / "images/ingest")) << "nothing of it stays";
}

TEST_F(Layers, ALayerMustBeWhatTheConfigurationSays) {
  std::ofstream(root_ / "blob", std::ios::binary) << TarBuilder().file("f", "1").finish();
  const auto added = store_->add_layer({"sha256:" + std::string(64, '1')}, 0, root_ / "blob");
  EXPECT_NE(added.error().text().find("configuration says"), std::string::npos);
}

TEST_F(Layers, CompressedOnesAreTheSameLayer) {
  const std::string tar = TarBuilder().file("f", "text").finish();
  for (const char* program : {"gzip", "zstd -q"}) {
    std::ofstream(root_ / "tar", std::ios::binary) << tar;
    if (!tests::shell(std::string(program) + " -c < " + (root_ / "tar").string() + " > " +
                      (root_ / "packed").string()))
      continue;
    const auto digest = store_->unpack(root_ / "packed",
                                       [&] {
                                         fs::create_directories(root_ / "out");
                                         return root_ / "out";
                                       }(),
                                       false, {});
    ASSERT_TRUE(digest) << digest.error().text();
    EXPECT_EQ(*digest, "sha256:" + shared::crypto::sha256_hex(tar));
    EXPECT_EQ(read(root_ / "out/f"), "text");
    fs::remove_all(root_ / "out");
  }
}

TEST_F(Layers, CollectingKeepsWhatAReferenceLeadsTo) {
  std::ofstream(root_ / "tar", std::ios::binary) << TarBuilder().file("f", "kept").finish();
  const auto kept = import_tree(*store_, *parse_reference("kept:1"), root_ / "tar");
  ASSERT_TRUE(kept) << kept.error().text();
  ASSERT_EQ(add(TarBuilder().file("g", "of nobody").finish()), "");
  store_->collect({});
  EXPECT_TRUE(store_->find(*parse_reference("kept:1")));
  EXPECT_FALSE(fs::exists(layer(0)));
}

}  // namespace
}  // namespace agent::runtime::oci
