#include "agent/api/ec2/ec2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/control/network/cidr.h"
#include "agent/control/network/network.h"
#include "agent/control/records/fields.h"
#include "shared/http/message.h"
#include "tests/support/control_api.h"

namespace agent::api::ec2 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

using tests::Form;

class Api : public tests::ControlState {
 public:
  Api() : ControlState(1'796'000'000'000) {}
  shared::Result<std::string> call(const std::string& operation, const Form& form) {
    return in_a_step([&](control::Step& step) {
      return handle(step, {operation, tests::form_body(operation, "2016-11-15", form), tests::kRequestId, "",
                           "000000000000", ""});
    });
  }
  std::string good(const std::string& operation, const Form& form) {
    return tests::expect_good(operation, call(operation, form));
  }
  std::string error(const std::string& operation, const Form& form) {
    return tests::error_of(call(operation, form));
  }
  static std::vector<std::string> all(const std::string& xml, const std::string& name) {
    return tests::xml_texts(xml, name);
  }
  static std::string one(const std::string& xml, const std::string& name) {
    return tests::xml_text(xml, name);
  }
  std::string make_vpc(const std::string& cidr = "10.0.0.0/16") {
    return one(good("CreateVpc", {{"CidrBlock", cidr}}), "vpcId");
  }
  std::string make_subnet(const std::string& vpc, const std::string& cidr) {
    return one(good("CreateSubnet", {{"VpcId", vpc}, {"CidrBlock", cidr}}), "subnetId");
  }
  std::string make_group(const std::string& vpc, const std::string& name) {
    return one(good("CreateSecurityGroup", {{"VpcId", vpc}, {"GroupName", name}, {"GroupDescription", "d"}}),
               "groupId");
  }
};

TEST(Cidr, ReadsContainsAndOverlaps) {
  using control::network::parse_cidr;
  EXPECT_EQ(control::network::to_string(*parse_cidr("10.1.2.3/16")), "10.1.0.0/16");
  EXPECT_TRUE(parse_cidr("0.0.0.0/0")->contains(*parse_cidr("10.0.0.0/8")));
  EXPECT_FALSE(parse_cidr("10.0.0.0/16")->contains(*parse_cidr("10.1.0.0/24")));
  EXPECT_TRUE(parse_cidr("10.0.1.0/24")->overlaps(*parse_cidr("10.0.0.0/16")));
  for (const char* bad :
       {"", "10.0.0.0", "10.0.0/8", "10.0.0.0/33", "10.0.0.256/8", "10.0.0.0.0/8", "a.b.c.d/8"})
    EXPECT_FALSE(parse_cidr(bad)) << bad;
  EXPECT_EQ(control::network::zone_id("us-east-1a"), "use1-az1");
  EXPECT_EQ(control::network::zone_id("ap-southeast-2c"), "apse2-az3");
  EXPECT_EQ(control::network::zone_id("eu-central-1b"), "euc1-az2");
}

TEST(Default, TheNetworkOfTheHostsIsThereFromTheStartAndOnce) {
  Api api;
  const std::string vpc = Api::one(
      api.good("DescribeVpcs", {{"Filter.1.Name", "isDefault"}, {"Filter.1.Value.1", "true"}}), "vpcId");
  EXPECT_THAT(vpc, StartsWith("vpc-"));
  EXPECT_EQ(vpc.size(), 21U);
  const std::string subnets =
      api.good("DescribeSubnets", {{"Filter.1.Name", "default-for-az"}, {"Filter.1.Value.1", "true"}});
  EXPECT_THAT(Api::all(subnets, "availabilityZone"),
              testing::UnorderedElementsAre("us-east-1a", "us-east-1b", "us-east-1c"));
  EXPECT_THAT(
      api.good("DescribeRouteTables", {{"Filter.1.Name", "association.main"}, {"Filter.1.Value.1", "true"}}),
      HasSubstr("0.0.0.0/0"));
  EXPECT_EQ(Api::one(api.good("DescribeVpcAttribute", {{"VpcId", vpc}, {"Attribute", "enableDnsHostnames"}}),
                     "value"),
            "true");
  EXPECT_THAT(api.error("DeleteVpc", {{"VpcId", vpc}}), StartsWith("OperationNotPermitted"));
  EXPECT_EQ(api.state.neighbours().vpcs.size(), 1U);
}

