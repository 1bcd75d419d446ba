// Trust stores of HTTPS listeners: the calls, the files that stand for S3, and what balancers are told.
#include <map>

#include "agent/control/records/acm.h"
#include "tests/support/certificates.h"
#include "tests/unit/agent/api_acm/api.h"

namespace agent::api::acm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
namespace lb = shared::lbconfig;
using tests::support::Issued;
using tests::support::make_certificate;
using tests::support::make_crl;

class KeptObjects final : public aws::Objects {
 public:
  shared::Result<std::string> read(std::string_view bucket, std::string_view key,
                                   std::size_t most_bytes) const override {
    const auto it = texts.find(std::string(bucket) + "/" + std::string(key));
    if (it == texts.end()) return shared::Error("not_found", "There is no object '" + std::string(key) + "'");
    if (it->second.size() > most_bytes) return shared::Error("too_large", "too large");
    return it->second;
  }
  std::map<std::string, std::string> texts;
};

class TrustStores : public testing::Test {
 protected:
  TrustStores() {
    ca = make_certificate({.common_name = "People", .ca = true});
    other_ca = make_certificate({.common_name = "Others", .key_number = 1, .ca = true});
    objects->texts = {{"tls/people.pem", ca.certificate},
                      {"tls/both.pem", ca.certificate + other_ca.certificate},
                      {"tls/text", "no certificate"},
                      {"tls/two.crl", make_crl(ca, {1, 2}) + make_crl(other_ca, {})},
                      {"tls/three.crl", make_crl(ca, {1, 2, 3})}};
    api.settings.objects = objects;
  }

  static std::string between(const std::string& xml, const std::string& name) {
    const auto at = xml.find("<" + name + ">");
    if (at == std::string::npos) return "";
    const auto begin = at + name.size() + 2;
    return xml.substr(begin, xml.find("</" + name + ">", begin) - begin);
  }
  static std::string wish(const std::string& name, const std::string& key) {
    return "Name=" + name + "&CaCertificatesBundleS3Bucket=tls&CaCertificatesBundleS3Key=" + key;
  }
  std::string create(const std::string& name = "people", const std::string& key = "people.pem") {
    return between(api.elb_good("CreateTrustStore", wish(name, key)), "TrustStoreArn");
  }
  std::string add(const std::string& arn, const std::string& key) {
    return api.elb_good("AddTrustStoreRevocations", "TrustStoreArn=" + arn +
                                                        "&RevocationContents.member.1.S3Bucket=tls"
                                                        "&RevocationContents.member.1.S3Key=" +
                                                        key);
  }
  // A listener that verifies clients against it.
  std::string listen(const std::string& arn, const std::string& more = "") {
    const std::string balancer = between(api.elb_good("CreateLoadBalancer", "Name=web"), "LoadBalancerArn");
    return api.elb_good(
        "CreateListener",
        "LoadBalancerArn=" + balancer +
            "&Protocol=HTTPS&Port=443&Certificates.member.1.CertificateArn=" + api.import() +
            "&DefaultActions.member.1.Type=fixed-response&DefaultActions.member.1.FixedResponseConfig."
            "StatusCode=200&MutualAuthentication.Mode=verify&MutualAuthentication.TrustStoreArn=" +
            arn + more);
  }

  Issued ca, other_ca;
  std::shared_ptr<KeptObjects> objects = std::make_shared<KeptObjects>();
  Api api;
};

TEST_F(TrustStores, OneIsMadeOfABundleAndDescribed) {
  const std::string made = api.elb_good("CreateTrustStore", wish("people", "both.pem"));
  EXPECT_THAT(made, HasSubstr("<TrustStores><member><Name>people</Name><TrustStoreArn>arn:aws:"
                              "elasticloadbalancing:us-east-1:000000000000:truststore/people/"));
  EXPECT_THAT(made, HasSubstr("<Status>ACTIVE</Status><NumberOfCaCertificates>2</NumberOfCaCertificates>"
                              "<TotalRevokedEntries>0</TotalRevokedEntries>"));
  const std::string arn = between(made, "TrustStoreArn");
  for (const std::string& filter :
       {"TrustStoreArns.member.1=" + arn, std::string("Names.member.1=people"), std::string()})
    EXPECT_EQ(between(api.elb_good("DescribeTrustStores", filter), "TrustStoreArn"), arn) << filter;
  EXPECT_THAT(api.elb_error("DescribeTrustStores", "Names.member.1=none"), StartsWith("TrustStoreNotFound"));
}

