#include "agent/control/elb/trust_stores.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "agent/api/elbv2/operations.h"
#include "agent/api/elbv2/shapes.h"
#include "agent/control/elb/tags.h"
#include "shared/lbconfig/tls.h"

namespace agent::api::elbv2 {
namespace {

using aws::ElbKind;
using aws::QueryReader;
using aws::XmlElement;
using control::Step;
using shared::Result;

constexpr std::size_t kIdDigits = 20;  // so that text sorts as numbers

// Where a call names an object: "CaCertificatesBundle" + "S3Bucket", for example.
Result<std::string> read_object(const Step& step, const QueryReader& in, const std::string& prefix,
                                const std::string& not_found, std::size_t most_bytes) {
  const std::string bucket = in.required_string(prefix + "S3Bucket");
  const std::string key = in.required_string(prefix + "S3Key");
  if (!in.ok()) return in.error();
  if (in.string(prefix + "S3ObjectVersion"))
    return fault(not_found, prefix + "S3ObjectVersion: objects have no versions here");
  if (!step.settings.objects) {
    return fault(not_found, "No folder stands for S3 here, so there is no object '" + bucket + "/" + key +
                                "': start control with --objects-dir");
  }
  auto text = step.settings.objects->read(bucket, key, most_bytes);
  if (!text) return fault(not_found, text.error().text());
  return text;
}

Result<std::string> read_bundle(const Step& step, const QueryReader& in) {
  return read_object(step, in, "CaCertificatesBundle", "CaCertificatesBundleNotFound", lb::kMaxCaBundleBytes);
}

void write_trust_store(XmlElement out, const model::TrustStore& row) {
  std::int64_t revoked = 0;
  for (const model::Revocation& each : row.revocations) revoked += each.entries;
  out.text("Name", row.name);
  out.text("TrustStoreArn", row.arn);
  out.text("Status", "ACTIVE");
  out.integer("NumberOfCaCertificates", row.certificates);
  out.integer("TotalRevokedEntries", revoked);
}

void write_trust_stores(XmlElement out, const model::TrustStore& row) {
  write_trust_store(out.child("TrustStores").child("member"), row);
}

void write_revocation(XmlElement out, const std::string& arn, const model::Revocation& each) {
  out.text("TrustStoreArn", arn);
  out.text("RevocationId", std::to_string(each.id));
  out.text("RevocationType", "CRL");
  out.integer("NumberOfRevokedEntries", each.entries);
}

std::vector<std::int64_t> read_ids(const QueryReader& in) {
  std::vector<std::int64_t> ids;
  for (const std::string& text : in.strings_or_empty("RevocationIds")) {
    std::int64_t id = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, id);
    if (failure != std::errc() || stop != end)
      in.fail(validation_error("RevocationIds: '" + text + "' is not a number"));
    ids.push_back(id);
  }
  return ids;
}

std::string sort_key(std::int64_t id) {
  const std::string digits = std::to_string(id);
  return std::string(kIdDigits - std::min(kIdDigits, digits.size()), '0') + digits;
}

}  // namespace

Done create_trust_store(Step& step, In in, XmlElement out) {
  control::CreateTrustStore request;
  request.name = in.required_string("Name");
  request.tags = read_tags(in);
  if (!in.ok()) return in.error();
  auto bundle = read_bundle(step, in);
  if (!bundle) return bundle.error();
  request.bundle = *std::move(bundle);
  const auto arn = control::create_trust_store(step, request);
  if (!arn) return arn.error();
  write_trust_stores(out, *step.state.trust_stores.find(*arn));
  return {};
}

Done describe_trust_stores(Step& step, In in, XmlElement out) {
  const auto arns = arns_or_empty(step, in, "TrustStoreArns", ElbKind::kTrustStore);
  const auto names = in.strings_or_empty("Names");
  const auto page = read_page(in);
  if (!in.ok()) return in.error();
  if (!arns.empty() && !names.empty())
    return validation_error("Trust store names and trust store ARNs cannot be specified at the same time");
  const auto [found, missing] = named_rows<model::TrustStore>(step.state.trust_stores, arns, names);
  if (!missing.empty())
    return fault("TrustStoreNotFound", "Trust store '" + *missing.begin() + "' not found");
  write_page(out, "TrustStores", page, found,
             [](XmlElement member, const model::TrustStore* row) { write_trust_store(member, *row); });
  return {};
}

Done modify_trust_store(Step& step, In in, XmlElement out) {
  const auto arn = required_arn(step, in, "TrustStoreArn", ElbKind::kTrustStore);
  if (!in.ok()) return in.error();
  if (auto found = control::find_trust_store(step.state, arn); !found) return found.error();
  const auto bundle = read_bundle(step, in);
  if (!bundle) return bundle.error();
  if (auto ok = control::modify_trust_store(step, arn, *bundle); !ok) return ok;
  write_trust_stores(out, *step.state.trust_stores.find(arn));
  return {};
}

