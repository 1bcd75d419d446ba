#include <map>

#include "agent/admin/metrics.h"
#include "agent/control/elb/target_health.h"
#include "agent/control/services/services.h"
#include "agent/control/state/lookup.h"
#include "agent/model/words.h"

namespace agent::admin {

using shared::Durations;
using shared::log::Exposition;
using shared::log::Labels;

namespace {

constexpr double kCpuUnits = 1024;
constexpr double kMebibyte = 1024 * 1024;

Labels with(Labels labels, std::string name, std::string value) {
  labels.emplace_back(std::move(name), std::move(value));
  return labels;
}

void write_histogram(Exposition& out, const std::string& name, const Labels& labels, const Durations& of) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < of.counts.size(); ++i) {
    total += of.counts[i];
    const std::string bound =
        i < Durations::kBounds.size() ? shared::log::exposition_number(Durations::kBounds[i]) : "+Inf";
    out.sample(name + "_bucket", with(labels, "le", bound), total);
  }
  out.sample(name + "_sum", labels, of.sum);
  out.sample(name + "_count", labels, total);
}

void write_services(Exposition& out, const control::State& state) {
  std::vector<std::pair<Labels, const model::Service*>> services;
  for (const auto& [key, service] : state.services.rows()) {
    if (service.status == model::ServiceStatus::kInactive) continue;
    services.emplace_back(Labels{{"cluster", service.cluster}, {"service", service.name}}, &service);
  }
  out.family("berth_service_tasks", "gauge", "Tasks of a service: desired, running, pending");
  for (const auto& [labels, service] : services) {
    const control::ServiceCounts counts = control::count_tasks(state, *service);
    const auto put = [&](const char* word, int count) {
      out.sample("berth_service_tasks", with(labels, "state", word), static_cast<std::uint64_t>(count));
    };
    put("desired", service->desired_count);
    put("running", counts.running);
    put("pending", counts.pending);
  }
  out.family("berth_service_targets", "gauge", "Registered targets of a service by health");
  for (const auto& [labels, service] : services) {
    std::map<std::string, std::uint64_t> counts;
    for (const auto& each : service->load_balancers) {
      for (const model::RegisteredTarget* target : control::targets_of(state, each.target_group_arn))
        ++counts[model::lb::to_string(control::health_of(state, *target).state)];
    }
    for (const auto& [word, count] : counts)
      out.sample("berth_service_targets", with(labels, "state", word), count);
  }
  out.family("berth_service_deployment_in_progress", "gauge", "A deployment of the service is under way");
  for (const auto& [labels, service] : services) {
    const bool moving = !service->deployments.empty() &&
                        service->deployments.front().rollout_state == model::RolloutState::kInProgress;
    out.sample("berth_service_deployment_in_progress", labels, std::uint64_t{moving ? 1U : 0U});
  }
  out.family("berth_service_failed_tasks", "gauge",
             "Tasks of the newest deployment that failed in a row, as the circuit breaker counts them");
  for (const auto& [labels, service] : services) {
    const int failed = service->deployments.empty() ? 0 : service->deployments.front().failed_tasks;
    out.sample("berth_service_failed_tasks", labels, static_cast<std::uint64_t>(failed));
  }
  out.family("berth_service_unplaced", "gauge", "A task of the service could not be placed, for this reason");
  for (const auto& [labels, service] : services) {
    const auto found = state.live.unplaceable.find(control::key_of(*service));
    if (found != state.live.unplaceable.end())
      out.sample("berth_service_unplaced", with(labels, "reason", found->second.reason), std::uint64_t{1});
  }
}

void write_hosts(Exposition& out, const control::State& state) {
  const auto each = [&](const char* name, const char* help, const auto& put) {
    out.family(name, "gauge", help);
    for (const auto& [key, host] : state.instances.rows()) {
      if (host.status == model::InstanceStatus::kInactive) continue;
      put(name, Labels{{"cluster", host.cluster}, {"host", host.ec2_instance_id}}, host);
    }
  };
  each("berth_host_connected", "The host's agent has a session",
       [&](const char* name, const Labels& labels, const auto& host) {
         out.sample(name, labels, std::uint64_t{control::is_connected(state, host) ? 1U : 0U});
       });
  each("berth_host_cpus", "CPUs of a host: registered, reserved by tasks",
       [&](const char* name, const Labels& labels, const auto& host) {
         out.sample(name, with(labels, "state", "registered"),
                    static_cast<double>(host.registered.cpu) / kCpuUnits);
         out.sample(name, with(labels, "state", "reserved"),
                    static_cast<double>(state.task_index().usage(host.arn).cpu) / kCpuUnits);
       });
  each("berth_host_memory_bytes", "Memory of a host: registered, reserved by tasks",
       [&](const char* name, const Labels& labels, const auto& host) {
         out.sample(name, with(labels, "state", "registered"),
                    static_cast<double>(host.registered.memory) * kMebibyte);
         out.sample(name, with(labels, "state", "reserved"),
                    static_cast<double>(state.task_index().usage(host.arn).memory) * kMebibyte);
       });
  each("berth_host_tasks", "Tasks on a host: running, pending",
       [&](const char* name, const Labels& labels, const auto& host) {
         const auto& usage = state.task_index().usage(host.arn);
         out.sample(name, with(labels, "state", "running"), static_cast<std::uint64_t>(usage.running));
         out.sample(name, with(labels, "state", "pending"), static_cast<std::uint64_t>(usage.pending));
       });
}

