// Compression of responses is our own: attributes that AWS does not have, told to the balancers.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/agent/api_elbv2/api.h"

namespace agent::api::elbv2 {
namespace {

using shared::lbconfig::Coding;
using shared::lbconfig::Compression;

std::string set(const std::string& group, const std::vector<std::pair<std::string, std::string>>& values) {
  std::string form = "TargetGroupArn=" + group;
  int number = 0;
  for (const auto& [name, value] : values) {
    const std::string member = "&Attributes.member." + std::to_string(++number);
    form += member + ".Key=berth.compression." + name + member + ".Value=" + value;
  }
  return form;
}

TEST(CompressionAttributes, ReachTheBalancersAsTheyWereSet) {
  Api api;
  const auto balancer = api.create_load_balancer("web");
  const auto group = api.create_target_group("app");
  api.create_listener(balancer, group);
  const auto published = [&api]() -> const Compression& {
    return api.state.published->target_groups[0]->compression;
  };
  EXPECT_FALSE(published().enabled()) << "off by default";
  api.good("ModifyTargetGroupAttributes", set(group, {{"algorithms", "zstd%2Cgzip"}}));
  EXPECT_EQ(published().algorithms, (std::vector{Coding::kZstd, Coding::kGzip}));
  EXPECT_TRUE(published().content_types.empty()) << "the balancers have the same default";
  const auto echoed = api.good(
      "ModifyTargetGroupAttributes",
      set(group,
          {{"content_types", "text%2F*%2Capplication%2Fpdf"}, {"minimum_length", "0"}, {"level", "9"}}));
  EXPECT_NE(echoed.find("<Key>berth.compression.algorithms</Key><Value>zstd,gzip</Value>"),
            std::string::npos);
  EXPECT_EQ(published().content_types, (std::vector<std::string>{"text/*", "application/pdf"}));
  EXPECT_EQ(published().minimum_length, 0U);
  EXPECT_EQ(published().level, 9);
  api.good("ModifyTargetGroupAttributes", set(group, {{"algorithms", ""}}));
  EXPECT_FALSE(published().enabled());
}

TEST(CompressionAttributes, AreNotForGrpc) {
  Api api;
  const auto group = Api::between(
      api.good("CreateTargetGroup", "Name=g&Protocol=HTTP&ProtocolVersion=GRPC&Port=80&VpcId=vpc-1"),
      "TargetGroupArn");
  const auto answer = api.call("ModifyTargetGroupAttributes", set(group, {{"algorithms", "gzip"}}));
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().text().find("berth.compression.algorithms"), std::string::npos);
  EXPECT_NE(answer.error().text().find("GRPC"), std::string::npos);
}

}  // namespace
}  // namespace agent::api::elbv2
