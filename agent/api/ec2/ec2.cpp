#include "agent/api/ec2/ec2.h"

#include <algorithm>
#include <array>

#include "agent/api/ec2/operations.h"
#include "agent/aws/service.h"
#include "agent/control/state/faults.h"

namespace agent::api::ec2 {
namespace {

using shared::Result;

constexpr std::string_view kNoMachines = "hosts join by berth-agent; nothing here starts a machine.";
constexpr std::string_view kNoVolumes = "there are no volumes but those of the hosts.";
constexpr std::string_view kNotKept = "it is not among what is kept of a network here.";
constexpr auto kNotOffered = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"AssociateAddress", "an address is for a NAT gateway: hosts have their own."},
    {"CreateFlowLogs", kNotKept},
    {"CreateKeyPair", kNoMachines},
    {"CreateVpcEndpoint", kNotKept},
    {"CreateVolume", kNoVolumes},
    {"DescribeInstances", "hosts are container instances: use ecs DescribeContainerInstances."},
    {"DescribeKeyPairs", kNoMachines},
    {"DescribeVolumes", kNoVolumes},
    {"DescribeVpcEndpoints", kNotKept},
    {"ImportKeyPair", kNoMachines},
    {"RunInstances", kNoMachines},
    {"StartInstances", kNoMachines},
    {"StopInstances", kNoMachines},
    {"TerminateInstances", kNoMachines},
});

std::array<std::span<const Operation>, 7> tables() {
  return {vpc_operations(),      route_operations(), group_operations(), address_operations(),
          template_operations(), tag_operations(),   place_operations()};
}

}  // namespace

Result<std::string> handle(Step& step, const Call& call) {
  const Operation* found = nullptr;
  for (const auto table : tables()) {
    for (const Operation& each : table) {
      if (each.name == call.operation) found = &each;
    }
  }
  if (found == nullptr) {
    for (const auto& [name, why] : kNotOffered) {
      if (name == call.operation)
        return control::fault("UnsupportedOperation",
                              call.operation + " is not offered: " + std::string(why));
    }
    return control::fault("InvalidAction", "The action " + call.operation +
                                               " is not valid for this web service, or not offered here.");
  }
  auto query = aws::Query::parse(call.body);
  if (!query) return query.error();
  const aws::QueryReader in = query->root();
  network::make_default_network(step);
  aws::QueryResult answer = aws::QueryResult::ec2(call.operation, aws::xml_namespace(aws::Service::kEc2));
  const Done done = found->run != nullptr ? found->run(step, in, answer.result())
                                          : found->run_with_form(step, in, answer.result(), call.body);
  if (!in.ok()) return in.error();
  if (!done) return done.error();
  return answer.response(call.request_id).body;
}

Offers offers() {
  Offers out;
  for (const auto table : tables()) add_offered(out, table);
  add_refused(out, kNotOffered);
  return out;
}

}  // namespace agent::api::ec2
