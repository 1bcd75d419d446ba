// Container instances: registration, draining, deregistration.
#pragma once
#include <optional>
#include <string>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

struct RegisterInstance {
  std::string cluster;                 // name of an existing cluster
  std::string container_instance_arn;  // re-registration, else empty
  model::Resources resources;
  // Valued ones are echoed exactly; berth.address and berth.instance-id are read.
  std::vector<model::NameValue> attributes;
  std::string agent_version;
  std::string agent_hash;
  std::string docker_version;
  std::vector<model::Tag> tags;
};
// Returns the row key. A re-registration keeps its ARN, and of its attributes what after_registration() says;
// one that names a deregistered or unknown ARN is a ClientException, after which agents register anew.
shared::Result<std::string> register_instance(Step& step, const RegisterInstance& request);

// What an agent says of itself; empty: nothing, what is known stays.
struct AgentVersions {
  std::string agent;
  std::string hash;
  std::string docker;
};
bool says_news(const AgentVersions& said, const model::ContainerInstance& known);
// No-op for an instance that is not there.
void note_agent_versions(Step& step, const std::string& instance_arn, const AgentVersions& said);

enum class Force { kNo, kYes };
// InvalidParameterException for one that is not there (any more), and "Found running tasks on the instance."
// without force; with it the tasks are orphaned: they leave the books as STOPPED and services replace them.
shared::Result<void> deregister_instance(Step& step, const std::string& key, Force force);
// Why an agent of that container instance gets no session, as ECS answers it: InvalidInstanceException for
// one that was never heard of (an older database: its agent registers anew), InactiveInstanceException for a
// deregistered one (its agent stays away). Nothing if it may have one.
std::optional<shared::Error> why_no_session(const model::ContainerInstance* instance, const std::string& arn);
// ACTIVE or DRAINING. Returns why it cannot be, as why_not_there() says it; empty when it is done.
std::string set_instance_status(Step& step, const std::string& key, model::InstanceStatus status);

// What is left for placement: registered minus what its tasks hold; ports = all taken ports.
model::Resources remaining_resources(const State& state, const model::ContainerInstance& instance);
int running_tasks(const State& state, const model::ContainerInstance& instance);
int pending_tasks(const State& state, const model::ContainerInstance& instance);

}  // namespace agent::control
