// Step: what one pure step may see and do. Handed to API operations and reconcilers. They read state, draw
// randomness and read the time from here and from nowhere else. Rows are changed by the rooms of control
// only, through rows.h; the engine makes the changes durable before any reply or message leaves, or takes
// them back.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/aws/arn.h"
#include "agent/aws/objects.h"
#include "agent/control/state/state.h"
#include "shared/env/random.h"

namespace agent::control {

struct Settings {
  std::string account = "000000000000";
  std::string region = "us-east-1";
  std::string partition = "aws";
  std::string dns_suffix = "elb.localhost";  // load balancer names: <name>-<n>.<region>.<dns_suffix>
  // Where balancers bind listeners; not empty. With several, load balancers are given them in turn.
  std::vector<std::string> listen_addresses{"0.0.0.0"};
  std::string poll_endpoint;  // DiscoverPollEndpoint's answer, with scheme
  // Where names of S3 objects in calls are looked up, by the API. Null: nowhere.
  std::shared_ptr<const aws::Objects> objects;
  // The ACME server that issues what RequestCertificate asks for; empty: none.
  std::string acme_directory;
  std::vector<std::string> acme_contact;  // "mailto:..."
  std::string installation;               // replaces the one in the database (installation.h); else empty
  shared::Millis stopped_task_retention{3'600'000};
  shared::Millis inactive_retention{3'600'000};  // deleted services, clusters, instances (retention.h)
  shared::Millis forget_balancer_after{3'600'000};
  shared::Millis steady_without_checks{
      40'000};  // how long RUNNING must last to count as healthy when nothing checks
  shared::Millis first_backoff{10'000};
  shared::Millis max_backoff{900'000};
  // Three heartbeats: a session silent for this long is closed (agentConnected false), and what a service has
  // PENDING on an instance whose agent has been away for this long is started elsewhere.
  shared::Millis agent_silence{30'000};

  // Target tracking: how long a load has to be far above the target until a service grows, and below it until
  // it shrinks (AWS: 3 and 15 minutes).
  shared::Millis scale_out_after{5'000};
  shared::Millis scale_in_after{900'000};

  // Whose ARNs are ours.
  aws::Realm realm() const { return {partition, region, account}; }
  // Tasks of a container instance, in whatever state before STOPPED. A Linux bridge has 1,023 ports, of which
  // a task's containers need one each.
  int max_tasks_per_instance = 500;
  // Of these, tasks handed to the agent that are not up yet. The others wait here, where they can still be
  // cancelled without anybody having begun with them.
  int max_starting_tasks_per_instance = 20;
};

inline constexpr std::string_view kMetaKey = "meta";  // the one row of State::meta

class Step {
 public:
  Step(State& rows, shared::WallTime at, shared::env::Random& source, const Settings& given)
      : state(rows), now(at), random(source), settings(given), rows_(rows) {}

  const State& state;  // changed through rows.h
  const shared::WallTime now;
  shared::env::Random& random;
  const Settings& settings;
  Subject subject = {};  // what a reconciler is looking at

  // The subject is looked at again at `t`, though nothing changes until then.
  void wake_at(shared::WallTime t) const { rows_.live.agenda.at(subject.concern, subject.key, t); }
  const model::Meta& meta() const;
  // The clock's milliseconds: what numbers begin at after a start, that must not repeat although control may
  // have been put back to an older database.
  std::uint64_t millis() const;
  // Of one of ours; `name` as in aws::ecs_arn.
  std::string arn(aws::EcsKind kind, std::string_view name) const;

 private:
  friend struct Rows;  // rows.h
  State& rows_;
};

}  // namespace agent::control