TEST(Vpcs, SayWhatIsWrongAndWhatHangsOnThem) {
  Api api;
  EXPECT_EQ(api.error("CreateVpc", {}), "MissingParameter: The request must contain the parameter CidrBlock");
  EXPECT_THAT(api.error("CreateVpc", {{"CidrBlock", "ten"}}),
              StartsWith("InvalidParameterValue: Value (ten) for parameter cidrBlock is invalid."));
  EXPECT_THAT(api.error("CreateVpc", {{"CidrBlock", "10.0.0.0/8"}}), StartsWith("InvalidVpc.Range"));
  EXPECT_EQ(api.error("DescribeVpcs", {{"VpcId.1", "vpc-1"}}),
            "InvalidVpcID.NotFound: The vpc ID 'vpc-1' does not exist");
  EXPECT_EQ(api.error("DescribeVpcs", {{"Filter.1.Name", "colour"}, {"Filter.1.Value.1", "x"}}),
            "InvalidParameterValue: The filter 'colour' is invalid");
  const std::string vpc = api.make_vpc();
  EXPECT_THAT(api.error("CreateSubnet", {{"VpcId", vpc}, {"CidrBlock", "10.1.0.0/24"}}),
              StartsWith("InvalidSubnet.Range"));
  EXPECT_THAT(api.error("CreateSubnet",
                        {{"VpcId", vpc}, {"CidrBlock", "10.0.0.0/24"}, {"AvailabilityZone", "mars-1a"}}),
              HasSubstr("availability zones: us-east-1a"));
  const std::string subnet = api.make_subnet(vpc, "10.0.0.0/24");
  EXPECT_EQ(api.error("CreateSubnet", {{"VpcId", vpc}, {"CidrBlock", "10.0.0.128/25"}}),
            "InvalidSubnet.Conflict: The CIDR '10.0.0.128/25' conflicts with another subnet");
  EXPECT_EQ(api.error("DeleteVpc", {{"VpcId", vpc}}),
            "DependencyViolation: The vpc '" + vpc + "' has dependencies and cannot be deleted.");
  api.good("DeleteSubnet", {{"SubnetId", subnet}});
  api.good("DeleteVpc", {{"VpcId", vpc}});
  // Nothing of it is left.
  EXPECT_EQ(api.state.neighbours().route_tables.size(), 1U);
  EXPECT_EQ(api.state.neighbours().security_groups.size(), 1U);
  EXPECT_EQ(api.state.neighbours().network_acls.size(), 1U);
}

TEST(Subnets, AndGroupsOfALoadBalancerStay) {
  Api api;
  const std::string vpc = api.make_vpc();
  const std::string subnet = api.make_subnet(vpc, "10.0.0.0/24");
  const std::string group = api.make_group(vpc, "web");
  model::LoadBalancer balancer;
  balancer.arn = "a";
  balancer.subnets = {subnet};
  balancer.security_groups = {group};
  api.state.load_balancers.put("a", balancer);
  EXPECT_THAT(api.error("DeleteSubnet", {{"SubnetId", subnet}}), StartsWith("DependencyViolation"));
  EXPECT_EQ(api.error("DeleteSecurityGroup", {{"GroupId", group}}),
            "DependencyViolation: resource " + group + " has a dependent object");
  api.state.load_balancers.erase("a");
  api.good("DeleteSubnet", {{"SubnetId", subnet}});
  api.good("DeleteSecurityGroup", {{"GroupId", group}});
}

