#include <gtest/gtest.h>

#include "agent/runtime/oci/unpack/names.h"

namespace agent::runtime::oci::unpack {
namespace {

std::string clean(const std::string& name) {
  const auto parts = clean_name(name);
  return parts ? joined(*parts) : "refused";
}

TEST(EntryNames, AreRelativeToTheLayerHoweverTheyAreWritten) {
  EXPECT_EQ(clean("./a/b"), "a/b");
  EXPECT_EQ(clean("/etc/passwd"), "etc/passwd");
  EXPECT_EQ(clean("a//./b/"), "a/b");
  EXPECT_EQ(clean("./"), ".");
  EXPECT_EQ(clean("..."), "...");
}

TEST(EntryNames, ThatLeaveTheLayerOrAreTooLongAreRefused) {
  EXPECT_EQ(clean("../etc/passwd"), "refused");
  EXPECT_EQ(clean("a/../../b"), "refused");
  EXPECT_EQ(clean("a/.."), "refused");
  EXPECT_EQ(clean(std::string("a\0b", 3)), "refused");
  EXPECT_EQ(clean(std::string(256, 'x')), "refused");
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "d/";
  EXPECT_EQ(clean(deep), "refused");
}

TEST(EntryNames, AttributesOfOverlayfsAreNotTheImages) {
  EXPECT_TRUE(takes_attribute("security.capability"));
  EXPECT_TRUE(takes_attribute("user.note"));
  EXPECT_FALSE(takes_attribute("trusted.overlay.redirect"));
  EXPECT_FALSE(takes_attribute("trusted.overlay.opaque"));
  EXPECT_FALSE(takes_attribute("security.selinux"));
}

}  // namespace
}  // namespace agent::runtime::oci::unpack
