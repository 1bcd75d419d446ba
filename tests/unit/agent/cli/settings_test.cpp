// Where the APIs are and with which keys: who wins, and what is said when nobody says anything.
#include <gtest/gtest.h>

#include "agent/cli/client/settings.h"

namespace agent::cli {
namespace {

using Files = std::map<std::string, std::string>;

shared::Result<Place> resolved(const Given& given, const Environment& environment, const Files& files = {}) {
  return resolve(given, environment, [&](const std::string& path) -> std::optional<std::string> {
    const auto it = files.find(path);
    return it == files.end() ? std::nullopt : std::optional(it->second);
  });
}

const Environment kKeys = {
    {"AWS_ACCESS_KEY_ID", "AKIA1"}, {"AWS_SECRET_ACCESS_KEY", "secret"}, {"HOME", "/home/u"}};

Environment with(Environment environment,
                 std::initializer_list<std::pair<const std::string, std::string>> more) {
  for (const auto& [name, value] : more) environment[name] = value;
  return environment;
}

TEST(Settings, TheCommandLineWinsOverTheEnvironmentAndThatOverFiles) {
  const Files files = {
      {"/home/u/.config/berth/berth.json",
       R"({"endpoint":"http://file:1","cluster":"c-file","region":"eu-west-1"})"},
      {"/home/u/.aws/config", "[default]\nregion = us-west-2\nendpoint_url = http://profile:2\n"}};
  auto place =
      resolved({"http://flag:9", "", "", ""}, with(kKeys, {{"AWS_ENDPOINT_URL", "http://env:3"}}), files);
  ASSERT_TRUE(place) << place.error().text();
  EXPECT_EQ(place->endpoint, "http://flag:9");
  place =
      resolved({}, with(kKeys, {{"AWS_ENDPOINT_URL", "http://env:3"}, {"BERTH_CLUSTER", "c-env"}}), files);
  EXPECT_EQ(place->endpoint_source, "AWS_ENDPOINT_URL");
  EXPECT_EQ(place->cluster, "c-env");
  EXPECT_EQ(place->region, "eu-west-1");
  EXPECT_EQ(resolved({}, kKeys, files)->endpoint, "http://file:1");
  EXPECT_EQ(resolved({}, kKeys, {{"/home/u/.aws/config", files.at("/home/u/.aws/config")}})->endpoint,
            "http://profile:2");
}

TEST(Settings, NobodyIsAskedAtAmazonByMistake) {
  const auto place = resolved({}, kKeys);
  ASSERT_FALSE(place);
  EXPECT_NE(place.error().text().find("AWS_ENDPOINT_URL"), std::string::npos);
}

TEST(Settings, AProfileIsReadAsAwsClientsDo) {
  const Files files = {
      {"/home/u/.aws/credentials",
       "[default]\naws_access_key_id = D\naws_secret_access_key = "
       "d\n[lab]\naws_access_key_id=L\naws_secret_access_key=l\n"},
      {"/home/u/.aws/config",
       "[profile lab]\nregion = eu-north-1\ns3 =\n  region = no\nendpoint_url = http://lab:7350\n"}};
  auto place = resolved({"", "", "", "lab"}, {{"HOME", "/home/u"}}, files);
  ASSERT_TRUE(place) << place.error().text();
  EXPECT_EQ(place->credentials.access_key_id, "L");
  EXPECT_EQ(place->region, "eu-north-1");
  EXPECT_EQ(place->endpoint, "http://lab:7350");
  // Named on the command line it is meant, whatever keys the environment has.
  EXPECT_EQ(resolved({"", "", "", "lab"}, kKeys, files)->credentials.access_key_id, "L");
  EXPECT_EQ(resolved({"http://h", "", "", ""}, {{"HOME", "/home/u"}}, files)->credentials.access_key_id, "D");
  const auto missing = resolved({"http://h", "", "", "prod"}, kKeys, files);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().text().find("no profile 'prod'"), std::string::npos);
}

TEST(Settings, OnControlsHostItsOwnKeysAreUsedAndOnlyThere) {
  const Files files = {{"/var/lib/berth-control/credentials",
                        "[default]\naws_access_key_id = ADMIN\naws_secret_access_key = s\n"}};
  auto place = resolved({}, {}, files);
  ASSERT_TRUE(place) << place.error().text();
  EXPECT_EQ(place->endpoint, "http://127.0.0.1:7350");
  EXPECT_EQ(place->credentials.access_key_id, "ADMIN");
  EXPECT_FALSE(resolved({"http://elsewhere:7350", "", "", ""}, {}, files));
}

TEST(Settings, SayWhatIsWrongAndWhere) {
  EXPECT_NE(resolved({"127.0.0.1:7350", "", "", ""}, kKeys).error().text().find("http://HOST:PORT"),
            std::string::npos);
  const auto unknown =
      resolved({}, with(kKeys, {{"BERTH_CLI_CONFIG", "/f"}}), {{"/f", R"({"endpont":"http://x"})"}});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().text().find("/f"), std::string::npos);
  EXPECT_NE(unknown.error().text().find("endpoint"), std::string::npos);
  EXPECT_NE(resolved({"http://h", "", "", ""}, {{"AWS_ACCESS_KEY_ID", "A"}})
                .error()
                .text()
                .find("AWS_SECRET_ACCESS_KEY"),
            std::string::npos);
  EXPECT_FALSE(resolved({}, with(kKeys, {{"BERTH_CLI_CONFIG", "/nothing"}})));
}

TEST(Urls, HaveAHostAndMaybeAPort) {
  EXPECT_EQ(parse_url("http://a.example")->to.port, 80);
  EXPECT_EQ(parse_url("https://a.example/")->to.port, 443);
  EXPECT_EQ(parse_url("http://[::1]:7350")->to.address, "::1");
  for (const char* wrong : {"a:1", "ftp://a", "http://", "http://a:0", "http://a:70000", "http://a/b",
                            "http://u@a", "http://a:x"})
    EXPECT_FALSE(parse_url(wrong)) << wrong;
}

}  // namespace
}  // namespace agent::cli
