// The table of attributes in docs/apis.md: it names each, and each is treated as it says. And what load
// balancers keep without carrying it out.
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "shared/log/log.h"
#include "tests/unit/agent/api_elbv2/api.h"

namespace agent::api::elbv2 {
namespace {

using testing::HasSubstr;

using Row = std::vector<std::set<std::string>>;  // carried out, must stay, without effect

std::map<std::string, Row> table() {
  std::map<std::string, Row> rows;
  std::ifstream page(std::string(BERTH_SOURCE_DIR) + "/docs/apis.md");
  const std::regex word("`([A-Za-z0-9_.]+)`");
  for (std::string line; std::getline(page, line);) {
    std::vector<std::string> cells;
    std::istringstream parts(line);
    for (std::string cell; std::getline(parts, cell, '|');) cells.push_back(cell);
    std::smatch noun;
    if (cells.size() != 5 || !std::regex_search(cells[1], noun, word)) continue;
    Row row(3);
    for (std::size_t i = 0; i < row.size(); ++i) {
      for (std::sregex_iterator it(cells[i + 2].begin(), cells[i + 2].end(), word), end; it != end; ++it)
        row[i].insert((*it)[1]);
    }
    rows[noun[1]] = row;
  }
  return rows;
}

class AttributeTable : public testing::Test {
 protected:
  const std::string balancer = api().create_load_balancer();
  const std::string group = api().create_target_group();
  const std::string listener = api().create_listener(balancer, group);
  const std::string network =
      Api::between(api().good("CreateLoadBalancer", "Name=net&Type=network"), "LoadBalancerArn");
  const std::string stream_group = Api::between(
      api().good("CreateTargetGroup", "Name=db&Protocol=TCP&Port=1&VpcId=vpc-1"), "TargetGroupArn");
  const std::string stream =
      Api::between(api().good("CreateListener", "LoadBalancerArn=" + network + "&Protocol=TCP&Port=1&" +
                                                    Api::forward("DefaultActions", stream_group)),
                   "ListenerArn");
  Api& api() {
    static Api one;
    return one;
  }
  std::map<std::string, std::string> arguments() const {
    return {{"LoadBalancer", "LoadBalancerArn=" + balancer},
            {"TargetGroup", "TargetGroupArn=" + group},
            {"Listener", "ListenerArn=" + listener},
            {"NetworkLoadBalancer", "LoadBalancerArn=" + network},
            {"NetworkTargetGroup", "TargetGroupArn=" + stream_group},
            {"NetworkListener", "ListenerArn=" + stream}};
  }
};

TEST_F(AttributeTable, NamesEachAttributeAndWhatMustStayStays) {
  const auto rows = table();
  for (const auto& [kind, argument] : arguments()) {
    const Row& row = rows.at(kind);
    const std::string noun = kind.starts_with("Network") ? kind.substr(7) : kind;
    const auto xml = api().good("Describe" + noun + "Attributes", argument);
    const auto keys = Api::all(xml, "Key");
    const auto values = Api::all(xml, "Value");
    ASSERT_EQ(keys.size(), values.size());
    std::size_t listed = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto in = [&](std::size_t column) { return row[column].count(keys[i]); };
      listed += in(0) + in(1) + in(2);
      const bool must_stay = noun == "Listener" ? in(0) == 0 : in(1) != 0;
      EXPECT_EQ(in(0) + in(1) + in(2), noun == "Listener" && must_stay ? 0u : 1u) << keys[i];
      const auto set = [&](const std::string& value) {
        return api().call("Modify" + noun + "Attributes", argument + "&Attributes.member.1.Key=" + keys[i] +
                                                              "&Attributes.member.1.Value=" + value);
      };
      EXPECT_TRUE(set(values[i])) << "what it is already (Terraform sends that): " << keys[i];
      if (!must_stay) continue;
      const auto changed = set(values[i] == "false" ? "true" : values[i] == "off" ? "on" : "false");
      ASSERT_FALSE(changed) << keys[i];
      EXPECT_EQ(changed.error().code(), "InvalidConfigurationRequest");
      EXPECT_THAT(changed.error().text(), HasSubstr(keys[i]));
    }
    EXPECT_EQ(listed, row[0].size() + row[1].size() + row[2].size()) << "each in the table is one of these";
  }
}

TEST(KeptOnly, AccessLogsThatNobodyWouldGetAreRefusedWithWhatThereIs) {
  Api api;
  const auto balancer = api.create_load_balancer();
  api.create_listener(balancer, api.create_target_group());
  const auto refused =
      api.call("ModifyLoadBalancerAttributes",
               "LoadBalancerArn=" + balancer +
                   "&Attributes.member.1.Key=access_logs.s3.enabled&Attributes.member.1.Value=true"
                   "&Attributes.member.2.Key=access_logs.s3.bucket&Attributes.member.2.Value=b");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text(), HasSubstr("--access-log FILE"));
  EXPECT_TRUE(api.state.published->listeners.at(0)->options.access_log)
      << "so that the balancer's own setting decides";
  // What an older control took is not shown any more.
  api.state.load_balancers.edit(balancer,
                                [](auto& row) { row.attributes["access_logs.s3.enabled"] = "true"; });
  EXPECT_THAT(api.good("DescribeLoadBalancerAttributes", "LoadBalancerArn=" + balancer),
              HasSubstr("<Key>access_logs.s3.enabled</Key><Value>false</Value>"));
}

