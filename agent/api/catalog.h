// All services of the one endpoint and what each offers. Thread: any.
#pragma once
#include <string>
#include <vector>

#include "agent/api/offer.h"

namespace agent::api {

struct OfferedService {
  std::string name;   // "Amazon ECS"
  std::string model;  // of the service in AWS's service models: "ecs"
  Offers offers;      // by name of operation
};

std::vector<OfferedService> catalog();

}  // namespace agent::api