TEST(Filters, MatchByWildcardsOrAmongValuesAndAndAmongThemselves) {
  Api api;
  const std::string vpc = api.make_vpc();
  for (const char* name : {"web-private-0", "web-private-1", "web-public-0"}) {
    static int next = 0;
    api.good("CreateSubnet", {{"VpcId", vpc},
                              {"CidrBlock", "10.0." + std::to_string(next++) + ".0/24"},
                              {"TagSpecification.1.ResourceType", "subnet"},
                              {"TagSpecification.1.Tag.1.Key", "Name"},
                              {"TagSpecification.1.Tag.1.Value", name}});
  }
  const auto count = [&](const Form& form) {
    return Api::all(api.good("DescribeSubnets", form), "subnetId").size();
  };
  EXPECT_EQ(count({{"Filter.1.Name", "tag:Name"}, {"Filter.1.Value.1", "web-private-*"}}), 2U);
  EXPECT_EQ(count({{"Filter.1.Name", "tag:Name"},
                   {"Filter.1.Value.1", "web-private-0"},
                   {"Filter.1.Value.2", "web-public-?"}}),
            2U);
  EXPECT_EQ(count({{"Filter.1.Name", "tag:Name"},
                   {"Filter.1.Value.1", "web-private-*"},
                   {"Filter.2.Name", "cidr-block"},
                   {"Filter.2.Value.1", "10.0.0.0/24"}}),
            1U);
  EXPECT_EQ(count({{"Filter.1.Name", "tag-key"}, {"Filter.1.Value.1", "Name"}}), 3U);
  EXPECT_EQ(count({{"Filter.1.Name", "vpc-id"}, {"Filter.1.Value.1", "vpc-none"}}), 0U);
  const std::string page = api.good("DescribeSubnets", {{"MaxResults", "5"}});
  EXPECT_EQ(Api::all(page, "subnetId").size(), 5U);
  EXPECT_EQ(
      Api::all(api.good("DescribeSubnets", {{"MaxResults", "5"}, {"NextToken", Api::one(page, "nextToken")}}),
               "subnetId")
          .size(),
      1U);
  EXPECT_THAT(api.error("DescribeSubnets", {{"NextToken", "?"}}), StartsWith("InvalidNextToken"));
}

TEST(Routes, LeadSomewhereAndAssociationsChangeTheirIds) {
  Api api;
  const std::string vpc = api.make_vpc();
  const std::string subnet = api.make_subnet(vpc, "10.0.0.0/24");
  const std::string gateway = Api::one(api.good("CreateInternetGateway", {}), "internetGatewayId");
  const std::string table = Api::one(api.good("CreateRouteTable", {{"VpcId", vpc}}), "routeTableId");
  const Form route{{"RouteTableId", table}, {"DestinationCidrBlock", "0.0.0.0/0"}, {"GatewayId", gateway}};
  EXPECT_THAT(api.error("CreateRoute", route), HasSubstr("belong to different networks"));
  api.good("AttachInternetGateway", {{"InternetGatewayId", gateway}, {"VpcId", vpc}});
  EXPECT_THAT(api.error("AttachInternetGateway", {{"InternetGatewayId", gateway}, {"VpcId", vpc}}),
              StartsWith("Resource.AlreadyAssociated"));
  api.good("CreateRoute", route);
  EXPECT_THAT(api.error("CreateRoute", route), StartsWith("RouteAlreadyExists"));
  EXPECT_THAT(api.error("CreateRoute", {{"RouteTableId", table}, {"DestinationCidrBlock", "10.9.0.0/16"}}),
              StartsWith("MissingParameter"));
  EXPECT_THAT(api.error("DeleteRoute", {{"RouteTableId", table}, {"DestinationCidrBlock", "10.0.0.0/16"}}),
              HasSubstr("cannot remove local route"));
  const std::string first = Api::one(
      api.good("AssociateRouteTable", {{"RouteTableId", table}, {"SubnetId", subnet}}), "associationId");
  EXPECT_THAT(api.error("AssociateRouteTable", {{"RouteTableId", table}, {"SubnetId", subnet}}),
              StartsWith("Resource.AlreadyAssociated"));
  EXPECT_THAT(api.error("DeleteRouteTable", {{"RouteTableId", table}}), StartsWith("DependencyViolation"));
  const std::string other = Api::one(api.good("CreateRouteTable", {{"VpcId", vpc}}), "routeTableId");
  const std::string second =
      Api::one(api.good("ReplaceRouteTableAssociation", {{"AssociationId", first}, {"RouteTableId", other}}),
               "newAssociationId");
  EXPECT_NE(second, first);
  EXPECT_EQ(api.error("DisassociateRouteTable", {{"AssociationId", first}}),
            "InvalidAssociationID.NotFound: The association ID '" + first + "' does not exist");
  api.good("DisassociateRouteTable", {{"AssociationId", second}});
  api.good("DeleteRoute", {{"RouteTableId", table}, {"DestinationCidrBlock", "0.0.0.0/0"}});
  EXPECT_THAT(api.error("DeleteRoute", {{"RouteTableId", table}, {"DestinationCidrBlock", "0.0.0.0/0"}}),
              StartsWith("InvalidRoute.NotFound"));
  api.good("DeleteRouteTable", {{"RouteTableId", table}});
}

