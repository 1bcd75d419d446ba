// Certificates at HTTPS listeners: both APIs, and what balancers are told.
#include "agent/control/records/elb.h"
#include "shared/lbconfig/delta.h"
#include "shared/lbconfig/json.h"
#include "tests/unit/agent/api_acm/api.h"

namespace agent::api::acm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
namespace lb = shared::lbconfig;

constexpr const char* kOk =
    "&DefaultActions.member.1.Type=fixed-response&DefaultActions.member.1.FixedResponseConfig.StatusCode=200";

class Https : public testing::Test {
 protected:
  static std::string between(const std::string& xml, const std::string& name) {
    const auto at = xml.find("<" + name + ">");
    if (at == std::string::npos) return "";
    const auto begin = at + name.size() + 2;
    return xml.substr(begin, xml.find("</" + name + ">", begin) - begin);
  }
  std::string form(const std::string& certificate, int port = 443) const {
    return "LoadBalancerArn=" + balancer + "&Protocol=HTTPS&Port=" + std::to_string(port) +
           "&Certificates.member.1.CertificateArn=" + certificate + kOk;
  }
  std::string listen(const std::string& certificate, const std::string& more = "") {
    return between(api.elb_good("CreateListener", form(certificate) + more), "ListenerArn");
  }
  const lb::Listener& published() const { return *api.state.published->listeners.at(0); }
  std::string certificates_of(const std::string& listener) {
    return api.elb_good("DescribeListenerCertificates", "ListenerArn=" + listener);
  }

  Api api;
  std::string balancer = between(api.elb_good("CreateLoadBalancer", "Name=web"), "LoadBalancerArn");
  std::string rsa = api.import();
  std::string ecdsa = api.import_other();
};

TEST_F(Https, ListenersShowTheirCertificateAndTheDefaultPolicy) {
  const std::string shown = api.elb_good("CreateListener", form(rsa));
  EXPECT_THAT(shown, HasSubstr("<Protocol>HTTPS</Protocol><Certificates><member><CertificateArn>" + rsa +
                               "</CertificateArn></member></Certificates><SslPolicy>ELBSecurityPolicy-2016-08"
                               "</SslPolicy><MutualAuthentication><Mode>off</Mode></MutualAuthentication>"));
  EXPECT_EQ(published().protocol, lb::Protocol::kHttps);
  EXPECT_EQ(published().tls.policy, "ELBSecurityPolicy-2016-08");
  EXPECT_THAT(published().tls.certificates, ElementsAre(rsa));
  ASSERT_EQ(api.state.published->certificates.size(), 1U) << "only those in use";
  const lb::Certificate& sent = *api.state.published->certificates[0];
  EXPECT_EQ(sent.id, rsa);
  EXPECT_EQ(sent.chain, pem("certificate") + "\n" + pem("chain"));
  EXPECT_EQ(sent.key, pem("key"));
  EXPECT_TRUE(lb::validate(*api.state.published));
  EXPECT_EQ(between(api.elb_good("CreateListener", form(rsa)), "ListenerArn"), between(shown, "ListenerArn"))
      << "the same call again";
  EXPECT_THAT(api.elb_error("CreateListener", form(ecdsa)), StartsWith("DuplicateListener: "));
}

