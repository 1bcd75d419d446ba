#include "agent/control/records/acm.h"
#include "tests/unit/agent/api_acm/api.h"

namespace agent::api::acm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kUnknown =
    "arn:aws:acm:us-east-1:000000000000:certificate/0c0ffee0-0000-4000-8000-000000000000";

TEST(Import, SaysWhichPartIsWrongAndWhy) {
  Api api;
  const auto with = [](const char* member, const std::string& text) {
    json request = Api::import_request();
    request[member] = blob(text);
    return request;
  };
  const auto fails = [&](const json& request) { return api.error("ImportCertificate", request); };
  EXPECT_EQ(fails({{"PrivateKey", blob(pem("key"))}}),
            "ValidationException: 1 validation error detected: Value null at 'Certificate' failed to satisfy "
            "constraint: Member must not be null");
  EXPECT_EQ(fails(with("Certificate", "text")),
            "ValidationException: Certificate holds no certificate in PEM");
  EXPECT_EQ(fails(with("Certificate", pem("certificate") + pem("chain"))),
            "ValidationException: Certificate holds 2 certificates: give those that issued it as "
            "CertificateChain");
  EXPECT_EQ(fails(with("Certificate", pem("key"))),
            "ValidationException: Certificate block 1 is no certificate but 'PRIVATE KEY'");
  EXPECT_THAT(
      fails(with("CertificateChain", pem("other"))),
      StartsWith("ValidationException: Certificate, followed by its CertificateChain, block 2 is not the "
                 "issuer of the one before it"));
  EXPECT_EQ(fails(with("CertificateChain", pem("key"))),
            "ValidationException: CertificateChain block 1 is no certificate but 'PRIVATE KEY'");
  EXPECT_EQ(fails(with("PrivateKey", pem("other_key"))),
            "ValidationException: PrivateKey does not belong to the certificate");
  EXPECT_THAT(fails(with("PrivateKey", "no key")),
              StartsWith("ValidationException: PrivateKey holds no private key"));
  EXPECT_EQ(fails(with("PrivateKey", std::string(5 * 1024 + 1, 'k'))),
            "ValidationException: PrivateKey has 5121 bytes; at most 5120 are taken");
  EXPECT_EQ(fails(with("CertificateChain", std::string(64 * 1024, 'c'))),
            "ValidationException: Certificate with its CertificateChain has " +
                std::to_string(pem("certificate").size() + 1 + 64 * 1024) +
                " bytes; at most 65536 are taken");
  json twice = Api::import_request("other", "other_key", "other");
  EXPECT_EQ(fails(twice), "ValidationException: CertificateChain must not hold the certificate itself");
  json request = Api::import_request();
  request["PrivateKey"] = "not base64!";
  EXPECT_EQ(fails(request), "SerializationException: PrivateKey is not base64");
  request["PrivateKey"] = 7;
  EXPECT_EQ(fails(request), "SerializationException: PrivateKey: expected a string, got number");
  EXPECT_TRUE(api.state.certificates.rows().empty());
}

TEST(Import, NeedsACertificateThatIsValidNow) {
  Api api;
  api.now = shared::from_epoch_millis(1'600'000'000'000);
  EXPECT_EQ(api.error("ImportCertificate", Api::import_request()),
            "ValidationException: The certificate is not valid yet");
  api.now = shared::from_epoch_millis(5'000'000'000'000);
  EXPECT_EQ(api.error("ImportCertificate", Api::import_request()),
            "ValidationException: The certificate has expired");
}

