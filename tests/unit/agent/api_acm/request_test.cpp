// Certificates that are asked for.
#include "agent/control/records/acm.h"
#include "tests/unit/agent/api_acm/api.h"

namespace agent::api::acm {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Asking : Api {
  Asking() { settings.acme_directory = "https://ca.test/dir"; }
  static json request(const json& more = json::object()) {
    json out{{"DomainName", "www.example.com"}, {"ValidationMethod", "DNS"}};
    out.update(more);
    return out;
  }
  std::string ask(const json& more = json::object()) {
    return good("RequestCertificate", request(more)).value("CertificateArn", "");
  }
  json shown(const std::string& arn) {
    return good("DescribeCertificate", {{"CertificateArn", arn}})["Certificate"];
  }
};

TEST(Request, NeedsTheSettingOfAServer) {
  Api api;
  EXPECT_EQ(
      api.error("RequestCertificate", Asking::request()),
      "InvalidParameterException: RequestCertificate needs an ACME server, and none is set: start control "
      "with --acme-directory (BERTH_ACME_DIRECTORY), or get the certificate elsewhere and give it to "
      "ImportCertificate.");
  EXPECT_TRUE(api.state.certificates.rows().empty());
}

TEST(Request, IsPendingWithWhatTerraformReads) {
  Asking api;
  const std::string arn = api.ask({{"SubjectAlternativeNames", {"WWW.example.com", "example.com"}},
                                   {"IdempotencyToken", "tf123"},
                                   {"Tags", {{{"Key", "team"}, {"Value", "web"}}}}});
  const json shown = api.shown(arn);
  EXPECT_EQ(shown["Status"], "PENDING_VALIDATION");
  EXPECT_EQ(shown["Type"], "AMAZON_ISSUED");
  EXPECT_EQ(shown["KeyAlgorithm"], "RSA_2048");
  EXPECT_EQ(shown["SubjectAlternativeNames"], (json{"www.example.com", "example.com"}));
  EXPECT_EQ(shown["RenewalEligibility"], "INELIGIBLE");
  EXPECT_FALSE(shown.contains("NotAfter"));
  EXPECT_FALSE(shown.contains("ImportedAt"));
  ASSERT_EQ(shown["DomainValidationOptions"].size(), 2U);
  const json& first = shown["DomainValidationOptions"][0];
  EXPECT_EQ(first["ValidationStatus"], "PENDING_VALIDATION");
  EXPECT_EQ(first["ValidationMethod"], "DNS");
  EXPECT_EQ(first["ResourceRecord"]["Type"], "CNAME");
  EXPECT_THAT(first["ResourceRecord"]["Name"].get<std::string>(), testing::EndsWith(".www.example.com."));
  EXPECT_EQ(api.shown(api.ask())["DomainValidationOptions"][0], first) << "one record for a host, as on AWS";
  EXPECT_EQ(api.good("ListTagsForCertificate", {{"CertificateArn", arn}})["Tags"],
            (json{{{"Key", "team"}, {"Value", "web"}}}));
  EXPECT_EQ(api.ask({{"SubjectAlternativeNames", {"example.com"}}, {"IdempotencyToken", "tf123"}}), arn);
  EXPECT_THAT(api.error("GetCertificate", {{"CertificateArn", arn}}),
              StartsWith("RequestInProgressException"));
  EXPECT_EQ(api.error("RenewCertificate", {{"CertificateArn", arn}}),
            "RequestInProgressException: Certificate " + arn +
                " is being issued or renewed already, or has failed.");
  EXPECT_EQ(api.good("ListCertificates",
                     {{"CertificateStatuses", {"PENDING_VALIDATION"}}})["CertificateSummaryList"]
                .size(),
            2U);
  json import = Api::import_request();
  import["CertificateArn"] = arn;
  EXPECT_THAT(api.error("ImportCertificate", import), StartsWith("ValidationException"));
}

TEST(Request, SaysWhatIsNotOffered) {
  Asking api;
  const auto refused = [&](const json& more) {
    return api.error("RequestCertificate", Asking::request(more));
  };
  EXPECT_THAT(
      refused({{"DomainName", "*.example.com"}}),
      StartsWith("InvalidParameterException: DomainName '*.example.com' is a wildcard: hosts are proved"));
  EXPECT_THAT(refused({{"SubjectAlternativeNames", {"*.example.com"}}}),
              HasSubstr("SubjectAlternativeNames"));
  for (const char* name : {"example", "a..com", "-a.com", "a-.com", "a b.com", "a.com.", ""})
    EXPECT_THAT(refused({{"DomainName", name}}), HasSubstr("is no fully qualified host name")) << name;
  EXPECT_THAT(refused({{"DomainName", nullptr}}), HasSubstr("Value null at 'DomainName'"));
  EXPECT_THAT(refused({{"ValidationMethod", "EMAIL"}}), HasSubstr("ValidationMethod EMAIL is not offered"));
  EXPECT_THAT(refused({{"ValidationMethod", "POST"}}), HasSubstr("enum value set"));
  EXPECT_THAT(refused({{"KeyAlgorithm", "RSA_1024"}}), HasSubstr("KeyAlgorithm 'RSA_1024' is not offered"));
  EXPECT_THAT(refused({{"IdempotencyToken", "a-b"}}), HasSubstr("IdempotencyToken"));
  EXPECT_THAT(refused({{"CertificateAuthorityArn", "arn"}}), HasSubstr("CertificateAuthorityArn"));
  EXPECT_THAT(refused({{"Options", {{"CertificateTransparencyLoggingPreference", "DISABLED"}}}}),
              HasSubstr("Options.CertificateTransparencyLoggingPreference"));
  EXPECT_THAT(refused({{"Options", {{"Export", "ENABLED"}}}}), HasSubstr("Options.Export"));
  EXPECT_THAT(refused({{"DomainValidationOptions",
                        {{{"DomainName", "www.example.com"}, {"ValidationDomain", "example.com"}}}}}),
              StartsWith("InvalidDomainValidationOptionsException"));
  json many = json::array();
  for (int i = 0; i < 100; ++i) many.push_back("a" + std::to_string(i) + ".example.com");
  EXPECT_THAT(refused({{"SubjectAlternativeNames", many}}), StartsWith("LimitExceededException"));
  for (const char* operation : {"ResendValidationEmail", "RevokeCertificate"})
    EXPECT_THAT(api.error(operation, json::object()), StartsWith("InvalidParameterException")) << operation;
  EXPECT_TRUE(api.state.certificates.rows().empty());
}

TEST(Request, IsNothingForAListenerBeforeItIsIssued) {
  Asking api;
  const std::string arn = api.ask();
  const std::string balancer_arn = [&] {
    api.elb_good("CreateLoadBalancer", "Name=web&Subnets.member.1=subnet-a");
    return api.state.load_balancers.rows().begin()->first;
  }();
  EXPECT_THAT(
      api.elb_error("CreateListener", "LoadBalancerArn=" + balancer_arn +
                                          "&Protocol=HTTPS&Port=443&Certificates.member.1."
                                          "CertificateArn=" +
                                          arn +
                                          "&DefaultActions.member.1.Type=fixed-response"
                                          "&DefaultActions.member.1.FixedResponseConfig.StatusCode=200"),
      StartsWith("UnsupportedCertificate: Certificate '" + arn + "' has not been issued"));
}

TEST(Request, ShowsWhyItFailed) {
  Asking api;
  const std::string arn = api.ask();
  api.state.acme_orders.erase(arn);
  api.state.certificates.edit(arn, [](model::Certificate& row) {
    row.request->status = model::RequestStatus::kFailed;
    row.request->failure_reason = "CAA_ERROR";
  });
  const json shown = api.shown(arn);
  EXPECT_EQ(shown["Status"], "FAILED");
  EXPECT_EQ(shown["FailureReason"], "CAA_ERROR");
  EXPECT_EQ(shown["DomainValidationOptions"][0]["ValidationStatus"], "FAILED");
  api.state.certificates.edit(
      arn, [](model::Certificate& row) { row.request->status = model::RequestStatus::kTimedOut; });
  EXPECT_EQ(api.shown(arn)["Status"], "VALIDATION_TIMED_OUT");
  EXPECT_EQ(api.good("DeleteCertificate", {{"CertificateArn", arn}}), json::object());
}

TEST(Request, SurvivesTheStore) {
  Asking api;
  const std::string arn = api.ask({{"IdempotencyToken", "t"}});
  const model::Certificate& row = *api.state.certificates.find(arn);
  model::Certificate read;
  ASSERT_TRUE(control::decode_certificate(control::encode_certificate(row), read));
  EXPECT_EQ(control::encode_certificate(read), control::encode_certificate(row));
  EXPECT_EQ(read.request->names, row.request->names);
  model::AcmeOrder order = *api.state.acme_orders.find(arn);
  order.phase = model::AcmePhase::kPoll;
  order.authorizations = {{"https://a", "a.test", "https://c", "t", true, true}};
  model::AcmeOrder read_order;
  ASSERT_TRUE(control::decode_acme_order(control::encode_acme_order(order), read_order));
  EXPECT_EQ(control::encode_acme_order(read_order), control::encode_acme_order(order));
  EXPECT_EQ(read_order.phase, order.phase);
  model::AcmeAccount account{"https://ca.test/dir", "key", "thumb", "https://ca.test/1", 3, 1, api.now};
  model::AcmeAccount read_account;
  ASSERT_TRUE(control::decode_acme_account(control::encode_acme_account(account), read_account));
  EXPECT_EQ(control::encode_acme_account(read_account), control::encode_acme_account(account));
}

}  // namespace
}  // namespace agent::api::acm