void write_sessions(Exposition& out, const control::State& state) {
  std::uint64_t agents = 0;
  for (const auto& [arn, view] : state.live.agents) agents += view.connected ? 1U : 0U;
  out.family("berth_agent_sessions", "gauge", "Agents that are connected");
  out.sample("berth_agent_sessions", {}, agents);
  out.family("berth_balancer_connected", "gauge", "The balancer is connected");
  for (const auto& [id, row] : state.balancers.rows()) {
    const auto view = state.live.balancers.find(id);
    const bool there = view != state.live.balancers.end() && view->second.connected;
    out.sample("berth_balancer_connected", {{"balancer", id}}, std::uint64_t{there ? 1U : 0U});
  }
  out.family("berth_balancer_config_version", "gauge", "The configuration that every worker routes by");
  for (const auto& [id, row] : state.balancers.rows()) {
    const auto view = state.live.balancers.find(id);
    if (view != state.live.balancers.end())
      out.sample("berth_balancer_config_version", {{"balancer", id}}, view->second.acked_version);
  }
  out.family("berth_control_config_version", "gauge", "The newest configuration of balancers");
  out.sample("berth_control_config_version", {}, state.published->version);
}

void write_certificates(Exposition& out, const control::State& state) {
  out.family("berth_certificate_not_after_seconds", "gauge",
             "When a certificate ends, seconds since the epoch");
  for (const auto& [arn, each] : state.certificates.rows()) {
    if (each.body.empty()) continue;
    out.sample("berth_certificate_not_after_seconds",
               {{"certificate", arn.substr(arn.rfind('/') + 1)}, {"domain", each.domain_name}},
               shared::epoch_seconds(each.not_after));
  }
}

}  // namespace

void write_control(Exposition& out, const control::Step& step, const control::Engine& engine,
                   Observer& observer) {
  observer.look(step.state, step.now);
  out.family("berth_control_ready", "gauge", "Control can keep what it is asked for");
  out.sample("berth_control_ready", {}, std::uint64_t{engine.not_ready().empty() ? 1U : 0U});
  write_services(out, step.state);
  write_hosts(out, step.state);
  write_sessions(out, step.state);
  write_certificates(out, step.state);
  out.family(
      "berth_task_start_seconds", "histogram",
      "From placement to the image (pull), to running (start), to healthy in all target groups (healthy)");
  write_histogram(out, "berth_task_start_seconds", {{"phase", "pull"}}, observer.pull);
  write_histogram(out, "berth_task_start_seconds", {{"phase", "start"}}, observer.start);
  write_histogram(out, "berth_task_start_seconds", {{"phase", "healthy"}}, observer.healthy);
  out.family("berth_deployment_step_seconds", "histogram",
             "Of a task that goes: until every balancer has acknowledged, until it is drained, until it has "
             "stopped");
  write_histogram(out, "berth_deployment_step_seconds", {{"step", "acknowledge"}}, observer.acknowledge);
  write_histogram(out, "berth_deployment_step_seconds", {{"step", "drain"}}, observer.drain);
  write_histogram(out, "berth_deployment_step_seconds", {{"step", "stop"}}, observer.stop);
  out.family("berth_scheduler_decision_seconds", "histogram",
             "A turn of control: calls and reports applied, services and tasks decided");
  write_histogram(out, "berth_scheduler_decision_seconds", {}, engine.turn_times());
  out.family("berth_store_commit_seconds", "histogram", "Until what a turn changed was on the disk");
  write_histogram(out, "berth_store_commit_seconds", {}, engine.commit_times());
}

}  // namespace agent::admin