TEST_F(Https, ListenersRefuseWhatTheyCannotServe) {
  const auto fails = [&](const std::string& more) {
    return api.elb_error("CreateListener", "LoadBalancerArn=" + balancer + "&Port=443" + kOk + more);
  };
  const std::string https = "&Protocol=HTTPS";
  const std::string with = https + "&Certificates.member.1.CertificateArn=" + rsa;
  EXPECT_EQ(fails(https), "ValidationError: A certificate must be specified for HTTPS listeners");
  EXPECT_THAT(
      fails(with + "&Certificates.member.2.CertificateArn=" + ecdsa),
      StartsWith("ValidationError: Only one certificate, the default one, can be specified here, but 2"));
  EXPECT_EQ(fails(https + "&Certificates.member.1.CertificateArn=arn:x"),
            "CertificateNotFound: Certificate 'arn:x' not found: import it into ACM first");
  EXPECT_EQ(fails(with + "&SslPolicy=Best"), "SSLPolicyNotFound: SSL policy 'Best' not found");
  EXPECT_THAT(fails(with + "&AlpnPolicy.member.1=HTTP2Only"),
              StartsWith("InvalidConfigurationRequest: AlpnPolicy"));
  EXPECT_THAT(fails(with + "&MutualAuthentication.Mode=verify&MutualAuthentication.TrustStoreArn=arn:t"),
              StartsWith("TrustStoreNotFound: Trust store 'arn:t' not found"));
  EXPECT_THAT(fails(with + "&MutualAuthentication.Mode=passthrough&MutualAuthentication.TrustStoreArn=arn:t"),
              StartsWith("ValidationError: TrustStoreArn"));
  EXPECT_THAT(fails("&Protocol=TLS&Certificates.member.1.CertificateArn=" + rsa),
              StartsWith("ValidationError: Listener protocol 'TLS'"));
  for (const std::string member :
       {"&SslPolicy=ELBSecurityPolicy-2016-08", "&MutualAuthentication.Mode=passthrough",
        "&Certificates.member.1.CertificateArn="}) {
    EXPECT_THAT(fails("&Protocol=HTTP" + member + (member.ends_with("=") ? rsa : "")),
                HasSubstr("cannot be specified for HTTP listeners"));
  }
  EXPECT_TRUE(api.state.listeners.rows().empty());
}

TEST_F(Https, PolicyAndClientCertificatesReachTheBalancers) {
  const std::string arn =
      listen(rsa, "&SslPolicy=ELBSecurityPolicy-TLS13-1-2-2021-06&MutualAuthentication.Mode=passthrough");
  EXPECT_EQ(published().tls.policy, "ELBSecurityPolicy-TLS13-1-2-2021-06");
  EXPECT_EQ(published().tls.client.mode, lb::ClientCertificates::kPassthrough);
  EXPECT_FALSE(published().options.tls_headers);
  api.elb_good(
      "ModifyLoadBalancerAttributes",
      "LoadBalancerArn=" + balancer +
          "&Attributes.member.1.Key=routing.http.x_amzn_tls_version_and_cipher_suite.enabled&Attributes."
          "member.1.Value=true&Attributes.member.2.Key=routing.http2.enabled&Attributes.member.2.Value="
          "false");
  EXPECT_TRUE(published().options.tls_headers);
  EXPECT_FALSE(published().options.http2);
  const std::string shown =
      api.elb_good("ModifyListener", "ListenerArn=" + arn + "&SslPolicy=ELBSecurityPolicy-FS-1-2-2019-08");
  EXPECT_THAT(shown, HasSubstr("<Mode>passthrough</Mode>")) << "what is not named stays";
  EXPECT_EQ(published().tls.policy, "ELBSecurityPolicy-FS-1-2-2019-08");
  model::Listener stored;
  const model::Listener& row = *api.state.listeners.find(arn);
  ASSERT_TRUE(control::decode_listener(control::encode_listener(row), stored));
  EXPECT_EQ(stored.ssl_policy, row.ssl_policy);
  EXPECT_EQ(stored.certificate, rsa);
  EXPECT_EQ(stored.client, row.client);
}

TEST_F(Https, NamesOfTlsHeadersReachTheBalancers) {
  const std::string arn = listen(rsa);
  const auto attribute = [&](const std::string& name, const std::string& value) {
    return "ListenerArn=" + arn + "&Attributes.member.1.Key=routing.http.request." + name +
           ".header_name&Attributes.member.1.Value=" + value;
  };
  EXPECT_THAT(api.elb_good("DescribeListenerAttributes", "ListenerArn=" + arn),
              HasSubstr("<Value>X-Amzn-Mtls-Clientcert-Serial-Number</Value>"));
  EXPECT_EQ(published().options.tls_header_names, lb::TlsHeaderNames());
  api.elb_good("ModifyListenerAttributes", attribute("x_amzn_mtls_clientcert_subject", "X-Who"));
  EXPECT_EQ(published().options.tls_header_names.subject, "X-Who");
  EXPECT_EQ(published().options.tls_header_names.issuer, "") << "the standard name";
  EXPECT_THAT(api.elb_error("ModifyListenerAttributes", attribute("x_amzn_tls_version", "x_who")),
              HasSubstr("name the same header"));
  EXPECT_THAT(api.elb_error("ModifyListenerAttributes", attribute("x_amzn_tls_version", "Host")),
              HasSubstr("says something else"));
  EXPECT_THAT(api.elb_error("ModifyListenerAttributes", attribute("x_amzn_tls_version", "a.b")),
              HasSubstr("1 to 40 letters, digits, - and _"));
  api.elb_good("ModifyListener", "ListenerArn=" + arn + "&Protocol=HTTP");
  EXPECT_THAT(api.elb_error("ModifyListenerAttributes", attribute("x_amzn_tls_version", "X-V")),
              HasSubstr("is not supported"));
  EXPECT_EQ(published().options.tls_header_names, lb::TlsHeaderNames());
}