TEST(Import, OntoAnArnReplacesTheCertificateAndKeepsItsTags) {
  Api api;
  json request = Api::import_request();
  request["Tags"] = {{{"Key", "team"}, {"Value", "web"}}};
  const std::string arn = api.good("ImportCertificate", request)["CertificateArn"];
  const auto created = api.now;
  api.now += std::chrono::hours(1);
  request["CertificateArn"] = arn;
  EXPECT_EQ(api.error("ImportCertificate", request),
            "InvalidParameterException: Tagging is not permitted on re-import.");
  json other = Api::import_request("other", "other_key", "");
  other["CertificateArn"] = arn;
  EXPECT_EQ(api.good("ImportCertificate", other), (json{{"CertificateArn", arn}}));
  const json shown = api.good("DescribeCertificate", {{"CertificateArn", arn}})["Certificate"];
  EXPECT_EQ(shown["DomainName"], "other.example.com") << "the common name is none of its names";
  EXPECT_EQ(shown["KeyAlgorithm"], "EC_prime256v1");
  EXPECT_EQ(shown["CreatedAt"], shared::epoch_seconds(created));
  EXPECT_EQ(shown["ImportedAt"], shared::epoch_seconds(api.now));
  EXPECT_EQ(api.good("GetCertificate", {{"CertificateArn", arn}}), (json{{"Certificate", pem("other")}}));
  EXPECT_EQ(api.good("ListTagsForCertificate", {{"CertificateArn", arn}})["Tags"],
            (json{{{"Key", "team"}, {"Value", "web"}}}));
  other["CertificateArn"] = kUnknown;
  EXPECT_EQ(api.error("ImportCertificate", other),
            std::string("ResourceNotFoundException: Could not find certificate ") + kUnknown +
                " in account 000000000000.");
}

