// What load balancers have of their own: an address where there are several, a reservation and a policy
// nowhere.
#include "tests/unit/agent/api_elbv2/api.h"

namespace agent::api::elbv2 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> published(const Api& api) {
  std::vector<std::string> out;
  for (const auto& each : api.state.published->listeners)
    out.push_back(each->load_balancer.substr(4, 1) + " " + each->address + ":" + std::to_string(each->port));
  std::sort(out.begin(), out.end());
  return out;
}

std::string create_listener_form(const std::string& balancer, const std::string& group) {
  return "LoadBalancerArn=" + balancer + "&Protocol=HTTP&Port=80&" + Api::forward("DefaultActions", group);
}

TEST(Addresses, WithSeveralEachNewLoadBalancerGetsTheLeastUsedOneAndAllCanHaveOnePort) {
  Api api;
  api.settings.listen_addresses = {"10.0.0.1", "10.0.0.2"};
  const std::string a = api.create_load_balancer("a");
  const std::string b = api.create_load_balancer("b");
  api.create_listener(a, api.create_target_group("a"));
  api.create_listener(b, api.create_target_group("b"));
  EXPECT_THAT(published(api), ElementsAre("a 10.0.0.1:80", "b 10.0.0.2:80"));
  EXPECT_EQ(Api::between(api.good("DescribeLoadBalancers", "Names.member.1=b"), "LoadBalancerName"), "b");

  const std::string c = api.create_load_balancer("c");
  const std::string group = api.create_target_group("c");
  const auto refused = api.call("CreateListener", create_listener_form(c, group));
  EXPECT_EQ(refused.error().code(), "DuplicateListener");
  EXPECT_THAT(refused.error().text(), HasSubstr("load balancer 'a' at the same address"));
  api.good("DeleteLoadBalancer", "LoadBalancerArn=" + b);
  const std::string d = api.create_load_balancer("d");
  api.create_listener(d, api.create_target_group("d"));
  EXPECT_THAT(published(api), ElementsAre("a 10.0.0.1:80", "d 10.0.0.2:80")) << "c has the first as well";
}

TEST(Addresses, AnAddressIsKeptWhenTheSettingsHaveOthersAndShownWithTheSubnets) {
  Api api;
  api.settings.listen_addresses = {"10.0.0.1", "10.0.0.2"};
  api.create_load_balancer("a");
  const std::string b = Api::between(
      api.good("CreateLoadBalancer", "Name=b&Subnets.member.1=subnet-1&Subnets.member.2=subnet-2"),
      "LoadBalancerArn");
  api.settings.listen_addresses = {"10.0.0.3"};
  EXPECT_THAT(Api::all(api.good("DescribeLoadBalancers", "Names.member.1=b"), "IpAddress"),
              ElementsAre("10.0.0.2", "10.0.0.2"));
  api.create_listener(b, api.create_target_group("b"));
  EXPECT_THAT(published(api), ElementsAre("b 10.0.0.2:80"));
}

TEST(Addresses, WithOneTheSettingHoldsForAllLoadBalancersAlsoWhenItChanges) {
  Api api;
  const std::string a = api.create_load_balancer("a");
  api.create_listener(a, api.create_target_group("a"));
  EXPECT_THAT(published(api), ElementsAre("a 0.0.0.0:80"));
  const std::string b = api.create_load_balancer("b");
  EXPECT_EQ(api.call("CreateListener", create_listener_form(b, api.create_target_group("b"))).error().code(),
            "DuplicateListener");
  api.settings.listen_addresses = {"10.0.0.7"};
  api.create_listener(a, Api::between(api.good("DescribeTargetGroups", "Names.member.1=a"), "TargetGroupArn"),
                      81);
  EXPECT_THAT(published(api), ElementsAre("a 10.0.0.7:80", "a 10.0.0.7:81"));
}

TEST(Reservations, CapacityIsNotReservedAndThereIsNoneToTakeBack) {
  Api api;
  const std::string arn = "LoadBalancerArn=" + api.create_load_balancer();
  api.good("ModifyCapacityReservation", arn + "&ResetCapacityReservation=true");
  const auto refused =
      api.call("ModifyCapacityReservation", arn + "&MinimumLoadBalancerCapacity.CapacityUnits=100");
  EXPECT_EQ(refused.error().code(), "OperationNotPermitted");
  EXPECT_THAT(refused.error().text(), HasSubstr("MinimumLoadBalancerCapacity"));
  EXPECT_EQ(api.call("ModifyCapacityReservation", arn).error().code(), "ValidationError");
  api.good("ModifyIpPools", arn + "&RemoveIpamPools.member.1=ipv4");
  const auto pools = api.call("ModifyIpPools", arn + "&IpamPools.Ipv4IpamPoolId=ipam-1");
  EXPECT_EQ(pools.error().code(), "ValidationError");
  EXPECT_THAT(pools.error().text(), HasSubstr("IpamPools"));
}

TEST(SharedTrustStores, ThereAreNeitherPoliciesNorAssociationsOfOtherAccounts) {
  Api api;
  const std::string unknown =
      "arn:aws:elasticloadbalancing:us-east-1:000000000000:truststore/none/0123456789abcdef";
  EXPECT_EQ(api.call("GetResourcePolicy", "ResourceArn=" + unknown).error().code(), "TrustStoreNotFound");
  EXPECT_EQ(api.call("DeleteSharedTrustStoreAssociation", "TrustStoreArn=" + unknown + "&ResourceArn=x")
                .error()
                .code(),
            "TrustStoreNotFound");
  model::TrustStore row;
  row.arn = unknown;
  row.name = "none";
  api.state.trust_stores.put(row.arn, row);
  EXPECT_EQ(api.call("GetResourcePolicy", "ResourceArn=" + unknown).error().code(), "ResourceNotFound");
  EXPECT_EQ(api.call("DeleteSharedTrustStoreAssociation", "TrustStoreArn=" + unknown + "&ResourceArn=x")
                .error()
                .code(),
            "AssociationNotFound");
}

}  // namespace
}  // namespace agent::api::elbv2
