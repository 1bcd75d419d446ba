#include "agent/control/records/acm.h"

#include <array>
#include <nlohmann/json.hpp>

#include "agent/control/records/parts.h"
#include "shared/json/reader.h"

namespace agent::control {
namespace {

using nlohmann::json;
using shared::json::Choice;
using shared::json::Reader;

constexpr std::array<Choice<model::RequestStatus>, 4> kRequestStatuses{
    {{"PENDING", model::RequestStatus::kPending},
     {"ISSUED", model::RequestStatus::kIssued},
     {"FAILED", model::RequestStatus::kFailed},
     {"TIMED_OUT", model::RequestStatus::kTimedOut}}};

json request_json(const model::CertificateRequest& request) {
  std::string_view status;
  for (const auto& [word, meaning] : kRequestStatuses) {
    if (meaning == request.status) status = word;
  }
  return {{"names", request.names},
          {"key_algorithm", request.key_algorithm},
          {"validation_method", request.validation_method},
          {"idempotency_token", request.idempotency_token},
          {"status", status},
          {"failure_reason", request.failure_reason},
          {"issued_at", millis(request.issued_at)},
          {"renewal_status", request.renewal_status},
          {"renewal_updated_at", millis(request.renewal_updated_at)}};
}

model::CertificateRequest read_request(const Reader& in) {
  model::CertificateRequest request;
  request.names = in.strings_or_empty("names");
  if (request.names.empty() && in.ok()) in.fail("names", "is empty");
  request.key_algorithm = in.required_string("key_algorithm");
  request.validation_method = in.required_string("validation_method");
  request.idempotency_token = in.string_or("idempotency_token", "");
  request.status = in.choice("status", kRequestStatuses).value_or(request.status);
  request.failure_reason = in.string_or("failure_reason", "");
  request.issued_at = read_time(in, "issued_at");
  request.renewal_status = in.string_or("renewal_status", "");
  request.renewal_updated_at = read_time(in, "renewal_updated_at");
  return request;
}

json authorization_json(const model::AcmeAuthorization& each) {
  return {{"url", each.url},     {"host", each.host},   {"challenge_url", each.challenge_url},
          {"token", each.token}, {"valid", each.valid}, {"told", each.told}};
}

model::AcmeAuthorization read_authorization(const Reader& in) {
  return {in.required_string("url"), in.string_or("host", ""),      in.string_or("challenge_url", ""),
          in.string_or("token", ""), in.boolean_or("valid", false), in.boolean_or("told", false)};
}

}  // namespace

std::string encode_certificate(const model::Certificate& row) {
  json out{{"arn", row.arn},
           {"body", row.body},
           {"chain", row.chain},
           {"key", row.key},
           {"domain_name", row.domain_name},
           {"names", row.names},
           {"subject", row.subject},
           {"issuer", row.issuer},
           {"serial", row.serial},
           {"key_algorithm", row.key_algorithm},
           {"signature_algorithm", row.signature_algorithm},
           {"not_before", millis(row.not_before)},
           {"not_after", millis(row.not_after)},
           {"tags", tags_json(row.tags)},
           {"created_at", millis(row.created_at)},
           {"imported_at", millis(row.imported_at)}};
  if (row.request) out["request"] = request_json(*row.request);
  return shared::json::to_text(out);
}

bool decode_certificate(std::string_view text, model::Certificate& row) {
  return decode_row(text, [&row](const shared::json::Reader& in) {
    row.arn = in.required_string("arn");
    row.body = in.required_string("body");
    row.chain = in.string_or("chain", "");
    row.key = in.required_string("key");
    row.domain_name = in.string_or("domain_name", "");
    row.names = in.strings_or_empty("names");
    row.subject = in.string_or("subject", "");
    row.issuer = in.string_or("issuer", "");
    row.serial = in.string_or("serial", "");
    row.key_algorithm = in.string_or("key_algorithm", "");
    row.signature_algorithm = in.string_or("signature_algorithm", "");
    row.not_before = read_time(in, "not_before");
    row.not_after = read_time(in, "not_after");
    row.tags = read_tags(in);
    row.created_at = read_time(in, "created_at");
    row.imported_at = read_time(in, "imported_at");
    if (const auto request = in.child("request")) row.request = read_request(*request);
  });
}

std::string encode_acme_account(const model::AcmeAccount& row) {
  return shared::json::to_text({{"directory", row.directory},
                                {"key", row.key},
                                {"thumbprint", row.thumbprint},
                                {"url", row.url},
                                {"serial", row.serial},
                                {"failures", row.failures},
                                {"next_at", millis(row.next_at)}});
}

bool decode_acme_account(std::string_view text, model::AcmeAccount& row) {
  return decode_row(text, [&row](const Reader& in) {
    row.directory = in.required_string("directory");
    row.key = in.required_string("key");
    row.thumbprint = in.required_string("thumbprint");
    row.url = in.string_or("url", "");
    row.serial = static_cast<std::uint64_t>(in.integer_or<std::int64_t>("serial", 0, 0));
    row.failures = in.integer_or<int>("failures", 0);
    row.next_at = read_time(in, "next_at");
  });
}

std::string encode_acme_order(const model::AcmeOrder& row) {
  json authorizations = json::array();
  for (const auto& each : row.authorizations) authorizations.push_back(authorization_json(each));
  return shared::json::to_text({{"certificate", row.certificate},
                                {"directory", row.directory},
                                {"phase", static_cast<int>(row.phase)},
                                {"key", row.key},
                                {"url", row.url},
                                {"finalize_url", row.finalize_url},
                                {"certificate_url", row.certificate_url},
                                {"authorizations", std::move(authorizations)},
                                {"publish_version", row.publish_version},
                                {"serial", row.serial},
                                {"failures", row.failures},
                                {"polls", row.polls},
                                {"next_at", millis(row.next_at)},
                                {"began_at", millis(row.began_at)},
                                {"problem", row.problem}});
}

bool decode_acme_order(std::string_view text, model::AcmeOrder& row) {
  return decode_row(text, [&row](const Reader& in) {
    row.certificate = in.required_string("certificate");
    row.directory = in.required_string("directory");
    row.phase = static_cast<model::AcmePhase>(
        in.required_integer<int>("phase", 0, static_cast<int>(model::AcmePhase::kDownload)));
    row.key = in.string_or("key", "");
    row.url = in.string_or("url", "");
    row.finalize_url = in.string_or("finalize_url", "");
    row.certificate_url = in.string_or("certificate_url", "");
    for (const Reader& each : in.children("authorizations"))
      row.authorizations.push_back(read_authorization(each));
    row.publish_version = static_cast<std::uint64_t>(in.integer_or<std::int64_t>("publish_version", 0, 0));
    row.serial = static_cast<std::uint64_t>(in.integer_or<std::int64_t>("serial", 0, 0));
    row.failures = in.integer_or<int>("failures", 0);
    row.polls = in.integer_or<int>("polls", 0);
    row.next_at = read_time(in, "next_at");
    row.began_at = read_time(in, "began_at");
    row.problem = in.string_or("problem", "");
  });
}

std::string encode_trust_store(const model::TrustStore& row) {
  nlohmann::json revocations = nlohmann::json::array();
  for (const model::Revocation& each : row.revocations)
    revocations.push_back({{"id", each.id}, {"lists", each.lists}, {"entries", each.entries}});
  return shared::json::to_text({{"arn", row.arn},
                                {"name", row.name},
                                {"bundle", row.bundle},
                                {"certificates", row.certificates},
                                {"revocations", std::move(revocations)},
                                {"next_revocation", row.next_revocation},
                                {"tags", tags_json(row.tags)},
                                {"created_at", millis(row.created_at)}});
}

bool decode_trust_store(std::string_view text, model::TrustStore& row) {
  return decode_row(text, [&row](const shared::json::Reader& in) {
    row.arn = in.required_string("arn");
    row.name = in.required_string("name");
    row.bundle = in.required_string("bundle");
    row.certificates = in.integer_or<std::int64_t>("certificates", 0);
    for (const auto& each : in.children("revocations")) {
      row.revocations.push_back({each.integer_or<std::int64_t>("id", 0), each.required_string("lists"),
                                 each.integer_or<std::int64_t>("entries", 0)});
    }
    row.next_revocation = in.integer_or<std::int64_t>("next_revocation", 1);
    row.tags = read_tags(in);
    row.created_at = read_time(in, "created_at");
  });
}

}  // namespace agent::control
