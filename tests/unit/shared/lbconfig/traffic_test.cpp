// Stickiness, response headers and cookie keys in a configuration.
#include "shared/lbconfig/traffic.h"

#include <gtest/gtest.h>

#include <string>

#include "shared/lbconfig/delta.h"
#include "shared/lbconfig/json.h"

namespace shared::lbconfig {
namespace {

// A group with `group` among its members, a listener with `options`.
std::string text(const std::string& group, const std::string& options = "", const std::string& more = "") {
  return R"({"listeners": [{"id": "l", "port": 80, "options": {)" + options +
         R"(}, "default_action": {"type": "forward", "forward": {"target_groups": [{"target_group": "x"}]}}}],
  "target_groups": [{"id": "x")" +
         (group.empty() ? "" : ", " + group) + "}]" + (more.empty() ? "" : ", " + more) + "}";
}
std::string problem(const std::string& json) {
  const auto config = config_from_json(json);
  return config ? "" : config.error().text();
}

TEST(TrafficJson, IsReadWithItsDefaults) {
  const auto config =
      config_from_json(text(R"("stickiness": {"type": "app_cookie", "app_cookie": "SID"})",
                            R"("response_headers": [{"name": "X-Frame-Options", "value": "DENY"}])"));
  ASSERT_TRUE(config) << config.error().text();
  const Stickiness& sticky = config->target_groups[0]->stickiness;
  EXPECT_TRUE(sticky.enabled) << "who writes stickiness wants it";
  EXPECT_EQ(sticky.app_cookie, "SID");
  EXPECT_EQ(sticky.seconds, 86'400);
  EXPECT_EQ(config->listeners[0]->options.response_headers[0].value, "DENY");
}

// A balancer or control of before these members refuses what it does not know.
TEST(TrafficJson, SaysNothingWhereNothingIsSet) {
  const std::string plain = config_to_json(*config_from_json(text("")));
  for (const char* member :
       {"stickiness", "anomaly_mitigation", "compression", "response_headers", "cookie_keys"}) {
    EXPECT_EQ(plain.find(member), std::string::npos) << member;
  }
}

TEST(TrafficJson, CompressionIsReadWithItsDefaults) {
  const auto config = config_from_json(text(R"("compression": {"algorithms": ["br", "gzip"]})"));
  ASSERT_TRUE(config) << config.error().text();
  const Compression& compression = config->target_groups[0]->compression;
  EXPECT_EQ(compression.algorithms, (std::vector{Coding::kBrotli, Coding::kGzip}));
  EXPECT_EQ(compression.minimum_length, 1024U);
  EXPECT_EQ(compression.level, 4);
  EXPECT_EQ(compressed_types(compression).size(), kCompressedTypes.size());
}

TEST(TrafficJson, NamesWhatIsWrongWithCompression) {
  const auto compression = [](const std::string& inner, const std::string& more = "") {
    return problem(text("\"compression\": {" + inner + "}" + more));
  };
  EXPECT_NE(compression(R"("algorithms": ["deflate"])").find("'deflate' is none of gzip, br, zstd"),
            std::string::npos);
  EXPECT_EQ(compression(R"("algorithms": ["gzip", "gzip"])"),
            "target_groups[0].compression.algorithms: 'gzip' is there twice");
  EXPECT_EQ(compression(R"("level": 10)"), "target_groups[0].compression.level: must be from 1 to 9, got 10");
  EXPECT_EQ(compression(R"("minimum_length": 1073741825)"),
            "target_groups[0].compression.minimum_length: must be from 0 to 1073741824, got 1073741825");
  for (const char* type : {"text", "*/html", "text/h*", "te xt/html", "application/grpc", "text/"}) {
    EXPECT_NE(compression(R"("content_types": [")" + std::string(type) + "\"]")
                  .find("target_groups[0].compression.content_types[0]: '" + std::string(type)),
              std::string::npos)
        << type;
  }
  EXPECT_NE(compression(R"("types": [])").find("types"), std::string::npos) << "no such member";
  EXPECT_EQ(compression(R"("algorithms": ["gzip"])",
                        R"(, "protocol_version": "grpc", "health_check": {"matcher": "0"})"),
            "target_groups[0].compression: is not for the protocol version GRPC");
}

TEST(TrafficJson, NamesWhatIsWrong) {
  const auto sticky = [](const std::string& inner) {
    return problem(text("\"stickiness\": {" + inner + "}"));
  };
  EXPECT_EQ(sticky(R"("seconds": 0)"),
            "target_groups[0].stickiness.seconds: must be from 1 to 604800, got 0");
  EXPECT_EQ(sticky(R"("seconds": 604801)"),
            "target_groups[0].stickiness.seconds: must be from 1 to 604800, got 604801");
  EXPECT_EQ(sticky(R"("type": "app_cookie")"),
            "target_groups[0].stickiness.app_cookie: '' is no cookie name");
  EXPECT_EQ(sticky(R"("type": "app_cookie", "app_cookie": "AWSALBX")"),
            "target_groups[0].stickiness.app_cookie: may not begin with AWSALB");
  EXPECT_EQ(sticky(R"("app_cookie": "SID")"),
            "target_groups[0].stickiness.app_cookie: is for the type app_cookie");
  EXPECT_NE(sticky(R"("type": "source")").find("expected one of"), std::string::npos);
  EXPECT_EQ(problem(text(R"("anomaly_mitigation": true)")),
            "target_groups[0].anomaly_mitigation: is for the algorithm weighted_random");
  EXPECT_EQ(problem(text(R"("anomaly_mitigation": true, "algorithm": "weighted_random")")), "");

  const auto header = [](const std::string& name, const std::string& value) {
    return problem(
        text("", R"("response_headers": [{"name": ")" + name + R"(", "value": ")" + value + "\"}]"));
  };
  const std::string at = "listeners[0].options.response_headers[0]";
  EXPECT_EQ(header("X Y", "a"), at + ".name: 'X Y' is no header name");
  EXPECT_EQ(header("Content-Length", "5"), at + ".name: 'Content-Length' is the balancer's own");
  EXPECT_EQ(header("x-amzn-trace-id", "5"), at + ".name: 'x-amzn-trace-id' is the balancer's own");
  EXPECT_EQ(header("X-A", "a\\r\\nB: c"), at + ".value: holds a control character");
  EXPECT_EQ(header("X-A", std::string(1025, 'a')), at + ".value: is longer than 1024 bytes");
  EXPECT_EQ(
      problem(text("", R"("response_headers": [{"name": "A", "value": ""}, {"name": "a", "value": ""}])")),
      "listeners[0].options.response_headers[1].name: 'a' is there twice");

  const auto keys = [](const std::string& list) {
    return problem(text("", "", "\"cookie_keys\": [" + list + "]"));
  };
  const std::string secret(64, 'a');
  EXPECT_EQ(keys(R"({"id": 1, "secret": ")" + secret + "\"}"), "");
  EXPECT_EQ(keys(R"({"id": 1, "secret": "abcd"})"), "cookie_keys[0].secret: must be 64 digits from 0 to f");
  EXPECT_EQ(keys(R"({"id": 1, "secret": ")" + std::string(64, 'x') + "\"}"),
            "cookie_keys[0].secret: must be 64 digits from 0 to f");
  const std::string one = R"({"id": 1, "secret": ")" + secret + "\"}";
  EXPECT_EQ(keys(one + "," + one), "cookie_keys[1].id: is used twice");
}

