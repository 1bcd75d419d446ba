#include "agent/api/ecs/wire/shapes.h"

#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "shared/base/check.h"

namespace agent::api::ecs {
namespace {

using nlohmann::json;
using shared::Blame;
using shared::Error;
using shared::Result;

// One shape a paragraph: its name, then member:type. [T] is a list of T, {T} a map from strings to T, `any`
// is kept unseen.
constexpr std::string_view kShapes = R"shapes(
CreateCluster clusterName:string tags:[Tag] settings:[ClusterSetting] configuration:ClusterConfiguration
  capacityProviders:[string] defaultCapacityProviderStrategy:[CapacityProviderStrategyItem]
  serviceConnectDefaults:ServiceConnectDefaults
Tag key:string value:string
ClusterSetting name:string value:string
ClusterConfiguration executeCommandConfiguration:ExecuteCommandConfiguration
  managedStorageConfiguration:ManagedStorageConfiguration
ManagedStorageConfiguration kmsKeyId:string fargateEphemeralStorageKmsKeyId:string
ExecuteCommandConfiguration kmsKeyId:string logging:string logConfiguration:ExecuteCommandLogConfiguration
ExecuteCommandLogConfiguration cloudWatchLogGroupName:string cloudWatchEncryptionEnabled:boolean
  s3BucketName:string s3EncryptionEnabled:boolean s3KeyPrefix:string
CapacityProviderStrategyItem capacityProvider:string weight:integer base:integer
ServiceConnectDefaults namespace:string
DescribeClusters clusters:[string] include:[string]
ListClusters nextToken:string maxResults:integer
DeleteCluster cluster:string
UpdateCluster cluster:string settings:[ClusterSetting] configuration:ClusterConfiguration
  serviceConnectDefaults:ServiceConnectDefaults
UpdateClusterSettings cluster:string settings:[ClusterSetting]
PutClusterCapacityProviders cluster:string capacityProviders:[string]
  defaultCapacityProviderStrategy:[CapacityProviderStrategyItem]
RegisterTaskDefinition family:string taskRoleArn:string executionRoleArn:string networkMode:string
  containerDefinitions:[ContainerDefinition] volumes:[Volume]
  placementConstraints:[TaskDefinitionPlacementConstraint] requiresCompatibilities:[string] cpu:string
  memory:string tags:[Tag] pidMode:string ipcMode:string proxyConfiguration:ProxyConfiguration
  inferenceAccelerators:[InferenceAccelerator] ephemeralStorage:EphemeralStorage
  runtimePlatform:RuntimePlatform enableFaultInjection:boolean
ContainerDefinition name:string image:string repositoryCredentials:RepositoryCredentials cpu:integer
  memory:integer memoryReservation:integer links:[string] portMappings:[PortMapping] essential:boolean
  entryPoint:[string] command:[string] environment:[KeyValuePair] environmentFiles:[EnvironmentFile]
  mountPoints:[MountPoint] volumesFrom:[VolumeFrom] linuxParameters:LinuxParameters secrets:[Secret]
  dependsOn:[ContainerDependency] startTimeout:integer stopTimeout:integer hostname:string user:string
  workingDirectory:string disableNetworking:boolean privileged:boolean readonlyRootFilesystem:boolean
  dnsServers:[string] dnsSearchDomains:[string] extraHosts:[HostEntry] dockerSecurityOptions:[string]
  interactive:boolean pseudoTerminal:boolean dockerLabels:{string} ulimits:[Ulimit]
  logConfiguration:LogConfiguration healthCheck:HealthCheck systemControls:[SystemControl]
  resourceRequirements:[ResourceRequirement] firelensConfiguration:FirelensConfiguration
  restartPolicy:ContainerRestartPolicy versionConsistency:string credentialSpecs:[string]
ContainerRestartPolicy enabled:boolean ignoredExitCodes:[integer] restartAttemptPeriod:integer
RepositoryCredentials credentialsParameter:string
PortMapping containerPort:integer hostPort:integer protocol:string name:string appProtocol:string
  containerPortRange:string
KeyValuePair name:string value:string
EnvironmentFile value:string type:string
MountPoint sourceVolume:string containerPath:string readOnly:boolean
VolumeFrom sourceContainer:string readOnly:boolean
LinuxParameters capabilities:KernelCapabilities devices:[Device] initProcessEnabled:boolean
  sharedMemorySize:integer tmpfs:[Tmpfs] maxSwap:integer swappiness:integer
KernelCapabilities add:[string] drop:[string]
Device hostPath:string containerPath:string permissions:[string]
Tmpfs containerPath:string size:integer mountOptions:[string]
Secret name:string valueFrom:string
ContainerDependency containerName:string condition:string
HostEntry hostname:string ipAddress:string
Ulimit name:string softLimit:integer hardLimit:integer
LogConfiguration logDriver:string options:{string} secretOptions:[Secret]
HealthCheck command:[string] interval:integer timeout:integer retries:integer startPeriod:integer
SystemControl namespace:string value:string
ResourceRequirement value:string type:string
FirelensConfiguration type:string options:{string}
Volume name:string host:HostVolumeProperties dockerVolumeConfiguration:DockerVolumeConfiguration
  efsVolumeConfiguration:EFSVolumeConfiguration
  fsxWindowsFileServerVolumeConfiguration:FSxWindowsFileServerVolumeConfiguration
  s3filesVolumeConfiguration:S3FilesVolumeConfiguration configuredAtLaunch:boolean
HostVolumeProperties sourcePath:string
DockerVolumeConfiguration scope:string autoprovision:boolean driver:string driverOpts:{string}
  labels:{string}
EFSVolumeConfiguration fileSystemId:string rootDirectory:string transitEncryption:string
  transitEncryptionPort:integer authorizationConfig:EFSAuthorizationConfig
EFSAuthorizationConfig accessPointId:string iam:string
S3FilesVolumeConfiguration fileSystemArn:string rootDirectory:string transitEncryptionPort:integer
  accessPointArn:string
FSxWindowsFileServerVolumeConfiguration fileSystemId:string rootDirectory:string
  authorizationConfig:FSxWindowsFileServerAuthorizationConfig
FSxWindowsFileServerAuthorizationConfig credentialsParameter:string domain:string
TaskDefinitionPlacementConstraint type:string expression:string
ProxyConfiguration type:string containerName:string properties:[KeyValuePair]
InferenceAccelerator deviceName:string deviceType:string
EphemeralStorage sizeInGiB:integer
RuntimePlatform cpuArchitecture:string operatingSystemFamily:string
DescribeTaskDefinition taskDefinition:string include:[string]
ListTaskDefinitions familyPrefix:string status:string sort:string nextToken:string maxResults:integer
ListTaskDefinitionFamilies familyPrefix:string status:string nextToken:string maxResults:integer
DeregisterTaskDefinition taskDefinition:string
DeleteTaskDefinitions taskDefinitions:[string]
RunTask capacityProviderStrategy:[CapacityProviderStrategyItem] cluster:string count:integer
  enableECSManagedTags:boolean enableExecuteCommand:boolean group:string launchType:string
  networkConfiguration:NetworkConfiguration overrides:TaskOverride
  placementConstraints:[PlacementConstraint] placementStrategy:[PlacementStrategy] platformVersion:string
  propagateTags:string referenceId:string startedBy:string tags:[Tag] taskDefinition:string
  clientToken:string volumeConfigurations:[any]
NetworkConfiguration awsvpcConfiguration:AwsVpcConfiguration
AwsVpcConfiguration subnets:[string] securityGroups:[string] assignPublicIp:string
TaskOverride containerOverrides:[ContainerOverride] cpu:string
  inferenceAcceleratorOverrides:[InferenceAcceleratorOverride] executionRoleArn:string memory:string
  taskRoleArn:string ephemeralStorage:EphemeralStorage
ContainerOverride name:string command:[string] environment:[KeyValuePair]
  environmentFiles:[EnvironmentFile] cpu:integer memory:integer memoryReservation:integer
  resourceRequirements:[ResourceRequirement]
InferenceAcceleratorOverride deviceName:string deviceType:string
PlacementConstraint type:string expression:string
PlacementStrategy type:string field:string
StartTask cluster:string containerInstances:[string] enableECSManagedTags:boolean
  enableExecuteCommand:boolean group:string networkConfiguration:NetworkConfiguration
  overrides:TaskOverride propagateTags:string referenceId:string startedBy:string tags:[Tag]
  taskDefinition:string volumeConfigurations:[any]
StopTask cluster:string task:string reason:string
DescribeTasks cluster:string tasks:[string] include:[string]
ListTasks cluster:string containerInstance:string family:string nextToken:string maxResults:integer
  startedBy:string serviceName:string desiredStatus:string launchType:string daemonName:string
CreateService cluster:string serviceName:string taskDefinition:string loadBalancers:[LoadBalancer]
  serviceRegistries:[ServiceRegistry] desiredCount:integer clientToken:string launchType:string
  capacityProviderStrategy:[CapacityProviderStrategyItem] platformVersion:string role:string
  deploymentConfiguration:DeploymentConfiguration placementConstraints:[PlacementConstraint]
  placementStrategy:[PlacementStrategy] networkConfiguration:NetworkConfiguration
  healthCheckGracePeriodSeconds:integer schedulingStrategy:string
  deploymentController:DeploymentController tags:[Tag] enableECSManagedTags:boolean propagateTags:string
  enableExecuteCommand:boolean serviceConnectConfiguration:ServiceConnectConfiguration
  availabilityZoneRebalancing:string volumeConfigurations:[any] vpcLatticeConfigurations:[any]
LoadBalancer targetGroupArn:string loadBalancerName:string containerName:string containerPort:integer
  advancedConfiguration:AdvancedConfiguration
AdvancedConfiguration alternateTargetGroupArn:string productionListenerRule:string
  testListenerRule:string roleArn:string
ServiceRegistry registryArn:string port:integer containerName:string containerPort:integer
DeploymentConfiguration deploymentCircuitBreaker:DeploymentCircuitBreaker maximumPercent:integer
  minimumHealthyPercent:integer alarms:DeploymentAlarms strategy:string bakeTimeInMinutes:integer
  lifecycleHooks:[DeploymentLifecycleHook] linearConfiguration:LinearConfiguration
  canaryConfiguration:CanaryConfiguration
DeploymentLifecycleHook targetType:string hookTargetArn:string roleArn:string lifecycleStages:[string]
  hookDetails:any timeoutConfiguration:DeploymentLifecycleHookTimeoutConfiguration
DeploymentLifecycleHookTimeoutConfiguration timeoutInMinutes:integer action:string
LinearConfiguration stepPercent:double stepBakeTimeInMinutes:integer
CanaryConfiguration canaryPercent:double canaryBakeTimeInMinutes:integer
DeploymentCircuitBreaker enable:boolean rollback:boolean thresholdConfiguration:ThresholdConfiguration
  resetOnHealthyTask:boolean
ThresholdConfiguration type:string value:integer
DeploymentAlarms alarmNames:[string] enable:boolean rollback:boolean
DeploymentController type:string
ServiceConnectConfiguration enabled:boolean namespace:string services:[any]
  logConfiguration:LogConfiguration accessLogConfiguration:any
UpdateService cluster:string service:string desiredCount:integer taskDefinition:string
  capacityProviderStrategy:[CapacityProviderStrategyItem] deploymentConfiguration:DeploymentConfiguration
  networkConfiguration:NetworkConfiguration placementConstraints:[PlacementConstraint]
  placementStrategy:[PlacementStrategy] platformVersion:string forceNewDeployment:boolean
  healthCheckGracePeriodSeconds:integer enableExecuteCommand:boolean enableECSManagedTags:boolean
  loadBalancers:[LoadBalancer] propagateTags:string serviceRegistries:[ServiceRegistry]
  serviceConnectConfiguration:ServiceConnectConfiguration availabilityZoneRebalancing:string
  volumeConfigurations:[any] vpcLatticeConfigurations:[any] deploymentController:DeploymentController
DeleteService cluster:string service:string force:boolean
DescribeServices cluster:string services:[string] include:[string]
ListServices cluster:string nextToken:string maxResults:integer launchType:string
  schedulingStrategy:string resourceManagementType:string
RegisterContainerInstance cluster:string instanceIdentityDocument:string
  instanceIdentityDocumentSignature:string totalResources:[Resource] versionInfo:VersionInfo
  containerInstanceArn:string attributes:[Attribute] platformDevices:[PlatformDevice] tags:[Tag]
Resource name:string type:string doubleValue:double longValue:long integerValue:integer
  stringSetValue:[string]
VersionInfo agentVersion:string agentHash:string dockerVersion:string
Attribute name:string value:string targetType:string targetId:string
PlatformDevice id:string type:string
DeregisterContainerInstance cluster:string containerInstance:string force:boolean
DescribeContainerInstances cluster:string containerInstances:[string] include:[string]
ListContainerInstances cluster:string filter:string nextToken:string maxResults:integer status:string
UpdateContainerInstancesState cluster:string containerInstances:[string] status:string
PutAttributes cluster:string attributes:[Attribute]
DeleteAttributes cluster:string attributes:[Attribute]
ListAttributes cluster:string targetType:string attributeName:string attributeValue:string
  nextToken:string maxResults:integer
DiscoverPollEndpoint containerInstance:string cluster:string zoneId:string
SubmitTaskStateChange cluster:string task:string status:string reason:string
  containers:[ContainerStateChange] attachments:[AttachmentStateChange]
  managedAgents:[ManagedAgentStateChange] pullStartedAt:timestamp pullStoppedAt:timestamp
  executionStoppedAt:timestamp
ContainerStateChange containerName:string imageDigest:string runtimeId:string exitCode:integer
  networkBindings:[NetworkBinding] reason:string status:string
NetworkBinding bindIP:string containerPort:integer hostPort:integer protocol:string
  containerPortRange:string hostPortRange:string
AttachmentStateChange attachmentArn:string status:string
ManagedAgentStateChange containerName:string managedAgentName:string status:string reason:string
SubmitContainerStateChange cluster:string task:string containerName:string runtimeId:string status:string
  exitCode:integer reason:string networkBindings:[NetworkBinding]
SubmitAttachmentStateChanges cluster:string attachments:[AttachmentStateChange]
CreateCapacityProvider name:string autoScalingGroupProvider:AutoScalingGroupProvider
  managedInstancesProvider:any cluster:string tags:[Tag]
AutoScalingGroupProvider autoScalingGroupArn:string managedScaling:ManagedScaling
  managedTerminationProtection:string managedDraining:string
ManagedScaling status:string targetCapacity:integer minimumScalingStepSize:integer
  maximumScalingStepSize:integer instanceWarmupPeriod:integer
UpdateCapacityProvider name:string autoScalingGroupProvider:AutoScalingGroupProviderUpdate
  managedInstancesProvider:any cluster:string
AutoScalingGroupProviderUpdate managedScaling:ManagedScaling managedTerminationProtection:string
  managedDraining:string
DescribeCapacityProviders capacityProviders:[string] include:[string] maxResults:integer nextToken:string
  cluster:string
DeleteCapacityProvider capacityProvider:string cluster:string
ListServiceDeployments service:string cluster:string status:[string] createdAt:CreatedAt nextToken:string
  maxResults:integer
CreatedAt before:timestamp after:timestamp
DescribeServiceDeployments serviceDeploymentArns:[string]
DescribeServiceRevisions serviceRevisionArns:[string]
StopServiceDeployment serviceDeploymentArn:string stopType:string
ContinueServiceDeployment serviceDeploymentArn:string hookId:string action:string
ListServicesByNamespace namespace:string nextToken:string maxResults:integer
CreateTaskSet service:string cluster:string externalId:string taskDefinition:string
  networkConfiguration:NetworkConfiguration loadBalancers:[LoadBalancer]
  serviceRegistries:[ServiceRegistry] launchType:string
  capacityProviderStrategy:[CapacityProviderStrategyItem] platformVersion:string scale:Scale
  clientToken:string tags:[Tag]
Scale value:double unit:string
DescribeTaskSets cluster:string service:string taskSets:[string] include:[string]
UpdateTaskSet cluster:string service:string taskSet:string scale:Scale
DeleteTaskSet cluster:string service:string taskSet:string force:boolean
UpdateServicePrimaryTaskSet cluster:string service:string primaryTaskSet:string
PutAccountSetting name:string value:string principalArn:string
PutAccountSettingDefault name:string value:string
ListAccountSettings name:string value:string principalArn:string effectiveSettings:boolean
  nextToken:string maxResults:integer
DeleteAccountSetting name:string principalArn:string
UpdateTaskProtection cluster:string tasks:[string] protectionEnabled:boolean expiresInMinutes:integer
GetTaskProtection cluster:string tasks:[string]
TagResource resourceArn:string tags:[Tag]
UntagResource resourceArn:string tagKeys:[string]
ListTagsForResource resourceArn:string
)shapes";

struct Member {
  std::string_view name;
  std::string_view type;
};
using Shapes = std::map<std::string_view, std::vector<Member>>;

Shapes read_shapes() {
  Shapes shapes;
  std::vector<Member>* current = nullptr;
  std::string_view rest = kShapes;
  while (true) {
    const std::size_t start = rest.find_first_not_of(" \n");
    if (start == std::string_view::npos) return shapes;
    rest.remove_prefix(start);
    const std::string_view word = rest.substr(0, rest.find_first_of(" \n"));
    rest.remove_prefix(word.size());
    const std::size_t colon = word.find(':');
    if (colon == std::string_view::npos) {
      current = &shapes[word];
    } else {
      BERTH_CHECK(current != nullptr, "a member belongs to a shape");
      current->push_back({word.substr(0, colon), word.substr(colon + 1)});
    }
  }
}

const std::vector<Member>& members_of(std::string_view shape) {
  static const Shapes shapes = read_shapes();
  const auto it = shapes.find(shape);
  BERTH_CHECK(it != shapes.end(), "every shape that is named is in the table");
  return it->second;
}

std::string_view kind_of(const json& value) {
  switch (value.type()) {
    case json::value_t::object:
      return "an object";
    case json::value_t::array:
      return "a list";
    case json::value_t::string:
      return "a string";
    case json::value_t::boolean:
      return "a boolean";
    case json::value_t::null:
      return "null";
    default:
      return value.is_number_float() ? "a fraction" : "a number";
  }
}

// Walks a value beside its type. Depth is bounded by the parser's limit.
class Checker {
 public:
  Result<json> check(std::string_view type, const json& value, const std::string& path) {
    json kept = keep(type, value, path);
    if (error_) return *error_;
    return kept;
  }