TEST_F(TrustStores, AListenerVerifiesAgainstItAndBalancersGetIt) {
  const std::string arn = create();
  EXPECT_THAT(api.state.published->trust_stores, IsEmpty()) << "no listener names it";
  add(arn, "two.crl");
  const std::string shown =
      listen(arn,
             "&MutualAuthentication.IgnoreClientCertificateExpiry=true&MutualAuthentication."
             "AdvertiseTrustStoreCaNames=on");
  EXPECT_THAT(
      shown, HasSubstr("<MutualAuthentication><Mode>verify</Mode><TrustStoreArn>" + arn +
                       "</TrustStoreArn><IgnoreClientCertificateExpiry>true</IgnoreClientCertificateExpiry>"
                       "<TrustStoreAssociationStatus>active</TrustStoreAssociationStatus>"
                       "<AdvertiseTrustStoreCaNames>on</AdvertiseTrustStoreCaNames></MutualAuthentication>"));
  ASSERT_EQ(api.state.published->trust_stores.size(), 1U);
  const lb::TrustStore& sent = *api.state.published->trust_stores[0];
  EXPECT_EQ(sent.id, arn);
  EXPECT_EQ(sent.ca_bundle, ca.certificate);
  EXPECT_THAT(sent.crls, ElementsAre(objects->texts["tls/two.crl"]));
  const auto& client = api.state.published->listeners[0]->tls.client;
  EXPECT_EQ(client.mode, lb::ClientCertificates::kVerify);
  EXPECT_EQ(client.trust_store, arn);
  EXPECT_TRUE(client.ignore_expiry && client.advertise_ca_names);
  EXPECT_TRUE(lb::validate(*api.state.published));
}

TEST_F(TrustStores, ANewBundleReachesBalancersThoughNoListenerChanged) {
  const std::string arn = create();
  listen(arn);
  objects->texts["tls/people.pem"] = other_ca.certificate;
  EXPECT_EQ(api.state.published->trust_stores[0]->ca_bundle, ca.certificate)
      << "read when it is made, not later";
  const auto version = api.state.published->version;
  api.elb_good(
      "ModifyTrustStore",
      "TrustStoreArn=" + arn + "&CaCertificatesBundleS3Bucket=tls&CaCertificatesBundleS3Key=people.pem");
  EXPECT_EQ(api.state.published->trust_stores[0]->ca_bundle, other_ca.certificate);
  EXPECT_GT(api.state.published->version, version);
}

TEST_F(TrustStores, OneInUseStaysUntilItsListenersAreGone) {
  const std::string arn = create();
  const std::string listener = between(listen(arn), "ListenerArn");
  EXPECT_THAT(
      api.elb_good("DescribeTrustStoreAssociations", "TrustStoreArn=" + arn),
      HasSubstr("<TrustStoreAssociations><member><ResourceArn>" + listener + "</ResourceArn></member>"));
  EXPECT_THAT(api.elb_error("DeleteTrustStore", "TrustStoreArn=" + arn), StartsWith("TrustStoreInUse"));
  api.elb_good("ModifyListener", "ListenerArn=" + listener + "&MutualAuthentication.Mode=off");
  EXPECT_THAT(api.elb_good("DescribeTrustStoreAssociations", "TrustStoreArn=" + arn),
              Not(HasSubstr("ResourceArn")));
  api.elb_good("DeleteTrustStore", "TrustStoreArn=" + arn);
  EXPECT_THAT(api.elb_error("DeleteTrustStore", "TrustStoreArn=" + arn), StartsWith("TrustStoreNotFound"));
}

TEST_F(TrustStores, RevocationsAreCountedNumberedAndRemoved) {
  const std::string arn = create();
  EXPECT_THAT(add(arn, "two.crl"),
              HasSubstr("<RevocationId>1</RevocationId><RevocationType>CRL</RevocationType>"
                        "<NumberOfRevokedEntries>2</NumberOfRevokedEntries>"));
  EXPECT_EQ(between(add(arn, "three.crl"), "RevocationId"), "2");
  EXPECT_EQ(between(api.elb_good("DescribeTrustStores", ""), "TotalRevokedEntries"), "5");
  EXPECT_EQ(between(api.elb_good("DescribeTrustStoreRevocations",
                                 "TrustStoreArn=" + arn + "&RevocationIds.member.1=2"),
                    "NumberOfRevokedEntries"),
            "3");
  api.elb_good("RemoveTrustStoreRevocations", "TrustStoreArn=" + arn + "&RevocationIds.member.1=1");
  EXPECT_EQ(between(api.elb_good("DescribeTrustStores", ""), "TotalRevokedEntries"), "3");
  for (const char* operation : {"RemoveTrustStoreRevocations", "DescribeTrustStoreRevocations"}) {
    EXPECT_THAT(api.elb_error(operation, "TrustStoreArn=" + arn + "&RevocationIds.member.1=1"),
                StartsWith("RevocationIdNotFound"))
        << operation;
  }
  EXPECT_EQ(between(add(arn, "two.crl"), "RevocationId"), "3") << "no number is used again";
}

