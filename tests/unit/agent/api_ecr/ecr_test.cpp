#include "agent/api/ecr/ecr.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "shared/crypto/hash.h"
#include "tests/support/control_api.h"

namespace agent::api::ecr {
namespace {

using nlohmann::json;
using shared::Result;
using shared::http::Request;
using shared::http::Response;
using testing::HasSubstr;
using testing::StartsWith;

class Ecr : public tests::ControlState, public testing::Test {
 public:
  Ecr() : ControlState(1'796'000'000'000) {}
  Result<json> call(const std::string& operation, const json& request) {
    return in_a_step([&](control::Step& step) -> Result<json> {
      auto answer = handle(step, {operation, request.dump(), "id", "", "000000000000", ""}, registry, found);
      if (!answer) return answer.error();
      return json::parse(*answer);
    });
  }
  json good(const std::string& operation, const json& request) {
    return tests::expect_good(operation, call(operation, request), json::object());
  }
  std::string error(const std::string& operation, const json& request) {
    return tests::error_of(call(operation, request));
  }

  Registry registry{"http://127.0.0.1:5000", "127.0.0.1:5000", "s3cret"};
  std::optional<Result<Images>> found;
};

TEST_F(Ecr, TheTokenIsThePasswordOfUserAwsAndGoodForTwelveHours) {
  const json data = good("GetAuthorizationToken", json::object())["authorizationData"];
  ASSERT_EQ(data.size(), 1U);
  EXPECT_EQ(shared::crypto::base64_decode(data[0]["authorizationToken"].get<std::string>()), "AWS:s3cret");
  EXPECT_EQ(data[0]["proxyEndpoint"], "http://127.0.0.1:5000");
  EXPECT_EQ(data[0]["expiresAt"].get<double>(), 1'796'000'000 + 12 * 3600);
}

TEST_F(Ecr, ARepositoryIsMadeShownChangedAndDeleted) {
  const json made = good("CreateRepository", {{"repositoryName", "team/web"}})["repository"];
  EXPECT_EQ(made["repositoryUri"], "127.0.0.1:5000/team/web");
  EXPECT_EQ(made["repositoryArn"], "arn:aws:ecr:us-east-1:000000000000:repository/team/web");
  EXPECT_EQ(made["encryptionConfiguration"]["encryptionType"], "AES256");
  EXPECT_THAT(error("CreateRepository", {{"repositoryName", "team/web"}}),
              StartsWith("RepositoryAlreadyExistsException"));
  good("PutImageTagMutability", {{"repositoryName", "team/web"}, {"imageTagMutability", "IMMUTABLE"}});
  EXPECT_EQ(good("DescribeRepositories", json::object())["repositories"][0]["imageTagMutability"],
            "IMMUTABLE");
  found = Images{{"sha256:1", {"a"}, 10, "m"}};
  EXPECT_THAT(error("DeleteRepository", {{"repositoryName", "team/web"}}),
              StartsWith("RepositoryNotEmptyException"));
  good("DeleteRepository", {{"repositoryName", "team/web"}, {"force", true}});
  EXPECT_EQ(error("ListImages", {{"repositoryName", "team/web"}}),
            "RepositoryNotFoundException: The repository with name 'team/web' does not exist in the registry "
            "with id '000000000000'");
}

TEST_F(Ecr, NamesAreThoseOfTheModel) {
  for (const char* bad : {"A", "a", "web/", "/web", "we--b", "we b", "web_"})
    EXPECT_THAT(error("CreateRepository", {{"repositoryName", bad}}), StartsWith("InvalidParameterException"))
        << bad;
}

TEST_F(Ecr, PoliciesAreKeptAndShown) {
  good("CreateRepository", {{"repositoryName", "web"}});
  EXPECT_THAT(error("GetLifecyclePolicy", {{"repositoryName", "web"}}),
              StartsWith("LifecyclePolicyNotFoundException"));
  good("PutLifecyclePolicy", {{"repositoryName", "web"}, {"lifecyclePolicyText", "{\"rules\": []}"}});
  EXPECT_EQ(good("GetLifecyclePolicy", {{"repositoryName", "web"}})["lifecyclePolicyText"],
            "{\"rules\": []}");
  good("DeleteLifecyclePolicy", {{"repositoryName", "web"}});
  EXPECT_THAT(error("SetRepositoryPolicy", {{"repositoryName", "web"}, {"policyText", "x"}}),
              HasSubstr("policyText: must be a JSON object"));
}

TEST_F(Ecr, WithoutARegistryEverythingSaysSo) {
  registry = {};
  EXPECT_THAT(error("GetAuthorizationToken", json::object()), HasSubstr("has no --registry"));
  EXPECT_THAT(error("BatchGetImage", json::object()), HasSubstr("ecr:BatchGetImage is not offered"));
}

// ---- What the registry tells ----

Response answer(int status, const std::string& body, const std::string& digest = "") {
  Response out = shared::http::make_response(status, "application/vnd.oci.image.manifest.v1+json", body);
  if (!digest.empty()) out.headers.set("Docker-Content-Digest", digest);
  return out;
}

Result<Images> listed(const std::function<Result<Response>(const std::string&)>& says) {
  std::optional<Result<Images>> out;
  fetch_images([&](const Request& request,
                   const std::function<void(Result<Response>)>& done) { done(says(request.target)); },
               "web", [&](Result<Images> images) { out = std::move(images); });
  EXPECT_TRUE(out);
  return *out;
}

TEST(Images, HaveAllTagsOfTheirDigestAndTheSizeOfTheirParts) {
  const auto images = listed([](const std::string& target) -> Result<Response> {
    if (target.find("/tags/list") != std::string::npos)
      return answer(200, R"({"name":"web","tags":["a","b","c"]})");
    const bool other = target.ends_with("/c");
    return answer(200, R"({"config":{"size":1},"layers":[{"size":10},{"size":100}]})",
                  other ? "sha256:2" : "sha256:1");
  });
  ASSERT_TRUE(images);
  ASSERT_EQ(images->size(), 2U);
  EXPECT_EQ((*images)[1].digest, "sha256:1");
  EXPECT_EQ((*images)[1].tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ((*images)[1].bytes, 111);
}

TEST(Images, OfARepositoryThatTheRegistryDoesNotKnowAreNone) {
  const auto images = listed([](const std::string&) -> Result<Response> { return answer(404, "{}"); });
  ASSERT_TRUE(images);
  EXPECT_TRUE(images->empty());
}

TEST(Images, CannotBeToldByARegistryThatIsAwayOrTalksNonsense) {
  EXPECT_THAT(
      listed([](const std::string&) -> Result<Response> { return shared::Error("connect", "refused"); })
          .error()
          .text(),
      HasSubstr("refused"));
  EXPECT_THAT(listed([](const std::string&) -> Result<Response> { return answer(200, "x"); }).error().text(),
              HasSubstr("status 200"));
}

}  // namespace
}  // namespace agent::api::ecr