TEST_F(Https, ProtocolChangesTakeTheCertificatesAlong) {
  const std::string arn = listen(ecdsa);
  api.elb_good("AddListenerCertificates",
               "ListenerArn=" + arn + "&Certificates.member.1.CertificateArn=" + rsa);
  EXPECT_THAT(api.elb_good("ModifyListener", "ListenerArn=" + arn + "&Protocol=HTTP"),
              testing::AllOf(Not(HasSubstr("SslPolicy")), Not(HasSubstr("Certificate"))));
  EXPECT_TRUE(api.state.published->certificates.empty());
  EXPECT_EQ(api.elb_error("ModifyListener", "ListenerArn=" + arn + "&Protocol=HTTPS"),
            "ValidationError: A certificate must be specified for HTTPS listeners");
  api.elb_good("ModifyListener",
               "ListenerArn=" + arn + "&Protocol=HTTPS&Certificates.member.1.CertificateArn=" + ecdsa);
  EXPECT_THAT(published().tls.certificates, ElementsAre(ecdsa));
}

TEST_F(Https, ListsOfCertificatesHaveTheDefaultOneFirst) {
  const std::string arn = listen(ecdsa);
  const std::string change = "ListenerArn=" + arn + "&Certificates.member.1.CertificateArn=";
  api.elb_good("AddListenerCertificates", change + rsa);
  api.elb_good("AddListenerCertificates", change + rsa);
  EXPECT_THAT(published().tls.certificates, ElementsAre(ecdsa, rsa));
  EXPECT_THAT(certificates_of(arn),
              HasSubstr("<Certificates><member><CertificateArn>" + ecdsa +
                        "</CertificateArn><IsDefault>true</IsDefault></member><member><CertificateArn>" +
                        rsa + "</CertificateArn><IsDefault>false</IsDefault></member></Certificates>"));
  EXPECT_THAT(api.elb_error("RemoveListenerCertificates", change + ecdsa),
              StartsWith("OperationNotPermitted: "));
  api.elb_good("AddListenerCertificates", change + ecdsa);
  EXPECT_THAT(published().tls.certificates, ElementsAre(ecdsa, rsa)) << "balancers get each once";
  EXPECT_TRUE(lb::validate(*api.state.published));
  api.elb_good("RemoveListenerCertificates", change + ecdsa);
  EXPECT_THAT(certificates_of(arn), HasSubstr(ecdsa)) << "it still is the default one";
  api.elb_good("RemoveListenerCertificates", change + rsa);
  EXPECT_THAT(published().tls.certificates, ElementsAre(ecdsa));
  EXPECT_EQ(api.state.published->certificates.size(), 1U);
  EXPECT_THAT(api.elb_error("AddListenerCertificates", change + "arn:x"),
              StartsWith("CertificateNotFound: "));
  EXPECT_THAT(api.elb_error("AddListenerCertificates", "ListenerArn=" + arn),
              StartsWith("ValidationError: "));
  for (const char* operation : {"AddListenerCertificates", "RemoveListenerCertificates"}) {
    EXPECT_THAT(
        api.elb_error(operation, "ListenerArn=" + balancer + "&Certificates.member.1.CertificateArn=" + rsa),
        HasSubstr("is not a valid listener ARN"));
  }
  api.elb_good("ModifyListener", "ListenerArn=" + arn + "&Protocol=HTTP");
  EXPECT_THAT(api.elb_error("AddListenerCertificates", change + rsa),
              HasSubstr("Only HTTPS and TLS listeners have certificates"));
  EXPECT_THAT(certificates_of(arn), HasSubstr("<Certificates/>"));
}

