// bench_control: what a large cluster costs control, on the shipped code in simulated time.
//
//   bench_control [--hosts N] [--tasks N] [--services N]
//
// Services, each behind a load balancer of its own, are created, scaled out until they have all tasks
// together, left alone for a minute, ten tasks of them are stopped and replaced, control is started anew, all
// are rolled to a new revision, told for a minute to be larger than all hosts together, and scaled in. Each
// line says what that took of simulated time and of CPU: all of it, and the parts of control and of the
// balancer (the rest is hosts and the simulation itself). A target group takes 1,000 targets, so that a
// service can have 500 tasks.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/control/services/requests.h"
#include "shared/log/log.h"
#include "tests/bench/flags.h"
#include "tests/sim/balancer_process.h"
#include "tests/sim/control_process.h"
#include "tests/sim/host_process.h"

namespace {

using agent::model::RolloutState;
using nlohmann::json;
using sim::Millis;

constexpr std::uint64_t kSeed = 1;
constexpr Millis kSlice{100};
constexpr Millis kLimit{3'600'000};
constexpr int kMostTasksPerService = 500;

double cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

class Bench {
 public:
  Bench(int hosts, int tasks, int services)
      : tasks_(tasks), services_(services), world_(kSeed), network_(world_) {
    agent::control::Settings settings;
    settings.poll_endpoint = "http://control";
    control_ = std::make_unique<sim::ControlProcess>(world_, network_, settings);
    agent::node::NodeSettings node;
    node.cpus = 16;
    node.memory_mib = 16 * 2 * (tasks / hosts + 2);  // twice the tasks, for a deployment
    for (int i = 1; i <= hosts; ++i) {
      const std::string address = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
      hosts_.push_back(std::make_unique<sim::HostProcess>(world_, network_, *control_,
                                                          "host" + std::to_string(i), address, node));
      machines_[address] = &hosts_.back()->machine();
    }
    balancer_ = std::make_unique<sim::BalancerProcess>(world_, network_, *control_, "balancer",
                                                       [this](const std::string& address) {
                                                         const auto it = machines_.find(address);
                                                         return it == machines_.end() ? nullptr : it->second;
                                                       });
    control_->process().meter(control_cpu_);
    balancer_->process().meter(balancer_cpu_);
    balancer_->on_violation = [this](const std::string& text) { fail(text); };
  }

  int run() {
    call("ecs", "CreateCluster", "{}");
    revision("1");
    phase("hosts join", [this] { return connected() == hosts_.size(); });
    for (int i = 0; i < services_; ++i) create_service(i);
    phase("first tasks", [this] { return done(services_); });
    update(json{{"desiredCount", tasks_ / services_}});
    phase("scale out", [this] { return done(tasks_); });
    idle("a minute of rest");
    replace_ten();
    restart();
    revision("2");
    update(json{{"taskDefinition", "web"}});
    phase("deployment", [this] { return done(tasks_); });
    update(json{{"desiredCount", std::min(10 * tasks_ / services_, 5000)}});
    idle("more than fits");
    update(json{{"desiredCount", 0}});
    phase("scale in", [this] { return done(0); });
    return failed_ ? 1 : 0;
  }

 private:
  void fail(const std::string& text) {
    std::printf("FAILED: %s\n", text.c_str());
    failed_ = true;
  }

  std::string call(const std::string& service, const std::string& operation, const std::string& body) {
    auto answer = std::make_shared<std::optional<shared::Result<std::string>>>();
    control_->serve(service, operation, body,
                    [answer](shared::Result<std::string> result) { *answer = std::move(result); });
    while (!*answer && world_.run_one()) {
    }
    if (*answer && **answer) return ***answer;
    fail(operation + ": " + (*answer ? (*answer)->error().text() : "no answer"));
    return "";
  }

  void create_service(int number) {
    const std::string name = "web" + std::to_string(number);
    const std::string form = "&Version=2015-12-01&Name=" + name;
    const std::string balancer = sim::text_in(
        call("elbv2", "CreateLoadBalancer", "Action=CreateLoadBalancer" + form), "LoadBalancerArn");
    const std::string group = sim::text_in(
        call("elbv2", "CreateTargetGroup",
             "Action=CreateTargetGroup" + form +
                 "&Protocol=HTTP&Port=80&VpcId=v"
                 "&HealthCheckIntervalSeconds=5&HealthCheckTimeoutSeconds=2&HealthyThresholdCount=2"),
        "TargetGroupArn");
    call("elbv2", "CreateListener",
         "Action=CreateListener&Version=2015-12-01&Protocol=HTTP&Port=" + std::to_string(8000 + number) +
             "&LoadBalancerArn=" + balancer +
             "&DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn=" + group);
    call("ecs", "CreateService",
         json{{"serviceName", name},
              {"taskDefinition", "web"},
              {"desiredCount", 1},
              {"loadBalancers",
               {{{"targetGroupArn", group}, {"containerName", "web"}, {"containerPort", 80}}}}}
             .dump());
  }

