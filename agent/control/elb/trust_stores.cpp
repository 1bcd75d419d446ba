#include "agent/control/elb/trust_stores.h"

#include <algorithm>

#include "agent/control/elb/tags.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "shared/crypto/certificate.h"
#include "shared/lbconfig/tls.h"

namespace agent::control {
namespace {

using shared::Result;
namespace crypto = shared::crypto;

constexpr std::size_t kMaxNameChars = 32;
constexpr int kIdDigits = 16;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Result<void> check_name(const std::string& name) {
  if (name.empty() || name.size() > kMaxNameChars)
    return validation_error("Trust store name '" + name.substr(0, kMaxNameChars) +
                            "' must have 1 to 32 characters");
  const bool letters =
      std::all_of(name.begin(), name.end(), [](char c) { return is_letter_or_digit(c) || c == '-'; });
  if (!letters || name.front() == '-' || name.back() == '-' || name.find("--") != std::string::npos) {
    return validation_error("Trust store name '" + name +
                            "' can only have letters and digits, with single hyphens between them");
  }
  return {};
}

// How many certificates it has.
Result<std::int64_t> judged_bundle(const std::string& pem) {
  if (pem.size() > lb::kMaxCaBundleBytes) {
    return fault("InvalidCaCertificatesBundle", "The bundle has " + std::to_string(pem.size()) +
                                                    " bytes; at most " +
                                                    std::to_string(lb::kMaxCaBundleBytes) + " are taken");
  }
  const auto parsed = crypto::Certificates::parse_bundle(pem);
  if (!parsed) return fault("InvalidCaCertificatesBundle", "The bundle " + parsed.error().text());
  return static_cast<std::int64_t>(parsed->size());
}

std::size_t bytes_of(const model::TrustStore& row) {
  std::size_t bytes = row.bundle.size();
  for (const model::Revocation& each : row.revocations) bytes += each.lists.size();
  return bytes;
}

// With `fresh` in place of the row of its ARN.
bool has_room(const State& state, const model::TrustStore& fresh) {
  std::size_t bytes = bytes_of(fresh);
  for (const auto& [arn, row] : state.trust_stores.rows()) {
    if (arn != fresh.arn) bytes += bytes_of(row);
  }
  return bytes <= kMaxTrustStoreBytes;
}

std::string no_room() {
  return "Bundles and revocation lists of all trust stores together can have " +
         std::to_string(kMaxTrustStoreBytes) + " bytes: balancers get them in one message";
}

Result<model::Revocation> judged_lists(const std::string& pem) {
  const auto parsed = crypto::RevocationList::parse(pem);
  if (!parsed) return fault("InvalidRevocationContent", "The file " + parsed.error().text());
  model::Revocation out;
  out.lists = pem;
  for (const auto& list : *parsed) out.entries += static_cast<std::int64_t>(list.entries());
  return out;
}

}  // namespace

Result<const model::TrustStore*> find_trust_store(const State& state, const std::string& arn) {
  if (const auto* row = state.trust_stores.find(arn)) return row;
  return fault("TrustStoreNotFound", "Trust store '" + arn + "' not found");
}

Result<std::string> create_trust_store(Step& step, const CreateTrustStore& r) {
  if (auto ok = check_name(r.name); !ok) return ok.error();
  if (auto ok = check_elb_tags(r.tags); !ok) return ok.error();
  for (const auto& [arn, row] : step.state.trust_stores.rows()) {
    if (row.name == r.name)
      return fault("DuplicateTrustStoreName", "A trust store with the name '" + r.name + "' already exists");
  }
  if (step.state.trust_stores.size() >= kMaxTrustStores) {
    return fault("TooManyTrustStores",
                 "The limit of " + std::to_string(kMaxTrustStores) + " trust stores has been reached");
  }
  const auto certificates = judged_bundle(r.bundle);
  if (!certificates) return certificates.error();
  model::TrustStore row;
  row.arn = aws::trust_store_arn(step.settings.realm(), r.name, step.random.hex(kIdDigits));
  row.name = r.name;
  row.bundle = r.bundle;
  row.certificates = *certificates;
  row.tags = r.tags;
  row.created_at = step.now;
  if (!has_room(step.state, row)) return fault("InvalidCaCertificatesBundle", no_room());
  std::string arn = row.arn;
  rows(step).trust_stores.put(arn, std::move(row));
  return arn;
}

Result<void> modify_trust_store(Step& step, const std::string& arn, const std::string& bundle) {
  const auto found = find_trust_store(step.state, arn);
  if (!found) return found.error();
  const auto certificates = judged_bundle(bundle);
  if (!certificates) return certificates.error();
  model::TrustStore row = **found;
  row.bundle = bundle;
  row.certificates = *certificates;
  if (!has_room(step.state, row)) return fault("InvalidCaCertificatesBundle", no_room());
  rows(step).trust_stores.put(arn, std::move(row));
  return {};
}

Result<void> delete_trust_store(Step& step, const std::string& arn) {
  if (const auto found = find_trust_store(step.state, arn); !found) return found.error();
  if (const auto users = trust_store_users(step.state, arn); !users.empty())
    return fault("TrustStoreInUse",
                 "Trust store '" + arn + "' is in use by listener '" + users.front() + "'");
  rows(step).trust_stores.erase(arn);
  return {};
}

Result<std::vector<std::int64_t>> add_revocations(Step& step, const std::string& arn,
                                                  const std::vector<std::string>& files) {
  const auto found = find_trust_store(step.state, arn);
  if (!found) return found.error();
  model::TrustStore row = **found;
  std::vector<std::int64_t> ids;
  for (const std::string& pem : files) {
    auto judged = judged_lists(pem);
    if (!judged) return judged.error();
    judged->id = row.next_revocation++;
    ids.push_back(judged->id);
    row.revocations.push_back(*std::move(judged));
  }
  if (row.revocations.size() > lb::kMaxCrls) {
    return fault(
        "TooManyTrustStoreRevocationEntries",
        "A trust store can have at most " + std::to_string(lb::kMaxCrls) + " files of revocation lists");
  }
  if (!has_room(step.state, row)) return fault("TooManyTrustStoreRevocationEntries", no_room());
  rows(step).trust_stores.put(arn, std::move(row));
  return ids;
}

Result<void> remove_revocations(Step& step, const std::string& arn, const std::vector<std::int64_t>& ids) {
  const auto found = find_trust_store(step.state, arn);
  if (!found) return found.error();
  model::TrustStore row = **found;
  for (const std::int64_t id : ids) {
    const auto named = [id](const model::Revocation& each) { return each.id == id; };
    if (std::erase_if(row.revocations, named) == 0) {
      return fault("RevocationIdNotFound",
                   "Revocation " + std::to_string(id) + " not found in trust store '" + arn + "'");
    }
  }
  rows(step).trust_stores.put(arn, std::move(row));
  return {};
}

std::vector<std::string> trust_store_users(const State& state, const std::string& arn) {
  std::vector<std::string> users;
  for (const auto& [listener_arn, listener] : state.listeners.rows()) {
    if (listener.client.mode == lb::ClientCertificates::kVerify && listener.client.trust_store == arn)
      users.push_back(listener_arn);
  }
  return users;
}

}  // namespace agent::control
