// Calls of Certificate Manager, and of ELBv2 beside it, on a state of their own.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "agent/api/acm/acm.h"
#include "agent/api/elbv2/elbv2.h"
#include "agent/control/elb/publish.h"
#include "shared/crypto/hash.h"
#include "tests/support/control_api.h"

namespace agent::api::acm {

using nlohmann::json;

// The files of pem/: an RSA certificate for www.example.com and example.com with its issuer, and one of P-256
// for other.example.com that is its own issuer; both for a hundred years.
inline std::string pem(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(std::string(BERTH_SOURCE_DIR) + "/tests/unit/agent/api_acm/pem/" + name + ".pem")
              .rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

inline std::string blob(const std::string& text) { return shared::crypto::base64_encode(text); }

class Api : public tests::ControlState {
  void follow(control::Step& step) override { control::publish(step); }

 public:
  Api() : ControlState(1'796'000'000'500) {}  // December 2026
  shared::Result<json> call(const std::string& operation, const json& request) {
    return in_a_step([&](control::Step& step) -> shared::Result<json> {
      auto answer = handle(step, {operation, request.dump(), tests::kRequestId,
                                  "arn:aws:iam::000000000000:root", "000000000000", "000000000000"});
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
  static json import_request(const std::string& certificate = "certificate", const std::string& key = "key",
                             const std::string& chain = "chain") {
    json out{{"Certificate", blob(pem(certificate))}, {"PrivateKey", blob(pem(key))}};
    if (!chain.empty()) out["CertificateChain"] = blob(pem(chain));
    return out;
  }
  std::string import() { return good("ImportCertificate", import_request()).value("CertificateArn", ""); }
  std::string import_other() {
    return good("ImportCertificate", import_request("other", "other_key", "")).value("CertificateArn", "");
  }

  shared::Result<std::string> elb(const std::string& operation, const std::string& form) {
    return in_a_step([&](control::Step& step) {
      return elbv2::handle(step, {operation, "Action=" + operation + "&Version=2015-12-01&" + form,
                                  "7b7f0bd2-0000-4000-8000-000000000001", "arn:aws:iam::000000000000:root",
                                  "000000000000", "000000000000"});
    });
  }
  std::string elb_good(const std::string& operation, const std::string& form) {
    return tests::expect_good(operation + " " + form, elb(operation, form));
  }
  std::string elb_error(const std::string& operation, const std::string& form) {
    return tests::error_of(elb(operation, form));
  }
};

}  // namespace agent::api::acm