TEST(SecurityGroups, BeginWithAnEgressRuleAndMergeWhatDiffersInItsSource) {
  Api api;
  const std::string vpc = api.make_vpc();
  const std::string group = api.make_group(vpc, "web");
  EXPECT_THAT(
      api.error("CreateSecurityGroup", {{"VpcId", vpc}, {"GroupName", "web"}, {"GroupDescription", "d"}}),
      StartsWith("InvalidGroup.Duplicate"));
  EXPECT_THAT(api.error("CreateSecurityGroup",
                        {{"VpcId", vpc}, {"GroupName", "w\xc3\xa4"}, {"GroupDescription", "d"}}),
              HasSubstr("groupName"));
  EXPECT_THAT(Api::one(api.good("DescribeSecurityGroups", {{"GroupId.1", group}}), "ipPermissionsEgress"),
              HasSubstr("0.0.0.0/0"));
  const Form rules{{"GroupId", group},
                   {"IpPermissions.1.IpProtocol", "6"},
                   {"IpPermissions.1.FromPort", "80"},
                   {"IpPermissions.1.ToPort", "81"},
                   {"IpPermissions.1.IpRanges.1.CidrIp", "10.1.2.3/8"},
                   {"IpPermissions.1.IpRanges.2.CidrIp", "0.0.0.0/0"},
                   {"IpPermissions.1.IpRanges.2.Description", "all"},
                   {"IpPermissions.1.Groups.1.GroupId", group}};
  const std::string made = api.good("AuthorizeSecurityGroupIngress", rules);
  EXPECT_THAT(Api::all(made, "securityGroupRuleId"), SizeIs(3));
  EXPECT_THAT(made, HasSubstr("<cidrIpv4>10.0.0.0/8</cidrIpv4>"));
  const std::string read =
      Api::one(api.good("DescribeSecurityGroups", {{"GroupId.1", group}}), "ipPermissions");
  EXPECT_THAT(Api::all(read, "ipProtocol"), ElementsAre("tcp"));
  EXPECT_THAT(Api::all(read, "cidrIp"), ElementsAre("10.0.0.0/8", "0.0.0.0/0"));
  EXPECT_THAT(api.error("AuthorizeSecurityGroupIngress", rules),
              StartsWith("InvalidPermission.Duplicate: the specified rule \"peer: 10.0.0.0/8, tcp, from "
                         "port: 80, to port: 81, ALLOW\" already exists"));
  EXPECT_THAT(
      api.error("AuthorizeSecurityGroupIngress", {{"GroupId", group},
                                                  {"IpPermissions.1.IpProtocol", "tcp"},
                                                  {"IpPermissions.1.FromPort", "9"},
                                                  {"IpPermissions.1.ToPort", "8"},
                                                  {"IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"}}),
      HasSubstr("Invalid value for portRange"));
  EXPECT_THAT(api.error("AuthorizeSecurityGroupIngress", {{"GroupId", group},
                                                          {"IpPermissions.1.IpProtocol", "tcp"},
                                                          {"IpPermissions.1.FromPort", "8"},
                                                          {"IpPermissions.1.ToPort", "8"}}),
              HasSubstr("a rule needs a CIDR block"));
  EXPECT_THAT(api.error("AuthorizeSecurityGroupIngress", {{"GroupId", group},
                                                          {"IpPermissions.1.IpProtocol", "-1"},
                                                          {"IpPermissions.1.Groups.1.GroupId", "sg-none"}}),
              StartsWith("InvalidGroup.NotFound"));
  const std::string id = Api::all(made, "securityGroupRuleId")[1];
  api.good("UpdateSecurityGroupRuleDescriptionsIngress",
           {{"GroupId", group},
            {"SecurityGroupRuleDescription.1.SecurityGroupRuleId", id},
            {"SecurityGroupRuleDescription.1.Description", "new"}});
  api.good("ModifySecurityGroupRules", {{"GroupId", group},
                                        {"SecurityGroupRule.1.SecurityGroupRuleId", id},
                                        {"SecurityGroupRule.1.SecurityGroupRule.IpProtocol", "udp"},
                                        {"SecurityGroupRule.1.SecurityGroupRule.FromPort", "53"},
                                        {"SecurityGroupRule.1.SecurityGroupRule.ToPort", "53"},
                                        {"SecurityGroupRule.1.SecurityGroupRule.CidrIpv4", "0.0.0.0/0"}});
  EXPECT_THAT(api.good("DescribeSecurityGroupRules", {{"SecurityGroupRuleId.1", id}}),
              HasSubstr("<ipProtocol>udp</ipProtocol><fromPort>53</fromPort>"));
  api.good("RevokeSecurityGroupIngress", {{"GroupId", group}, {"SecurityGroupRuleId.1", id}});
  EXPECT_THAT(api.error("RevokeSecurityGroupIngress", {{"GroupId", group}, {"SecurityGroupRuleId.1", id}}),
              StartsWith("InvalidSecurityGroupRuleId.NotFound"));
  EXPECT_THAT(api.error("RevokeSecurityGroupEgress", {{"GroupId", group},
                                                      {"IpPermissions.1.IpProtocol", "-1"},
                                                      {"IpPermissions.1.Ipv6Ranges.1.CidrIpv6", "::/0"}}),
              StartsWith("InvalidPermission.NotFound"));
  // Another group that names it keeps it.
  const std::string tasks = api.make_group(vpc, "tasks");
  api.good("AuthorizeSecurityGroupIngress", {{"GroupId", tasks},
                                             {"IpPermissions.1.IpProtocol", "-1"},
                                             {"IpPermissions.1.Groups.1.GroupId", group}});
  EXPECT_THAT(api.error("DeleteSecurityGroup", {{"GroupId", group}}), StartsWith("DependencyViolation"));
  api.good("DeleteSecurityGroup", {{"GroupId", tasks}});
  api.good("DeleteSecurityGroup", {{"GroupId", group}});
}