TEST_F(Https, CertificatesInUseStayAndSayWhoUsesThem) {
  const std::string arn = listen(rsa);
  const json named{{"CertificateArn", rsa}};
  EXPECT_EQ(api.good("DescribeCertificate", named)["Certificate"]["InUseBy"], json::array({balancer}));
  EXPECT_EQ(api.good("ListCertificates", json::object())["CertificateSummaryList"][0]["InUse"], true);
  EXPECT_EQ(api.error("DeleteCertificate", named),
            "ResourceInUseException: Certificate " + rsa + " in account 000000000000 is in use.");
  api.elb_good("AddListenerCertificates",
               "ListenerArn=" + arn + "&Certificates.member.1.CertificateArn=" + ecdsa);
  EXPECT_THAT(api.error("DeleteCertificate", {{"CertificateArn", ecdsa}}),
              StartsWith("ResourceInUseException"));
  api.elb_good("DeleteListener", "ListenerArn=" + arn);
  EXPECT_EQ(api.error("DeleteCertificate", named), "");
  EXPECT_TRUE(api.state.published->certificates.empty());
}

TEST_F(Https, AReimportChangesOnePartOfTheConfiguration) {
  const std::string arn = listen(rsa);
  api.elb_good("AddListenerCertificates",
               "ListenerArn=" + arn + "&Certificates.member.1.CertificateArn=" + ecdsa);
  const auto before = api.state.published;
  json request = Api::import_request("other", "other_key", "");
  request["CertificateArn"] = rsa;
  api.good("ImportCertificate", request);
  const auto after = api.state.published;
  EXPECT_EQ(after->version, before->version + 1);
  const auto delta = lb::diff(*before, *after);
  EXPECT_TRUE(delta.listeners.empty());
  ASSERT_EQ(delta.certificates.put.size(), 1U);
  EXPECT_TRUE(delta.certificates.removed.empty());
  api.good("AddTagsToCertificate", {{"CertificateArn", rsa}, {"Tags", {{{"Key", "a"}}}}});
  EXPECT_EQ(api.state.published->version, after->version) << "tags are none of the balancers' business";
}

TEST_F(Https, AListenerWhoseCertificateAnOlderControlHasDroppedIsLeftOut) {
  const std::string arn = listen(rsa);
  api.state.listeners.edit(arn, [](model::Listener& row) { row.certificate.clear(); });
  api.elb_good("DescribeListeners", "ListenerArns.member.1=" + arn);
  EXPECT_TRUE(api.state.published->listeners.empty());
  api.elb_good("ModifyListener", "ListenerArn=" + arn + "&Certificates.member.1.CertificateArn=" + rsa);
  EXPECT_EQ(api.state.published->listeners.size(), 1U);
}

TEST_F(Https, PoliciesAreDescribedFromTheTableThatBalancersUse) {
  const std::string one =
      api.elb_good("DescribeSSLPolicies", "Names.member.1=ELBSecurityPolicy-TLS13-1-3-2021-06");
  EXPECT_THAT(one,
              HasSubstr("<SslPolicies><member><SslProtocols><member>TLSv1.3</member></SslProtocols><Ciphers>"
                        "<member><Name>TLS_AES_128_GCM_SHA256</Name><Priority>1</Priority></member>"));
  EXPECT_THAT(one,
              HasSubstr("<Name>ELBSecurityPolicy-TLS13-1-3-2021-06</Name><SupportedLoadBalancerTypes><member>"
                        "application</member><member>network</member></SupportedLoadBalancerTypes></member></"
                        "SslPolicies>"));
  const std::string all = api.elb_good("DescribeSSLPolicies", "");
  std::size_t shown = 0;
  for (const auto& policy : lb::tls_policies()) {
    EXPECT_THAT(all, HasSubstr("<Name>" + std::string(policy.name) + "</Name>"));
    ++shown;
  }
  EXPECT_GT(shown, 20U);
  EXPECT_EQ(api.elb_error("DescribeSSLPolicies", "Names.member.1=p"),
            "SSLPolicyNotFound: SSL policy 'p' not found");
  EXPECT_THAT(api.elb_good("DescribeSSLPolicies", "LoadBalancerType=gateway"), HasSubstr("<SslPolicies/>"));
  EXPECT_THAT(api.elb_good("DescribeSSLPolicies", "PageSize=2"), HasSubstr("NextMarker"));
}

