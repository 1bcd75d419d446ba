#include "agent/api/catalog.h"

#include <algorithm>

#include "agent/api/acm/acm.h"
#include "agent/api/autoscaling/autoscaling.h"
#include "agent/api/cloudwatch/cloudwatch.h"
#include "agent/api/ec2/ec2.h"
#include "agent/api/ecr/ecr.h"
#include "agent/api/ecs/ecs.h"
#include "agent/api/elbv2/elbv2.h"
#include "agent/api/events/events.h"
#include "agent/api/iam/iam.h"
#include "agent/api/logs/logs.h"
#include "agent/api/scheduler/scheduler.h"
#include "agent/api/secretsmanager/secretsmanager.h"
#include "agent/api/servicediscovery/servicediscovery.h"
#include "agent/api/ssm/ssm.h"
#include "agent/api/sts/sts.h"

namespace agent::api {

std::vector<OfferedService> catalog() {
  std::vector<OfferedService> services{
      {"Amazon ECS", "ecs", ecs::offers()},
      {"Elastic Load Balancing v2", "elbv2", elbv2::offers()},
      {"Certificate Manager", "acm", acm::offers()},
      {"Security Token Service", "sts", sts::offers()},
      {"Identity and Access Management", "iam", iam::offers()},
      {"CloudWatch Logs", "logs", logs::offers()},
      {"EC2, the network around ECS", "ec2", ec2::offers()},
      {"Systems Manager, parameters", "ssm", ssm::offers()},
      {"Secrets Manager", "secretsmanager", secretsmanager::offers()},
      {"Application Auto Scaling", "application-autoscaling", autoscaling::offers()},
      {"CloudWatch", "cloudwatch", cloudwatch::offers()},
      {"Cloud Map", "servicediscovery", servicediscovery::offers()},
      {"Elastic Container Registry", "ecr", ecr::offers()},
      {"EventBridge, rules", "events", events::offers()},
      {"EventBridge Scheduler", "scheduler", scheduler::offers()}};
  for (OfferedService& each : services) {
    std::sort(each.offers.begin(), each.offers.end(),
              [](const Offer& a, const Offer& b) { return a.operation < b.operation; });
  }
  return services;
}

}  // namespace agent::api
