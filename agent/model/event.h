// EventBridge: rules of the default bus with their targets, schedules of EventBridge Scheduler, and what is
// to be carried out for either.
#pragma once
#include "agent/model/common.h"

namespace agent::model {

struct EventTarget {
  std::string id;
  std::string arn;
  std::string role_arn;
  std::string input;                // JSON, may be empty
  std::string input_path;           // may be empty
  std::string transformer;          // InputTransformer as it was given, JSON; may be empty
  std::string ecs;                  // EcsParameters as they were given, JSON; empty: no ECS task
  std::string dead_letter;          // ARN, may be empty
  std::int64_t max_age = 86'400;    // seconds
  std::int64_t max_attempts = 185;  // after the first one
  bool has_retry_policy = false;    // it was given, and is shown
};

// Key: its name.
struct EventRule {
  std::string name;
  std::string arn;
  std::string description;
  std::string schedule;  // "rate(5 minutes)", may be empty
  std::string pattern;   // JSON, may be empty
  bool enabled = true;
  std::string role_arn;
  std::string created_by;
  std::vector<EventTarget> targets;
  std::vector<Tag> tags;
  WallTime begun{};       // a rate counts from then
  WallTime done_until{};  // all times up to then are dealt with
};

// Key: its name.
struct ScheduleGroup {
  std::string name;
  std::string arn;
  std::vector<Tag> tags;
  WallTime created_at{};
  WallTime modified_at{};
};

// Key: "<group>/<name>".
struct Schedule {
  std::string name;
  std::string group;
  std::string arn;
  std::string description;
  std::string expression;
  std::string timezone;
  std::string kms_key;
  std::string client_token;
  bool enabled = true;
  bool delete_after = false;        // ActionAfterCompletion DELETE
  std::int64_t window_minutes = 0;  // 0: FlexibleTimeWindow OFF
  bool has_start = false;
  bool has_end = false;
  WallTime start_at{};
  WallTime end_at{};
  std::string document;  // Target as it is shown, JSON
  EventTarget target;
  WallTime created_at{};
  WallTime modified_at{};
  WallTime done_until{};
};

// Something that a target is to be given, kept until it was, or until it is given up. Key: "<owner>/<20
// digits>".
struct Invocation {
  std::string owner;  // "rule/<name>", "schedule/<group>/<name>"
  EventTarget target;
  std::string started_by;
  std::string payload;  // what the target gets: JSON
  WallTime due_at{};    // its age counts from then
  WallTime next_at{};
  std::int64_t attempts = 0;
  std::string problem;  // of the last attempt
};

}  // namespace agent::model
