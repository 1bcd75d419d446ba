#include "agent/iam/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/aws/auth_error.h"
#include "agent/iam/key_files.h"

namespace agent::iam {
namespace {

using aws::Service;
using shared::WallTime;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;
namespace http = shared::http;

const WallTime kNow = *http::parse_amz_date("20241106T010406Z");

class KeysTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "keys_XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    directory_ = root_ + "/var/data";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  shared::Result<Keys> open() { return Keys::open({directory_, {"aws", "eu-central-1", "123456789012"}}); }
  Keys opened() {
    auto keys = open();
    EXPECT_TRUE(keys) << (keys ? "" : keys.error().text());
    return std::move(*keys);
  }
  static mode_t mode(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }
  static void write(const std::string& path, const std::string& content, mode_t mode = 0600) {
    std::ofstream(path) << content;
    ::chmod(path.c_str(), mode);
  }
  static std::string read(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string root_;
  std::string directory_;
};

http::Request call(const aws::Credentials& credentials, std::string_view service = "ecs",
                   std::string_view region = "eu-central-1") {
  http::Request r;
  r.method = "POST";
  r.headers.add("Host", "127.0.0.1:8080");
  r.headers.add("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.ListClusters");
  r.body = "{}";
  aws::sign(r, credentials, region, service, kNow);
  return r;
}

TEST_F(KeysTest, MakesSecretsOnceAndFindsThemAgain) {
  const mode_t before = ::umask(0);
  const Keys first = opened();
  ::umask(before);
  EXPECT_THAT(first.administrator().access_key_id, MatchesRegex("AKIA[A-Z2-7]{16}"));
  EXPECT_THAT(first.administrator().secret_access_key, MatchesRegex("[A-Za-z0-9+/]{40}"));
  EXPECT_NE(first.administrator().access_key_id, first.node().access_key_id);
  EXPECT_NE(first.administrator().secret_access_key, first.node().secret_access_key);
  EXPECT_THAT(first.balancer_token(), MatchesRegex("[0-9a-f]{64}"));
  EXPECT_EQ(mode(directory_), 0700U);
  for (const char* name : {"/credentials", "/node-credentials", "/balancer-token", "/sealing-key"}) {
    EXPECT_EQ(mode(directory_ + name), 0600U) << name;
  }
  EXPECT_EQ(read(directory_ + "/credentials"),
            "# Administrator of this Berth installation.\n[default]\naws_access_key_id = " +
                first.administrator().access_key_id +
                "\naws_secret_access_key = " + first.administrator().secret_access_key + "\n");
  const Keys again = opened();
  EXPECT_EQ(again.administrator().secret_access_key, first.administrator().secret_access_key);
  EXPECT_EQ(again.node().access_key_id, first.node().access_key_id);
  EXPECT_EQ(again.balancer_token(), first.balancer_token());
  EXPECT_TRUE(again.is_balancer_token(first.balancer_token()));
  EXPECT_FALSE(again.is_balancer_token(""));
  EXPECT_FALSE(again.is_balancer_token(first.balancer_token() + "0"));
}

TEST_F(KeysTest, RefusesFilesThatOthersMayUse) {
  (void)opened();
  const std::string path = Keys::credentials_path(directory_);
  for (const mode_t exposed : {0640U, 0604U, 0620U, 0666U}) {
    ::chmod(path.c_str(), exposed);
    const auto got = open();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), "exposed");
    EXPECT_THAT(got.error().text(), StartsWith(path));
    EXPECT_THAT(got.error().text(), HasSubstr("chmod 600"));
  }
  ::chmod(path.c_str(), 0400);
  EXPECT_TRUE(open());
}

TEST_F(KeysTest, AcceptsSecretsOfOnesOwn) {
  (void)opened();
  write(Keys::credentials_path(directory_),
        "; mine\r\n[other]\naws_access_key_id = X\n\n[default]\nregion=eu-central-1\n"
        "aws_access_key_id=MYOWNKEYMYOWNKEY\naws_secret_access_key =  a=b/+c  \n[last]\nx = y\n");
  const Keys keys = opened();
  EXPECT_EQ(keys.administrator().access_key_id, "MYOWNKEYMYOWNKEY");
  EXPECT_EQ(keys.administrator().secret_access_key, "a=b/+c");
  EXPECT_TRUE(keys.authenticate(call(keys.administrator()), Service::kEcs, kNow));
}

TEST_F(KeysTest, RefusesMalformedFilesByName) {
  (void)opened();
  const std::string path = Keys::node_credentials_path(directory_);
  for (const std::string& content :
       {std::string(), std::string("[default]\nnonsense\n"),
        std::string("[default]\naws_access_key_id = short\n"),
        std::string("[default]\naws_access_key_id = AKIAAAAAAAAAAAAAAAAA\n"),
        std::string("[x]\naws_access_key_id = AKIAAAAAAAAAAAAAAAAA\naws_secret_access_key = s\n"),
        std::string(kMaxKeyFileSize + 1, '#')}) {
    write(path, content);
    const auto got = open();
    ASSERT_FALSE(got) << content.substr(0, 60);
    EXPECT_EQ(got.error().code(), "malformed");
    EXPECT_THAT(got.error().text(), HasSubstr(path));
  }
  write(path, read(Keys::credentials_path(directory_)));
  EXPECT_EQ(open().error().code(), "invalid");
  std::filesystem::remove(path);
  write(Keys::balancer_token_path(directory_), "two\nlines\n");
  EXPECT_EQ(open().error().code(), "malformed");
  std::filesystem::remove(Keys::balancer_token_path(directory_));
  write(Keys::dashboard_token_path(directory_), "too-short\n");
  EXPECT_THAT(open().error().text(), HasSubstr("dashboard-token has fewer than 16 characters"));
}

