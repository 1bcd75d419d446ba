// Many secrets at once.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/secretsmanager/request.h"
#include "agent/control/state/faults.h"

namespace agent::api::secretsmanager {

using nlohmann::json;
using shared::Result;
namespace secrets = control::secrets;

namespace {

constexpr std::size_t kMostListed = 100;
constexpr std::size_t kMostInBatch = 20;
constexpr std::string_view kFilterKeys[] = {"description", "name", "tag-key", "tag-value", "all"};

struct SecretFilter {
  std::string key;
  std::vector<std::string> values;  // with "!" in front: not
};

Result<std::vector<SecretFilter>> secret_filters(In in) {
  std::vector<SecretFilter> out;
  for (const auto& each : in.children("Filters"))
    out.push_back({each.required_string("Key"), each.strings_or_empty("Values")});
  if (!in.ok()) return in.error();
  for (const SecretFilter& each : out) {
    if (std::find(std::begin(kFilterKeys), std::end(kFilterKeys), each.key) == std::end(kFilterKeys))
      return invalid("The filter " + each.key.substr(0, 64) +
                     " is not offered: description, name, tag-key, tag-value and all are.");
    if (each.values.empty() || each.values.size() > 10)
      return constraint("filters.values", std::to_string(each.values.size()),
                        "Member must have from 1 to 10 elements");
  }
  return out;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

// By its beginning: names and tags with case; of a description any word, without.
bool has_it(const model::Secret& row, const std::string& key, const std::string& value) {
  const auto of_tags = [&](bool keys) {
    return std::any_of(row.tags.begin(), row.tags.end(), [&](const model::Tag& tag) {
      return (keys ? tag.key : tag.value).starts_with(value);
    });
  };
  if (key == "name") return row.name.starts_with(value);
  if (key == "tag-key") return of_tags(true);
  if (key == "tag-value") return of_tags(false);
  if (key == "description")
    return (" " + lower(row.description)).find(" " + lower(value)) != std::string::npos;
  return lower(row.name).find(lower(value)) != std::string::npos || has_it(row, "description", value) ||
         of_tags(true) || of_tags(false);
}

bool passes(const model::Secret& row, const SecretFilter& filter) {
  return std::any_of(filter.values.begin(), filter.values.end(), [&](const std::string& value) {
    if (value.starts_with('!')) return !has_it(row, filter.key, value.substr(1));
    return has_it(row, filter.key, value);
  });
}

std::vector<const model::Secret*> filtered(const Context& at, const std::vector<SecretFilter>& filters,
                                           bool deleted_too) {
  std::vector<const model::Secret*> out;
  for (const auto& [name, row] : at.step.state.neighbours().secrets.rows()) {
    if (secrets::look_up_secret(at.step, name) == nullptr || (is_to_be_deleted(row) && !deleted_too))
      continue;
    if (std::all_of(filters.begin(), filters.end(),
                    [&, &each_row = row](const auto& filter) { return passes(each_row, filter); }))
      out.push_back(&row);
  }
  return out;
}

}  // namespace

// In the order of their names.
Answer list_secrets(const Context& at, In in) {
  const auto page = page_in(in, kMostListed);
  if (!page) return page.error();
  const auto filters = secret_filters(in);
  if (!filters) return filters.error();
  const bool deleted_too =
      in.boolean_or("IncludePlannedDeletion", false) || in.boolean_or("IncludeDeleted", false);
  const std::string order = in.string_or("SortOrder", "asc");
  if (!in.ok()) return in.error();
  if (order != "asc" && order != "desc")
    return constraint("sortOrder", order, "Member must satisfy enum value set: [asc, desc]");
  auto found = filtered(at, *filters, deleted_too);
  if (order == "desc") std::reverse(found.begin(), found.end());
  json out{{"SecretList", json::array()}};
  std::string last;
  for (const model::Secret* row : found) {
    if (!page->after.empty() && (order == "asc" ? row->name <= page->after : row->name >= page->after))
      continue;
    if (out["SecretList"].size() == page->size) {
      out["NextToken"] = token_of(last);
      break;
    }
    json each = identity_of(*row);
    if (!row->description.empty()) each["Description"] = row->description;
    if (!row->key_id.empty()) each["KmsKeyId"] = row->key_id;
    each["CreatedDate"] = shared::epoch_seconds(row->created_at);
    each["LastChangedDate"] = shared::epoch_seconds(row->changed_at);
    if (row->accessed_at != shared::WallTime{})
      each["LastAccessedDate"] = shared::epoch_seconds(row->accessed_at);
    if (is_to_be_deleted(*row)) each["DeletedDate"] = shared::epoch_seconds(row->deleted_at);
    each["Tags"] = encode_tags(row->tags);
    each["SecretVersionsToStages"] = json::object();
    for (const auto& version : row->versions) {
      if (!version.stages.empty()) each["SecretVersionsToStages"][version.id] = version.stages;
    }
    out["SecretList"].push_back(std::move(each));
    last = row->name;
  }
  return out;
}

Answer list_secret_version_ids(const Context& at, In in) {
  const auto page = page_in(in, kMostListed);
  if (!page) return page.error();
  const auto row = secret_in(at, in, true);
  if (!row) return row.error();
  const bool deprecated = in.boolean_or("IncludeDeprecated", false);
  if (!in.ok()) return in.error();
  json out = identity_of(**row);
  out["Versions"] = json::array();
  bool begun = page->after.empty();
  std::string last;
  for (const auto& version : (*row)->versions) {
    if (!begun) {
      begun = version.id == page->after;
      continue;
    }
    if (version.stages.empty() && !deprecated) continue;
    if (out["Versions"].size() == page->size) {
      out["NextToken"] = token_of(last);
      break;
    }
    out["Versions"].push_back({{"VersionId", version.id},
                               {"VersionStages", version.stages},
                               {"CreatedDate", shared::epoch_seconds(version.created_at)}});
    last = version.id;
  }
  return out;
}

Answer batch_get_secret_value(const Context& at, In in) {
  const auto ids = in.strings_or_empty("SecretIdList");
  const auto filters = secret_filters(in);
  if (!filters) return filters.error();
  const auto page = page_in(in, kMostInBatch);
  if (!page) return page.error();
  if (ids.empty() == filters->empty())
    return invalid("Either SecretIdList or Filters must be provided, and not both.");
  if (ids.size() > kMostInBatch)
    return constraint("secretIdList", std::to_string(ids.size()), "Member must have from 1 to 20 elements");
  json out{{"SecretValues", json::array()}, {"Errors", json::array()}};
  const auto add = [&](const std::string& id) {
    const auto row = secrets::find_secret(at.step, id);
    const auto version =
        row ? secrets::find_version(**row, "", "") : Result<const model::SecretVersion*>(row.error());
    Answer value = version ? value_of(at, **row, **version) : Answer(version.error());
    if (value) {
      out["SecretValues"].push_back(*std::move(value));
      secrets::note_access(at.step, std::string((*row)->name));
    } else {
      out["Errors"].push_back(
          {{"SecretId", id}, {"ErrorCode", value.error().code()}, {"Message", value.error().text()}});
    }
  };
  for (const std::string& id : ids) add(id);
  if (!ids.empty()) return out;
  std::vector<std::string> names;
  for (const model::Secret* row : filtered(at, *filters, false)) names.push_back(row->name);
  std::size_t given = 0;
  std::string last;
  for (const std::string& name : names) {
    if (!page->after.empty() && name <= page->after) continue;
    if (given++ == page->size) {
      out["NextToken"] = token_of(last);
      break;
    }
    add(name);
    last = name;
  }
  return out;
}

}  // namespace agent::api::secretsmanager
