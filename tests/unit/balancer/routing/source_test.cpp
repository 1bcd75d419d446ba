#include "balancer/routing/source.h"

#include <gtest/gtest.h>

namespace balancer::routing {
namespace {

bool inside(std::string_view cidr, std::string_view address) {
  const auto range = parse_cidr(cidr);
  const auto source = parse_source(address);
  EXPECT_TRUE(range && source) << cidr << " " << address;
  return range && source && range->contains(*source);
}

TEST(Cidr, ContainsByPrefix) {
  EXPECT_TRUE(inside("10.0.0.0/8", "10.255.1.2"));
  EXPECT_FALSE(inside("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(inside("192.168.4.0/22", "192.168.7.255"));
  EXPECT_FALSE(inside("192.168.4.0/22", "192.168.8.0"));
  EXPECT_TRUE(inside("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(inside("192.0.2.7/32", "192.0.2.6"));
  EXPECT_TRUE(inside("0.0.0.0/0", "203.0.113.1"));
  EXPECT_FALSE(inside("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(inside("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(inside("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(inside("10.0.0.0/8", "::ffff:10.1.1.1")) << "an IPv4 client of a dual-stack socket";
  EXPECT_TRUE(inside("fe80::/10", "fe80::1%eth0"));
}

TEST(Cidr, RefusesOtherTexts) {
  for (const char* text : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0/8", "::/129",
                           "10.0.0.0/8/8", "a", "10.0.0.0/8 ", "[::1]/128"}) {
    EXPECT_FALSE(parse_cidr(text)) << text;
  }
}

}  // namespace
}  // namespace balancer::routing