 private:
  json keep(std::string_view type, const json& value, const std::string& path) {
    if (type == "any") return value;
    if (type == "string") return expect(value.is_string(), "a string", value, path);
    if (type == "boolean") return expect(value.is_boolean(), "a boolean", value, path);
    if (type == "double" || type == "timestamp") return expect(value.is_number(), "a number", value, path);
    if (type == "integer") return integer<std::int32_t>(value, path);
    if (type == "long") return integer<std::int64_t>(value, path);
    if (type.front() == '[') return list(type.substr(1, type.size() - 2), value, path);
    if (type.front() == '{') return map(type.substr(1, type.size() - 2), value, path);
    return structure(type, value, path);
  }

  json expect(bool fits, std::string_view expected, const json& value, const std::string& path) {
    if (!fits && !error_) {
      error_.emplace("SerializationException",
                     (path.empty() ? std::string("the request") : path) + ": expected " +
                         std::string(expected) + ", got " + std::string(kind_of(value)),
                     Blame::kClient);
    }
    return value;
  }

  // 3.0 is an integer to JSON's senders; 3.5 is not.
  template <class Int>
  json integer(const json& value, const std::string& path) {
    constexpr auto kMin = std::numeric_limits<Int>::min();
    constexpr auto kMax = std::numeric_limits<Int>::max();
    constexpr double kExact = 9007199254740992.0;  // 2^53: up to here a double holds every integer
    if (value.is_number_unsigned()) {
      const bool fits = value.get<std::uint64_t>() <= static_cast<std::uint64_t>(kMax);
      return expect(fits, "an integer in range", value, path);
    }
    if (value.is_number_integer()) {
      const auto number = value.get<std::int64_t>();
      return expect(number >= kMin && number <= kMax, "an integer in range", value, path);
    }
    if (value.is_number_float()) {
      const double number = value.get<double>();
      if (number >= -kExact && number <= kExact && number >= static_cast<double>(kMin) &&
          number <= static_cast<double>(kMax)) {
        const auto whole = static_cast<std::int64_t>(number);
        if (!(static_cast<double>(whole) < number) && !(static_cast<double>(whole) > number)) return whole;
      }
    }
    return expect(false, "an integer", value, path);
  }

