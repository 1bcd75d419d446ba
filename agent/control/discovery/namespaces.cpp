// Namespaces, operations and tags.
#include <algorithm>

#include "agent/control/discovery/discovery.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/tag_rules.h"

namespace agent::control::discovery {

using shared::Result;

namespace {

constexpr std::string_view kIdLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::size_t kIdChars = 16;

std::string letters(Step& step, std::size_t count) {
  std::string out;
  while (out.size() < count) out += kIdLetters[step.random.below(kIdLetters.size())];
  return out;
}

bool same_place(const model::Namespace& row, const NewNamespace& request) {
  if (row.name != request.name) return false;
  if (row.type == kHttp || request.type == kHttp) return row.type == request.type;
  return row.type == request.type && row.vpc == request.vpc;
}

// The id in "arn:...:<kind>/<id>" of ours; what is no ARN is an id.
std::string id_named(const Step& step, std::string_view kind, std::string_view id_or_arn) {
  const std::string prefix = arn_of(step, kind, "");
  if (id_or_arn.starts_with(prefix)) id_or_arn.remove_prefix(prefix.size());
  return std::string(id_or_arn);
}

}  // namespace

std::string fresh_id(Step& step, std::string_view prefix) {
  return std::string(prefix) + letters(step, kIdChars);
}

std::string arn_of(const Step& step, std::string_view kind, std::string_view id) {
  return "arn:" + step.settings.partition + ":servicediscovery:" + step.settings.region + ":" +
         step.settings.account + ":" + std::string(kind) + "/" + std::string(id);
}

// Ids rise, so that the first rows are the oldest.
std::string note_operation(Step& step, const std::string& type, std::map<std::string, std::string> targets) {
  constexpr std::size_t kDigits = 16;
  Table<model::DiscoveryOperation>& table = rows(step).neighbours().discovery_operations;
  std::uint64_t number = step.millis();
  if (!table.rows().empty())
    number =
        std::max<std::uint64_t>(number, std::stoull(table.rows().rbegin()->first.substr(0, kDigits)) + 1);
  const std::string digits = std::to_string(number);
  const std::string id =
      std::string(kDigits - digits.size(), '0') + digits + letters(step, 16) + "-" + letters(step, 8);
  while (table.size() >= kMaxOperations) table.erase(std::string(table.rows().begin()->first));
  table.put(id, {id, type, std::move(targets), step.now});
  return id;
}

Result<const model::DiscoveryOperation*> find_operation(const State& state, const std::string& id) {
  if (const auto* row = state.neighbours().discovery_operations.find(id)) return row;
  return fault("OperationNotFound", "No operation has the id " + id + ".");
}

Result<const model::Namespace*> find_namespace(const Step& step, std::string_view id_or_arn) {
  const std::string id = id_named(step, "namespace", id_or_arn);
  if (const auto* row = step.state.neighbours().namespaces.find(id)) return row;
  return fault("NamespaceNotFound", "Namespace not found: " + id);
}

Result<const model::DiscoveryService*> find_service(const Step& step, std::string_view id_or_arn) {
  const std::string id = id_named(step, "service", id_or_arn);
  if (const auto* row = step.state.neighbours().discovery_services.find(id)) return row;
  return fault("ServiceNotFound", "Service not found: " + id);
}

std::size_t service_count(const State& state, std::string_view namespace_id) {
  const auto& all = state.neighbours().discovery_services.rows();
  return static_cast<std::size_t>(std::count_if(
      all.begin(), all.end(), [&](const auto& each) { return each.second.namespace_id == namespace_id; }));
}

Result<std::string> create_namespace(Step& step, const NewNamespace& request) {
  Table<model::Namespace>& table = rows(step).neighbours().namespaces;
  for (const auto& [id, row] : table.rows()) {
    if (same_place(row, request))
      return fault("NamespaceAlreadyExists", "Namespace already exists: " + id + " has the name " + row.name +
                                                 (row.vpc.empty() ? "." : " in " + row.vpc + "."));
  }
  if (table.size() >= kMaxNamespaces)
    return fault("ResourceLimitExceeded", "There may be " + std::to_string(kMaxNamespaces) + " namespaces.");
  if (auto ok = check_tags(request.tags); !ok) return fault("InvalidInput", ok.error().text());
  constexpr std::size_t kZoneChars = 20;
  model::Namespace row;
  row.id = fresh_id(step, "ns-");
  row.arn = arn_of(step, "namespace", row.id);
  row.name = request.name;
  row.type = request.type;
  row.description = request.description;
  row.vpc = request.vpc;
  if (request.type != kHttp) {
    row.hosted_zone = "Z";
    for (char c : letters(step, kZoneChars))
      row.hosted_zone += c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  row.soa_ttl = request.soa_ttl;
  row.creator_request = request.creator_request;
  row.tags = request.tags;
  row.created_at = step.now;
  const std::string id = row.id;
  table.put(id, std::move(row));
  return note_operation(step, "CREATE_NAMESPACE", {{"NAMESPACE", id}});
}

Result<std::string> update_namespace(Step& step, const std::string& id, const std::string& type,
                                     const NamespaceUpdate& update) {
  const auto found = find_namespace(step, id);
  if (!found) return found.error();
  if ((*found)->type != type)
    return fault("InvalidInput", "Namespace " + id + " is of type " + (*found)->type + ", not " + type + ".");
  const std::string key = (*found)->id;
  rows(step).neighbours().namespaces.edit(key, [&](model::Namespace& row) {
    if (update.description) row.description = *update.description;
    if (update.soa_ttl) row.soa_ttl = *update.soa_ttl;
  });
  return note_operation(step, "UPDATE_NAMESPACE", {{"NAMESPACE", key}});
}

Result<std::string> delete_namespace(Step& step, const std::string& id) {
  const auto found = find_namespace(step, id);
  if (!found) return found.error();
  const std::string key = (*found)->id;
  if (service_count(step.state, key) != 0)
    return fault("ResourceInUse",
                 "The namespace " + key + " has services; delete these before deleting the namespace.");
  rows(step).neighbours().namespaces.erase(key);
  return note_operation(step, "DELETE_NAMESPACE", {{"NAMESPACE", key}});
}

Result<std::vector<model::Tag>> tags_of(const Step& step, const std::string& arn) {
  if (const auto row = find_namespace(step, arn); row && (*row)->arn == arn) return (*row)->tags;
  if (const auto row = find_service(step, arn); row && (*row)->arn == arn) return (*row)->tags;
  return fault("ResourceNotFoundException", "Resource not found: " + arn.substr(0, aws::kQuotedArnBytes));
}

Result<void> set_tags(Step& step, const std::string& arn, std::vector<model::Tag> tags) {
  if (const auto had = tags_of(step, arn); !had) return had.error();
  if (tags.size() > kMaxTags)
    return fault("TooManyTagsException",
                 "A resource can have at most " + std::to_string(kMaxTags) + " tags.");
  if (auto ok = check_tags(tags); !ok) return fault("InvalidInput", ok.error().text());
  Neighbours& tables = rows(step).neighbours();
  const std::string id = arn.substr(arn.rfind('/') + 1);
  if (!tables.namespaces.edit(id, [&](model::Namespace& row) { row.tags = tags; }))
    tables.discovery_services.edit(id, [&](model::DiscoveryService& row) { row.tags = std::move(tags); });
  return {};
}

}  // namespace agent::control::discovery
