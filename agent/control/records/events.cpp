#include "agent/control/records/row_text.h"
#include "agent/model/event.h"
#include "agent/model/repository.h"

namespace agent::control {

template <class Archive, RowOf<model::EventTarget> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("arn", row.arn);
  in("role_arn", row.role_arn);
  in("input", row.input);
  in("input_path", row.input_path);
  in("transformer", row.transformer);
  in("ecs", row.ecs);
  in("dead_letter", row.dead_letter);
  in("max_age", row.max_age);
  in("max_attempts", row.max_attempts);
  in("has_retry_policy", row.has_retry_policy);
}

namespace {

// A target inside of another row, as a list of one.
template <class Archive, class Row>
void one_target(Archive& in, Row& row) {
  std::vector<model::EventTarget> list;
  if constexpr (std::is_const_v<Row>) list.push_back(row.target);
  in("target", list);
  if constexpr (!std::is_const_v<Row>) {
    if (!list.empty()) row.target = std::move(list.front());
  }
}

}  // namespace

template <class Archive, RowOf<model::EventRule> Row>
void fields(Archive& in, Row& row) {
  in("name", row.name);
  in("arn", row.arn);
  in("description", row.description);
  in("schedule", row.schedule);
  in("pattern", row.pattern);
  in("enabled", row.enabled);
  in("role_arn", row.role_arn);
  in("created_by", row.created_by);
  in("targets", row.targets);
  in("tags", row.tags);
  in("begun", row.begun);
  in("done_until", row.done_until);
}

template <class Archive, RowOf<model::ScheduleGroup> Row>
void fields(Archive& in, Row& row) {
  in("name", row.name);
  in("arn", row.arn);
  in("tags", row.tags);
  in("created_at", row.created_at);
  in("modified_at", row.modified_at);
}

template <class Archive, RowOf<model::Schedule> Row>
void fields(Archive& in, Row& row) {
  in("name", row.name);
  in("group", row.group);
  in("arn", row.arn);
  in("description", row.description);
  in("expression", row.expression);
  in("timezone", row.timezone);
  in("kms_key", row.kms_key);
  in("client_token", row.client_token);
  in("enabled", row.enabled);
  in("delete_after", row.delete_after);
  in("window_minutes", row.window_minutes);
  in("has_start", row.has_start);
  in("has_end", row.has_end);
  in("start_at", row.start_at);
  in("end_at", row.end_at);
  in("document", row.document);
  one_target(in, row);
  in("created_at", row.created_at);
  in("modified_at", row.modified_at);
  in("done_until", row.done_until);
}

template <class Archive, RowOf<model::Invocation> Row>
void fields(Archive& in, Row& row) {
  in("owner", row.owner);
  one_target(in, row);
  in("started_by", row.started_by);
  in("payload", row.payload);
  in("due_at", row.due_at);
  in("next_at", row.next_at);
  in("attempts", row.attempts);
  in("problem", row.problem);
}

template <class Archive, RowOf<model::Repository> Row>
void fields(Archive& in, Row& row) {
  in("name", row.name);
  in("arn", row.arn);
  in("immutable", row.immutable);
  in("scan_on_push", row.scan_on_push);
  in("encryption", row.encryption);
  in("kms_key", row.kms_key);
  in("policy", row.policy);
  in("lifecycle", row.lifecycle);
  in("tags", row.tags);
  in("created_at", row.created_at);
}

BERTH_ROW(model::EventRule)
BERTH_ROW(model::ScheduleGroup)
BERTH_ROW(model::Schedule)
BERTH_ROW(model::Invocation)
BERTH_ROW(model::Repository)

}  // namespace agent::control
