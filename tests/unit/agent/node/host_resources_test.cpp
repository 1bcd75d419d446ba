#include "agent/node/host_resources.h"

#include <gtest/gtest.h>

namespace agent::node {
namespace {

TEST(UnreservedPorts, AreTheLongestRunWithoutAReservedOne) {
  constexpr PortRange kAll{32768, 60999};
  EXPECT_EQ(unreserved(kAll, {}), kAll);
  EXPECT_EQ(unreserved(kAll, {22, 51678, 51679, 51680}), (PortRange{32768, 51677}));
  EXPECT_EQ(unreserved(kAll, {32768, 60999}), (PortRange{32769, 60998}));
  EXPECT_EQ(unreserved(kAll, {33000, 65000}), (PortRange{33001, 60999}));
  EXPECT_EQ(unreserved({5, 9}, {6, 9}), (PortRange{7, 8}));
  EXPECT_EQ(unreserved({5, 5}, {4, 6}), (PortRange{5, 5}));
  EXPECT_EQ(unreserved({5, 7}, {5, 6, 7}), std::nullopt);
  EXPECT_EQ(unreserved({65534, 65535}, {65534}), (PortRange{65535, 65535}));
}

Task task_with(const std::string& network_mode, int container_port, int host_port) {
  Task task;
  task.payload.network_mode = network_mode;
  task.containers.emplace_back();
  task.containers[0].spec.port_mappings = {{container_port, host_port, "tcp"}};
  return task;
}

TEST(HostResources, ReservedPortsFitNoTaskInWhateverWayTheyAreAskedFor) {
  NodeSettings settings;
  settings.memory_mib = 100;
  const HostResources host(settings);
  for (int port = kAgentPorts.first; port <= kAgentPorts.last; ++port) {
    EXPECT_FALSE(host.fits(demand_of(task_with("bridge", 80, port)))) << port;
    EXPECT_FALSE(host.fits(demand_of(task_with("host", port, port)))) << port;
    EXPECT_FALSE(host.fits(demand_of(task_with("host", port, 0))))
        << port << ": there it is the container's own";
    EXPECT_TRUE(host.fits(demand_of(task_with("bridge", port, 0)))) << port << ": inside the container only";
  }
  EXPECT_TRUE(host.fits(demand_of(task_with("bridge", 80, kAgentPorts.last + 1))));
}

}  // namespace
}  // namespace agent::node