TEST(NatGateways, HoldTheirAddressAndAreSeenForAWhileAfterTheirEnd) {
  Api api;
  const std::string subnet = api.make_subnet(api.make_vpc(), "10.0.0.0/24");
  const std::string address = Api::one(api.good("AllocateAddress", {{"Domain", "vpc"}}), "allocationId");
  EXPECT_THAT(api.error("CreateNatGateway", {{"SubnetId", subnet}}), StartsWith("MissingParameter"));
  const Form request{{"SubnetId", subnet}, {"AllocationId", address}, {"ClientToken", "t"}};
  const std::string nat = Api::one(api.good("CreateNatGateway", request), "natGatewayId");
  EXPECT_EQ(Api::one(api.good("CreateNatGateway", request), "natGatewayId"), nat);
  EXPECT_THAT(api.error("ReleaseAddress", {{"AllocationId", address}}), StartsWith("InvalidIPAddress.InUse"));
  EXPECT_THAT(api.error("DeleteSubnet", {{"SubnetId", subnet}}), StartsWith("DependencyViolation"));
  api.good("DeleteNatGateway", {{"NatGatewayId", nat}});
  EXPECT_EQ(Api::one(api.good("DescribeNatGateways", {{"NatGatewayId.1", nat}}), "state"), "deleted");
  api.good("ReleaseAddress", {{"AllocationId", address}});
  api.good("DeleteSubnet", {{"SubnetId", subnet}});
  api.now += std::chrono::hours(2);
  EXPECT_THAT(api.error("DeleteNatGateway", {{"NatGatewayId", nat}}), StartsWith("NatGatewayNotFound"));
}

