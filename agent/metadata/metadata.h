// The task metadata endpoint and the agent's introspection, over the node's memory. Containers find the first
// by ECS_CONTAINER_METADATA_URI and ..._URI_V4 in their environment, which hold an id that only they know:
//
//   /v3/ID, /v4/ID                    the container
//   .../task, .../taskWithTags        its task, of its own containers and no others
//   .../stats, .../task/stats         what they use, in Docker's form
//   /v2/credentials/ID, /v1/credentials?id=ID   temporary keys of a role of a task; each request is a line of
//                                     the audit log
//
// Introspection: /v1/metadata, /v1/tasks, /v1/tasks?taskarn=ARN, /v1/tasks?dockerid=ID.
// Follows the ECS agent, errors included. Thread: the executor's.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/metadata/documents.h"
#include "agent/runtime/runtime.h"
#include "shared/env/executor.h"
#include "shared/http/message.h"

namespace agent::metadata {

// Of all containers of the host together (ECS_TASK_METADATA_RPS_LIMIT): requests a second, and at once.
struct RateLimit {
  double steady = 40;
  double burst = 60;
};

class Metadata {
 public:
  using Tasks = std::map<std::string, node::Task>;
  using Answered = std::function<void(shared::http::Response)>;
  struct Parts {  // all outlive it
    shared::env::Executor& executor;
    runtime::Runtime& runtime;
    std::function<const Tasks&()> tasks;
    std::function<Host()> host;
    std::function<void(const std::string& line)> audit = {};  // may be empty
  };
  Metadata(Parts parts, RateLimit limit);

  // Answers once, at once or when the engine has answered. Beyond the rate 429.
  void answer(const shared::http::Request& request, Answered done);
  shared::http::Response introspect(const shared::http::Request& request) const;

 private:
  struct Found {
    const node::Task* task = nullptr;
    const node::Container* container = nullptr;
  };
  bool admitted();
  Found find(const std::string& endpoint_id) const;
  shared::http::Response credentials(const shared::http::Request& request,
                                     const std::vector<std::string>& path) const;
  void container_stats(const node::Container& container, Version version, Answered done);
  void task_stats(const node::Task& task, Answered done);
  std::string with_rates(const std::string& id, const std::string& stats);

  // What the network had carried when it was asked last.
  struct Carried {
    shared::SteadyTime at;
    double received = 0;
    double sent = 0;
  };

  Parts parts_;
  RateLimit limit_;
  double tokens_;
  shared::SteadyTime filled_at_;
  std::map<std::string, Carried> carried_;  // by the engine's id; of containers that are there
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace agent::metadata
