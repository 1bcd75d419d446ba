#include <gtest/gtest.h>

#include <set>

#include "shared/lbconfig/delta.h"
#include "shared/lbconfig/feed.h"
#include "shared/lbconfig/json.h"

namespace shared::lbconfig {
namespace {

Config secured() {
  Config config;
  config.version = 1;
  Listener listener;
  listener.id = "web";
  listener.port = 443;
  listener.protocol = Protocol::kHttps;
  listener.tls.certificates = {"a", "b"};
  listener.tls.client = {ClientCertificates::kVerify, "people", true, true};
  listener.default_action.type = ActionType::kFixedResponse;
  config.listeners.push_back(listener);
  config.certificates = {Certificate{"a", "CHAIN A", "KEY A", "", ""},
                         Certificate{"b", "CHAIN B", "KEY B", "", ""}};
  config.trust_stores = {TrustStore{"people", "BUNDLE", {"CRL"}, "", {}}};
  return config;
}

constexpr const char* kSecured = R"({"listeners": [{"id": "web", "port": 443, "protocol": "https",
  "tls": {"policy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "certificates": ["a"],
          "client": {"mode": "verify", "trust_store": "people"}},
  "default_action": {"type": "fixed-response", "fixed_response": {"status": 404}}}],
 "target_groups": [{"id": "x", "protocol": "https", "protocol_version": "grpc",
                    "health_check": {"protocol": "https", "matcher": "0-99"}}],
 "certificates": [{"id": "a", "chain_file": "/c.pem", "key_file": "/k.pem"}],
 "trust_stores": [{"id": "people", "ca_bundle": "PEM"}]})";

struct TlsMistake {
  std::string name, find, replace, error;
};
class TlsConfigMistake : public ::testing::TestWithParam<TlsMistake> {};

TEST_P(TlsConfigMistake, IsNamedWithItsPath) {
  std::string text = kSecured;
  ASSERT_TRUE(config_from_json(text)) << config_from_json(text).error().text();
  const std::size_t at = text.find(GetParam().find);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, GetParam().find.size(), GetParam().replace);
  const auto config = config_from_json(text);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().text(), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    All, TlsConfigMistake,
    ::testing::Values(
        TlsMistake{"Policy", "TLS13-1-2-2021-06", "TLS13-1-2-2022-06",
                   "listeners[0].tls.policy: no security policy 'ELBSecurityPolicy-TLS13-1-2-2022-06'"},
        TlsMistake{"NoCertificate", R"("certificates": ["a"])", R"("certificates": [])",
                   "listeners[0].tls.certificates: needs at least one certificate"},
        TlsMistake{"UnknownCertificate", R"(["a"])", R"(["a", "z"])",
                   "listeners[0].tls.certificates[1]: no certificate 'z'"},
        TlsMistake{"CertificateTwice", R"(["a"])", R"(["a", "a"])",
                   "listeners[0].tls.certificates[1]: is there twice"},
        TlsMistake{"UnknownStore", R"("trust_store": "people")", R"("trust_store": "x")",
                   "listeners[0].tls.client.trust_store: no trust store 'x'"},
        TlsMistake{"StoreWithoutVerify", R"("mode": "verify")", R"("mode": "passthrough")",
                   "listeners[0].tls.client.trust_store: is for mode verify"},
        TlsMistake{"TlsOfHttp", R"("protocol": "https",
  "tls")",
                   R"("protocol": "http", "tls")",
                   "listeners[0].tls: is for listeners with protocol https or tls"},
        TlsMistake{"ChainAndFile", R"("chain_file": "/c.pem")", R"("chain_file": "/c.pem", "chain": "x")",
                   "certificates[0].chain: give either the text or certificates[0].chain_file"},
        TlsMistake{"NoKey", R"(, "key_file": "/k.pem")", "",
                   "certificates[0].key: give either the text or certificates[0].key_file"},
        TlsMistake{"NoBundle", R"(, "ca_bundle": "PEM")", "",
                   "trust_stores[0].ca_bundle: give either the text or trust_stores[0].ca_bundle_file"},
        TlsMistake{"GrpcMatcher", R"("0-99")", R"("200")",
                   "target_groups[0].health_check.matcher: '200' is no list of codes such as \"0,12\" or "
                   "\"0-99\""}),
    [](const auto& test_info) { return test_info.param.name; });

TEST(TlsConfig, TheAdminPageShowsNoKey) {
  const std::string page = config_to_page(secured());
  EXPECT_EQ(page.find("KEY A"), std::string::npos);
  EXPECT_EQ(page.find("KEY B"), std::string::npos);
  EXPECT_NE(page.find("CHAIN A"), std::string::npos);
  EXPECT_NE(config_to_json(secured()).find("KEY A"), std::string::npos);
}

// An older balancer refuses members that it does not know.
TEST(TlsConfig, AConfigurationWithoutTlsIsWrittenAsBefore) {
  Config plain;
  Listener listener;
  listener.id = "web";
  listener.default_action.type = ActionType::kFixedResponse;
  plain.listeners.push_back(listener);
  TargetGroup group;
  group.id = "tg";
  plain.target_groups.push_back(group);
  const std::string text = config_to_json(plain);
  for (const char* word : {"\"tls\"", "\"protocol\"", "protocol_version", "certificates", "trust_stores",
                           "http2", "tls_headers"})
    EXPECT_EQ(text.find('"' + std::string(word).substr(word[0] == '"' ? 1 : 0)), std::string::npos)
        << word << "\n"
        << text;
}

