#include "agent/app/own_ports.h"

#include <gtest/gtest.h>

namespace agent::app {
namespace {

std::set<int> reserved(std::uint16_t listens_on, const std::string& control_url) {
  node::NodeSettings settings;
  settings.address = "10.0.0.2";
  settings.reserved_ports = {22};  // what an operator said, without the agent's own
  reserve_own_ports(settings, listens_on, control_url);
  return settings.reserved_ports;
}

TEST(OwnPorts, AreReservedWhateverTheOperatorSays) {
  EXPECT_EQ(reserved(7350, "http://192.0.2.1:7000"), (std::set<int>{22, 7350, 51678, 51679, 51680}));
  EXPECT_EQ(reserved(40123, ""), (std::set<int>{22, 40123, 51678, 51679, 51680}));
}

TEST(OwnPorts, HoldControlsOnlyWhereItIsOnThisHost) {
  for (const char* url : {"http://127.0.0.1:7000", "http://localhost:7000/", "http://[::1]:7000",
                          "http://10.0.0.2:7000", "http://127.1.2.3:7000/path"}) {
    EXPECT_TRUE(reserved(1, url).contains(7000)) << url;
  }
  EXPECT_TRUE(reserved(1, "http://localhost").contains(80));
  for (const char* url : {"http://control.example:7000", "http://10.0.0.3:7000"})
    EXPECT_FALSE(reserved(1, url).contains(7000)) << url;
}

TEST(PortRange, IsReadStrictly) {
  EXPECT_EQ(*parse_port_range("32768-60999"), (node::PortRange{32768, 60999}));
  EXPECT_EQ(*parse_port_range("1-65535"), (node::PortRange{1, 65535}));
  for (const char* bad : {"", "5", "5-", "-5", "0-5", "5-4", "1-65536", "5-6x", "a-b", "5 - 6"})
    EXPECT_FALSE(parse_port_range(bad)) << bad;
  EXPECT_EQ(parse_port_range("9-5").error().text(), "'9-5' is not a range of ports (such as 32768-60999)");
  const node::PortRange kernel = kernel_port_range();
  EXPECT_GE(kernel.first, 1);
  EXPECT_LE(kernel.first, kernel.last);
}

}  // namespace
}  // namespace agent::app