TEST_F(Https, TargetsAndTheirHealthChecksCanUseItToo) {
  const std::string made =
      api.elb_good("CreateTargetGroup", "Name=secure&Protocol=HTTPS&Port=8443&VpcId=vpc-1");
  EXPECT_THAT(made, HasSubstr("<Protocol>HTTPS</Protocol>"));
  EXPECT_THAT(made, HasSubstr("<HealthCheckProtocol>HTTP</HealthCheckProtocol>")) << "AWS's default";
  const std::string group = between(made, "TargetGroupArn");
  api.elb_good("CreateListener",
               "LoadBalancerArn=" + balancer +
                   "&Protocol=HTTP&Port=80&DefaultActions.member.1.Type=forward&DefaultActions."
                   "member.1.TargetGroupArn=" +
                   group);
  const auto sent = [this] { return *api.state.published->target_groups.at(0); };
  EXPECT_EQ(sent().protocol, lb::Protocol::kHttps);
  EXPECT_EQ(sent().health_check.protocol, lb::Protocol::kHttp);
  EXPECT_THAT(api.elb_good("ModifyTargetGroup", "TargetGroupArn=" + group + "&HealthCheckProtocol=HTTPS"),
              HasSubstr("<HealthCheckProtocol>HTTPS</HealthCheckProtocol>"));
  EXPECT_EQ(sent().health_check.protocol, lb::Protocol::kHttps);
  model::TargetGroup stored;
  ASSERT_TRUE(control::decode_target_group(control::encode_target_group(*api.state.target_groups.find(group)),
                                           stored));
  EXPECT_EQ(stored.health_check.protocol, lb::Protocol::kHttps);
  EXPECT_EQ(stored.protocol, "HTTPS");
  EXPECT_THAT(api.elb_error("CreateTargetGroup",
                            "Name=secure&Protocol=HTTPS&Port=8443&VpcId=vpc-1&HealthCheckProtocol=HTTPS"),
              StartsWith("DuplicateTargetGroupName: "));
}

TEST_F(Https, ListenersForwardToTargetsOfHttp2AndGrpc) {
  const auto group = [&](const std::string& name, const std::string& version) {
    return api.elb_good("CreateTargetGroup",
                        "Name=" + name + "&Protocol=HTTP&Port=8080&VpcId=vpc-1&ProtocolVersion=" + version);
  };
  const std::string http2 = between(group("two", "HTTP2"), "TargetGroupArn");
  const std::string made = group("grpc", "GRPC");
  EXPECT_THAT(
      made,
      HasSubstr("<HealthCheckPath>/AWS.ALB/healthcheck</HealthCheckPath><Matcher><GrpcCode>12</GrpcCode>"
                "</Matcher>"));
  EXPECT_THAT(made, HasSubstr("<ProtocolVersion>GRPC</ProtocolVersion>"));
  const std::string grpc = between(made, "TargetGroupArn");
  const auto to = [](const std::string& list, const std::string& arn) {
    return "&" + list + ".member.1.Type=forward&" + list + ".member.1.TargetGroupArn=" + arn;
  };
  EXPECT_THAT(
      api.elb_error("CreateListener",
                    "LoadBalancerArn=" + balancer + "&Protocol=HTTP&Port=80" + to("DefaultActions", http2)),
      HasSubstr(
          "Listener protocol 'HTTP' is not supported with a target group with the protocol-version 'HTTP2'"));
  const std::string listener = listen(rsa);
  api.elb_good("CreateRule", "ListenerArn=" + listener +
                                 "&Priority=1&Conditions.member.1.Field=path-pattern&Conditions."
                                 "member.1.Values.member.1=/a" +
                                 to("Actions", grpc));
  api.elb_good("ModifyListener", "ListenerArn=" + listener + to("DefaultActions", http2));
  for (const auto& sent : api.state.published->target_groups) {
    const bool is_grpc = sent->id == grpc;
    EXPECT_EQ(sent->protocol_version, is_grpc ? lb::ProtocolVersion::kGrpc : lb::ProtocolVersion::kHttp2);
    EXPECT_EQ(sent->health_check.matcher, is_grpc ? "12" : "200");
  }
  EXPECT_EQ(api.state.published->target_groups.size(), 2U);
  EXPECT_TRUE(lb::validate(*api.state.published));
  EXPECT_THAT(api.elb_error("ModifyListener", "ListenerArn=" + listener + "&Protocol=HTTP"),
              HasSubstr("protocol-version"));
  api.elb_good("ModifyTargetGroup", "TargetGroupArn=" + grpc + "&Matcher.GrpcCode=0-5");
  EXPECT_TRUE(lb::validate(*api.state.published));
}

}  // namespace
}  // namespace agent::api::acm