Done delete_trust_store(Step& step, In in, XmlElement) {
  const auto arn = required_arn(step, in, "TrustStoreArn", ElbKind::kTrustStore);
  if (!in.ok()) return in.error();
  return control::delete_trust_store(step, arn);
}

Done describe_trust_store_associations(Step& step, In in, XmlElement out) {
  const auto arn = required_arn(step, in, "TrustStoreArn", ElbKind::kTrustStore);
  const auto page = read_page(in);
  if (!in.ok()) return in.error();
  if (auto found = control::find_trust_store(step.state, arn); !found) return found.error();
  std::vector<std::pair<std::string, std::string>> items;
  for (const std::string& user : control::trust_store_users(step.state, arn)) items.emplace_back(user, user);
  write_page(out, "TrustStoreAssociations", page, items,
             [](XmlElement member, const std::string& user) { member.text("ResourceArn", user); });
  return {};
}

// Associations of other accounts, of which there are none here.
Done delete_shared_trust_store_association(Step& step, In in, XmlElement) {
  const auto arn = required_arn(step, in, "TrustStoreArn", ElbKind::kTrustStore);
  const std::string resource = in.required_string("ResourceArn");
  if (!in.ok()) return in.error();
  if (auto found = control::find_trust_store(step.state, arn); !found) return found.error();
  const auto users = control::trust_store_users(step.state, arn);
  if (std::find(users.begin(), users.end(), resource) == users.end())
    return fault("AssociationNotFound", "The specified association does not exist.");
  return fault("DeleteAssociationSameAccount",
               "The association belongs to this account: change or delete the listener");
}

// Policies share trust stores with other accounts, so there are none.
Done get_resource_policy(Step& step, In in, XmlElement) {
  const auto arn = required_arn(step, in, "ResourceArn", ElbKind::kTrustStore);
  if (!in.ok()) return in.error();
  if (auto found = control::find_trust_store(step.state, arn); !found) return found.error();
  return fault("ResourceNotFound", "There is no resource policy for '" + arn + "'");
}

Done add_trust_store_revocations(Step& step, In in, XmlElement out) {
  const auto arn = required_arn(step, in, "TrustStoreArn", ElbKind::kTrustStore);
  const auto contents = in.children("RevocationContents");
  if (!in.ok()) return in.error();
  if (auto found = control::find_trust_store(step.state, arn); !found) return found.error();
  if (contents.empty()) return validation_error("At least one revocation content must be specified");
  if (contents.size() > lb::kMaxCrls) {
    return fault("TooManyTrustStoreRevocationEntries",
                 "At most " + std::to_string(lb::kMaxCrls) + " revocation contents can be specified");
  }
  std::vector<std::string> files;
  for (const QueryReader& each : contents) {
    if (const std::string type = each.string_or("RevocationType", "CRL"); type != "CRL")
      in.fail(validation_error("RevocationType '" + type + "' must be CRL"));
    auto text = read_object(step, each, "", "RevocationContentNotFound", lb::kMaxCrlBytes);
    if (!in.ok()) return in.error();
    if (!text) return text.error();
    files.push_back(*std::move(text));
  }
  const auto ids = control::add_revocations(step, arn, files);
  if (!ids) return ids.error();
  XmlElement list = out.child("TrustStoreRevocations");
  for (const model::Revocation& each : step.state.trust_stores.find(arn)->revocations) {
    if (std::find(ids->begin(), ids->end(), each.id) != ids->end())
      write_revocation(list.child("member"), arn, each);
  }
  return {};
}

Done describe_trust_store_revocations(Step& step, In in, XmlElement out) {
  const auto arn = required_arn(step, in, "TrustStoreArn", ElbKind::kTrustStore);
  const auto ids = read_ids(in);
  const auto page = read_page(in);
  if (!in.ok()) return in.error();
  const auto found = control::find_trust_store(step.state, arn);
  if (!found) return found.error();
  std::set<std::int64_t> missing(ids.begin(), ids.end());
  const std::set<std::int64_t> wanted = missing;
  std::vector<std::pair<std::string, const model::Revocation*>> items;
  for (const model::Revocation& each : (*found)->revocations) {
    missing.erase(each.id);
    if (wanted.empty() || wanted.count(each.id) != 0) items.emplace_back(sort_key(each.id), &each);
  }
  if (!missing.empty()) {
    return fault("RevocationIdNotFound", "Revocation " + std::to_string(*missing.begin()) +
                                             " not found in trust store '" + arn + "'");
  }
  write_page(
      out, "TrustStoreRevocations", page, items,
      [&arn](XmlElement member, const model::Revocation* each) { write_revocation(member, arn, *each); });
  return {};
}

Done remove_trust_store_revocations(Step& step, In in, XmlElement) {
  const auto arn = required_arn(step, in, "TrustStoreArn", ElbKind::kTrustStore);
  const auto ids = read_ids(in);
  if (!in.ok()) return in.error();
  if (ids.empty()) return validation_error("At least one revocation id must be specified");
  return control::remove_revocations(step, arn, ids);
}

}  // namespace agent::api::elbv2
