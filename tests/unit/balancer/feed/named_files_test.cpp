#include "balancer/feed/named_files.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace balancer::feed {
namespace {

namespace lb = shared::lbconfig;

class NamedFiles : public ::testing::Test {
 protected:
  NamedFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "berth-named-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~NamedFiles() override { std::filesystem::remove_all(path_); }
  void write(const std::string& name, const std::string& text) { std::ofstream(path_ + "/" + name) << text; }
  lb::Config config() const {
    lb::Config made;
    made.certificates = {lb::Certificate{"web", "", "", "chain.pem", path_ + "/key.pem"}};
    made.trust_stores = {lb::TrustStore{"people", "", {"inline"}, "cas.pem", {"revoked.pem"}}};
    return made;
  }
  std::string config_file() const { return path_ + "/balancer.json"; }
  std::string path_;
};

TEST_F(NamedFiles, AreReadFromBesideTheConfigurationFile) {
  write("chain.pem", "CHAIN");
  write("key.pem", "KEY");
  write("cas.pem", "CAS");
  write("revoked.pem", "CRL");
  EXPECT_EQ(named_files(config(), config_file()),
            (std::vector<std::string>{path_ + "/cas.pem", path_ + "/chain.pem", path_ + "/key.pem",
                                      path_ + "/revoked.pem"}));
  const auto read = with_named_files(config(), config_file());
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read->certificates[0], (lb::Certificate{"web", "CHAIN", "KEY", "", ""}));
  EXPECT_EQ(*read->trust_stores[0], (lb::TrustStore{"people", "CAS", {"inline", "CRL"}, "", {}}));
  EXPECT_TRUE(named_files(*read, config_file()).empty());
}

TEST_F(NamedFiles, ThatCannotBeReadAreNamedWithTheirMember) {
  write("chain.pem", "CHAIN");
  const auto read = with_named_files(config(), config_file());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().text(),
            "certificates[0].key_file: read " + path_ + "/key.pem: No such file or directory");
}

TEST_F(NamedFiles, ThatAreEmptyOrTooLongAreRefused) {
  write("chain.pem", "");
  write("key.pem", "KEY");
  write("cas.pem", "CAS");
  write("revoked.pem", "CRL");
  auto read = with_named_files(config(), config_file());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().text(), "certificates[0].chain_file: " + path_ + "/chain.pem is empty");
  write("chain.pem", std::string(lb::kMaxChainBytes + 1, 'x'));
  read = with_named_files(config(), config_file());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().text(), "certificates[0].chain: is longer than 65536 bytes");
}

}  // namespace
}  // namespace balancer::feed
