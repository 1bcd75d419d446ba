// Whole answers, kept beside this file and checked a second time against botocore's model
// (botocore_check.py). BERTH_UPDATE_GOLDEN=1 writes them anew.
#include <cstdlib>

#include "tests/unit/agent/api_acm/api.h"

namespace agent::api::acm {
namespace {

void expect_golden(const std::string& name, const json& output) {
  const std::string path =
      std::string(BERTH_SOURCE_DIR) + "/tests/unit/agent/api_acm/golden/" + name + ".json";
  if (std::getenv("BERTH_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << output.dump(2) << "\n";
  std::ostringstream kept;
  kept << std::ifstream(path).rdbuf();
  EXPECT_EQ(json::diff(json::parse(kept.str(), nullptr, false), output), json::array()) << name;
}

TEST(Golden, AnswersOfAnImportedCertificate) {
  Api api;
  const auto golden = [&](const std::string& operation, const json& request) {
    json output = api.good(operation, request);
    expect_golden(operation, output);
    return output;
  };
  json request = Api::import_request();
  request["Tags"] = {{{"Key", "team"}, {"Value", "web"}}, {{"Key", "empty"}}};
  const json arn{{"CertificateArn", golden("ImportCertificate", request)["CertificateArn"]}};
  api.now += std::chrono::hours(1);
  api.import_other();
  golden("DescribeCertificate", arn);
  golden("GetCertificate", arn);
  golden("ListTagsForCertificate", arn);
  golden("ListCertificates", {{"Includes", {{"keyTypes", {"RSA_2048", "EC_prime256v1"}}}}, {"MaxItems", 1}});
  golden("AddTagsToCertificate",
         {{"CertificateArn", arn["CertificateArn"]}, {"Tags", {{{"Key", "a"}, {"Value", "b"}}}}});
  golden("RemoveTagsFromCertificate",
         {{"CertificateArn", arn["CertificateArn"]}, {"Tags", {{{"Key", "a"}}}}});
  golden("DeleteCertificate", arn);
}

// The files are named after the operation, for the check against the model: those of a requested certificate
// are in a folder of their own.
TEST(Golden, AnswersOfARequestedCertificate) {
  Api api;
  api.settings.acme_directory = "https://ca.test/dir";
  const auto golden = [&](const std::string& operation, const json& request) {
    json output = api.good(operation, request);
    expect_golden("requested/" + operation, output);
    return output;
  };
  const json arn = golden("RequestCertificate", {{"DomainName", "www.example.com"},
                                                 {"SubjectAlternativeNames", {"example.com"}},
                                                 {"ValidationMethod", "DNS"}});
  golden("DescribeCertificate", arn);
  golden("ListCertificates", json::object());
}

}  // namespace
}  // namespace agent::api::acm