TEST(KeptOnly, LogSaysWhatALoadBalancerHasAndNoBalancerCarriesOut) {
  std::string log;
  shared::log::Options options;
  options.format = shared::log::Format::kJson;
  options.output = [&log](std::string_view line) { log += std::string(line) + "\n"; };
  shared::log::configure(options);
  Api api;
  const auto plain = api.create_load_balancer("plain");
  EXPECT_EQ(log, "");
  api.good("CreateLoadBalancer",
           "Name=web&Scheme=internal&IpAddressType=dualstack&SecurityGroups.member.1=sg-1");
  for (const char* member : {"SecurityGroups", "Scheme", "IpAddressType"})
    EXPECT_THAT(log, HasSubstr("\"member\":\"" + std::string(member) + "\""));
  log.clear();
  api.good("SetSecurityGroups", "LoadBalancerArn=" + plain + "&SecurityGroups.member.1=sg-1");
  EXPECT_THAT(log, HasSubstr(plain));
  shared::log::configure({});
}

TEST(KeptOnly, MembersOfOtherLoadBalancersAndListenersAreRefusedByName) {
  Api api;
  const auto balancer = api.create_load_balancer();
  const auto group = api.create_target_group();
  for (const char* form :
       {"CustomerOwnedIpv4Pool=p", "EnablePrefixForIpv6SourceNat=on", "IpamPools.Ipv4IpamPoolId=i",
        "SubnetMappings.member.1.SubnetId=s&SubnetMappings.member.1.AllocationId=eip"}) {
    const auto refused = api.call("CreateLoadBalancer", std::string("Name=n&") + form);
    ASSERT_FALSE(refused) << form;
    EXPECT_EQ(refused.error().code(), "InvalidConfigurationRequest") << form;
  }
  EXPECT_TRUE(api.call("CreateLoadBalancer", "Name=n&EnablePrefixForIpv6SourceNat=off"));
  for (const char* form : {"SslPolicy=ELBSecurityPolicy-2016-08", "AlpnPolicy.member.1=HTTP2Only"}) {
    const auto refused =
        api.call("CreateListener", "LoadBalancerArn=" + balancer + "&Protocol=HTTP&Port=80&" + form + "&" +
                                       Api::forward("DefaultActions", group));
    ASSERT_FALSE(refused) << form;
    EXPECT_EQ(refused.error().code(), "InvalidConfigurationRequest") << form;
  }
}

}  // namespace
}  // namespace agent::api::elbv2
