#include "agent/control/cluster/task_definitions.h"

#include <map>
#include <nlohmann/json.hpp>

#include "agent/api/ecs/definition/definition.h"
#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/wire/encode.h"
#include "agent/api/ecs/wire/kept_only.h"
#include "agent/api/ecs/wire/pages.h"
#include "agent/control/state/lookup.h"
#include "agent/model/words.h"
#include "shared/base/check.h"
#include "shared/json/reader.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxDeletedDefinitions = 10;  // per call

json answer_definition(const model::TaskDefinition& definition) {
  return json{{"taskDefinition", encode_task_definition(definition)}};
}

// "family:revision" of one that exists.
Result<const model::TaskDefinition*> revision_in(const Context& context, const std::string& reference) {
  if (reference.empty()) return client_exception("Task definition can not be blank.");
  const auto found = control::task_definition_in(context.step, reference);
  if (!found) return found.error();
  if (!aws::names_revision(reference)) {
    return client_exception("Invalid revision number. Revision of " + reference + " must be given.");
  }
  if (*found == nullptr) {
    return client_exception(
        "The specified task definition does not exist. Specify a valid family:revision or ARN and try "
        "again.");
  }
  return found;
}

// Families in the alphabet, revisions by number. A blank is before every character of a family.
std::string place_of(const model::TaskDefinition& definition) {
  constexpr std::size_t kDigits = 10;
  const std::string digits = std::to_string(definition.revision);
  return definition.family + " " + std::string(kDigits - digits.size(), '0') + digits;
}

}  // namespace

Answer register_task_definition(const Context& context) {
  if (has(context.in, "tags") && list_in(context.in, "tags").empty())
    return client_exception("Tags can not be empty.");
  auto document = normalise_definition(context.in);
  if (!document) return document.error();
  auto tags = tags_in(context.in);
  if (!tags) return client_exception(tags.error().text());
  control::NewTaskDefinition wanted;
  wanted.family = text_in(context.in, "family");
  wanted.document = shared::json::to_text(*document);
  wanted.tags = *tags;
  wanted.registered_by = context.call.caller_arn;
  const auto key = control::register_task_definition(context.step, std::move(wanted));
  if (!key) return key.error();
  const model::TaskDefinition& row = *context.state().task_definitions.find(*key);
  log_kept_only(context, row.arn, kept_only_of_definition(context, *document));
  json answer = answer_definition(row);
  answer["tags"] = encode_tags(row.tags);
  return answer;
}

Answer describe_task_definition(const Context& context) {
  const std::string reference = text_in(context.in, "taskDefinition");
  if (reference.empty()) return client_exception("Task definition can not be blank.");
  const auto found = control::task_definition_in(context.step, reference);
  if (!found) return found.error();
  if (*found == nullptr) return client_exception("Unable to describe task definition.");
  json answer = answer_definition(**found);
  answer["tags"] = includes(context, "TAGS") ? encode_tags((*found)->tags) : json::array();
  return answer;
}

Answer list_task_definitions(const Context& context) {
  const std::string status_word = has(context.in, "status") ? text_in(context.in, "status") : "ACTIVE";
  const auto status = model::from_word<model::TaskDefinitionStatus>(status_word);
  if (!status) {
    return invalid_parameter("Invalid status '" + status_word +
                             "'. It must be ACTIVE, INACTIVE or DELETE_IN_PROGRESS.");
  }
  const std::string sort = has(context.in, "sort") ? text_in(context.in, "sort") : "ASC";
  if (sort != "ASC" && sort != "DESC")
    return invalid_parameter("Invalid sort '" + sort + "'. It must be ASC or DESC.");
  const std::string family = text_in(context.in, "familyPrefix");  // its whole name, in spite of the member's
  std::vector<Item> items;
  for (const auto& [key, definition] : context.state().task_definitions.rows()) {
    if (definition.status != *status || (!family.empty() && definition.family != family)) continue;
    items.push_back({place_of(definition), definition.arn});
  }
  return page_of(context, "taskDefinitionArns", std::move(items), kMaxPage,
                 sort == "ASC" ? Sort::kAscending : Sort::kDescending);
}

Answer list_task_definition_families(const Context& context) {
  const std::string status = has(context.in, "status") ? text_in(context.in, "status") : "ALL";
  if (status != "ACTIVE" && status != "INACTIVE" && status != "ALL") {
    return invalid_parameter("Invalid status '" + status + "'. It must be ACTIVE, INACTIVE or ALL.");
  }
  const std::string prefix = text_in(context.in, "familyPrefix");
  std::map<std::string, bool> active;
  for (const auto& [key, definition] : context.state().task_definitions.rows()) {
    if (definition.status == model::TaskDefinitionStatus::kDeleteInProgress) continue;
    if (!definition.family.starts_with(prefix)) continue;
    active[definition.family] |= definition.status == model::TaskDefinitionStatus::kActive;
  }
  std::vector<Item> items;
  for (const auto& [family, is_active] : active) {
    if (status == "ALL" || is_active == (status == "ACTIVE")) items.push_back({family, family});
  }
  return page_of(context, "families", std::move(items), kMaxPage);
}

Answer deregister_task_definition(const Context& context) {
  const auto found = revision_in(context, text_in(context.in, "taskDefinition"));
  if (!found) return found.error();
  const std::string key = control::key_of(**found);
  control::deregister_task_definition(context.step, key);
  return answer_definition(*context.state().task_definitions.find(key));
}

Answer delete_task_definitions(const Context& context) {
  const auto asked = batch_in(context.in, "taskDefinitions", "Task definitions", kMaxDeletedDefinitions);
  if (!asked) return asked.error();
  json deleted = json::array();
  json failures = json::array();
  for (const std::string& reference : *asked) {
    const auto found = revision_in(context, reference);
    const std::string arn = arn_named(context.step, reference, aws::EcsKind::kTaskDefinition, reference);
    if (!found) {
      failures.push_back({{"arn", arn}, {"reason", found.error().text()}});
      continue;
    }
    const std::string key = control::key_of(**found);
    if (auto done = control::delete_task_definition(context.step, key); !done) {
      failures.push_back({{"arn", (*found)->arn}, {"reason", done.error().text()}});
      continue;
    }
    deleted.push_back(encode_task_definition(*context.state().task_definitions.find(key)));
  }
  return json{{"taskDefinitions", std::move(deleted)}, {"failures", std::move(failures)}};
}

}  // namespace agent::api::ecs