TEST_F(TrustStores, WhatCannotBeUsedIsRefusedWithItsReason) {
  const std::string arn = create();
  const auto made_of = [&](const std::string& name, const std::string& key) {
    return api.elb_error("CreateTrustStore", wish(name, key));
  };
  EXPECT_THAT(made_of("people", "people.pem"), StartsWith("DuplicateTrustStoreName: "));
  EXPECT_THAT(made_of("new", "none.pem"), StartsWith("CaCertificatesBundleNotFound: There is no object"));
  EXPECT_THAT(made_of("new", "text"), StartsWith("InvalidCaCertificatesBundle: The bundle "));
  EXPECT_THAT(made_of("new", "two.crl"), StartsWith("InvalidCaCertificatesBundle: The bundle "));
  EXPECT_THAT(made_of("new", "people.pem&CaCertificatesBundleS3ObjectVersion=1"),
              StartsWith("CaCertificatesBundleNotFound: CaCertificatesBundleS3ObjectVersion"));
  for (const char* name : {"-a", "a-", "a--b", "a_b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
    EXPECT_THAT(made_of(name, "people.pem"), StartsWith("ValidationError: Trust store name")) << name;
  const auto revoked_by = [&](const std::string& key) {
    return api.elb_error("AddTrustStoreRevocations", "TrustStoreArn=" + arn +
                                                         "&RevocationContents.member.1.S3Bucket=tls"
                                                         "&RevocationContents.member.1.S3Key=" +
                                                         key);
  };
  EXPECT_THAT(revoked_by("none"), StartsWith("RevocationContentNotFound: "));
  EXPECT_THAT(revoked_by("people.pem"), StartsWith("InvalidRevocationContent: The file "));
  EXPECT_THAT(revoked_by("two.crl&RevocationContents.member.1.RevocationType=OCSP"),
              StartsWith("ValidationError: RevocationType 'OCSP'"));
  api.settings.objects = nullptr;
  EXPECT_THAT(made_of("new", "people.pem"), HasSubstr("start control with --objects-dir"));
}

TEST_F(TrustStores, AllOfThemTogetherFitIntoAMessageForBalancers) {
  objects->texts["tls/large.pem"] =
      make_certificate(
          {.common_name = "Large", .ca = true, .extension = "nsComment=" + std::string(600'000, 'x')})
          .certificate;
  std::string refusal;
  for (int i = 0; i < 10 && refusal.empty(); ++i)
    refusal = api.elb_error("CreateTrustStore", wish("store" + std::to_string(i), "large.pem"));
  EXPECT_THAT(refusal, HasSubstr("all trust stores together"));
}

TEST_F(TrustStores, TheyHaveTagsAndSurviveARestart) {
  const std::string arn =
      between(api.elb_good("CreateTrustStore",
                           wish("people", "people.pem") + "&Tags.member.1.Key=a&Tags.member.1.Value=b"),
              "TrustStoreArn");
  add(arn, "two.crl");
  EXPECT_THAT(api.elb_good("DescribeTags", "ResourceArns.member.1=" + arn),
              HasSubstr("<Key>a</Key><Value>b</Value>"));
  api.elb_good("RemoveTags", "ResourceArns.member.1=" + arn + "&TagKeys.member.1=a");
  const model::TrustStore& row = *api.state.trust_stores.find(arn);
  model::TrustStore read;
  ASSERT_TRUE(control::decode_trust_store(control::encode_trust_store(row), read));
  EXPECT_EQ(control::encode_trust_store(read), control::encode_trust_store(row));
  EXPECT_EQ(read.revocations.at(0).entries, 2);
  EXPECT_EQ(read.bundle, ca.certificate);
  EXPECT_TRUE(read.tags.empty());
}

}  // namespace
}  // namespace agent::api::acm