  json list(std::string_view type, const json& value, const std::string& path) {
    if (!value.is_array()) return expect(false, "a list", value, path);
    json kept = json::array();
    for (std::size_t i = 0; i < value.size() && !error_; ++i) {
      if (!value[i].is_null()) kept.push_back(keep(type, value[i], path + "[" + std::to_string(i) + "]"));
    }
    return kept;
  }

  json map(std::string_view type, const json& value, const std::string& path) {
    if (!value.is_object()) return expect(false, "an object", value, path);
    json kept = json::object();
    for (const auto& [name, each] : value.items()) {
      if (!each.is_null() && !error_) kept[name] = keep(type, each, path + "." + name);
    }
    return kept;
  }

  json structure(std::string_view shape, const json& value, const std::string& path) {
    if (!value.is_object()) return expect(false, "an object", value, path);
    json kept = json::object();
    for (const Member& member : members_of(shape)) {
      const auto it = value.find(member.name);
      if (it == value.end() || it->is_null() || error_) continue;
      const std::string name(member.name);
      kept[name] = keep(member.type, *it, path.empty() ? name : path + "." + name);
    }
    return kept;
  }

  std::optional<Error> error_;
};

}  // namespace

Result<json> modelled(std::string_view shape, const json& value) { return Checker().check(shape, value, ""); }

}  // namespace agent::api::ecs
