#include "tests/sim/cluster.h"

#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "agent/control/services/history.h"
#include "agent/control/services/task_sets.h"
#include "agent/control/state/installation.h"
#include "agent/control/state/invariants.h"
#include "agent/control/state/lookup.h"
#include "agent/node/task/container_spec.h"
#include "shared/base/text.h"

namespace sim {

using agent::control::State;
using nlohmann::json;
namespace model = agent::model;

namespace {

constexpr const char* kTaskLabel = "com.amazonaws.ecs.task-arn";
constexpr const char* kNameLabel = "com.amazonaws.ecs.container-name";
constexpr const char* kDefault = "default";
constexpr const char* kOther = "other";
constexpr int kTaskMemory = 64;  // MiB, of a service's task
constexpr Millis kLifeWithFaults{240'000};
// Longer than every back-off, silence and delay a fault can have left behind, and than the longest start
// back-off.
constexpr Millis kTimeToConverge{1'800'000};

std::string task_of(const SimContainer& container) {
  const auto it = container.spec.labels.find(kTaskLabel);
  return it == container.spec.labels.end() ? std::string() : it->second;
}

// Of a disk, of one that others use too, of a database behind a network that is in trouble.
Millis slowest_commit(shared::env::Random& random) {
  constexpr std::array kSlowest{Millis(0), Millis(5), Millis(50), Millis(1'000)};
  return kSlowest.at(random.below(kSlowest.size()));
}

// The essential container, which serves. Beside it is one that does not, and takes its time to end.
bool is_web(const SimContainer& container) {
  const auto it = container.spec.labels.find(kNameLabel);
  return it != container.spec.labels.end() && it->second == "web";
}

}  // namespace

Cluster::Cluster(std::uint64_t seed, bool stages)
    : seed_(seed), stages_(stages), world_(seed), network_(world_) {
  report_.seed = seed;
  settings_.poll_endpoint = "http://control";
  settings_.max_starting_tasks_per_instance = 2;
  control_ = std::make_unique<ControlProcess>(world_, network_, settings_, slowest_commit(world_.random()));
  control_->check_turns([this](const std::string& text) { violate(text); });
  hooks_ = std::make_unique<SimHooks>(world_, control_->process());
  hooks_->on_violation = [this](const std::string& text) { violate(text); };
  control_->use(*hooks_);
  for (int i = 1; i <= 3; ++i) {
    agent::node::NodeSettings node;
    node.cluster = i == 3 ? kOther : kDefault;
    node.cpus = 2;
    // Five tasks: room is scarce while a deployment doubles them. And a daemon.
    node.memory_mib = 320 + (with_daemon() ? 64 : 0);
    node.task_cleanup_wait = Millis(60'000);
    const std::string number = std::to_string(i);
    hosts_.push_back(std::make_unique<HostProcess>(world_, network_, *control_, "host" + number,
                                                   "10.0.0." + number, node));
    hosts_.back()->machine().on_end = [this](Machine& machine, const SimContainer& container,
                                             EndCause cause) { on_container_end(machine, container, cause); };
    hosts_.back()->machine().on_start = [this](Machine&, const SimContainer& container) {
      on_container_start(container);
    };
  }
  const int balancers = world_.random().below(4) == 0 ? 1 : 2;
  for (int i = 1; i <= balancers; ++i) {
    balancers_.push_back(std::make_unique<BalancerProcess>(
        world_, network_, *control_, "balancer" + std::to_string(i),
        [this](const std::string& address) { return find_machine(address); }));
    balancers_.back()->on_violation = [this](const std::string& text) { violate(text); };
    // Who takes the task set away that serves, before another one does, has asked for it.
    balancers_.back()->may_have_nobody_up = [this](const std::string& target_group) {
      return std::any_of(services_.begin(), services_.end(), [&](const Service& service) {
        return service.external &&
               std::count(service.groups.begin(), service.groups.end(), target_group) != 0;
      });
    };
    balancers_.back()->on_routed = [this](const lb::Target& target, const SimContainer& container) {
      on_routed(target, container);
    };
  }
}

Machine* Cluster::find_machine(const std::string& address) {
  for (const auto& host : hosts_) {
    if (host->machine().address() == address) return &host->machine();
  }
  return nullptr;
}

void Cluster::violate(const std::string& text) {
  if (report_.violations.size() < 5) {
    const auto at = std::chrono::duration_cast<Millis>(world_.now().time_since_epoch()).count();
    report_.violations.push_back("at " + std::to_string(at) + " ms: " + text);
  }
}

void Cluster::run_for(Millis span) {
  const SteadyTime end = world_.now() + span;
  while (world_.now() < end && report_.violations.empty()) {
    world_.run_for(std::min(Millis(1'000), std::chrono::ceil<Millis>(end - world_.now())),
                   [this] { after_event(); });
  }
}

// ---- the operator ----

std::optional<std::string> Cluster::call(const std::string& service, const std::string& operation,
                                         const std::string& body) {
  if (!control_->up()) return std::nullopt;
  auto answer = std::make_shared<std::optional<shared::Result<std::string>>>();
  control_->serve(service, operation, body,
                  [answer](shared::Result<std::string> result) { *answer = std::move(result); });
  // A crash before the engine answers leaves the question open.
  for (int i = 0; i < 1000 && !*answer && control_->up(); ++i) {
    if (!world_.run_one()) break;
    after_event();
  }
  if (!*answer) return std::nullopt;
  if (!(*answer)->has_value()) return "error " + shared::with_code((*answer)->error());
  return (*answer)->value();
}

std::string Cluster::must_call(const std::string& service, const std::string& operation,
                               const std::string& body) {
  const auto answer = call(service, operation, body);
  if (!answer || answer->starts_with("error "))
    violate(operation + " failed: " + answer.value_or("no answer"));
  return answer.value_or("");
}

std::optional<std::string> Cluster::register_revision(const std::string& family) {
  const json body{{"family", family},
                  {"volumes", {{{"name", "scratch"}}}},
                  {"containerDefinitions",
                   {{{"name", "web"},
                     {"image", family + ":" + std::to_string(++revisions_)},
                     {"cpu", 64},
                     {"memory", 58},
                     {"mountPoints", {{{"sourceVolume", "scratch"}, {"containerPath", "/scratch"}}}},
                     {"portMappings", {{{"containerPort", 80}}}}},
                    {{"name", "side"},
                     {"image", "side:1"},
                     {"memory", 6},
                     {"essential", false},
                     {"command", {"linger"}}}}}};
  const auto answer = call("ecs", "RegisterTaskDefinition", body.dump());
  if (!answer || answer->starts_with("error ")) return std::nullopt;
  auto arn = json::parse(*answer).at("taskDefinition").at("taskDefinitionArn").get<std::string>();
  acknowledged_definitions_.insert(arn);
  return arn;
}

std::string Cluster::create_group(const std::string& name) {
  const std::string arn = text_in(
      must_call("elbv2", "CreateTargetGroup",
                "Action=CreateTargetGroup&Version=2015-12-01&Name=" + name +
                    "&Protocol=HTTP&Port=80&VpcId=v"
                    "&HealthCheckIntervalSeconds=5&HealthCheckTimeoutSeconds=2&HealthyThresholdCount=2"),
      "TargetGroupArn");
  must_call("elbv2", "ModifyTargetGroupAttributes",
            "Action=ModifyTargetGroupAttributes&Version=2015-12-01&TargetGroupArn=" + arn +
                "&Attributes.member.1.Key=deregistration_delay.timeout_seconds&Attributes.member.1.Value=" +
                std::to_string(kDeregistrationDelay.count() / 1000));
  return arn;
}

namespace {
std::string rule_request(const std::string& listener, int priority, const std::string& path,
                         const std::string& group) {
  return "Action=CreateRule&Version=2015-12-01&ListenerArn=" + listener +
         "&Priority=" + std::to_string(priority) +
         "&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=" + path +
         "&Actions.member.1.Type=forward&Actions.member.1.TargetGroupArn=" + group;
}
}  // namespace

void Cluster::set_up() {
  must_call("ecs", "CreateCluster", "{}");
  must_call("ecs", "CreateCluster", json{{"clusterName", kOther}}.dump());
  const json job{{"family", "job"},
                 {"containerDefinitions",
                  {{{"name", "job"}, {"image", "job:1"}, {"memory", 16}, {"command", {"exit", "0"}}}}}};
  must_call("ecs", "RegisterTaskDefinition", job.dump());
  const auto services = 2 + world_.random().below(3);
  services_.push_back({"web", kDefault, 5, {create_group("web")}, {}, {}, {}});
  services_.push_back({"worker", kOther, 2, {}, {}, {}, {}});
  if (services == 2) services_[0].groups.push_back(create_group("admin"));
  if (services >= 3)
    services_.push_back({"api", kOther, 2, {create_group("api"), create_group("admin")}, {}, {}, {}});
  if (services >= 4) services_.push_back({"extra", kDefault, 2, {create_group("extra")}, {}, {}, {}});
  if (with_daemon()) {
    services_.push_back({"daemon", world_.chance(500) ? kDefault : kOther, 1, {}, {}, {}, {}});
    services_.back().daemon = true;
  }
  if (with_task_sets()) {
    services_.push_back({"sets", kDefault, 1, {create_group("sets")}, {}, {}, {}});
    services_.back().external = true;
  }
  const std::string balancer = text_in(
      must_call("elbv2", "CreateLoadBalancer", "Action=CreateLoadBalancer&Version=2015-12-01&Name=web"),
      "LoadBalancerArn");
  listener_ = text_in(must_call("elbv2", "CreateListener",
                                "Action=CreateListener&Version=2015-12-01&Protocol=HTTP&Port=" +
                                    std::to_string(kPort) + "&LoadBalancerArn=" + balancer +
                                    "&DefaultActions.member.1.Type=forward&DefaultActions.member.1."
                                    "TargetGroupArn=" +
                                    services_[0].groups[0]),
                      "ListenerArn");
  for (const Service& service : services_) {
    for (const std::string& group : service.groups) {
      if (group == services_[0].groups[0]) continue;
      const std::string path = "/" + std::to_string(paths_.size());
      must_call("elbv2", "CreateRule",
                rule_request(listener_, 100 + static_cast<int>(paths_.size()), path, group));
      paths_.push_back(path);
      other_group_ = group;
    }
  }
  if (with_stages()) set_up_stages();
  paths_.push_back("/passing");
  for (const Service& service : services_) register_revision(service.name);
  run_for(Millis(20'000));  // hosts join
  for (Service& service : services_) create_service(service);
}

bool Cluster::is_active(const Service& service) const {
  const auto* row = control_->state().services.find(service.key());
  return row != nullptr && row->status == model::ServiceStatus::kActive;
}

void Cluster::create_service(Service& service) {
  const int count = 1 + static_cast<int>(world_.random().below(static_cast<std::uint64_t>(service.most)));
  json body{{"cluster", service.cluster},
            {"serviceName", service.name},
            {"taskDefinition", service.name},
            {"desiredCount", count}};
  if (service.daemon) {
    body.erase("desiredCount");
    body["schedulingStrategy"] = "DAEMON";
    // Half of one host is one, which could not be replaced.
    if (service.cluster == kDefault && world_.chance(500))
      body["deploymentConfiguration"] = {{"minimumHealthyPercent", 50}};
  }
  for (const std::string& group : service.groups) {
    body["loadBalancers"].push_back(
        {{"targetGroupArn", group}, {"containerName", "web"}, {"containerPort", 80}});
  }
  if (service.staged) {
    body["deploymentConfiguration"] = json::parse(staged_configuration());
    body["deploymentConfiguration"].erase("lifecycleHooks");  // the first one has nothing to go back to
    body["loadBalancers"][0]["advancedConfiguration"] = {{"alternateTargetGroupArn", service.alternate},
                                                         {"productionListenerRule", service.production_rule},
                                                         {"testListenerRule", service.test_rule}};
  }
  if (service.external) {
    body.erase("taskDefinition");
    body.erase("loadBalancers");
    body["deploymentController"] = {{"type", "EXTERNAL"}};
    call("ecs", "CreateService", body.dump());
    return change_task_sets(service);
  }
  const auto answer = call("ecs", "CreateService", body.dump());
  if (!answer) {  // the newest revision may be one of which nobody has heard
    service.possible_definitions.clear();
    service.possible_counts.clear();
  } else if (!answer->starts_with("error ")) {
    if (!service.daemon) service.possible_counts = {count};
    service.possible_definitions = {
        json::parse(*answer).at("service").at("taskDefinition").get<std::string>()};
    if (service.staged) service.possible_definitions.clear();  // hooks take deployments back
  }
}

void Cluster::delete_service(Service& service) {
  call("ecs", "DeleteService",
       json{{"cluster", service.cluster}, {"service", service.name}, {"force", true}}.dump());
}

void Cluster::update_service(Service& service, const std::string& members, std::optional<int> count,
                             std::optional<std::string> definition) {
  const auto answer =
      call("ecs", "UpdateService",
           R"({"cluster":")" + service.cluster + R"(","service":")" + service.name + "\"," + members + "}");
  const bool known = answer && !answer->starts_with("error ");
  if (known) {
    if (count) service.possible_counts = {*count};
    if (definition && !service.staged) service.possible_definitions = {*definition};
    ++report_.deployments;
  } else if (!answer) {  // it may have been carried out or not
    if (count && !service.possible_counts.empty()) service.possible_counts.insert(*count);
    if (definition && !service.possible_definitions.empty()) service.possible_definitions.insert(*definition);
  }
}

void Cluster::run_job() {
  const int code = static_cast<int>(world_.random().below(3));
  const json body{
      {"cluster", world_.chance(500) ? kDefault : kOther},
      {"taskDefinition", "job"},
      {"clientToken", "job-" + std::to_string(++job_calls_)},
      {"overrides",
       {{"containerOverrides", {{{"name", "job"}, {"command", {"exit", std::to_string(code)}}}}}}}};
  const auto answer = call("ecs", "RunTask", body.dump());
  if (!answer || answer->starts_with("error ")) return;
  const json parsed = json::parse(*answer);
  for (const auto& task : parsed.at("tasks")) jobs_[task.at("taskArn").get<std::string>()] = code;
}

// For the shortest time that there is, so that everything can still settle at the end.
void Cluster::protect_some_task(const Service& service) {
  const auto arns = wanted_tasks(service);
  if (arns.empty()) return;
  call("ecs", "UpdateTaskProtection",
       json{{"cluster", service.cluster},
            {"tasks", {arns[world_.random().below(arns.size())]}},
            {"protectionEnabled", true},
            {"expiresInMinutes", 1}}
           .dump());
}

// Back to what was completed before, whatever that was.
void Cluster::stop_deployment(Service& service) {
  const auto* current = agent::control::current_deployment(control_->state(), service.key());
  if (current == nullptr) return;
  const auto answer =
      call("ecs", "StopServiceDeployment", json{{"serviceDeploymentArn", current->arn}}.dump());
  if (!answer || !answer->starts_with("error ")) service.possible_definitions.clear();
}

// A new one that becomes the primary one, or another that goes, or has more or less of the tasks.
void Cluster::change_task_sets(const Service& service) {
  if (!is_active(service)) return;
  const auto* row = control_->state().services.find(service.key());
  json request{{"cluster", service.cluster}, {"service", service.name}};
  std::vector<model::Deployment> sets;
  for (const auto& each : row->deployments) {
    if (each.status != model::DeploymentStatus::kDraining) sets.push_back(each);
  }
  if (sets.empty() || (row->deployments.size() < 2 && world_.chance(500))) {
    request["taskDefinition"] = service.name;
    for (const std::string& group : service.groups)
      request["loadBalancers"].push_back(
          {{"targetGroupArn", group}, {"containerName", "web"}, {"containerPort", 80}});
    call("ecs", "CreateTaskSet", request.dump());
    return;
  }
  const model::Deployment& set = sets[world_.random().below(sets.size())];
  if (set.status != model::DeploymentStatus::kPrimary && world_.chance(500)) {
    request["primaryTaskSet"] = set.id;
    call("ecs", "UpdateServicePrimaryTaskSet", request.dump());
  } else if (sets.size() > 1 && world_.chance(500)) {
    request["taskSet"] = set.id;
    request["force"] = true;
    call("ecs", "DeleteTaskSet", request.dump());
  } else {
    request["taskSet"] = set.id;
    request["scale"] = {{"value", 50 + world_.random().below(51)}};
    call("ecs", "UpdateTaskSet", request.dump());
  }
}

// Nothing is left to do for it.
bool Cluster::is_settled(const Service& service) const {
  const auto* row = control_->state().services.find(service.key());
  if (row == nullptr) return false;
  if (service.external)
    return std::all_of(row->deployments.begin(), row->deployments.end(),
                       [](const auto& each) { return each.stable; });
  return row->deployments.size() == 1 && row->deployments[0].rollout_state == model::RolloutState::kCompleted;
}

std::vector<std::string> Cluster::wanted_tasks(const Service& service) const {
  std::vector<std::string> arns;
  if (!control_->up()) return arns;
  for (const auto& [key, task] : control_->state().tasks.rows()) {
    if (task.desired_status == model::DesiredStatus::kRunning && task.service == service.name)
      arns.push_back(task.arn);
  }
  return arns;
}

void Cluster::stop_some_task(const Service& service) {
  const auto arns = wanted_tasks(service);
  if (arns.empty()) return;
  call("ecs", "StopTask",
       json{{"cluster", service.cluster},
            {"task", arns[world_.random().below(arns.size())]},
            {"reason", "the operator's wish"}}
           .dump());
}

// One rule comes, goes to another group, and goes.
void Cluster::change_rules() {
  std::string passing;
  bool to_other = false;
  for (const auto& [arn, rule] : control_->state().rules.rows()) {
    if (rule.conditions.at(0).values.at(0) != paths_.back()) continue;
    passing = arn;
    to_other = rule.actions.at(0).forward.target_groups.at(0).target_group == other_group_;
  }
  if (passing.empty()) {
    call("elbv2", "CreateRule", rule_request(listener_, 1, paths_.back(), other_group_));
  } else if (world_.chance(500)) {
    call("elbv2", "DeleteRule", "Action=DeleteRule&Version=2015-12-01&RuleArn=" + passing);
  } else {
    call("elbv2", "ModifyRule",
         "Action=ModifyRule&Version=2015-12-01&RuleArn=" + passing +
             "&Actions.member.1.Type=forward&Actions.member.1.TargetGroupArn=" +
             (to_other ? services_[0].groups[0] : other_group_));
  }
}

// An instance drains, is back, or leaves once it is empty; its node stays away until it is restarted.
void Cluster::change_instance() {
  std::vector<const model::ContainerInstance*> all;
  for (const auto& [key, row] : control_->state().instances.rows()) {
    if (row.status != model::InstanceStatus::kInactive) all.push_back(&row);
  }
  if (all.empty()) return;
  const model::ContainerInstance row = *all[world_.random().below(all.size())];
  if (faults_on_ && !with_older_database() && world_.chance(250)) return force_out(row);
  // In an older database it would be there still, and nobody left who is it.
  if (row.status == model::InstanceStatus::kDraining && !with_older_database() && world_.chance(500)) {
    call("ecs", "DeregisterContainerInstance",
         json{{"cluster", row.cluster}, {"containerInstance", row.arn}}.dump());
    any_deregistered_ = true;
    return;
  }
  const char* status = row.status == model::InstanceStatus::kActive ? "DRAINING" : "ACTIVE";
  call("ecs", "UpdateContainerInstancesState",
       json{{"cluster", row.cluster}, {"containerInstances", {row.arn}}, {"status", status}}.dump());
}

// With whatever runs there. Its node is restarted some time later, and becomes another instance.
void Cluster::force_out(const model::ContainerInstance& instance) {
  forced_instances_.insert(instance.arn);
  any_deregistered_ = true;
  call("ecs", "DeregisterContainerInstance",
       json{{"cluster", instance.cluster}, {"containerInstance", instance.arn}, {"force", true}}.dump());
  for (const auto& host : hosts_) {
    if (host->machine().address() != instance.address) continue;
    restart_later(
        [each = host.get()] {
          if (each->up()) each->crash();
          each->boot();
        },
        Millis(10), Millis(30'000));
  }
}

void Cluster::activate_instances() {
  std::vector<std::pair<std::string, std::string>> draining;
  for (const auto& [key, row] : control_->state().instances.rows()) {
    if (row.status == model::InstanceStatus::kDraining) draining.emplace_back(row.cluster, row.arn);
  }
  for (const auto& [cluster, arn] : draining) {
    call("ecs", "UpdateContainerInstancesState",
         json{{"cluster", cluster}, {"containerInstances", {arn}}, {"status", "ACTIVE"}}.dump());
  }
}

void Cluster::operate() {
  if (!control_->up()) return;
  ++report_.steps_of_operator;
  Service& service = services_[world_.random().below(services_.size())];
  if (!is_active(service)) return create_service(service);  // refused while it drains
  if (service.external && world_.chance(800)) return change_task_sets(service);
  if (service.staged && world_.chance(300)) return answer_pause(service);
  switch (world_.random().below(14)) {
    case 0:
    case 1: {
      if (service.daemon)
        return update_service(service, "\"enableECSManagedTags\":true", std::nullopt, std::nullopt);
      const int count = 1 + static_cast<int>(world_.random().below(static_cast<std::uint64_t>(service.most)));
      return update_service(service, "\"desiredCount\":" + std::to_string(count), count, std::nullopt);
    }
    case 2:
    case 3:
    case 4: {
      const auto newest = register_revision(service.name);
      if (!newest) return;
      const std::string members =
          service.staged ? ",\"deploymentConfiguration\":" + staged_configuration() : std::string();
      return update_service(service, "\"taskDefinition\":\"" + *newest + "\"" + members, std::nullopt,
                            newest);
    }
    case 5:
      return update_service(service, "\"forceNewDeployment\":true", std::nullopt, std::nullopt);
    case 6:
      return run_job();
    // A new service's targets have yet to come up.
    case 7:
      return faults_on_ ? delete_service(service) : run_job();
    case 8:
      return change_rules();
    case 9:
    case 10:
      return change_instance();
    case 11:
      return protect_some_task(service);
    case 12:
      return stop_deployment(service);
    // An operator who stops the only healthy task takes the service away himself: only where requests may be
    // lost.
    default:
      return faults_on_ ? stop_some_task(service) : run_job();
  }
}

// ---- faults ----

void Cluster::restart_later(const std::function<void()>& boot, Millis low, Millis high) {
  world_.after(world_.between(low, high), boot);
}

void Cluster::fault() {
  ++report_.faults;
  HostProcess& host = *hosts_[world_.random().below(hosts_.size())];
  BalancerProcess& balancer = *balancers_[world_.random().below(balancers_.size())];
  switch (world_.random().below(8)) {
    case 0:
      if (!control_->up()) return;
      control_->crash();
      return restart_later(
          [this] {
            if (!control_->up()) control_->boot();
          },
          Millis(10), Millis(20'000));
    case 1:
    case 2:
      if (!host.up()) return;
      host.crash();
      return restart_later(
          [&host] {
            if (!host.up()) host.boot();
          },
          Millis(10), Millis(20'000));
    case 3:
      if (!balancer.up()) return;
      balancer.crash();
      return restart_later(
          [&balancer] {
            if (!balancer.up()) balancer.boot();
          },
          Millis(10), Millis(20'000));
    case 4:
      network_.partition(host.process(), control_->process());
      return restart_later([this] { network_.heal(); }, Millis(100), Millis(40'000));
    case 5:
      network_.partition(balancer.process(), control_->process());
      return restart_later([this] { network_.heal(); }, Millis(100), Millis(60'000));
    case 6:
      host.machine().crash_any();
      return;
    default:
      return fill_disk();
  }
}

// For some commits, or until somebody has made room.
void Cluster::fill_disk() {
  if (world_.random().below(3) == 0) {
    BalancerProcess& balancer = *balancers_[world_.random().below(balancers_.size())];
    balancer.fill_disk();
    return restart_later([&balancer] { balancer.make_room(); }, Millis(100), Millis(90'000));
  }
  if (!control_->up()) return;
  const shared::Error full("disk_full", "simulated full disk");
  if (world_.random().below(3) != 0)
    return control_->store().fail_next_commits(1 + world_.random().below(3), full);
  control_->store().fail_next_commits(std::numeric_limits<std::size_t>::max(), full);
  restart_later([this] { make_room(); }, Millis(1'000), Millis(90'000));
}

void Cluster::make_room() { control_->store().fail_next_commits(0, shared::Error("", "")); }

void Cluster::heal_everything() {
  make_room();
  faults_on_ = false;
  network_.heal();
  network_.faults = {};
  if (!control_->up()) control_->boot();
  for (const auto& host : hosts_) {
    host->machine().faults = {};
    if (!host->up()) host->boot();
  }
  for (const auto& balancer : balancers_) {
    balancer->make_room();
    if (!balancer->up()) balancer->boot();
  }
}

void Cluster::restore_older_database() {
  control_->lose_since(*older_database_);
  restored_ = true;
  stopped_tasks_.clear();
  generation_before_ = 0;
  draining_since_.clear();
  registrations_seen_.clear();
  acknowledged_definitions_.clear();
  for (Service& service : services_) {
    service.tasks_before.clear();
    service.shares_before.clear();
    service.whole.clear();
    service.possible_counts.clear();
    service.possible_definitions.clear();
  }
}

// ---- invariants ----

void Cluster::after_event() {
  if (control_->up()) observe_control();
}

void Cluster::observe_control() {
  const State& state = control_->state();
  const std::uint64_t generation = state.tasks.generation() + state.services.generation() +
                                   state.target_groups.generation() + state.targets.generation() +
                                   state.instances.generation();
  const std::uint64_t told = control_->told().generation();
  if (generation == generation_before_) {
    if (told != std::exchange(told_before_, told)) check_scheduler_decisions();
    return;
  }
  generation_before_ = generation;
  told_before_ = told;
  for (const std::string& text : agent::control::check_invariants(state)) violate(text);
  for (const auto& [key, target] : state.targets.rows()) {
    task_of_registration_[target.registration] = target.task_arn;
    registrations_seen_.insert(target.registration);
    if (target.draining_since) {
      draining_since_.try_emplace(target.registration, *target.draining_since);
    } else {
      draining_since_.erase(target.registration);  // that could not be saved
    }
  }
  check_scheduler_decisions();
}

// A task that runs and is wanted, by the worst of its targets as balancers have told control. Without any it
// has proven itself after some time.
Found Cluster::judge(const model::Task& task) const {
  if (task.last_status != model::TaskStatus::kRunning ||
      task.desired_status != model::DesiredStatus::kRunning) {
    return Found::kUnhealthy;
  }
  if (task.targets.empty()) {
    const bool proven =
        task.started_at && *task.started_at + settings_.steady_without_checks <= world_.wall_now();
    return proven ? Found::kHealthy : Found::kUnknown;
  }
  Found worst = Found::kHealthy;
  for (const auto& each : task.targets) {
    worst = std::max(worst, control_->told().found(each.target_group_arn, each.registration, world_.now()));
  }
  return worst;
}

// What the last turn decided, judged by what it left behind.
void Cluster::check_scheduler_decisions() {
  for (const auto& [key, task] : control_->state().tasks.rows()) {
    if (task.last_status == model::TaskStatus::kStopped) {
      if (forced_instances_.contains(task.container_instance_arn)) orphaned_tasks_.insert(task.arn);
      if (!control_->saving()) stopped_tasks_.insert(task.arn);
    } else if (stopped_tasks_.contains(task.arn)) {
      violate("task " + task.arn + " was STOPPED and is not any more");
    }
  }
  for (Service& service : services_) check_scheduler_decisions(service);
}

void Cluster::check_scheduler_decisions(Service& mine) {
  const State& state = control_->state();
  std::map<std::string, TaskView> now;
  int healthy = 0;
  int wanted = 0;
  bool stopped_healthy = false;
  bool started = false;
  bool stopped_guarded = false;
  std::string reasons;
  std::string left_early;
  for (const auto& [key, task] : state.tasks.rows()) {
    if (task.service != mine.name) continue;
    const Found found = judge(task);
    const auto before = mine.tasks_before.find(key);
    // A balancer that joins knows nothing yet: what was healthy a moment ago still counts.
    const bool still =
        found == Found::kUnknown && before != mine.tasks_before.end() && before->second.was_healthy;
    const TaskView view{task.desired_status == model::DesiredStatus::kRunning, found == Found::kHealthy,
                        found == Found::kHealthy || still, task.stop_code == "ServiceSchedulerInitiated",
                        task.protected_until && *task.protected_until > world_.wall_now()};
    if (before == mine.tasks_before.end()) started = true;
    // One that has just turned unhealthy is replaced, which is not a choice of the scheduler's.
    else if (before->second.wanted && before->second.healthy && !view.wanted && view.stopped_by_scheduler &&
             task.stopped_reason.starts_with("Scaling activity") && !leaves_with_its_host(mine, task)) {
      stopped_healthy = true;
      reasons += " [" + task.id + " of " + task.deployment_id + "]";
    }
    if (before != mine.tasks_before.end() && before->second.wanted && view.guarded && !view.wanted &&
        view.stopped_by_scheduler && task.stopped_reason.starts_with("Scaling activity")) {
      stopped_guarded = true;
      reasons += " [" + task.id + " of " + task.deployment_id + "]";
    }
    if (mine.daemon && before != mine.tasks_before.end() && before->second.wanted && !view.wanted &&
        view.stopped_by_scheduler && task.stopped_reason.starts_with("Scaling activity") &&
        others_on_draining(task))
      left_early += " [" + task.id + "]";
    wanted += view.wanted ? 1 : 0;
    healthy += view.was_healthy ? 1 : 0;
    now.emplace(key, view);
  }
  const bool first_look = mine.tasks_before.empty();
  mine.tasks_before.swap(now);
  if (mine.staged && !first_look) check_stages(mine, now, mine.tasks_before);
  const auto* service = state.services.find(mine.key());
  if (service == nullptr || first_look || service->status != model::ServiceStatus::kActive) return;
  const int minimum = (service->desired_count * service->configuration.minimum_healthy_percent + 99) / 100;
  const int maximum = service->desired_count * service->configuration.maximum_percent / 100;
  if (stopped_healthy && healthy < minimum && !mine.external) {
    violate("the scheduler stopped a healthy task and left " + std::to_string(healthy) + " of at least " +
            std::to_string(minimum) + ": stopped" + reasons);
  }
  if (stopped_guarded) violate("the scheduler stopped a protected task:" + reasons);
  if (!left_early.empty()) violate("daemon tasks leave a draining host before others:" + left_early);
  if (mine.daemon) return check_one_daemon_per_host(mine);
  if (mine.external) return;                                        // each set has a maximum of its own
  if (started && wanted > (mine.staged ? 2 * maximum : maximum)) {  // of either revision
    violate("the scheduler started tasks up to " + std::to_string(wanted) + " of at most " +
            std::to_string(maximum));
  }
}

// A daemon is of use on its host alone, whatever there is elsewhere.
bool Cluster::leaves_with_its_host(const Service& mine, const model::Task& task) const {
  const auto* instance = agent::control::find_instance_by_arn(control_->state(), task.container_instance_arn);
  return mine.daemon && (instance == nullptr || instance->status != model::InstanceStatus::kActive);
}

// Its instance drains, and tasks of others are there.
bool Cluster::others_on_draining(const model::Task& task) const {
  const State& state = control_->state();
  const auto* instance = agent::control::find_instance_by_arn(state, task.container_instance_arn);
  if (instance == nullptr || instance->status != model::InstanceStatus::kDraining) return false;
  const auto& tasks = state.task_index().usage(instance->arn).tasks;
  return std::any_of(tasks.begin(), tasks.end(),
                     [&](const std::string& key) { return state.tasks.find(key)->service != task.service; });
}

void Cluster::check_one_daemon_per_host(const Service& mine) {
  std::map<std::string, int> on;
  for (const auto& [key, task] : control_->state().tasks.rows()) {
    if (task.service != mine.name || task.last_status == model::TaskStatus::kStopped) continue;
    if (++on[task.container_instance_arn] > 1)
      violate("two tasks of daemon " + mine.name + " are on " + task.container_instance_arn);
  }
}

void Cluster::on_container_start(const SimContainer& container) {
  const std::string task = task_of(container);
  if (stopped_tasks_.contains(task) && !orphaned_tasks_.contains(task))
    violate("a container of the stopped task " + task + " was started");
}

void Cluster::on_container_end(Machine& machine, const SimContainer& container, EndCause cause) {
  const std::string task = task_of(container);
  if (cause != EndCause::kStopped && is_web(container)) crashed_tasks_.insert(task);
  // What control knows nothing of any more is stopped without asking balancers, and what it had stopped in
  // good order before it was put back to an older database, in which it is wanted, may end after that.
  const model::Task* known =
      control_->up() ? control_->state().tasks.find(task.substr(task.find(":task/") + 6)) : nullptr;
  const bool lost =
      restored_ && (known == nullptr || known->desired_status != model::DesiredStatus::kStopped);
  const bool unknown = lost || orphaned_tasks_.contains(task);
  // Nor is anything waited for at registrations of which it knows nothing any more.
  const auto forgotten = [&](const std::string& registration) {
    return restored_ && !registrations_seen_.contains(registration);
  };
  const auto limit_passed = [&](const std::string& registration) {
    const auto since = draining_since_.find(registration);
    return since != draining_since_.end() && world_.wall_now() >= since->second + kDeregistrationDelay;
  };
  for (const auto& balancer : balancers_) {
    if (cause == EndCause::kStopped && is_web(container) && !unknown) {
      for (const lb::Config* config : balancer->routing_by()) {
        for (const auto& group : config->target_groups) {
          for (const auto& target : group->targets) {
            if (target.state != lb::TargetState::kActive ||
                task_of_registration_[target.registration] != task)
              continue;
            if (forgotten(target.registration) || limit_passed(target.registration)) continue;
            violate("task " + task + " was stopped while " + balancer->process().name() +
                    " still routes to it (version " + std::to_string(config->version) + ")");
          }
        }
      }
    }
    std::erase_if(balancer->open_requests(), [&](const auto& entry) {
      if (entry.second.machine != &machine || entry.second.container != container.spec.name) return false;
      if (cause == EndCause::kStopped && !unknown && !forgotten(entry.second.registration) &&
          !limit_passed(entry.second.registration)) {
        violate("a request was open on task " + task + " when it was stopped");
      }
      return true;
    });
  }
}

void Cluster::on_routed(const lb::Target& target, const SimContainer& container) {
  const std::string wanted = task_of_registration_[target.registration];
  const std::string reached = task_of(container);
  if (wanted == reached || wanted.empty() || crashed_tasks_.contains(wanted) || restored_) return;
  if (orphaned_tasks_.contains(wanted)) return;
  violate("a request for task " + wanted + " reached task " + reached + ", which took its port");
}

// Every host of the cluster counts. Returns how many have no daemon because others took the room there before
// it was asked for.
int Cluster::check_daemon_hosts(const Service& mine, const model::Service& row) {
  const State& state = control_->state();
  int hosts = 0;
  int full = 0;
  for (const auto& [key, instance] : state.instances.rows()) {
    if (instance.cluster != mine.cluster || instance.status != model::InstanceStatus::kActive ||
        !agent::control::is_connected(state, instance))
      continue;
    ++hosts;
    const auto& usage = state.task_index().usage(instance.arn);
    const bool has_room = usage.memory + kTaskMemory <= instance.registered.memory;
    if (!has_room && !usage.groups.contains("service:" + mine.name)) ++full;
  }
  if (hosts != row.desired_count)
    violate("daemon " + mine.name + " wants " + std::to_string(row.desired_count) + " tasks on " +
            std::to_string(hosts) + " hosts");
  return full;
}

void Cluster::check_converged(const Service& mine) {
  const State& state = control_->state();
  const auto* service = state.services.find(mine.key());
  if (service == nullptr) return violate("service " + mine.name + " is gone");
  int running = 0;
  for (const auto& [key, task] : state.tasks.rows()) {
    if (task.service == mine.name && judge(task) == Found::kHealthy) ++running;
    if (task.desired_status == model::DesiredStatus::kStopped &&
        task.last_status != model::TaskStatus::kStopped) {
      violate("task " + task.arn + " wants to stop and never does");
    }
  }
  if (mine.external) {
    int wanted = 0;
    for (const model::Deployment& each : service->deployments)
      wanted += agent::control::computed_desired_count(*service, each);
    if (running != wanted || !is_settled(mine))
      violate("the task sets of " + mine.name + " have " + std::to_string(running) + " healthy tasks of " +
              std::to_string(wanted));
    return;
  }
  const int full = mine.daemon ? check_daemon_hosts(mine, *service) : 0;
  // A host that is full has no daemon, and its share of the minimum is owed by the others: where none of them
  // can be spared their daemons stay as they are, until an operator makes room.
  const bool stuck = full > 0 && (running - 1) * 100 <
                                     service->desired_count * service->configuration.minimum_healthy_percent;
  if (running != service->desired_count - full || (service->deployments.size() != 1 && !stuck)) {
    violate("service " + mine.name + " has not converged: " + std::to_string(running) + " healthy of " +
            std::to_string(service->desired_count) + ", " + std::to_string(service->deployments.size()) +
            " deployments");
  }
  if (!mine.possible_counts.empty() && !mine.possible_counts.contains(service->desired_count)) {
    violate("an acknowledged desired count was lost: it is " + std::to_string(service->desired_count));
  }
  if (!mine.possible_definitions.empty() &&
      !mine.possible_definitions.contains(service->task_definition_arn)) {
    violate("an acknowledged revision was lost: the service has " + service->task_definition_arn);
  }
}

void Cluster::check_converged() {
  const State& state = control_->state();
  std::size_t desired = 0;
  for (const Service& service : services_) {
    check_converged(service);
    for (const std::string& key : state.task_index().of_service(service.key()))
      desired += state.tasks.find(key)->desired_status == model::DesiredStatus::kRunning ? 1 : 0;
  }
  for (const std::string& arn : acknowledged_definitions_) {
    if (state.task_definitions.find(arn.substr(arn.find("task-definition/") + 16)) == nullptr) {
      violate("an acknowledged write was lost: " + arn);
    }
  }
  for (const auto& [arn, code] : jobs_) {
    const auto* task = state.tasks.find(arn.substr(arn.find(":task/") + 6));
    if (task == nullptr || task->last_status == model::TaskStatus::kStopped) continue;
    violate("job " + arn + " never ended");
  }
  std::size_t containers = 0;
  std::size_t others = 0;
  for (const auto& host : hosts_) {
    for (const auto& [name, container] : host->machine().containers()) {
      if (container.phase == runtime::ContainerPhase::kRunning) ++(is_web(container) ? containers : others);
    }
  }
  for (const auto& host : hosts_) {
    for (const auto& [name, volume] : host->machine().volumes()) {
      if (!host->node().tasks().contains(volume.labels.at(agent::node::kTaskArnLabel)))
        violate("volume " + name + " of " + host->process().name() + " outlived its task");
    }
  }
  if (containers != desired) {
    violate(std::to_string(containers) + " containers run for " + std::to_string(desired) + " tasks");
  }
  if (others > containers) violate(std::to_string(others) + " containers outlived their tasks");
}

// ---- a life ----

Report Cluster::run() {
  set_up();
  run_for(Millis(60'000));
  faults_on_ = with_faults();
  if (with_faults()) {
    network_.faults = {20, 20, 20, 2, 40};
    for (const auto& host : hosts_) host->machine().faults = {10, 10, 10, 20, 60};
  }
  const SteadyTime end = world_.now() + kLifeWithFaults;
  SteadyTime next_operation = world_.now();
  SteadyTime next_fault = world_.now();
  const SteadyTime copy_at = world_.now() + world_.between(Millis(0), kLifeWithFaults);
  while (world_.now() < end && report_.violations.empty()) {
    if (world_.now() >= next_operation) {
      operate();
      next_operation = world_.now() + world_.between(Millis(500), Millis(25'000));
    }
    // A copy from before control's first start would be another installation: its hosts wait for theirs.
    const bool has_identity = control_->up() && !agent::control::installation_of(control_->state()).empty();
    if (with_older_database() && !older_database_ && world_.now() >= copy_at && has_identity) {
      older_database_ = std::make_unique<agent::store::MemoryStore>(control_->store());
    }
    if (faults_on_ && world_.now() >= next_fault) {
      fault();
      next_fault = world_.now() + world_.between(Millis(200), Millis(20'000));
    }
    for (const auto& balancer : balancers_) {
      balancer->request(kPort, paths_[world_.random().below(paths_.size())],
                        world_.chance(30) ? world_.between(Millis(1'000), Millis(20'000))
                                          : world_.between(Millis(1), Millis(80)));
    }
    run_for(Millis(50));
  }
  if (older_database_ && report_.violations.empty()) restore_older_database();
  heal_everything();
  // Back-offs and silences end; then everything asked for must be there.
  const SteadyTime limit = world_.now() + kTimeToConverge;
  while (world_.now() < limit && report_.violations.empty()) {
    run_for(Millis(60'000));
    if (std::exchange(any_deregistered_, false)) {
      for (const auto& host : hosts_) {
        host->crash();
        host->boot();
      }
    }
    activate_instances();
    bool done = true;
    for (Service& service : services_) {
      if (!is_active(service)) create_service(service);
      if (service.staged) settle_stages(service);
      done = done && is_settled(service);
    }
    if (done) break;
  }
  run_for(Millis(100'000));
  if (report_.violations.empty()) check_converged();
  for (const auto& balancer : balancers_) {
    report_.traffic.sent += balancer->counts().sent;
    report_.traffic.answered += balancer->counts().answered;
    report_.traffic.no_target += balancer->counts().no_target;
    report_.traffic.refused += balancer->counts().refused;
    report_.traffic.cut += balancer->counts().cut;
  }
  if (!with_faults() && (report_.traffic.refused != 0 || report_.traffic.cut != 0)) {
    violate("without any fault " + std::to_string(report_.traffic.refused) + " requests were refused and " +
            std::to_string(report_.traffic.cut) + " cut");
  }
  report_.events = world_.events_run();
  return report_;
}

}  // namespace sim