TEST(Import, StopsAtTheBytesThatAMessageToBalancersHasRoomFor) {
  Api api;
  const std::string arn = api.import();
  for (int i = 0; i < 100; ++i) {
    model::Certificate row = *api.state.certificates.find(arn);
    row.arn += std::to_string(i);
    row.chain = std::string(85'000, 'c');
    api.state.certificates.put(row.arn, row);
  }
  EXPECT_THAT(
      api.error("ImportCertificate", Api::import_request()),
      StartsWith("LimitExceededException: All certificates, chains and keys together may have 8388608"));
}

TEST(Keys, AreInNoAnswerAndNoError) {
  Api api;
  const std::string arn = api.import();
  const std::string secret = pem("key").substr(40, 40);
  for (const char* operation :
       {"DescribeCertificate", "GetCertificate", "ListTagsForCertificate", "ListCertificates"})
    EXPECT_THAT(api.good(operation, {{"CertificateArn", arn}}).dump(), Not(HasSubstr(secret))) << operation;
  json swapped{{"Certificate", blob(pem("key"))}, {"PrivateKey", blob(pem("certificate"))}};
  EXPECT_THAT(api.error("ImportCertificate", swapped), Not(HasSubstr(secret)));
}

TEST(Certificates, AreKnownByTheirOwnArnsOnly) {
  Api api;
  api.import();
  for (const char* operation :
       {"DescribeCertificate", "GetCertificate", "DeleteCertificate", "ListTagsForCertificate"}) {
    EXPECT_EQ(api.error(operation, json::object()),
              "ValidationException: 1 validation error detected: Value null at 'CertificateArn' failed to "
              "satisfy constraint: Member must not be null");
    EXPECT_EQ(api.error(operation, {{"CertificateArn", "arn:aws:acm:eu-west-1:000000000000:certificate/1"}}),
              "InvalidArnException: 'arn:aws:acm:eu-west-1:000000000000:certificate/1' is not a valid "
              "certificate ARN");
    EXPECT_THAT(api.error(operation, {{"CertificateArn", kUnknown}}),
                StartsWith("ResourceNotFoundException"));
  }
}

TEST(Certificates, ShowThatTheyHaveExpired) {
  Api api;
  const std::string arn = api.import();
  api.now = shared::from_epoch_millis(5'000'000'000'000);
  EXPECT_EQ(api.good("DescribeCertificate", {{"CertificateArn", arn}})["Certificate"]["Status"], "EXPIRED");
  EXPECT_EQ(api.good("ListCertificates", {{"CertificateStatuses", {"ISSUED"}}})["CertificateSummaryList"],
            json::array());
  EXPECT_EQ(
      api.good("ListCertificates", {{"CertificateStatuses", {"EXPIRED"}}})["CertificateSummaryList"].size(),
      1U);
}

TEST(Certificates, SurviveTheStore) {
  Api api;
  const model::Certificate row = *api.state.certificates.find(api.import());
  model::Certificate read;
  ASSERT_TRUE(control::decode_certificate(control::encode_certificate(row), read));
  EXPECT_EQ(control::encode_certificate(read), control::encode_certificate(row));
  EXPECT_EQ(read.key, pem("key"));
  EXPECT_EQ(read.not_after, row.not_after);
}

TEST(Lists, HideKeysThatTheOldestClientsDoNotKnow) {
  Api api;
  const std::string rsa = api.import();
  api.now += std::chrono::seconds(1);
  const std::string ecdsa = api.import_other();
  const auto listed = [&](const json& request) {
    std::vector<std::string> arns;
    const json answer = api.good("ListCertificates", request);
    for (const auto& each : answer["CertificateSummaryList"]) arns.push_back(each["CertificateArn"]);
    return arns;
  };
  EXPECT_THAT(listed(json::object()), ElementsAre(rsa));
  const json both{{"keyTypes", {"RSA_2048", "EC_prime256v1"}}};
  EXPECT_THAT(listed({{"Includes", both}}), ElementsAre(rsa, ecdsa));
  EXPECT_THAT(listed({{"Includes", both}, {"SortBy", "CREATED_AT"}, {"SortOrder", "DESCENDING"}}),
              ElementsAre(ecdsa, rsa));
  EXPECT_EQ(api.error("ListCertificates", {{"Includes", {{"keyUsage", {"ANY"}}}}}),
            "ValidationException: Includes.keyUsage is not offered: list all certificates, or by keyTypes");
  EXPECT_THAT(api.error("ListCertificates", {{"Includes", {{"keyTypes", {"DSA"}}}}}),
              HasSubstr("'DSA' at 'Includes.keyTypes'"));
  EXPECT_THAT(api.error("ListCertificates", {{"CertificateStatuses", {"FINE"}}}), HasSubstr("'FINE'"));
  EXPECT_THAT(api.error("ListCertificates", {{"MaxItems", 0}}), HasSubstr("MaxItems"));
  EXPECT_THAT(api.error("ListCertificates", {{"SortBy", "CREATED_AT"}}), HasSubstr("SortOrder"));
  EXPECT_THAT(api.error("ListCertificates", {{"NextToken", "x"}}), HasSubstr("NextToken"));
}

TEST(Lists, ComeInPages) {
  Api api;
  std::vector<std::string> made;
  for (int i = 0; i < 5; ++i) made.push_back(api.import());
  std::vector<std::string> listed;
  json request{{"MaxItems", 2}};
  for (int page = 0; page < 3; ++page) {
    const json answer = api.good("ListCertificates", request);
    for (const auto& each : answer["CertificateSummaryList"]) listed.push_back(each["CertificateArn"]);
    if (page < 2) request["NextToken"] = answer["NextToken"];
    EXPECT_EQ(answer.contains("NextToken"), page < 2);
  }
  EXPECT_THAT(listed, testing::UnorderedElementsAreArray(made));
}

TEST(Tags, AreChangedByKeyAndByValue) {
  Api api;
  const std::string arn = api.import();
  const auto change = [&](const char* operation, const json& tags) {
    return api.error(operation, {{"CertificateArn", arn}, {"Tags", tags}});
  };
  EXPECT_EQ(change("AddTagsToCertificate", {{{"Key", "a"}, {"Value", "1"}}, {{"Key", "b"}, {"Value", "2"}}}),
            "");
  EXPECT_EQ(change("RemoveTagsFromCertificate", {{{"Key", "a"}, {"Value", "other"}}, {{"Key", "b"}}}), "");
  EXPECT_EQ(api.good("ListTagsForCertificate", {{"CertificateArn", arn}})["Tags"],
            (json{{{"Key", "a"}, {"Value", "1"}}}));
  EXPECT_THAT(change("AddTagsToCertificate", json::array()), HasSubstr("'Tags'"));
  EXPECT_THAT(change("AddTagsToCertificate", {{{"Key", "aws:x"}, {"Value", "1"}}}),
              StartsWith("InvalidTagException: "));
  json many = json::array();
  for (int i = 0; i < 50; ++i) many.push_back({{"Key", "k" + std::to_string(i)}});
  EXPECT_THAT(change("AddTagsToCertificate", many), StartsWith("TooManyTagsException: "));
}

TEST(Operations, ThatAreNotOfferedSayWhatToDoInstead) {
  Api api;
  EXPECT_THAT(
      api.error("RevokeCertificate", json::object()),
      StartsWith("InvalidParameterException: RevokeCertificate is not offered: revoke a certificate at"));
  EXPECT_THAT(api.error("ExportCertificate", json::object()),
              HasSubstr("private keys leave for the balancers only"));
  EXPECT_EQ(api.error("Frobnicate", json::object()),
            "UnknownOperationException: The operation Frobnicate does not exist.");
}

}  // namespace
}  // namespace agent::api::acm
