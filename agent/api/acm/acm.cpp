#include "agent/api/acm/acm.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "agent/api/acm/describe.h"
#include "agent/control/acme/requests.h"
#include "agent/control/certificates/certificates.h"
#include "agent/control/state/faults.h"
#include "shared/base/text.h"
#include "shared/crypto/hash.h"
#include "shared/json/reader.h"

namespace agent::api::acm {
namespace {

using control::fault;
using control::Step;
using nlohmann::json;
using shared::Blame;
using shared::Error;
using shared::Result;
using In = const shared::json::Reader&;
using Answer = Result<json>;

constexpr int kMaxPage = 1'000;
constexpr const char* kSyntax = "SerializationException";

Error refuse(std::string text) { return fault("ValidationException", std::move(text)); }
Error missing(std::string_view member) {
  return refuse("1 validation error detected: Value null at '" + std::string(member) +
                "' failed to satisfy constraint: Member must not be null");
}

Result<std::string> required(In in, std::string_view member) {
  auto text = in.string(member);
  if (!in.ok()) return in.error();
  if (!text) return missing(member);
  return *std::move(text);
}

// A blob: base64 of it is in the document.
Result<std::string> blob(In in, std::string_view member) {
  const std::string text = in.string_or(member, "");
  if (!in.ok()) return in.error();
  auto bytes = shared::crypto::base64_decode(text);
  if (!bytes) return Error(kSyntax, std::string(member) + " is not base64", Blame::kClient);
  return *std::move(bytes);
}

std::vector<control::TagToRemove> read_tags(In in) {
  std::vector<control::TagToRemove> tags;
  for (const auto& each : in.children("Tags"))
    tags.push_back({each.required_string("Key"), each.string("Value")});
  return tags;
}

std::vector<model::Tag> with_values(std::vector<control::TagToRemove> read) {
  std::vector<model::Tag> tags;
  for (auto& [key, value] : read) tags.push_back({std::move(key), std::move(value).value_or("")});
  return tags;
}

Answer import_certificate(Step& step, In in) {
  for (const char* member : {"Certificate", "PrivateKey"}) {
    if (in.ok() && !in.has(member)) return missing(member);
  }
  control::ImportCertificate request;
  request.arn = in.string_or("CertificateArn", "");
  request.tags = with_values(read_tags(in));
  for (const auto& [member, target] : {std::pair{"Certificate", &request.body},
                                       {"PrivateKey", &request.key},
                                       {"CertificateChain", &request.chain}}) {
    auto bytes = blob(in, member);
    if (!bytes) return bytes.error();
    *target = *std::move(bytes);
  }
  auto arn = control::import_certificate(step, request);
  if (!arn) return arn.error();
  return json{{"CertificateArn", *arn}};
}

Result<const model::Certificate*> named(Step& step, In in) {
  const auto arn = required(in, "CertificateArn");
  if (!arn) return arn.error();
  return control::find_certificate(step, *arn);
}

Answer describe_certificate(Step& step, In in) {
  const auto row = named(step, in);
  if (!row) return row.error();
  const auto users = control::certificate_users(step.state);
  const auto it = users.find((*row)->arn);
  return json{{"Certificate", detail_of(**row, step.state.acme_orders.find((*row)->arn),
                                        it == users.end() ? std::set<std::string>() : it->second,
                                        step.settings.account, step.now)}};
}

Answer get_certificate(Step& step, In in) {
  const auto row = named(step, in);
  if (!row) return row.error();
  if ((*row)->body.empty()) {
    return fault(
        "RequestInProgressException",
        "Certificate " + (*row)->arn + " has not been issued: its status is " + status_of(**row, step.now));
  }
  json out{{"Certificate", (*row)->body}};
  if (!(*row)->chain.empty()) out["CertificateChain"] = (*row)->chain;
  return out;
}

Answer delete_certificate(Step& step, In in) {
  const auto arn = required(in, "CertificateArn");
  if (!arn) return arn.error();
  if (auto ok = control::delete_certificate(step, *arn); !ok) return ok.error();
  return json::object();
}

Answer list_tags_for_certificate(Step& step, In in) {
  const auto row = named(step, in);
  if (!row) return row.error();
  return json{{"Tags", tags_of(**row)}};
}

template <class Change>
Answer change_tags(Step& step, In in, Change change) {
  const auto arn = required(in, "CertificateArn");
  if (!arn) return arn.error();
  auto tags = read_tags(in);
  if (!in.ok()) return in.error();
  if (tags.empty()) return missing("Tags");
  if (auto ok = change(step, *arn, std::move(tags)); !ok) return ok.error();
  return json::object();
}

Answer add_tags_to_certificate(Step& step, In in) {
  return change_tags(step, in, [](Step& at, const std::string& arn, std::vector<control::TagToRemove> tags) {
    return control::add_certificate_tags(at, arn, with_values(std::move(tags)));
  });
}

Answer remove_tags_from_certificate(Step& step, In in) {
  return change_tags(step, in, [](Step& at, const std::string& arn, std::vector<control::TagToRemove> tags) {
    return control::remove_certificate_tags(at, arn, tags);
  });
}

// ---- RequestCertificate ----

bool is_label(std::string_view text) {
  constexpr std::size_t kMaxLabel = 63;
  return !text.empty() && text.size() <= kMaxLabel && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

Result<std::string> host_name(std::string name, const std::string& member) {
  constexpr std::size_t kMaxName = 253;
  name = shared::lower_case(std::move(name));
  if (name.starts_with("*.")) {
    return fault(
        "InvalidParameterException",
        member + " '" + name.substr(0, kMaxName) +
            "' is a wildcard: hosts are proved by HTTP here, which no ACME server takes for one. Name "
            "the hosts, or give a wildcard certificate to ImportCertificate.");
  }
  std::size_t labels = 0;
  bool good = name.size() <= kMaxName;
  for (std::size_t at = 0; good && at <= name.size(); ++labels) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    good = is_label(std::string_view(name).substr(at, dot - at));
    at = dot + 1;
  }
  if (good && labels >= 2) return name;
  return refuse(member + " '" + name.substr(0, kMaxName) + "' is no fully qualified host name");
}

Result<std::vector<std::string>> certificate_names(In in) {
  const auto first = required(in, "DomainName");
  if (!first) return first.error();
  std::vector<std::string> names;
  const auto add = [&names](std::string text, const std::string& member) -> Result<void> {
    auto name = host_name(std::move(text), member);
    if (!name) return name.error();
    if (std::find(names.begin(), names.end(), *name) == names.end()) names.push_back(*std::move(name));
    return {};
  };
  if (auto ok = add(*first, "DomainName"); !ok) return ok.error();
  for (std::string& each : in.strings_or_empty("SubjectAlternativeNames")) {
    if (auto ok = add(std::move(each), "SubjectAlternativeNames"); !ok) return ok.error();
  }
  if (names.size() > control::kMaxCertificateNames) {
    return fault("LimitExceededException", "A certificate can have at most " +
                                               std::to_string(control::kMaxCertificateNames) + " names");
  }
  return names;
}

// What would have no effect is refused.
Result<void> check_request_options(In in, const std::vector<std::string>& names) {
  if (in.has("CertificateAuthorityArn")) {
    return fault("InvalidArnException",
                 "CertificateAuthorityArn: there are no private certificate authorities "
                 "here; certificates come from the ACME server that is set");
  }
  if (in.has("ManagedBy")) return fault("InvalidParameterException", "ManagedBy is not offered");
  if (const auto options = in.child("Options")) {
    if (options->string_or("CertificateTransparencyLoggingPreference", "ENABLED") != "ENABLED") {
      return fault(
          "InvalidParameterException",
          "Options.CertificateTransparencyLoggingPreference: what is logged the ACME server decides");
    }
    if (options->string_or("Export", "DISABLED") != "DISABLED")
      return fault("InvalidParameterException", "Options.Export: private keys leave for the balancers only");
  }
  for (const auto& each : in.children("DomainValidationOptions")) {
    const std::string name = each.required_string("DomainName");
    const std::string domain = each.required_string("ValidationDomain");
    if (!in.ok()) return in.error();
    if (std::find(names.begin(), names.end(), name) == names.end() || domain != name) {
      return fault("InvalidDomainValidationOptionsException",
                   "DomainValidationOptions: the ValidationDomain of '" + name +
                       "' must be one of the names, and the same: each host is proved by itself");
    }
  }
  return {};
}

Answer request_certificate(Step& step, In in) {
  auto names = certificate_names(in);
  if (!names) return names.error();
  if (auto ok = check_request_options(in, *names); !ok) return ok.error();
  control::RequestCertificate request;
  request.names = *std::move(names);
  request.validation_method = in.string_or("ValidationMethod", "DNS");
  request.idempotency_token = in.string_or("IdempotencyToken", "");
  request.key_algorithm = in.string_or("KeyAlgorithm", "RSA_2048");
  request.tags = with_values(read_tags(in));
  if (!in.ok()) return in.error();
  if (request.validation_method == "EMAIL") {
    return fault(
        "InvalidParameterException",
        "ValidationMethod EMAIL is not offered: give DNS or HTTP. Hosts are proved by HTTP either way, "
        "which the balancers answer.");
  }
  if (request.validation_method != "DNS" && request.validation_method != "HTTP") {
    return refuse("1 validation error detected: Value '" + request.validation_method +
                  "' at 'validationMethod' failed to satisfy constraint: Member must satisfy enum value set");
  }
  constexpr std::string_view kAlgorithms[] = {"RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1",
                                              "EC_secp384r1"};
  if (std::find(std::begin(kAlgorithms), std::end(kAlgorithms), request.key_algorithm) ==
      std::end(kAlgorithms)) {
    return refuse("KeyAlgorithm '" + request.key_algorithm +
                  "' is not offered: RSA_2048, RSA_3072, RSA_4096, EC_prime256v1 and EC_secp384r1 are");
  }
  request.key_algorithm[request.key_algorithm.find('_')] = '-';
  constexpr std::size_t kMaxToken = 32;
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  const std::string& token = request.idempotency_token;
  if (token.size() > kMaxToken || !std::all_of(token.begin(), token.end(), is_word))
    return refuse("IdempotencyToken must be 1 to 32 letters, digits and underscores");
  auto arn = control::request_certificate(step, request);
  if (!arn) return arn.error();
  return json{{"CertificateArn", *arn}};
}

Answer renew_certificate(Step& step, In in) {
  const auto arn = required(in, "CertificateArn");
  if (!arn) return arn.error();
  if (auto ok = control::renew_certificate(step, *arn); !ok) return ok.error();
  return json::object();
}

// ---- ListCertificates ----

struct Filter {
  std::set<std::string> statuses;                           // empty: any
  std::set<std::string> key_types{"RSA_1024", "RSA_2048"};  // as in AWS, others are shown on demand only
};

Result<std::set<std::string>> words_of(In in, std::string_view member,
                                       std::initializer_list<std::string_view> known) {
  std::set<std::string> out;
  for (const std::string& each : in.strings_or_empty(member)) {
    if (std::find(known.begin(), known.end(), each) == known.end()) {
      return refuse("1 validation error detected: Value '" + each + "' at '" + in.path_of(member) +
                    "' failed to satisfy constraint: Member must satisfy enum value set");
    }
    out.insert(each);
  }
  return out;
}

Result<Filter> read_filter(In in) {
  Filter filter;
  auto statuses = words_of(
      in, "CertificateStatuses",
      {"PENDING_VALIDATION", "ISSUED", "INACTIVE", "EXPIRED", "VALIDATION_TIMED_OUT", "REVOKED", "FAILED"});
  if (!statuses) return statuses.error();
  filter.statuses = *std::move(statuses);
  const auto includes = in.child("Includes");
  if (!includes) return filter;
  for (const std::string& member : includes->names()) {
    if (member != "keyTypes" && !includes->strings_or_empty(member).empty())
      return refuse("Includes." + member + " is not offered: list all certificates, or by keyTypes");
  }
  auto types = words_of(
      *includes, "keyTypes",
      {"RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"});
  if (!types) return types.error();
  if (!types->empty()) filter.key_types = *std::move(types);
  return filter;
}

bool passes(const Filter& filter, const model::Certificate& row, shared::WallTime now) {
  return (filter.statuses.empty() || filter.statuses.count(status_of(row, now)) != 0) &&
         filter.key_types.count(key_algorithm_of(row)) != 0;
}

// By creation; a token holds the place of the last one that was given.
using Place = std::pair<std::int64_t, std::string>;
std::string token_of(const Place& place) {
  return shared::crypto::base64_encode(std::to_string(place.first) + " " + place.second);
}

Answer list_certificates(Step& step, In in) {
  const auto filter = read_filter(in);
  if (!filter) return filter.error();
  const int size = in.integer_or<int>("MaxItems", kMaxPage);
  const std::string after = in.string_or("NextToken", "");
  const std::string sort_by = in.string_or("SortBy", "");
  const std::string order = in.string_or("SortOrder", "");
  if (!in.ok()) return in.error();
  if (size < 1 || size > kMaxPage) return refuse("MaxItems must be from 1 to " + std::to_string(kMaxPage));
  if (sort_by.empty() != order.empty()) return refuse("SortBy and SortOrder must be given together");
  if (!sort_by.empty() && sort_by != "CREATED_AT") return refuse("SortBy must be CREATED_AT");
  if (!order.empty() && order != "ASCENDING" && order != "DESCENDING")
    return refuse("SortOrder must be ASCENDING or DESCENDING");

  std::vector<std::pair<Place, const model::Certificate*>> found;
  for (const auto& [arn, row] : step.state.certificates.rows()) {
    if (passes(*filter, row, step.now)) found.push_back({{shared::epoch_millis(row.created_at), arn}, &row});
  }
  std::sort(found.begin(), found.end());
  if (order == "DESCENDING") std::reverse(found.begin(), found.end());
  auto next = found.begin();
  if (!after.empty()) {
    next =
        std::find_if(found.begin(), found.end(), [&](const auto& e) { return token_of(e.first) == after; });
    if (next == found.end()) return refuse("NextToken is not valid: list again from the beginning");
    ++next;
  }
  const auto end = found.end() - next > size ? next + size : found.end();
  const auto users = control::certificate_users(step.state);
  json list = json::array();
  for (auto it = next; it != end; ++it)
    list.push_back(summary_of(*it->second, users.count(it->second->arn) != 0, step.now));
  json out{{"CertificateSummaryList", std::move(list)}};
  if (end != found.end()) out["NextToken"] = token_of((end - 1)->first);
  return out;
}

// ---- The table ----

using Operation = Answer (*)(Step&, In);

constexpr std::pair<std::string_view, Operation> kOffered[] = {
    {"AddTagsToCertificate", add_tags_to_certificate},
    {"DeleteCertificate", delete_certificate},
    {"DescribeCertificate", describe_certificate},
    {"GetCertificate", get_certificate},
    {"ImportCertificate", import_certificate},
    {"ListCertificates", list_certificates},
    {"ListTagsForCertificate", list_tags_for_certificate},
    {"RemoveTagsFromCertificate", remove_tags_from_certificate},
    {"RenewCertificate", renew_certificate},
    {"RequestCertificate", request_certificate},
};

constexpr std::string_view kNoMail =
    "is not offered: hosts are proved by HTTP, which the balancers answer; no mail is sent.";
constexpr std::string_view kNoRevocation =
    "is not offered: revoke a certificate at the ACME server that issued it.";
constexpr std::string_view kNoExport = "is not offered: private keys leave for the balancers only.";
constexpr std::string_view kNoSettings = "is not offered: there are no settings of certificates.";
constexpr std::string_view kNoSearch = "is not offered: use ListCertificates.";

constexpr std::pair<std::string_view, std::string_view> kNotOffered[] = {
    {"ExportCertificate", kNoExport},          {"GetAccountConfiguration", kNoSettings},
    {"PutAccountConfiguration", kNoSettings},  {"ResendValidationEmail", kNoMail},
    {"RevokeCertificate", kNoRevocation},      {"SearchCertificates", kNoSearch},
    {"UpdateCertificateOptions", kNoSettings},
};

template <class Table>
auto find_in(const Table& table, std::string_view operation) {
  return std::find_if(std::begin(table), std::end(table),
                      [&](const auto& each) { return each.first == operation; });
}

}  // namespace

Result<std::string> handle(Step& step, const Call& call) {
  const auto* const offered = find_in(kOffered, call.operation);
  if (offered == std::end(kOffered)) {
    const auto* const known = find_in(kNotOffered, call.operation);
    if (known != std::end(kNotOffered))
      return fault("InvalidParameterException", call.operation + " " + std::string(known->second));
    return fault("UnknownOperationException", "The operation " + call.operation + " does not exist.");
  }
  const auto document = shared::json::Document::parse(call.body.empty() ? "{}" : call.body, kSyntax);
  if (!document) return document.error();
  const shared::json::Reader in = document->root();
  const Answer answer = offered->second(step, in);
  if (!in.ok()) return in.error();
  if (!answer) return answer.error();
  return shared::json::to_text(*answer);
}

Offers offers() {
  Offers out;
  add_offered(out, kOffered);
  add_refused(out, kNotOffered);
  return out;
}

}  // namespace agent::api::acm
