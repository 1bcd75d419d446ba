#include <gtest/gtest.h>

#include "agent/runtime/oci/registry/challenge.h"
#include "agent/runtime/oci/registry/fetcher.h"

namespace agent::runtime::oci {
namespace {

TEST(RegistryChallenge, ValuesMayHoldCommasAndSeveralChallengesShareAHeader) {
  const auto bearer =
      parse_challenge(R"(Bearer realm="https://auth/x?a=1",service="a, b",scope="repository:x:pull,push")");
  ASSERT_TRUE(bearer);
  EXPECT_EQ(bearer->scheme, "bearer");
  EXPECT_EQ(bearer->parameters.at("service"), "a, b");
  EXPECT_EQ(bearer->parameters.at("scope"), "repository:x:pull,push");
  const auto second = parse_challenge(R"(Negotiate abc, Basic realm="r \"q\"")");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->scheme, "basic");
  EXPECT_EQ(second->parameters.at("realm"), "r \"q\"");
  EXPECT_FALSE(parse_challenge("Digest x=1"));
  EXPECT_FALSE(parse_challenge(""));
}

TEST(RegistryCredentials, AreTakenInAllFormsThatAgentsAndDockerWrite) {
  const auto docker =
      parse_credentials(R"({"auths":{"https://index.docker.io/v1/":{"auth":"dTpwOnE="}},"credsStore":"x"})");
  ASSERT_TRUE(docker) << docker.error().text();
  EXPECT_EQ(docker->at("docker.io").user, "u");
  EXPECT_EQ(docker->at("docker.io").password, "p:q") << "split at the first colon";
  const auto ecs = parse_credentials(R"({"r.example:5000":{"username":"a","password":"b","email":"c"}})");
  ASSERT_TRUE(ecs) << ecs.error().text();
  EXPECT_EQ(ecs->at("r.example:5000").user, "a");
  EXPECT_FALSE(parse_credentials(R"({"h":{"auth":"!!"}})"));
}

TEST(RegistryUrls, AreHttpOrHttpsAndRedirectsMayBeRelative) {
  const auto url = parse_url("http://[::1]:5000/v2/?a=b#c", nullptr);
  ASSERT_TRUE(url);
  EXPECT_EQ(url->to.address, "::1");
  EXPECT_EQ(url->to.port, 5000);
  EXPECT_EQ(url->target, "/v2/?a=b");
  EXPECT_EQ(url->authority(), "[::1]:5000");
  EXPECT_EQ(parse_url("/other", &*url)->authority(), "[::1]:5000");
  EXPECT_EQ(parse_url("https://h", nullptr)->authority(), "h");
  for (const char* bad :
       {"ftp://h/", "//h/", "http://", "http://u:p@h/", "http://h:0/", "http://h:99999/", "http://h/a b"})
    EXPECT_FALSE(parse_url(bad, &*url)) << bad;
}

}  // namespace
}  // namespace agent::runtime::oci