TEST(LaunchTemplates, EchoTheirDataExactly) {
  Api api;
  const std::string made =
      api.good("CreateLaunchTemplate", {{"LaunchTemplateName", "host"},
                                        {"LaunchTemplateData.ImageId", "ami-1"},
                                        {"LaunchTemplateData.BlockDeviceMapping.1.DeviceName", "/dev/xvda"},
                                        {"LaunchTemplateData.BlockDeviceMapping.1.Ebs.VolumeSize", "50"},
                                        {"LaunchTemplateData.SecurityGroupId.1", "sg-1"},
                                        {"LaunchTemplateData.SecurityGroupId.2", "sg-2"},
                                        {"LaunchTemplateData.UserData", "YSti"},
                                        {"LaunchTemplateData.TagSpecification.1.ResourceType", "instance"},
                                        {"LaunchTemplateData.TagSpecification.1.Tag.1.Key", "k"},
                                        {"LaunchTemplateData.TagSpecification.1.Tag.1.Value", "v"},
                                        {"TagSpecification.1.ResourceType", "launch-template"},
                                        {"TagSpecification.1.Tag.1.Key", "own"},
                                        {"TagSpecification.1.Tag.1.Value", "x"}});
  const std::string id = Api::one(made, "launchTemplateId");
  const std::string data =
      Api::one(api.good("DescribeLaunchTemplateVersions", {{"LaunchTemplateId", id}}), "launchTemplateData");
  EXPECT_THAT(data,
              HasSubstr("<blockDeviceMappingSet><item><deviceName>/dev/xvda</deviceName><ebs><volumeSize>50</"
                        "volumeSize></ebs></item></blockDeviceMappingSet>"));
  EXPECT_THAT(data, HasSubstr("<securityGroupIdSet><item>sg-1</item><item>sg-2</item></securityGroupIdSet>"));
  EXPECT_THAT(data, HasSubstr("<userData>YSti</userData>"));
  EXPECT_THAT(data, HasSubstr("<tagSpecificationSet><item><resourceType>instance</resourceType>"));
  EXPECT_THAT(data, Not(HasSubstr("own")));
  EXPECT_THAT(api.error("CreateLaunchTemplate",
                        {{"LaunchTemplateName", "host"}, {"LaunchTemplateData.ImageId", "a"}}),
              StartsWith("InvalidLaunchTemplateName.AlreadyExists"));
  EXPECT_EQ(api.error("CreateLaunchTemplate",
                      {{"LaunchTemplateName", "x.y"}, {"LaunchTemplateData.Ebs.Colour", "a"}}),
            "UnknownParameter: The parameter LaunchTemplateData.Ebs is not recognized");
  api.good("CreateLaunchTemplateVersion",
           {{"LaunchTemplateId", id}, {"SourceVersion", "1"}, {"LaunchTemplateData.ImageId", "ami-2"}});
  const std::string second =
      api.good("DescribeLaunchTemplateVersions",
               {{"LaunchTemplateName", "host"}, {"LaunchTemplateVersion.1", "$Latest"}});
  EXPECT_THAT(second, HasSubstr("<imageId>ami-2</imageId>"));
  EXPECT_THAT(second, HasSubstr("<userData>YSti</userData>"));
  EXPECT_EQ(Api::one(second, "defaultVersion"), "false");
  api.good("ModifyLaunchTemplate", {{"LaunchTemplateId", id}, {"SetDefaultVersion", "2"}});
  EXPECT_EQ(
      Api::one(api.good("DescribeLaunchTemplates", {{"LaunchTemplateId.1", id}}), "defaultVersionNumber"),
      "2");
  EXPECT_THAT(api.error("ModifyLaunchTemplate", {{"LaunchTemplateId", id}, {"SetDefaultVersion", "9"}}),
              StartsWith("InvalidLaunchTemplateId.VersionNotFound"));
  api.good("DeleteLaunchTemplate", {{"LaunchTemplateId", id}});
  EXPECT_THAT(api.error("DescribeLaunchTemplates", {{"LaunchTemplateId.1", id}}),
              StartsWith("InvalidLaunchTemplateId.NotFound"));
}