  void update(json members) {
    for (int i = 0; i < services_; ++i) {
      members["service"] = "web" + std::to_string(i);
      call("ecs", "UpdateService", members.dump());
    }
  }

  void revision(const std::string& tag) {
    call("ecs", "RegisterTaskDefinition",
         json{{"family", "web"},
              {"containerDefinitions",
               {{{"name", "web"},
                 {"image", "web:" + tag},
                 {"cpu", 2},
                 {"memory", 16},
                 {"portMappings", {{{"containerPort", 80}}}}}}}}
             .dump());
  }

  // One after the other, each in peace.
  void replace_ten() {
    const Reading before = read();
    for (int i = 0; i < 10; ++i) {
      std::string arn;
      for (const auto& [key, task] : control_->state().tasks.rows()) {
        if (task.last_status == agent::model::TaskStatus::kRunning) arn = task.arn;
      }
      call("ecs", "StopTask", json{{"task", arn}}.dump());
      wait("replacing a task", [this] { return done(tasks_); });
    }
    tell("ten tasks replaced", before);
  }

  void restart() {
    const Reading before = read();
    control_->crash();
    const double from = cpu_seconds();
    control_->boot();
    const double boot = cpu_seconds() - from;
    *control_cpu_ += boot;
    wait("control's restart", [this] { return connected() == hosts_.size() && done(tasks_); });
    tell("control restarts", before);
    std::printf("%-19s %.2f s CPU of it until it had read its rows\n", "", boot);
  }

  std::size_t connected() const {
    std::size_t count = 0;
    for (const auto& [arn, agent] : control_->state().live.agents) count += agent.connected ? 1U : 0U;
    return count;
  }

  bool done(int count) const {
    for (const auto& [key, service] : control_->state().services.rows()) {
      if (service.deployments.size() != 1 || service.deployments[0].rollout_state != RolloutState::kCompleted)
        return false;
    }
    int running = 0;
    for (const auto& [key, task] : control_->state().tasks.rows()) {
      if (task.last_status == agent::model::TaskStatus::kStopped) continue;
      if (task.last_status != agent::model::TaskStatus::kRunning) return false;
      ++running;
    }
    return running == count;
  }

  template <class Done>
  void wait(const std::string& what, Done done) {
    const auto from = world_.now();
    while (!failed_ && !done()) {
      world_.run_for(kSlice, {});
      if (world_.now() - from > kLimit) fail(what + " took too long");
    }
  }

  template <class Done>
  void phase(const char* name, Done done) {
    const Reading before = read();
    wait(name, done);
    tell(name, before);
  }

  void idle(const char* name) {
    const Reading before = read();
    world_.run_for(Millis(60'000), {});
    tell(name, before);
  }

  struct Reading {
    shared::SteadyTime at;
    double cpu;
    double control;
    double balancer;
  };
  Reading read() const { return {world_.now(), cpu_seconds(), *control_cpu_, *balancer_cpu_}; }

  void tell(const char* name, const Reading& before) const {
    const Reading now = read();
    std::printf("%-19s %8.1f s simulated %8.2f s CPU, control %8.3f s, balancer %7.2f s\n", name,
                std::chrono::duration<double>(now.at - before.at).count(), now.cpu - before.cpu,
                now.control - before.control, now.balancer - before.balancer);
    std::fflush(stdout);
  }

  const int tasks_;
  const int services_;
  sim::World world_;
  sim::Network network_;
  std::map<std::string, sim::Machine*> machines_;
  std::unique_ptr<sim::ControlProcess> control_;
  std::vector<std::unique_ptr<sim::HostProcess>> hosts_;
  std::unique_ptr<sim::BalancerProcess> balancer_;
  std::shared_ptr<double> control_cpu_ = std::make_shared<double>(0);
  std::shared_ptr<double> balancer_cpu_ = std::make_shared<double>(0);
  bool failed_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  int hosts = 100;
  int tasks = 900;
  int services = 1;
  if (!bench::read_flags(argc, argv, {{"--hosts", hosts}, {"--tasks", tasks}, {"--services", services}})) {
    std::fprintf(stderr, "usage: bench_control [--hosts N] [--tasks N] [--services N]\n");
    return 2;
  }
  if (tasks / services > kMostTasksPerService) {
    std::fprintf(
        stderr,
        "bench_control: a service can have %d tasks, whose deployment doubles them: use more services\n",
        kMostTasksPerService);
    return 2;
  }
  shared::log::configure({shared::log::Level::kError, shared::log::Format::kLogfmt, [](std::string_view) {}});
  return Bench(hosts, tasks / services * services, services).run();
}
