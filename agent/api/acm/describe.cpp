#include "agent/api/acm/describe.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "shared/crypto/hash.h"

namespace agent::api::acm {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxSummaryNames = 100;

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kSignatures{
    {{"sha256WithRSAEncryption", "SHA256WITHRSA"},
     {"sha384WithRSAEncryption", "SHA384WITHRSA"},
     {"sha512WithRSAEncryption", "SHA512WITHRSA"},
     {"ecdsa-with-SHA256", "SHA256WITHECDSA"},
     {"ecdsa-with-SHA384", "SHA384WITHECDSA"},
     {"ecdsa-with-SHA512", "SHA512WITHECDSA"}}};

std::string signature_of(const model::Certificate& row) {
  const auto* const known = std::find_if(kSignatures.begin(), kSignatures.end(), [&](const auto& each) {
    return each.first == row.signature_algorithm;
  });
  return known == kSignatures.end() ? row.signature_algorithm : std::string(known->second);
}

// "0a:1b:2c"
std::string serial_of(const model::Certificate& row) {
  std::string out;
  for (std::size_t i = 0; i < row.serial.size(); ++i) {
    if (i != 0 && i % 2 == 0) out += ':';
    const char c = row.serial[i];
    out += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

// What both structures begin with.
json common_of(const model::Certificate& row, shared::WallTime now) {
  json out{{"CertificateArn", row.arn},
           {"DomainName", row.domain_name},
           {"Status", status_of(row, now)},
           {"Type", row.request ? "AMAZON_ISSUED" : "IMPORTED"},
           {"KeyAlgorithm", key_algorithm_of(row)},
           {"RenewalEligibility", row.request && !row.body.empty() ? "ELIGIBLE" : "INELIGIBLE"},
           {"CreatedAt", shared::epoch_seconds(row.created_at)}};
  if (!row.body.empty()) {
    out["NotBefore"] = shared::epoch_seconds(row.not_before);
    out["NotAfter"] = shared::epoch_seconds(row.not_after);
  }
  if (!row.request) {
    out["ImportedAt"] = shared::epoch_seconds(row.imported_at);
  } else if (!row.body.empty()) {
    out["IssuedAt"] = shared::epoch_seconds(row.request->issued_at);
  }
  return out;
}

// One for each account and host, as in AWS. Nobody asks for the record: the host is proved by HTTP.
json resource_record(const std::string& host, const std::string& account) {
  constexpr std::size_t kDigits = 32;
  const std::string name = shared::crypto::sha256_hex("acm-name " + account + " " + host).substr(0, kDigits);
  const std::string value =
      shared::crypto::sha256_hex("acm-value " + account + " " + host).substr(0, kDigits);
  return {{"Name", "_" + name + "." + host + "."},
          {"Type", "CNAME"},
          {"Value", "_" + value + ".acm-validations.invalid."}};
}

const char* validation_of(const model::CertificateRequest& request, const model::AcmeOrder* order) {
  if (request.status == model::RequestStatus::kFailed || request.status == model::RequestStatus::kTimedOut)
    return "FAILED";
  // Whoever waits for SUCCESS uses the certificate then: the proof alone is not enough.
  const bool issued = order == nullptr && request.status == model::RequestStatus::kIssued;
  return issued ? "SUCCESS" : "PENDING_VALIDATION";
}

json validations_of(const model::CertificateRequest& request, const model::AcmeOrder* order,
                    const std::string& account) {
  json out = json::array();
  for (const std::string& host : request.names) {
    json each{{"DomainName", host},
              {"ValidationDomain", host},
              {"ValidationStatus", validation_of(request, order)},
              {"ValidationMethod", request.validation_method}};
    if (request.validation_method == "DNS") each["ResourceRecord"] = resource_record(host, account);
    out.push_back(std::move(each));
  }
  return out;
}

void describe_request(const model::Certificate& row, const model::AcmeOrder* order,
                      const std::string& account, json& out) {
  const model::CertificateRequest& request = *row.request;
  // Of a certificate that is renewed, what holds is the certificate that there is.
  out["DomainValidationOptions"] = validations_of(request, row.body.empty() ? order : nullptr, account);
  if (!request.failure_reason.empty()) out["FailureReason"] = request.failure_reason;
  if (request.renewal_status.empty()) return;
  out["RenewalSummary"] = {{"RenewalStatus", request.renewal_status},
                           {"DomainValidationOptions", validations_of(request, order, account)},
                           {"UpdatedAt", shared::epoch_seconds(request.renewal_updated_at)}};
}

}  // namespace

std::string status_of(const model::Certificate& row, shared::WallTime now) {
  if (row.body.empty() && row.request) {
    switch (row.request->status) {
      case model::RequestStatus::kFailed:
        return "FAILED";
      case model::RequestStatus::kTimedOut:
        return "VALIDATION_TIMED_OUT";
      case model::RequestStatus::kPending:
      case model::RequestStatus::kIssued:
        return "PENDING_VALIDATION";
    }
  }
  return now > row.not_after ? "EXPIRED" : "ISSUED";
}

std::string key_algorithm_of(const model::Certificate& row) {
  std::string out = row.key_algorithm;
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

json detail_of(const model::Certificate& row, const model::AcmeOrder* order,
               const std::set<std::string>& users, const std::string& account, shared::WallTime now) {
  json out = common_of(row, now);
  out["SubjectAlternativeNames"] = row.names;
  out["InUseBy"] = users;
  out["Options"] = {{"CertificateTransparencyLoggingPreference", row.request ? "ENABLED" : "DISABLED"}};
  if (row.request) describe_request(row, order, account, out);
  if (row.body.empty()) return out;
  out["Serial"] = serial_of(row);
  out["Subject"] = row.subject;
  out["Issuer"] = row.issuer;
  out["SignatureAlgorithm"] = signature_of(row);
  return out;
}

json summary_of(const model::Certificate& row, bool in_use, shared::WallTime now) {
  json out = common_of(row, now);
  const std::size_t count = std::min(row.names.size(), kMaxSummaryNames);
  json names = json::array();
  for (std::size_t i = 0; i < count; ++i) names.push_back(row.names[i]);
  out["SubjectAlternativeNameSummaries"] = std::move(names);
  out["HasAdditionalSubjectAlternativeNames"] = count < row.names.size();
  out["InUse"] = in_use;
  return out;
}

json tags_of(const model::Certificate& row) {
  json out = json::array();
  for (const auto& [key, value] : row.tags) out.push_back({{"Key", key}, {"Value", value}});
  return out;
}

}  // namespace agent::api::acm
