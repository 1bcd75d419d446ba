#include <gtest/gtest.h>

#include "agent/runtime/oci/images/manifest.h"
#include "agent/runtime/oci/images/reference.h"

namespace agent::runtime::oci {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');
const std::string kOther = "sha256:" + std::string(64, 'b');

std::string name_of(const std::string& text) {
  const auto reference = parse_reference(text);
  return reference ? reference->name() : "error: " + reference.error().text();
}

TEST(Images, AllSpellingsOfANameMeanOneImage) {
  EXPECT_EQ(name_of("busybox"), "docker.io/library/busybox:latest");
  EXPECT_EQ(name_of("docker.io/library/busybox:latest"), "docker.io/library/busybox:latest");
  EXPECT_EQ(name_of("team/app:1.2_3-x"), "docker.io/team/app:1.2_3-x");
  EXPECT_EQ(name_of("localhost/app"), "localhost/app:latest");
  EXPECT_EQ(name_of("127.0.0.1:5000/a/b__c--d:7"), "127.0.0.1:5000/a/b__c--d:7");
  EXPECT_EQ(name_of("host:5000/app:tag@" + kDigest), "host:5000/app@" + kDigest) << "the digest decides";
}

TEST(Images, NamesThatAreNoneAreRefusedWithTheReason) {
  for (const std::string& each : {std::string("Upper"), std::string(""), std::string("a//b"),
                                  std::string("a:"), std::string("a@sha256:1"), std::string("../etc"),
                                  std::string("a/../b"), std::string("a:b c"), "a/" + std::string(300, 'x')})
    EXPECT_TRUE(name_of(each).starts_with("error: image '")) << each << " gives " << name_of(each);
}

TEST(Images, AnIndexGivesTheImageOfThisPlatform) {
  const std::string index = R"({"schemaVersion":2,"manifests":[
    {"digest":")" + kOther + R"(","size":1,"platform":{"os":"unknown","architecture":"unknown"}},
    {"digest":")" + kOther + R"(","size":1,"platform":{"os":"linux","architecture":"s390x"}},
    {"digest":")" + kDigest +
                            R"(","size":7,"platform":{"os":"linux","architecture":"amd64"}}]})";
  const auto document = parse_manifest(index, "", {"linux", "amd64"});
  ASSERT_TRUE(document) << document.error().text();
  EXPECT_EQ(document->chosen->digest, kDigest);
  EXPECT_EQ(parse_manifest(index, "", {"linux", "riscv64"}).error().code(), "no_platform");
}

TEST(Images, ManifestsThatAreNoImagesAreRefused) {
  const std::string config = R"("config":{"digest":")" + kDigest + R"(","size":2})";
  const auto error_of = [](const std::string& text) {
    const auto document = parse_manifest(text, "", {"linux", "amd64"});
    return document ? std::string("none") : document.error().text();
  };
  EXPECT_EQ(error_of("{" + config + R"(,"layers":[]})"), "none");
  EXPECT_NE(error_of("{" + config + R"(,"layers":[],"manifests":[]})").find("both an index and a manifest"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"schemaVersion":1})").find("schema 1"), std::string::npos);
  EXPECT_NE(error_of("{" + config + R"(,"layers":[],"artifactType":"x"})").find("artifact"),
            std::string::npos);
  EXPECT_NE(error_of("{" + config + R"(,"layers":[{"digest":"md5:1","size":1}]})").find("layers[0].digest"),
            std::string::npos);
  EXPECT_NE(error_of("{" + config + R"(,"layers":[{"digest":")" + kDigest + R"(","size":-1}]})").find("size"),
            std::string::npos);
}

TEST(Images, ALayersIdentityDependsOnThoseBelow) {
  const auto chain = chain_ids({kDigest, kOther});
  EXPECT_EQ(chain[0], kDigest);
  EXPECT_TRUE(is_digest(chain[1]));
  EXPECT_NE(chain[1], chain_ids({kOther, kDigest})[1]);
}

}  // namespace
}  // namespace agent::runtime::oci
