// Calls of the ELBv2 API on a state of their own, as forms and XML texts.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "agent/api/elbv2/elbv2.h"
#include "agent/control/elb/publish.h"
#include "agent/control/elb/targets.h"

namespace agent::api::elbv2 {

class Api {
 public:
  explicit Api(std::uint64_t seed = 1) : random_(seed) {
    model::ContainerInstance host;
    host.id = "0123456789abcdef0123456789abcdef";
    host.cluster = "default";
    host.ec2_instance_id = "mi-1";
    host.address = "10.0.0.1";
    state.instances.put("default/" + host.id, host);
  }

  // As the engine does it: an error takes everything back, and the configuration follows.
  shared::Result<std::string> call(const std::string& operation, const std::string& form) {
    for (auto* table : state.tables()) table->begin_step();
    control::Step step{state, now, random_, settings};
    auto answer = handle(step, {operation, "Action=" + operation + "&Version=2015-12-01&" + form,
                                "7b7f0bd2-0000-4000-8000-000000000001", "arn:aws:iam::000000000000:root",
                                "000000000000", "000000000000"});
    if (!answer) {
      for (auto* table : state.tables()) table->undo_step();
    }
    for (const auto& [arn, row] : state.target_groups.rows())
      state.live.agenda.note(control::Concern::kDrainingGroup, arn);
    control::reconcile_targets(step);
    control::publish(step);
    return answer;
  }
  std::string good(const std::string& operation, const std::string& form) {
    auto answer = call(operation, form);
    EXPECT_TRUE(answer) << operation << " " << form << ": " << (answer ? "" : answer.error().text());
    return answer ? *answer : std::string();
  }

  std::string create_load_balancer(const std::string& name = "web") {
    return between(good("CreateLoadBalancer", "Name=" + name), "LoadBalancerArn");
  }
  std::string create_target_group(const std::string& name = "app") {
    return between(good("CreateTargetGroup", "Name=" + name + "&Protocol=HTTP&Port=80&VpcId=vpc-1"),
                   "TargetGroupArn");
  }
  std::string create_listener(const std::string& balancer, const std::string& group, int port = 80) {
    return between(good("CreateListener", "LoadBalancerArn=" + balancer + "&Protocol=HTTP&Port=" +
                                              std::to_string(port) + "&" + forward("DefaultActions", group)),
                   "ListenerArn");
  }
  static std::string forward(const std::string& list, const std::string& group) {
    return list + ".member.1.Type=forward&" + list + ".member.1.TargetGroupArn=" + group;
  }
  std::string create_rule(const std::string& listener, const std::string& group, int priority,
                          const std::string& path = "/x/*") {
    return between(good("CreateRule", "ListenerArn=" + listener + "&Priority=" + std::to_string(priority) +
                                          "&Conditions.member.1.Field=path-pattern&Conditions.member.1."
                                          "Values.member.1=" +
                                          path + "&" + forward("Actions", group)),
                   "RuleArn");
  }

  // The text of the first element of that name.
  static std::string between(const std::string& xml, const std::string& name) {
    const std::string open = "<" + name + ">";
    const auto at = xml.find(open);
    if (at == std::string::npos) return "";
    const auto begin = at + open.size();
    return xml.substr(begin, xml.find("</" + name + ">", begin) - begin);
  }
  // All of them, in order.
  static std::vector<std::string> all(std::string xml, const std::string& name) {
    std::vector<std::string> out;
    while (xml.find("<" + name + ">") != std::string::npos) {
      out.push_back(between(xml, name));
      xml.erase(0, xml.find("</" + name + ">") + 1);
    }
    return out;
  }

  control::State state;
  control::Settings settings;
  shared::WallTime now = shared::from_epoch_millis(1'714'567'896'789);

 private:
  shared::env::SeededRandom random_;
};

}  // namespace agent::api::elbv2