TEST(Acls, HaveEntriesAndSubnets) {
  Api api;
  const std::string vpc = api.make_vpc();
  const std::string subnet = api.make_subnet(vpc, "10.0.0.0/24");
  const std::string acl = Api::one(api.good("CreateNetworkAcl", {{"VpcId", vpc}}), "networkAclId");
  const Form entry{{"NetworkAclId", acl},   {"RuleNumber", "100"},      {"Protocol", "6"},
                   {"RuleAction", "allow"}, {"CidrBlock", "0.0.0.0/0"}, {"PortRange.From", "80"},
                   {"PortRange.To", "80"}};
  api.good("CreateNetworkAclEntry", entry);
  EXPECT_THAT(api.error("CreateNetworkAclEntry", entry), StartsWith("NetworkAclEntryAlreadyExists"));
  api.good("ReplaceNetworkAclEntry", entry);
  EXPECT_THAT(api.good("DescribeNetworkAcls", {{"NetworkAclId.1", acl}}),
              HasSubstr("<portRange><from>80</from><to>80</to></portRange>"));
  const std::string held = api.good(
      "DescribeNetworkAcls", {{"Filter.1.Name", "association.subnet-id"}, {"Filter.1.Value.1", subnet}});
  api.good("ReplaceNetworkAclAssociation",
           {{"AssociationId", Api::one(held, "networkAclAssociationId")}, {"NetworkAclId", acl}});
  EXPECT_THAT(api.error("DeleteNetworkAcl", {{"NetworkAclId", acl}}), StartsWith("DependencyViolation"));
  api.good("DeleteNetworkAclEntry", {{"NetworkAclId", acl}, {"RuleNumber", "100"}, {"Egress", "false"}});
  EXPECT_THAT(
      api.error("DeleteNetworkAclEntry", {{"NetworkAclId", acl}, {"RuleNumber", "100"}, {"Egress", "false"}}),
      StartsWith("InvalidNetworkAclEntry.NotFound"));
}

TEST(Tags, AreOfAnythingAndFoundAgain) {
  Api api;
  const std::string vpc = api.make_vpc();
  const std::string group = api.make_group(vpc, "web");
  const std::string rule = Api::one(
      api.good("DescribeSecurityGroupRules", {{"Filter.1.Name", "group-id"}, {"Filter.1.Value.1", group}}),
      "securityGroupRuleId");
  api.good("CreateTags",
           {{"ResourceId.1", vpc}, {"ResourceId.2", rule}, {"Tag.1.Key", "team"}, {"Tag.1.Value", "red"}});
  EXPECT_THAT(Api::all(api.good("DescribeTags", {{"Filter.1.Name", "key"}, {"Filter.1.Value.1", "team"}}),
                       "resourceType"),
              ElementsAre("vpc", "security-group-rule"));
  api.good("DeleteTags", {{"ResourceId.1", vpc}, {"Tag.1.Key", "team"}, {"Tag.1.Value", "blue"}});
  EXPECT_EQ(api.state.neighbours().vpcs.find(vpc)->tags.size(), 1U);
  api.good("DeleteTags", {{"ResourceId.1", vpc}, {"Tag.1.Key", "team"}});
  EXPECT_TRUE(api.state.neighbours().vpcs.find(vpc)->tags.empty());
  EXPECT_EQ(api.error("CreateTags", {{"ResourceId.1", "x-1"}, {"Tag.1.Key", "a"}}),
            "InvalidID: The ID 'x-1' is not valid");
  EXPECT_THAT(api.error("CreateTags", {{"ResourceId.1", vpc}, {"Tag.1.Key", "aws:a"}}),
              StartsWith("InvalidParameterValue"));
}

TEST(Operations, ThatAreNotHereSayWhatIs) {
  Api api;
  EXPECT_THAT(api.error("RunInstances", {}),
              StartsWith("UnsupportedOperation: RunInstances is not offered: hosts join by berth-agent"));
  EXPECT_THAT(api.error("Fly", {}), StartsWith("InvalidAction"));
  EXPECT_THAT(Api::all(api.good("DescribeNetworkInterfaces",
                                {{"Filter.1.Name", "group-id"}, {"Filter.1.Value.1", "sg-1"}}),
                       "item"),
              SizeIs(0));
}

TEST(Records, SurviveTheStore) {
  Api api;
  const std::string vpc = api.make_vpc();
  const std::string group = api.make_group(vpc, "web");
  const auto& row = *api.state.neighbours().security_groups.find(group);
  model::SecurityGroup back;
  ASSERT_TRUE(control::from_row(control::to_row(row), back));
  EXPECT_EQ(control::to_row(back), control::to_row(row));
  EXPECT_EQ(back.rules.size(), 1U);
  EXPECT_TRUE(back.rules[0].egress);
}

}  // namespace
}  // namespace agent::api::ec2
