// Application Auto Scaling of services of ECS.
#pragma once
#include "agent/model/alarm.h"

namespace agent::model {

// Key: the service's, "<cluster>/<service>".
struct ScalableTarget {
  std::string id;  // last part of the ARN
  int min_capacity = 0;
  int max_capacity = 0;
  bool scale_in_suspended = false;
  bool scale_out_suspended = false;
  bool scheduled_suspended = false;
  std::vector<Tag> tags;
  WallTime created_at{};
};

struct StepAdjustment {
  bool has_lower = false;
  bool has_upper = false;
  double lower = 0;  // relative to the alarm's threshold
  double upper = 0;
  int adjustment = 0;
};

// Key: "<cluster>/<service>/<name>".
struct ScalingPolicy {
  std::string id;
  std::string name;
  bool tracks = false;   // TargetTrackingScaling; else StepScaling
  std::string document;  // its configuration as it was given, JSON
  // Target tracking.
  MetricQuery metric;
  double target = 0;
  bool in_disabled = false;
  int out_cooldown = 300;  // seconds; StepScaling: of both ways
  int in_cooldown = 300;
  std::string high_alarm;  // names of alarms
  std::string low_alarm;
  // Step scaling.
  std::string adjustment_type;
  std::string aggregation = "Average";
  int min_magnitude = 0;
  std::vector<StepAdjustment> steps;
  // What it did last: the capacity it began to scale out from, and when.
  int out_from = 0;
  WallTime out_at{};
  WallTime in_at{};
  WallTime created_at{};
};

// Key: "<cluster>/<service>/<name>".
struct ScheduledAction {
  std::string id;
  std::string name;
  std::string schedule;
  std::string timezone;  // as it was given; empty: UTC
  bool has_min = false;
  bool has_max = false;
  int min_capacity = 0;
  int max_capacity = 0;
  bool has_start = false;
  bool has_end = false;
  WallTime start_at{};
  WallTime end_at{};
  WallTime created_at{};
  WallTime done_until{};  // what was due until then was done
};

// Key: "<cluster>/<service>/<20 digits>".
struct ScalingActivity {
  std::string id;
  std::string description;
  std::string cause;
  std::string status;  // "Pending", "InProgress", "Successful", "Overridden", "Unfulfilled", "Failed"
  std::string message;
  WallTime started_at{};
  WallTime ended_at{};  // epoch: not ended
  // Of one that did not scale: NotScaledReasons.
  std::string not_scaled;  // code; empty: it scaled
  int capacity = 0;        // that it set, or that was there
  int max_capacity = 0;
  int min_capacity = 0;
};

}  // namespace agent::model