TEST(TlsConfig, NamesOfTlsHeadersAreReadBackAndSayNothingElse) {
  const auto with = [](std::string TlsHeaderNames::*which, const std::string& name) {
    Config config = secured();
    Listener listener = *config.listeners[0];
    listener.options.tls_header_names.*which = name;
    config.listeners[0] = listener;
    return config;
  };
  const Config good = with(&TlsHeaderNames::subject, "X-Client-Subject");
  const auto read = config_from_json(config_to_json(good));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read, good);
  const auto wrong = [&](std::string TlsHeaderNames::*which, const std::string& name) {
    const auto checked = validate(with(which, name));
    return checked ? std::string() : checked.error().text();
  };
  const std::string at = "listeners[0].options.tls_header_names.";
  EXPECT_EQ(wrong(&TlsHeaderNames::leaf, "x y"),
            at + "x_amzn_mtls_clientcert_leaf: 'x y' is no header name of up to 40 characters");
  EXPECT_EQ(wrong(&TlsHeaderNames::version, std::string(41, 'x')).find(at + "x_amzn_tls_version: "), 0U);
  for (const std::string name : {"Host", "content_length", "Transfer-Encoding", "X-Forwarded-For", "Cookie"})
    EXPECT_EQ(wrong(&TlsHeaderNames::issuer, name),
              at + "x_amzn_mtls_clientcert_issuer: '" + name + "' says something else");
  EXPECT_EQ(wrong(&TlsHeaderNames::issuer, "x_amzn_tls_version"),
            at + "x_amzn_mtls_clientcert_issuer: 'x_amzn_tls_version' is the name of another one");
  Config plain = good;
  Listener listener = *plain.listeners[0];
  listener.protocol = Protocol::kHttp;
  listener.tls = {};
  plain.listeners[0] = listener;
  EXPECT_EQ(validate(plain).error().text(),
            "listeners[0].options.tls_header_names: are for listeners with protocol https");
}

TEST(TlsConfig, ARenewedCertificateIsAllThatAChangeCarries) {
  const Config from = secured();
  Config to = from;
  to.version = 2;
  to.certificates[1] = Certificate{"b", "CHAIN C", "KEY C", "", ""};
  const Delta delta = diff(from, to);
  const std::string text = feed_to_json(delta);
  EXPECT_EQ(text.find("KEY A"), std::string::npos);
  EXPECT_NE(text.find("KEY C"), std::string::npos);
  EXPECT_TRUE(delta.listeners.empty());
  const auto read = feed_from_json(text);
  ASSERT_TRUE(read) << read.error().text();
  const auto applied = apply(from, std::get<Delta>(*read));
  ASSERT_TRUE(applied) << applied.error().text();
  EXPECT_EQ(*applied, to);
  EXPECT_TRUE(applied->certificates[0].is(from.certificates[0]));
}

TEST(TlsConfig, AChangeThatTakesACertificateInUseAwayIsRefused) {
  const Config from = secured();
  Config to = from;
  to.version = 2;
  to.certificates.pop_back();
  const auto change = validate_change(to, from);
  ASSERT_FALSE(change);
  EXPECT_EQ(change.error().text(), "listeners[0].tls.certificates[1]: no certificate 'b'");
  to = from;
  to.version = 2;
  to.trust_stores.clear();
  EXPECT_FALSE(apply(from, diff(from, to)));
}

TEST(TlsPolicy, NamesAreUniqueAndCountsAreThoseOfTheDocumentation) {
  std::set<std::string_view> names;
  for (const TlsPolicy& policy : tls_policies()) EXPECT_TRUE(names.insert(policy.name).second) << policy.name;
  const auto count = [](const std::string& name) {
    const TlsPolicy* policy = find_tls_policy("ELBSecurityPolicy-" + name);
    return policy == nullptr ? 0 : ciphers_of(*policy).size();
  };
  EXPECT_EQ(count("2016-08"), 18U);
  EXPECT_EQ(count("TLS13-1-3-2021-06"), 3U);
  EXPECT_EQ(count("TLS13-1-2-2021-06"), 11U);
  EXPECT_EQ(count("TLS13-1-2-Res-2021-06"), 7U);
  EXPECT_EQ(count("TLS13-1-2-Ext1-2021-06"), 15U);
  EXPECT_EQ(count("TLS13-1-2-Ext2-2021-06"), 21U);
  EXPECT_EQ(count("TLS-1-2-2017-01"), 12U);
  EXPECT_EQ(count("FS-1-2-Res-2020-10"), 4U);
  EXPECT_EQ(count("FS-1-2-Res-2019-08"), 8U);
  EXPECT_EQ(count("FS-1-1-2019-08"), 12U);
  EXPECT_EQ(count("TLS13-1-2-Ext0-FIPS-2023-04"), 14U);
  EXPECT_EQ(find_tls_policy("ELBSecurityPolicy-"), nullptr);
  EXPECT_NE(find_tls_policy(kDefaultTlsPolicy), nullptr);
  EXPECT_NE(find_tls_policy(kTargetTlsPolicy), nullptr);
}

}  // namespace
}  // namespace shared::lbconfig