TEST(CookieKeys, AreNeededOnlyWhereClientsAreKept) {
  const auto needed = [](const std::string& json) { return needs_cookie_keys(*config_from_json(json)); };
  EXPECT_FALSE(needed(text("")));
  EXPECT_TRUE(needed(text(R"("stickiness": {})")));
  Config config = *config_from_json(text(""));
  Listener listener = *config.listeners[0];
  listener.default_action.forward.sticky = true;
  config.listeners[0] = listener;
  EXPECT_FALSE(needs_cookie_keys(config)) << "with one group there is nothing to keep";
  listener.default_action.forward.target_groups.push_back({"y", 1});
  config.listeners[0] = listener;
  EXPECT_TRUE(needs_cookie_keys(config));
}

TEST(CookieKeys, AreOnNoPage) {
  Config config = *config_from_json(text(""));
  config.cookie_keys = {{7, std::string(kCookieSecretBytes, '\xab')}};
  EXPECT_EQ(config_to_page(config).find("abab"), std::string::npos);
  EXPECT_NE(config_to_json(config).find("abab"), std::string::npos);
}

TEST(CookieKeys, GoInADeltaOnlyWhenTheyChange) {
  Config from = *config_from_json(text(""));
  from.version = 1;
  Config to = from;
  to.version = 2;
  EXPECT_FALSE(diff(from, to).cookie_keys);
  to.cookie_keys = {{7, std::string(kCookieSecretBytes, 'k')}};
  const Delta delta = diff(from, to);
  ASSERT_TRUE(delta.cookie_keys);
  EXPECT_EQ(apply(from, delta)->cookie_keys, to.cookie_keys);
  Config gone = to;
  gone.version = 3;
  gone.cookie_keys.clear();
  EXPECT_TRUE(apply(to, diff(to, gone))->cookie_keys.empty());
}

}  // namespace
}  // namespace shared::lbconfig
