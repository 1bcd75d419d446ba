#include "agent/node/node.h"

#include <nlohmann/json.hpp>

#include "shared/base/text.h"
#include "shared/json/reader.h"
#include "shared/log/log.h"

namespace agent::node {
namespace {

namespace log = shared::log;
using shared::Error;
using shared::Result;

constexpr std::size_t kInstanceIdDigits = 17;
// The ECS agent's longest wait is 2 min: too long where control is restarted on the same host.
constexpr Pace kPace{.first = shared::Millis(250),
                     .factor = 1.5,
                     .longest = shared::Millis(30'000),
                     .ordinary_life = shared::Millis(1'000)};

// Said of a container instance that was deregistered, unlike one that control has never heard of.
bool says_deregistered(const Error& error) {
  constexpr const char* kInactive = "InactiveInstanceException";
  return error.code() == kInactive || error.text().find(kInactive) != std::string::npos;
}

// Answers after which the old container instance is of no use.
bool says_gone(const Error& error) {
  for (const char* code : {"ClientException", "InvalidParameterException", "InactiveInstanceException",
                           "InvalidInstanceException"}) {
    if (error.code() == code || error.text().find(code) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

Node::Node(Parts parts, NodeSettings settings)
    : parts_(parts),
      settings_(std::move(settings)),
      records_(parts.store),
      engine_(
          {parts.executor, parts.random, parts.runtime, parts.cgroups, records_, settings_, parts.role_calls},
          [this](const std::string& arn) {
            reporter_.consider(arn);
            telemetry_.consider(arn);
          }),
      reporter_(parts.executor, parts.random, parts.link, engine_, records_, settings_),
      telemetry_(parts.executor, parts.random, parts.link, engine_, parts.runtime, settings_),
      session_(parts.executor, parts.random, settings_, kPace,
               {[this] { opened(); }, [this](const std::string& text) { receive(text); },
                [this](const Error& error, Session::End end) { ended(error, end); }}) {}

Node::~Node() { alive_.reset(); }

Result<void> Node::start() {
  auto loaded = records_.load();
  if (!loaded) return loaded.error();
  identity_ = loaded->identity;
  if (identity_.instance_id.empty()) {
    identity_.instance_id = "mi-" + parts_.random.hex(kInstanceIdDigits);
    identity_.cluster = settings_.cluster;
  } else if (identity_.cluster != settings_.cluster) {
    return Error("cluster_changed",
                 "the stored state belongs to cluster '" + identity_.cluster + "', the settings name '" +
                     settings_.cluster +
                     "': stop its tasks and remove the node's state file to move this host");
  }
  records_.put(identity_);
  if (auto flushed = records_.flush(); !flushed) return flushed.error();
  engine_.set_installation(identity_.installation);
  engine_.start(identity_.instance_id, std::move(loaded->tasks), std::move(loaded->pulled_images),
                [this](Result<void> host) { begin(std::move(host)); });
  return {};
}

void Node::begin(Result<void> host) {
  if (host) return register_host();
  problem_ = host.error().text();
  if (parts_.cannot_run) parts_.cannot_run(host.error());
}

std::string Node::not_ready() const {
  if (!engine_.problem().empty()) return engine_.problem();
  if (!registered_) return problem_;
  if (!session_.is_open()) return "not connected to control: " + problem_;
  return "";
}

void Node::register_anew() {
  if (!deregistered_) return;
  log::info("container_instance_wanted_again", {{"container_instance", identity_.container_instance_arn}});
  deregistered_ = false;
  problem_ = "registering anew with control";
  forget_instance();
  register_host();
}

void Node::forget_instance() {
  identity_.container_instance_arn.clear();
  identity_.watermark = -1;  // a new instance counts anew
  records_.put(identity_);
  engine_.persist();
}

void Node::register_host() {
  if (identity_.installation.empty()) return register_now();
  // Asked first: another installation's control is not even to get a container instance of this host.
  ask_endpoint([this](Result<PollEndpoints> found) {
    if (found) {
      if (follows(found->installation)) register_now();
      return;
    }
    again([this] { register_host(); }, "DiscoverPollEndpoint: " + shared::with_code(found.error()));
  });
}

// A host without tasks goes with the control it is told of. One with tasks does not: they would be unknown
// there, and be stopped. So it waits for its own control and leaves them alone.
bool Node::follows(const std::string& installation) {
  if (installation.empty() || installation == identity_.installation) return true;
  if (!identity_.installation.empty()) {
    if (engine_.has_containers()) {
      registered_ = false;
      again([this] { register_host(); },
            "control is of installation " + installation + ", the tasks of this host are of installation " +
                identity_.installation +
                ": they run on untouched until their control is back (its database, or --installation " +
                identity_.installation + ")");
      return false;
    }
    log::warn("installation_changed", {{"from", identity_.installation}, {"to", installation}});
    identity_.container_instance_arn.clear();
    identity_.watermark = -1;
  }
  identity_.installation = installation;
  engine_.set_installation(installation);
  records_.put(identity_);
  engine_.persist();
  return true;
}

void Node::register_now() {
  parts_.link.call("RegisterContainerInstance",
                   registration_request(settings_, identity_, parts_.cgroups.mode(), engine_.engine_version(),
                                        parts_.random.uuid()),
                   guarded([this](Result<std::string> answer) { registered(std::move(answer)); }));
}

void Node::registered(Result<std::string> answer) {
  auto done = answer ? registered_as(*answer) : Result<Registered>(answer.error());
  if (done) {
    if (!follows(done->installation)) return;
    log::info("node_registered", {{"container_instance", done->container_instance_arn},
                                  {"instance", identity_.instance_id},
                                  {"installation", identity_.installation}});
    identity_.container_instance_arn = done->container_instance_arn;
    records_.put(identity_);
    engine_.persist();
    registered_ = true;
    problem_ = "session not open yet";
    return discover();
  }
  registered_ = false;
  const Error& error = done.error();
  if (!identity_.container_instance_arn.empty() && says_gone(error)) {
    log::warn("container_instance_gone", error, {{"container_instance", identity_.container_instance_arn}});
    forget_instance();
    return register_host();
  }
  if (error.code() == "ClusterNotFoundException" && settings_.cluster == "default")
    return create_default_cluster();
  again([this] { register_host(); }, "not registered with control: " + shared::with_code(error));
}

void Node::create_default_cluster() {
  parts_.link.call(
      "CreateCluster", R"({"clusterName":"default"})", guarded([this](Result<std::string> answer) {
        if (answer) return register_host();
        again([this] { register_host(); },
              "not registered with control: CreateCluster default: " + shared::with_code(answer.error()));
      }));
}

void Node::ask_endpoint(std::function<void(Result<PollEndpoints>)> done) {
  const std::string body = shared::json::to_text(
      {{"containerInstance", identity_.container_instance_arn}, {"cluster", settings_.cluster}});
  parts_.link.call("DiscoverPollEndpoint", body,
                   guarded([done = std::move(done)](Result<std::string> answer) {
                     done(answer ? poll_endpoints(*answer) : Result<PollEndpoints>(answer.error()));
                   }));
}

void Node::discover() {
  ask_endpoint([this](Result<PollEndpoints> found) {
    if (found) {
      if (found->installation != identity_.installation && !found->installation.empty())
        return register_host();  // another control, or another database: it knows no such instance
      endpoint_ = found->session;
      telemetry_.serve(found->telemetry, identity_.container_instance_arn);
    }
    if (!endpoint_.empty()) return connect(endpoint_);
    const Error& error = found.error();
    again([this] { discover(); }, "DiscoverPollEndpoint: " + shared::with_code(error));
  });
}

void Node::connect(const std::string& endpoint) {
  session_.open([&](link::SessionHandlers handlers) {
    parts_.link.open_acs(endpoint, identity_.container_instance_arn, settings_.cluster, std::move(handlers));
  });
}

void Node::opened() {
  log::info("session_opened", {{"endpoint", endpoint_}});
  reporter_.retry_now();
}

// Somebody took this host out on purpose: back at once, it would only be taken for a new one.
void Node::stay_away() {
  log::warn("container_instance_deregistered", {{"container_instance", identity_.container_instance_arn}});
  deregistered_ = true;
  registered_ = false;
  problem_ = "container instance " + identity_.container_instance_arn +
             " was deregistered: this host stays away until its agent is restarted or gets SIGHUP, then it "
             "registers as a new one";
  endpoint_.clear();
  telemetry_.serve("", identity_.container_instance_arn);
}

void Node::ended(const Error& error, Session::End end) {
  if (says_deregistered(error)) return stay_away();
  // Refused by control itself: it may not know this container instance any more; registering tells. Not when
  // it only has no room.
  const bool refused = (error.code() == "refused" && error.retry() != shared::Retry::kYes) ||
                       (says_gone(error) && end == Session::End::kFailure);
  const auto next = [this, refused] { refused ? register_host() : discover(); };
  if (end == Session::End::kFailure) return again(next, shared::with_code(error));
  log::info("session_closed", {{"code", error.code()}, {"reason", error.text()}});
  problem_ = error.text();
  session_.after_end(end, next);
}

void Node::again(std::function<void()> what, const std::string& problem) {
  if (problem_ != problem) log::warn("control_unavailable", {{"reason", problem}});
  problem_ = problem;
  session_.after_end(Session::End::kFailure, std::move(what));
}

}  // namespace agent::node
