#include "agent/iam/policy/managed.h"

#include <algorithm>
#include <array>

namespace agent::iam::policy {
namespace {

// clang-format off
constexpr auto kPolicies = std::to_array<ManagedPolicy>({
    {"/", "AWSCloudMapFullAccess", 2,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"servicediscovery:*","Resource":"*"}]})"},
    {"/", "AWSXRayDaemonWriteAccess", 2,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["xray:PutTraceSegments","xray:PutTelemetryRecords","x)"
     R"(ray:GetSamplingRules","xray:GetSamplingTargets","xray:GetSamplingStatisticSummaries"],"Resource":"*"}]})"},
    {"/", "AdministratorAccess", 1,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})"},
    {"/", "AmazonDynamoDBFullAccess", 15,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}]})"},
    {"/", "AmazonDynamoDBReadOnlyAccess", 13,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["dynamodb:BatchGetItem","dynamodb:Describe*","dynamod)"
     R"(b:List*","dynamodb:GetItem","dynamodb:Query","dynamodb:Scan"],"Resource":"*"}]})"},
    {"/", "AmazonEC2ContainerRegistryFullAccess", 4,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"}]})"},
    {"/", "AmazonEC2ContainerRegistryPowerUser", 4,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvail)"
     R"(ability","ecr:GetDownloadUrlForLayer","ecr:GetRepositoryPolicy","ecr:DescribeRepositories","ecr:ListImages","ecr:Descr)"
     R"(ibeImages","ecr:BatchGetImage","ecr:GetLifecyclePolicy","ecr:GetLifecyclePolicyPreview","ecr:ListTagsForResource","ecr)"
     R"(:DescribeImageScanFindings","ecr:InitiateLayerUpload","ecr:UploadLayerPart","ecr:CompleteLayerUpload","ecr:PutImage"],)"
     R"("Resource":"*"}]})"},
    {"/", "AmazonEC2ContainerRegistryPullOnly", 2,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchGetImage","ecr:)"
     R"(GetDownloadUrlForLayer","ecr:BatchImportUpstreamImage"],"Resource":"*"}]})"},
    {"/", "AmazonEC2ContainerRegistryReadOnly", 4,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvail)"
     R"(ability","ecr:GetDownloadUrlForLayer","ecr:GetRepositoryPolicy","ecr:DescribeRepositories","ecr:ListImages","ecr:Descr)"
     R"(ibeImages","ecr:BatchGetImage","ecr:GetLifecyclePolicy","ecr:GetLifecyclePolicyPreview","ecr:ListTagsForResource","ecr)"
     R"(:DescribeImageScanFindings"],"Resource":"*"}]})"},
    {"/service-role/", "AmazonEC2ContainerServiceAutoscaleRole", 2,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecs:DescribeServices","ecs:UpdateService"],"Resource)"
     R"(":"*"},{"Effect":"Allow","Action":["cloudwatch:DescribeAlarms","cloudwatch:PutMetricAlarm"],"Resource":"*"}]})"},
    {"/service-role/", "AmazonEC2ContainerServiceEventsRole", 3,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecs:RunTask","Resource":"*"},{"Effect":"Allow","Actio)"
     R"(n":"iam:PassRole","Resource":"*","Condition":{"StringLike":{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}},{"Effec)"
     R"(t":"Allow","Action":"ecs:TagResource","Resource":"*","Condition":{"StringEquals":{"ecs:CreateAction":["RunTask"]}}}]})"},
    {"/service-role/", "AmazonEC2ContainerServiceRole", 2,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:AuthorizeSecurityGroupIngress","ec2:Describe*",")"
     R"(elasticloadbalancing:DeregisterInstancesFromLoadBalancer","elasticloadbalancing:DeregisterTargets","elasticloadbalanci)"
     R"(ng:Describe*","elasticloadbalancing:RegisterInstancesWithLoadBalancer","elasticloadbalancing:RegisterTargets"],"Resour)"
     R"(ce":"*"}]})"},
    {"/service-role/", "AmazonEC2ContainerServiceforEC2Role", 10,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:DescribeTags","ecs:CreateCluster","ecs:Deregiste)"
     R"(rContainerInstance","ecs:DiscoverPollEndpoint","ecs:Poll","ecs:RegisterContainerInstance","ecs:StartTelemetrySession",)"
     R"("ecs:UpdateContainerInstancesState","ecs:Submit*","ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:G)"
     R"(etDownloadUrlForLayer","ecr:BatchGetImage","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"},{"Effect":"Allo)"
     R"(w","Action":"ecs:TagResource","Resource":"*","Condition":{"StringEquals":{"ecs:CreateAction":["CreateCluster","Registe)"
     R"(rContainerInstance"]}}},{"Effect":"Allow","Action":"ecs:ListTagsForResource","Resource":["arn:aws:ecs:*:*:task/*/*","a)"
     R"(rn:aws:ecs:*:*:container-instance/*/*"]}]})"},
    {"/", "AmazonEC2FullAccess", 5,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:*","elasticloadbalancing:*","cloudwatch:*","auto)"
     R"(scaling:*"],"Resource":"*"}]})"},
    {"/", "AmazonEC2ReadOnlyAccess", 3,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:Describe*","ec2:Get*","elasticloadbalancing:Desc)"
     R"(ribe*","cloudwatch:Describe*","cloudwatch:List*","autoscaling:Describe*"],"Resource":"*"}]})"},
    {"/", "AmazonECSInfrastructureRolePolicyForLoadBalancers", 1,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["elasticloadbalancing:DescribeListeners","elasticload)"
     R"(balancing:DescribeRules","elasticloadbalancing:DescribeTargetGroups","elasticloadbalancing:DescribeTargetHealth"],"Res)"
     R"(ource":"*"},{"Effect":"Allow","Action":["elasticloadbalancing:DeregisterTargets","elasticloadbalancing:RegisterTargets)"
     R"("],"Resource":"arn:aws:elasticloadbalancing:*:*:targetgroup/*/*"},{"Effect":"Allow","Action":"elasticloadbalancing:Mod)"
     R"(ifyListener","Resource":["arn:aws:elasticloadbalancing:*:*:listener/app/*/*/*","arn:aws:elasticloadbalancing:*:*:liste)"
     R"(ner/net/*/*/*"]},{"Effect":"Allow","Action":"elasticloadbalancing:ModifyRule","Resource":["arn:aws:elasticloadbalancin)"
     R"(g:*:*:listener-rule/app/*/*/*/*","arn:aws:elasticloadbalancing:*:*:listener-rule/net/*/*/*/*"]}]})"},
    {"/service-role/", "AmazonECSInfrastructureRolePolicyForVolumes", 2,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:CreateVolume","ec2:CreateTags","ec2:DescribeVolu)"
     R"(mes","ec2:DescribeAvailabilityZones","ec2:AttachVolume","ec2:DetachVolume","ec2:DeleteVolume"],"Resource":"*"}]})"},
    {"/service-role/", "AmazonECSTaskExecutionRolePolicy", 1,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvail)"
     R"(ability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}])"
     R"(})"},
    {"/", "AmazonECS_FullAccess", 22,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["application-autoscaling:*","autoscaling:*","cloudwat)"
     R"(ch:*","ec2:*","ecs:*","elasticloadbalancing:*","events:*","iam:ListAttachedRolePolicies","iam:ListInstanceProfiles","i)"
     R"(am:ListRoles","logs:CreateLogGroup","logs:DescribeLogGroups","logs:FilterLogEvents","route53:*","servicediscovery:*"],)"
     R"("Resource":"*"},{"Effect":"Allow","Action":["ssm:GetParameter","ssm:GetParameters","ssm:GetParametersByPath"],"Resourc)"
     R"(e":"arn:aws:ssm:*:*:parameter/aws/service/ecs*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":)"
     R"({"StringLike":{"iam:PassedToService":["ecs-tasks.amazonaws.com","ecs.amazonaws.com","ec2.amazonaws.com","application-a)"
     R"(utoscaling.amazonaws.com"]}}},{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"*","Condition":{"St)"
     R"(ringLike":{"iam:AWSServiceName":["autoscaling.amazonaws.com","ecs.amazonaws.com","ecs.application-autoscaling.amazonaw)"
     R"(s.com","spot.amazonaws.com"]}}}]})"},
    {"/", "AmazonElasticFileSystemClientReadWriteAccess", 1,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["elasticfilesystem:ClientMount","elasticfilesystem:Cl)"
     R"(ientWrite","elasticfilesystem:DescribeMountTargets"],"Resource":"*"}]})"},
    {"/", "AmazonElasticFileSystemFullAccess", 9,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"elasticfilesystem:*","Resource":"*"}]})"},
    {"/", "AmazonRDSFullAccess", 13,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"rds:*","Resource":"*"}]})"},
    {"/", "AmazonRoute53FullAccess", 4,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"route53:*","Resource":"*"}]})"},
    {"/", "AmazonS3FullAccess", 2,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]})"},
    {"/", "AmazonS3ReadOnlyAccess", 3,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*"],"Resource":"*"}])"
     R"(})"},
    {"/", "AmazonSNSFullAccess", 1,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sns:*","Resource":"*"}]})"},
    {"/", "AmazonSQSFullAccess", 1,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]})"},
    {"/", "AmazonSSMFullAccess", 4,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudwatch:PutMetricData","ec2:DescribeInstanceStatu)"
     R"(s","logs:*","ssm:*","ec2messages:*"],"Resource":"*"}]})"},
    {"/", "AmazonSSMManagedInstanceCore", 2,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:DescribeAssociation","ssm:GetDeployablePatchSnap)"
     R"(shotForInstance","ssm:GetDocument","ssm:DescribeDocument","ssm:GetManifest","ssm:GetParameter","ssm:GetParameters","ss)"
     R"(m:ListAssociations","ssm:ListInstanceAssociations","ssm:PutInventory","ssm:PutComplianceItems","ssm:PutConfigurePackag)"
     R"(eResult","ssm:UpdateAssociationStatus","ssm:UpdateInstanceAssociationStatus","ssm:UpdateInstanceInformation"],"Resourc)"
     R"(e":"*"},{"Effect":"Allow","Action":["ssmmessages:CreateControlChannel","ssmmessages:CreateDataChannel","ssmmessages:Op)"
     R"(enControlChannel","ssmmessages:OpenDataChannel"],"Resource":"*"},{"Effect":"Allow","Action":["ec2messages:AcknowledgeM)"
     R"(essage","ec2messages:DeleteMessage","ec2messages:FailMessage","ec2messages:GetEndpoint","ec2messages:GetMessages","ec2)"
     R"(messages:SendReply"],"Resource":"*"}]})"},
    {"/", "AmazonSSMReadOnlyAccess", 1,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:Describe*","ssm:Get*","ssm:List*"],"Resource":"*)"
     R"("}]})"},
    {"/", "AmazonVPCFullAccess", 12,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:*Vpc*","ec2:*Subnet*","ec2:*SecurityGroup*","ec2)"
     R"(:*Route*","ec2:*InternetGateway*","ec2:*NetworkAcl*","ec2:*NatGateway*","ec2:*Address*","ec2:CreateTags","ec2:DeleteTa)"
     R"(gs","ec2:Describe*"],"Resource":"*"}]})"},
    {"/", "AmazonVPCReadOnlyAccess", 8,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:DescribeAccountAttributes","ec2:DescribeAddresse)"
     R"(s","ec2:DescribeAvailabilityZones","ec2:DescribeInternetGateways","ec2:DescribeNatGateways","ec2:DescribeNetworkAcls",)"
     R"("ec2:DescribeNetworkInterfaces","ec2:DescribeRouteTables","ec2:DescribeSecurityGroups","ec2:DescribeSecurityGroupRules)"
     R"(","ec2:DescribeSubnets","ec2:DescribeTags","ec2:DescribeVpcs","ec2:DescribeVpcAttribute"],"Resource":"*"}]})"},
    {"/", "CloudWatchAgentServerPolicy", 4,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudwatch:PutMetricData","ec2:DescribeVolumes","ec2)"
     R"(:DescribeTags","logs:PutLogEvents","logs:PutRetentionPolicy","logs:DescribeLogStreams","logs:DescribeLogGroups","logs:)"
     R"(CreateLogStream","logs:CreateLogGroup","xray:PutTraceSegments","xray:PutTelemetryRecords"],"Resource":"*"},{"Effect":")"
     R"(Allow","Action":"ssm:GetParameter","Resource":"arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*"}]})"},
    {"/", "CloudWatchFullAccess", 4,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["autoscaling:Describe*","cloudwatch:*","logs:*","sns:)"
     R"(*","iam:GetPolicy","iam:GetPolicyVersion","iam:GetRole"],"Resource":"*"}]})"},
    {"/", "CloudWatchFullAccessV2", 1,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["application-autoscaling:DescribeScalingPolicies","au)"
     R"(toscaling:DescribeAutoScalingGroups","autoscaling:DescribePolicies","cloudwatch:*","logs:*","sns:CreateTopic","sns:Lis)"
     R"(tSubscriptions","sns:ListTopics","sns:Subscribe"],"Resource":"*"}]})"},
    {"/", "CloudWatchLogsFullAccess", 2,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:*","cloudwatch:GenerateQuery"],"Resource":"*"}])"
     R"(})"},
    {"/", "CloudWatchLogsReadOnlyAccess", 6,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:Describe*","logs:Get*","logs:List*","logs:Start)"
     R"(Query","logs:StopQuery","logs:TestMetricFilter","logs:FilterLogEvents"],"Resource":"*"}]})"},
    {"/", "CloudWatchReadOnlyAccess", 8,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["autoscaling:Describe*","cloudwatch:Describe*","cloud)"
     R"(watch:Get*","cloudwatch:List*","logs:Get*","logs:List*","logs:Describe*","logs:FilterLogEvents"],"Resource":"*"}]})"},
    {"/", "ElasticLoadBalancingFullAccess", 8,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["elasticloadbalancing:*","ec2:DescribeAccountAttribut)"
     R"(es","ec2:DescribeAddresses","ec2:DescribeInternetGateways","ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:Des)"
     R"(cribeVpcs","ec2:DescribeNetworkInterfaces"],"Resource":"*"}]})"},
    {"/", "ElasticLoadBalancingReadOnly", 3,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["elasticloadbalancing:Describe*","elasticloadbalancin)"
     R"(g:Get*"],"Resource":"*"}]})"},
    {"/", "IAMFullAccess", 2,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*","organizations:DescribeAccount","organization)"
     R"(s:DescribeOrganization","organizations:ListRoots"],"Resource":"*"}]})"},
    {"/", "IAMReadOnlyAccess", 4,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GenerateCredentialReport","iam:GenerateServiceLa)"
     R"(stAccessedDetails","iam:Get*","iam:List*","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy"],"Resource":"*"}]})"},
    {"/", "PowerUserAccess", 6,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":)"
     R"("*"},{"Effect":"Allow","Action":["account:GetAccountInformation","iam:CreateServiceLinkedRole","iam:DeleteServiceLinke)"
     R"(dRole","iam:ListRoles","organizations:DescribeOrganization"],"Resource":"*"}]})"},
    {"/", "ReadOnlyAccess", 120,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["acm:Describe*","acm:Get*","acm:List*","application-a)"
     R"(utoscaling:Describe*","autoscaling:Describe*","cloudwatch:Describe*","cloudwatch:Get*","cloudwatch:List*","ec2:Describ)"
     R"(e*","ec2:Get*","ecr:BatchGet*","ecr:Describe*","ecr:Get*","ecr:List*","ecs:Describe*","ecs:List*","elasticloadbalancin)"
     R"(g:Describe*","iam:Get*","iam:List*","iam:Simulate*","logs:Describe*","logs:FilterLogEvents","logs:Get*","logs:List*",")"
     R"(secretsmanager:Describe*","secretsmanager:List*","servicediscovery:Get*","servicediscovery:List*","ssm:Describe*","ssm)"
     R"(:Get*","ssm:List*","sts:GetCallerIdentity"],"Resource":"*"}]})"},
    {"/", "SecretsManagerReadWrite", 4,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["secretsmanager:*","kms:DescribeKey","kms:ListAliases)"
     R"(","kms:ListKeys","tag:GetResources"],"Resource":"*"}]})"},
    {"/job-function/", "ViewOnlyAccess", 20,
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["application-autoscaling:Describe*","autoscaling:Desc)"
     R"(ribe*","cloudwatch:Describe*","cloudwatch:List*","ec2:Describe*","ecr:DescribeRepositories","ecr:List*","ecs:Describe*)"
     R"(","ecs:List*","elasticloadbalancing:Describe*","iam:List*","logs:Describe*","secretsmanager:List*","servicediscovery:L)"
     R"(ist*","ssm:Describe*","ssm:List*"],"Resource":"*"}]})"},
});
// clang-format on

constexpr std::string_view kPrefix = "arn:aws:iam::aws:policy";

}  // namespace

std::span<const ManagedPolicy> managed_policies() { return kPolicies; }

std::string arn_of(const ManagedPolicy& policy) {
  return std::string(kPrefix) + std::string(policy.path) + std::string(policy.name);
}

const ManagedPolicy* find_managed(std::string_view arn) {
  if (!arn.starts_with(kPrefix)) return nullptr;
  const std::string_view name = arn.substr(kPrefix.size());
  const auto* const found = std::find_if(kPolicies.begin(), kPolicies.end(), [&](const ManagedPolicy& each) {
    return name.starts_with(each.path) && name.substr(each.path.size()) == each.name;
  });
  return found == kPolicies.end() ? nullptr : found;
}

}  // namespace agent::iam::policy
