#include "agent/cli/story/words.h"

#include <nlohmann/json.hpp>

#include "agent/cli/story/members.h"
#include "shared/json/nearest.h"

namespace agent::cli {

using nlohmann::json;

std::string not_found_text(std::string_view what, std::string_view name,
                           const std::vector<std::string>& known, const std::string& where) {
  std::string text = "there is no " + std::string(what) + " '" + std::string(name) + "' in " + where;
  const std::vector<std::string_view> views(known.begin(), known.end());
  if (const auto nearest = shared::json::nearest_name(name, views)) {
    text += " (did you mean '" + std::string(*nearest) + "'?)";
  } else if (known.empty()) {
    text += ", and no other";
  } else if (known.size() <= 8) {
    text += "; there are";
    for (const std::string& each : known) text += (&each == &known.front() ? " " : ", ") + each;
  }
  return text;
}

std::string node_name(const json& instance) {
  const std::string name = text_in(instance, "ec2InstanceId");
  return name.empty() ? short_id(text_in(instance, "containerInstanceArn")) : name;
}

std::string service_of_task(const json& task) {
  const std::string group = text_in(task, "group");
  return group.starts_with("service:") ? group.substr(8) : std::string();
}

std::string ports_of_task(const json& task) {
  std::string out;
  for (const json& container : list_in(task, "containers")) {
    for (const json& binding : list_in(container, "networkBindings")) {
      out += (out.empty() ? "" : ",") + std::to_string(number_in(binding, "hostPort")) + "->" +
             std::to_string(number_in(binding, "containerPort"));
      if (text_in(binding, "protocol") == "udp") out += "/udp";
    }
  }
  return out;
}

std::string elb_name(std::string_view arn) {
  // arn:...:targetgroup/NAME/ID, loadbalancer/app/NAME/ID, listener/app/NAME/ID/ID
  for (const std::string_view kind :
       {":targetgroup/", ":loadbalancer/app/", ":loadbalancer/net/", ":listener/app/", ":listener/net/",
        ":listener-rule/app/", ":listener-rule/net/"}) {
    const auto at = arn.find(kind);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = arn.substr(at + kind.size());
    return std::string(rest.substr(0, rest.find('/')));
  }
  return std::string(arn);
}

std::string state_of_task(const json& task) {
  const std::string last = text_in(task, "lastStatus");
  const bool ends = text_in(task, "desiredStatus") == "STOPPED" && last != "STOPPED";
  if (ends && (last == "RUNNING" || last == "PENDING" || last == "PROVISIONING")) return "STOPPING";
  return last;
}

Style style_of_state(std::string_view state) {
  for (const std::string_view good :
       {"RUNNING", "HEALTHY", "healthy", "ACTIVE", "active", "COMPLETED", "SUCCESSFUL", "steady"})
    if (state == good) return Style::kGood;
  for (const std::string_view bad : {"UNHEALTHY", "unhealthy", "FAILED", "failed", "ROLLBACK_FAILED",
                                     "not connected", "provisioning_failed"})
    if (state == bad) return Style::kBad;
  for (const std::string_view dim : {"STOPPED", "INACTIVE", "UNKNOWN", "unused"})
    if (state == dim) return Style::kDim;
  return Style::kWarn;
}

std::string end_of_task(const json& task) {
  std::string out = text_in(task, "stoppedReason");
  for (const json& container : list_in(task, "containers")) {
    std::string told;
    if (container.contains("exitCode"))
      told = "exit code " + std::to_string(number_in(container, "exitCode"));
    if (const std::string reason = text_in(container, "reason");
        !reason.empty() && out.find(reason) == std::string::npos)
      told += (told.empty() ? "" : ", ") + reason;
    if (!told.empty()) out += (out.empty() ? "" : "; ") + text_in(container, "name") + ": " + told;
  }
  return out;
}

}  // namespace agent::cli
