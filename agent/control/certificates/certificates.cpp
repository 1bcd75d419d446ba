#include "agent/control/certificates/certificates.h"

#include <algorithm>

#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/tag_rules.h"
#include "shared/crypto/certificate.h"
#include "shared/lbconfig/tls.h"

namespace agent::control {
namespace {

using shared::Error;
using shared::Result;
namespace crypto = shared::crypto;

Error refuse(std::string text) { return fault("ValidationException", std::move(text)); }
Error refuse(const char* member, const Error& why) { return refuse(std::string(member) + " " + why.text()); }

Result<void> check_sizes(const ImportCertificate& r) {
  const auto check = [](const char* member, std::size_t size, std::size_t most) -> Result<void> {
    if (size <= most) return {};
    return refuse(std::string(member) + " has " + std::to_string(size) + " bytes; at most " +
                  std::to_string(most) + " are taken");
  };
  if (r.body.empty()) return refuse("Certificate must not be empty");
  if (r.key.empty()) return refuse("PrivateKey must not be empty");
  if (auto ok = check("Certificate", r.body.size(), kMaxBodyBytes); !ok) return ok;
  if (auto ok = check("PrivateKey", r.key.size(), kMaxPrivateKeyBytes); !ok) return ok;
  return check("Certificate with its CertificateChain", r.body.size() + 1 + r.chain.size(),
               lb::kMaxChainBytes);
}

// The certificate, then those that issued it, as a listener shows them.
Result<crypto::Certificates> judged_chain(const ImportCertificate& r) {
  const auto body = crypto::Certificates::parse_chain(r.body);
  if (!body) return refuse("Certificate", body.error());
  if (body->size() != 1) {
    return refuse("Certificate holds " + std::to_string(body->size()) +
                  " certificates: give those that issued it as CertificateChain");
  }
  if (r.chain.empty()) return body;
  if (auto alone = crypto::Certificates::parse_bundle(r.chain); !alone)
    return refuse("CertificateChain", alone.error());
  auto all = crypto::Certificates::parse_chain(r.body + "\n" + r.chain);
  if (!all) return refuse("Certificate, followed by its CertificateChain,", all.error());
  for (std::size_t i = 1; i < all->size(); ++i) {
    const auto facts = crypto::facts_of(*all->native(i));
    if (facts && facts->fingerprint == body->leaf().fingerprint)
      return refuse("CertificateChain must not hold the certificate itself");
  }
  return all;
}

std::string common_name(std::string_view subject) {
  constexpr std::string_view kPrefix = "CN=";
  // RFC 2253: attributes are separated by commas; one inside a value follows a backslash.
  for (std::size_t at = 0; at < subject.size();) {
    std::size_t end = at;
    while (end < subject.size() && subject[end] != ',') end += subject[end] == '\\' ? 2 : 1;
    end = std::min(end, subject.size());
    const std::string_view each = subject.substr(at, end - at);
    if (each.starts_with(kPrefix)) return std::string(each.substr(kPrefix.size()));
    at = end + 1;
  }
  return "";
}

std::string main_name(const crypto::CertificateFacts& facts) {
  std::string name = common_name(facts.subject);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const bool known = std::find(facts.names.begin(), facts.names.end(), name) != facts.names.end();
  if (known || facts.names.empty()) return name;
  return facts.names.front();
}

void set_facts(model::Certificate& row, const crypto::CertificateFacts& facts) {
  row.domain_name = main_name(facts);
  row.names = facts.names;
  row.subject = facts.subject;
  row.issuer = facts.issuer;
  row.serial = facts.serial;
  row.key_algorithm = facts.key.algorithm;
  row.signature_algorithm = facts.signature_algorithm;
  row.not_before = facts.not_before;
  row.not_after = facts.not_after;
}

std::size_t bytes_of(const model::Certificate& row) {
  return row.body.size() + row.chain.size() + row.key.size();
}

// With `fresh` in place of the row of its ARN.
Result<void> check_room(const State& state, const model::Certificate& fresh) {
  std::size_t bytes = bytes_of(fresh);
  bool replaces = false;
  for (const auto& [arn, row] : state.certificates.rows()) {
    replaces = replaces || arn == fresh.arn;
    if (arn != fresh.arn) bytes += bytes_of(row);
  }
  if (!replaces && state.certificates.size() >= kMaxCertificates) {
    return fault("LimitExceededException",
                 "The limit of " + std::to_string(kMaxCertificates) + " certificates has been reached");
  }
  if (bytes > kMaxCertificateBytes) {
    return fault("LimitExceededException", "All certificates, chains and keys together may have " +
                                               std::to_string(kMaxCertificateBytes) +
                                               " bytes: balancers get them in one message");
  }
  return {};
}

}  // namespace

Result<void> check_certificate_tags(const std::vector<model::Tag>& tags) {
  if (tags.size() > kMaxTags)
    return fault("TooManyTagsException",
                 "A certificate can have at most " + std::to_string(kMaxTags) + " tags");
  if (auto ok = check_tags(tags); !ok) return fault("InvalidTagException", ok.error().text());
  return {};
}

Result<void> check_room_for_one_more(const State& state) { return check_room(state, model::Certificate{}); }

Result<void> install_certificate(Step& step, const std::string& arn, const std::string& chain,
                                 const std::string& key) {
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  const model::Certificate* found = step.state.certificates.find(arn);
  if (found == nullptr) return {};  // deleted meanwhile
  if (chain.size() > lb::kMaxChainBytes) return Error("InvalidCertificate", "is longer than 64 KiB");
  const auto parsed = crypto::Certificates::parse_chain(chain);
  if (!parsed) return parsed.error();
  const auto parsed_key = crypto::PrivateKey::parse(key);
  if (!parsed_key) return parsed_key.error();
  if (auto ok = crypto::check_pair(*parsed, *parsed_key); !ok) return ok;
  const crypto::CertificateFacts& facts = parsed->leaf();
  if (step.now > facts.not_after) return Error("InvalidCertificate", "has expired");
  model::Certificate row = *found;
  std::size_t end = chain.find(kEnd);
  end = end == std::string::npos ? chain.size() : end + kEnd.size();
  row.body = chain.substr(0, end) + "\n";
  row.chain = chain.substr(std::min(chain.size(), chain.find("-----BEGIN", end)));
  row.key = key;
  const std::string name = row.domain_name;
  set_facts(row, facts);
  row.domain_name = name;  // what was asked for
  if (auto ok = check_room(step.state, row); !ok) return ok;
  rows(step).certificates.put(arn, std::move(row));
  return {};
}

Result<const model::Certificate*> find_certificate(const Step& step, const std::string& arn) {
  if (!aws::is_certificate_arn(step.settings.realm(), arn)) {
    return fault("InvalidArnException",
                 "'" + arn.substr(0, aws::kQuotedArnBytes) + "' is not a valid certificate ARN");
  }
  if (const auto* row = step.state.certificates.find(arn)) return row;
  return fault("ResourceNotFoundException",
               "Could not find certificate " + arn + " in account " + step.settings.account + ".");
}

Result<std::string> import_certificate(Step& step, const ImportCertificate& r) {
  model::Certificate row;
  if (!r.arn.empty()) {
    const auto known = find_certificate(step, r.arn);
    if (!known) return known.error();
    if (!r.tags.empty()) return fault("InvalidParameterException", "Tagging is not permitted on re-import.");
    if ((*known)->request) {
      return fault("ValidationException",
                   "Certificate " + r.arn +
                       " was requested and is renewed by itself: only imported ones can be "
                       "imported again.");
    }
    row = **known;
  }
  if (auto ok = check_sizes(r); !ok) return ok.error();
  if (auto ok = check_certificate_tags(r.tags); !ok) return ok.error();
  const auto chain = judged_chain(r);
  if (!chain) return chain.error();
  const auto key = crypto::PrivateKey::parse(r.key);
  if (!key) return refuse("PrivateKey", key.error());
  if (auto ok = crypto::check_pair(*chain, *key); !ok) return refuse("PrivateKey", ok.error());
  const crypto::CertificateFacts& facts = chain->leaf();
  if (step.now < facts.not_before) return refuse("The certificate is not valid yet");
  if (step.now > facts.not_after) return refuse("The certificate has expired");
  row.body = r.body;
  row.chain = r.chain;
  row.key = r.key;
  row.imported_at = step.now;
  set_facts(row, facts);
  if (r.arn.empty()) {
    row.arn = aws::certificate_arn(step.settings.realm(), step.random.uuid());
    row.tags = r.tags;
    row.created_at = step.now;
  }
  if (auto ok = check_room(step.state, row); !ok) return ok.error();
  std::string arn = row.arn;
  rows(step).certificates.put(arn, std::move(row));
  return arn;
}

Result<void> delete_certificate(Step& step, const std::string& arn) {
  if (const auto found = find_certificate(step, arn); !found) return found.error();
  if (certificate_users(step.state).count(arn) != 0) {
    return fault("ResourceInUseException",
                 "Certificate " + arn + " in account " + step.settings.account + " is in use.");
  }
  rows(step).certificates.erase(arn);
  rows(step).acme_orders.erase(arn);
  return {};
}

Result<void> add_certificate_tags(Step& step, const std::string& arn, const std::vector<model::Tag>& tags) {
  const auto found = find_certificate(step, arn);
  if (!found) return found.error();
  if (auto ok = check_certificate_tags(tags); !ok) return ok;
  auto merged = merge_tags((*found)->tags, tags);
  if (auto ok = check_certificate_tags(merged); !ok) return ok;
  rows(step).certificates.edit(arn, [&](auto& row) { row.tags = std::move(merged); });
  return {};
}

Result<void> remove_certificate_tags(Step& step, const std::string& arn,
                                     const std::vector<TagToRemove>& tags) {
  if (const auto found = find_certificate(step, arn); !found) return found.error();
  const auto goes = [&](const model::Tag& tag) {
    return std::any_of(tags.begin(), tags.end(), [&](const TagToRemove& each) {
      return each.key == tag.key && (!each.value || *each.value == tag.value);
    });
  };
  rows(step).certificates.edit(arn, [&](auto& row) { std::erase_if(row.tags, goes); });
  return {};
}

std::map<std::string, std::set<std::string>> certificate_users(const State& state) {
  std::map<std::string, std::set<std::string>> users;
  for (const auto& [arn, listener] : state.listeners.rows()) {
    if (!listener.certificate.empty()) users[listener.certificate].insert(listener.load_balancer_arn);
    for (const std::string& each : listener.certificates) users[each].insert(listener.load_balancer_arn);
  }
  return users;
}

}  // namespace agent::control