TEST_F(KeysTest, TheAccountHasTwelveDigits) {
  for (const char* account : {"", "12345678901", "1234567890123", "12345678901x"}) {
    EXPECT_EQ(Keys::open({directory_, {"aws", "us-east-1", account}}).error().code(), "invalid") << account;
  }
}

// Clients sign for it where AWS has one endpoint for the world, and for their own region where they are given
// one.
TEST_F(KeysTest, WhatIsTheSameInEveryRegionMayBeSignedForTheFirstOne) {
  const Keys keys = opened();
  for (const char* region : {"eu-central-1", "us-east-1"}) {
    EXPECT_TRUE(keys.authenticate(call(keys.administrator(), "iam", region), Service::kIam, kNow)) << region;
    EXPECT_TRUE(keys.authenticate(call(keys.administrator(), "sts", region), Service::kSts, kNow)) << region;
  }
  EXPECT_FALSE(keys.authenticate(call(keys.administrator(), "iam", "us-west-2"), Service::kIam, kNow));
  EXPECT_FALSE(keys.authenticate(call(keys.administrator(), "ecs", "us-east-1"), Service::kEcs, kNow));
}

TEST_F(KeysTest, TellsWhoSigned) {
  const Keys keys = opened();
  const auto admin = keys.authenticate(call(keys.administrator()), Service::kEcs, kNow);
  ASSERT_TRUE(admin) << admin.error().text();
  EXPECT_EQ(admin->role, Role::kAdministrator);
  EXPECT_EQ(admin->account, "123456789012");
  EXPECT_EQ(admin->arn, "arn:aws:iam::123456789012:user/administrator");
  EXPECT_THAT(admin->user_id, MatchesRegex("AIDA[A-Z2-7]{17}"));
  EXPECT_EQ(admin->access_key_id, keys.administrator().access_key_id);
  EXPECT_EQ(opened().authenticate(call(keys.administrator()), Service::kEcs, kNow)->user_id, admin->user_id);
  const auto node = keys.authenticate(call(keys.node(), "elasticloadbalancing"), Service::kElbv2, kNow);
  ASSERT_TRUE(node);
  EXPECT_EQ(node->role, Role::kNode);
  EXPECT_EQ(node->arn, "arn:aws:iam::123456789012:user/berth-node");
  EXPECT_NE(node->user_id, admin->user_id);
}

TEST_F(KeysTest, RefusesWhomItDoesNotKnow) {
  const Keys keys = opened();
  const auto code = [&](const http::Request& r, WallTime now = kNow) {
    const auto got = keys.authenticate(r, Service::kEcs, now);
    return got ? "ok" : aws::wire_error(got.error(), aws::Protocol::kJson).code;
  };
  const aws::Credentials good = keys.administrator();
  EXPECT_EQ(code(http::Request()), "MissingAuthenticationTokenException");
  EXPECT_EQ(code(call({"AKIAUNKNOWNUNKNOWN00", good.secret_access_key, ""})), "UnrecognizedClientException");
  EXPECT_EQ(code(call({good.access_key_id, good.secret_access_key, "token"})), "UnrecognizedClientException");
  EXPECT_EQ(code(call({good.access_key_id, keys.node().secret_access_key, ""})), "InvalidSignatureException");
  EXPECT_EQ(code(call(good, "sts")), "InvalidSignatureException");
  EXPECT_EQ(code(call(good, "ecs", "us-east-1")), "InvalidSignatureException");
  EXPECT_EQ(code(call(good), kNow + std::chrono::minutes(6)), "InvalidSignatureException");
  EXPECT_EQ(code(call(good)), "ok");
}

TEST(Authorize, TheNodeMayDoWhatAnAgentDoesAndNothingElse) {
  Principal node{Role::kNode, "1", "arn:aws:iam::1:user/berth-node", "AIDA", "AKIA"};
  for (const char* operation :
       {"RegisterContainerInstance", "SubmitTaskStateChange", "Poll", "DiscoverPollEndpoint"}) {
    EXPECT_TRUE(authorize(node, Service::kEcs, operation)) << operation;
  }
  EXPECT_TRUE(authorize(node, Service::kSts, "GetCallerIdentity"));
  const auto denied = authorize(node, Service::kEcs, "RunTask");
  EXPECT_EQ(denied.error().code(), "AccessDeniedException");
  EXPECT_EQ(denied.error().text(),
            "User: arn:aws:iam::1:user/berth-node is not authorized to perform: ecs:RunTask because no "
            "identity-based "
            "policy allows the ecs:RunTask action");
  EXPECT_EQ(authorize(node, Service::kElbv2, "Poll").error().code(), "AccessDenied");
  const Principal admin{Role::kAdministrator, "1", "arn", "AIDA", "AKIA"};
  EXPECT_TRUE(authorize(admin, Service::kElbv2, "DeleteLoadBalancer"));
}

}  // namespace
}  // namespace agent::iam
