#include "agent/api/ecs/access.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/control/cluster/tags.h"
#include "agent/control/state/lookup.h"

namespace agent::api::ecs {

using aws::EcsKind;
using nlohmann::json;

namespace {

constexpr const char* kPassedToTasks = "ecs-tasks.amazonaws.com";
constexpr const char* kPassedToEcs = "ecs.amazonaws.com";

enum class About {
  kAnything,
  kCluster,      // member "cluster"
  kNewCluster,   // "clusterName"
  kClusters,     // list "clusters"
  kFamily,       // "family": a revision that is to come
  kDefinition,   // "taskDefinition"
  kDefinitions,  // list "taskDefinitions"
  kService,      // "service", or "serviceName" of one to come
  kServices,     // list "services"
  kTask,
  kTasks,
  kAnyInstance,  // "containerInstance", or any of the cluster
  kInstance,
  kInstances,
  kTargets,      // list "attributes" with "targetId"
  kProvider,     // "capacityProvider", or "name"
  kProviders,    // list "capacityProviders"
  kTaskSet,      // "taskSet", or any of the service
  kTaskSets,     // list "taskSets", or any of the service
  kDeployment,   // "serviceDeploymentArn"
  kDeployments,  // list "serviceDeploymentArns"
  kRevisions,    // list "serviceRevisionArns"
  kTagged,       // "resourceArn"
};

constexpr std::pair<std::string_view, About> kAbout[] = {
    {"ContinueServiceDeployment", About::kDeployment},
    {"CreateCapacityProvider", About::kProvider},
    {"CreateCluster", About::kNewCluster},
    {"CreateService", About::kService},
    {"CreateTaskSet", About::kTaskSet},
    {"DeleteAccountSetting", About::kAnything},
    {"DeleteAttributes", About::kTargets},
    {"DeleteCapacityProvider", About::kProvider},
    {"DeleteCluster", About::kCluster},
    {"DeleteService", About::kService},
    {"DeleteTaskDefinitions", About::kDefinitions},
    {"DeleteTaskSet", About::kTaskSet},
    {"DeregisterContainerInstance", About::kCluster},
    {"DeregisterTaskDefinition", About::kAnything},
    {"DescribeCapacityProviders", About::kProviders},
    {"DescribeClusters", About::kClusters},
    {"DescribeContainerInstances", About::kInstances},
    {"DescribeServiceDeployments", About::kDeployments},
    {"DescribeServiceRevisions", About::kRevisions},
    {"DescribeServices", About::kServices},
    {"DescribeTaskDefinition", About::kAnything},
    {"DescribeTaskSets", About::kTaskSets},
    {"DescribeTasks", About::kTasks},
    {"DiscoverPollEndpoint", About::kAnything},
    {"GetTaskProtection", About::kTasks},
    {"ListAccountSettings", About::kAnything},
    {"ListAttributes", About::kAnyInstance},
    {"ListClusters", About::kAnything},
    {"ListContainerInstances", About::kCluster},
    {"ListServiceDeployments", About::kService},
    {"ListServices", About::kAnything},
    {"ListServicesByNamespace", About::kAnything},
    {"ListTagsForResource", About::kTagged},
    {"ListTaskDefinitionFamilies", About::kAnything},
    {"ListTaskDefinitions", About::kAnything},
    {"ListTasks", About::kAnyInstance},
    {"PutAccountSetting", About::kAnything},
    {"PutAccountSettingDefault", About::kAnything},
    {"PutAttributes", About::kTargets},
    {"PutClusterCapacityProviders", About::kCluster},
    {"RegisterContainerInstance", About::kCluster},
    {"RegisterTaskDefinition", About::kFamily},
    {"RunTask", About::kDefinition},
    {"StartTask", About::kDefinition},
    {"StopServiceDeployment", About::kDeployment},
    {"StopTask", About::kTask},
    {"SubmitAttachmentStateChanges", About::kCluster},
    {"SubmitContainerStateChange", About::kCluster},
    {"SubmitTaskStateChange", About::kCluster},
    {"TagResource", About::kTagged},
    {"UntagResource", About::kTagged},
    {"UpdateCapacityProvider", About::kProvider},
    {"UpdateCluster", About::kCluster},
    {"UpdateClusterSettings", About::kCluster},
    {"UpdateContainerInstancesState", About::kInstances},
    {"UpdateService", About::kService},
    {"UpdateServicePrimaryTaskSet", About::kService},
    {"UpdateTaskProtection", About::kTasks},
    {"UpdateTaskSet", About::kTaskSet},
};

// Names in a request, as ARNs; what is an ARN already stays as it is.
class Named {
 public:
  explicit Named(const Context& context) : context_(context) {}

  std::string arn(EcsKind kind, const std::string& text) const {
    return text.starts_with("arn:") ? text : context_.step.arn(kind, text);
  }
  std::string cluster_arn() const {
    const std::string text = text_in(context_.in, "cluster");
    return arn(EcsKind::kCluster, text.empty() ? "default" : text);
  }
  std::string in_cluster(EcsKind kind, const std::string& text) const {
    if (text.starts_with("arn:")) return text;
    const std::string cluster = cluster_arn();
    return context_.step.arn(kind, cluster.substr(cluster.rfind('/') + 1) + "/" + text);
  }
  // A revision is looked up before anything is judged, as ECS has it.
  std::string definition(const std::string& text) const {
    const auto found = control::task_definition_in(context_.step, text);
    if (found && *found != nullptr) return (*found)->arn;
    return arn(EcsKind::kTaskDefinition, text);
  }
  std::string task_set(const std::string& text) const {
    if (text.starts_with("arn:")) return text;
    const std::string service = in_cluster(EcsKind::kService, text_in(context_.in, "service"));
    const std::string_view name = aws::name_in(EcsKind::kService, service);
    return context_.step.arn(EcsKind::kTaskSet, std::string(name) + "/" + (text.empty() ? "*" : text));
  }
  template <class Name>
  std::vector<std::string> each(std::string_view list, std::string otherwise, Name name) const {
    std::vector<std::string> out;
    for (const std::string& text : texts_in(context_.in, list)) out.push_back(name(text));
    if (out.empty()) out.push_back(std::move(otherwise));
    return out;
  }
  std::string text(std::string_view member) const { return text_in(context_.in, member); }

 private:
  const Context& context_;
};

std::vector<std::string> resources_of(const Context& context, About about) {
  const Named named(context);
  const auto cluster = [&](const std::string& text) { return named.arn(EcsKind::kCluster, text); };
  const auto service = [&](const std::string& text) { return named.in_cluster(EcsKind::kService, text); };
  const auto task = [&](const std::string& text) { return named.in_cluster(EcsKind::kTask, text); };
  const auto instance = [&](const std::string& text) {
    return named.in_cluster(EcsKind::kContainerInstance, text);
  };
  const auto provider = [&](const std::string& text) { return named.arn(EcsKind::kCapacityProvider, text); };
  const auto definition = [&](const std::string& text) { return named.definition(text); };
  const auto task_set = [&](const std::string& text) { return named.task_set(text); };
  const auto as_it_is = [](const std::string& text) { return text; };
  const auto either = [&](const char* first, const char* second) {
    const std::string text = named.text(first);
    return text.empty() ? named.text(second) : text;
  };
  switch (about) {
    case About::kAnything:
      return {"*"};
    case About::kCluster:
      return {named.cluster_arn()};
    case About::kNewCluster: {
      const std::string name = named.text("clusterName");
      return {cluster(name.empty() ? "default" : name)};
    }
    case About::kClusters:
      return named.each("clusters", cluster("default"), cluster);
    case About::kFamily:
      return {context.step.arn(EcsKind::kTaskDefinition, named.text("family") + ":*")};
    case About::kDefinition:
      return {definition(named.text("taskDefinition"))};
    case About::kDefinitions:
      return named.each("taskDefinitions", "*", definition);
    case About::kService:
      return {service(either("service", "serviceName"))};
    case About::kServices:
      return named.each("services", "*", service);
    case About::kTask:
      return {task(named.text("task"))};
    case About::kTasks:
      return named.each("tasks", task("*"), task);
    case About::kAnyInstance: {
      const std::string text = named.text("containerInstance");
      return {instance(text.empty() ? "*" : text)};
    }
    case About::kInstance:
      return {instance(named.text("containerInstance"))};
    case About::kInstances:
      return named.each("containerInstances", instance("*"), instance);
    case About::kTargets: {
      std::vector<std::string> out;
      for (const json& each : list_in(context.in, "attributes")) {
        const std::string target = text_in(each, "targetId");
        out.push_back(instance(target.empty() ? "*" : target));
      }
      return out.empty() ? std::vector<std::string>{instance("*")} : out;
    }
    case About::kProvider:
      return {provider(either("capacityProvider", "name"))};
    case About::kProviders:
      return named.each("capacityProviders", "*", provider);
    case About::kTaskSet:
      return {task_set(named.text("taskSet"))};
    case About::kTaskSets:
      return named.each("taskSets", task_set(""), task_set);
    case About::kDeployment:
      return {named.text("serviceDeploymentArn")};
    case About::kDeployments:
      return named.each("serviceDeploymentArns", "*", as_it_is);
    case About::kRevisions:
      return named.each("serviceRevisionArns", "*", as_it_is);
    case About::kTagged:
      return {named.text("resourceArn")};
  }
  return {"*"};
}

void put_key(Access& access, const char* key, std::string value) {
  if (!value.empty()) access.keys[key] = {std::move(value)};
}

void add_providers(Access& access, const json& strategy) {
  for (const json& each : strategy)
    access.keys["ecs:capacity-provider"].push_back(text_in(each, "capacityProvider"));
}

// The condition keys of ECS, with the values that the request gives them.
void add_keys(Access& access, const Context& context) {
  const json& in = context.in;
  const Named named(context);
  if (has(in, "cluster") || !has(in, "clusterName")) access.keys["ecs:cluster"] = {named.cluster_arn()};
  if (const std::string text = named.text("service"); !text.empty())
    access.keys["ecs:service"] = {named.in_cluster(EcsKind::kService, text)};
  if (const std::string text = named.text("taskDefinition"); !text.empty())
    access.keys["ecs:task-definition"] = {named.definition(text)};
  if (const std::string text = named.text("task"); !text.empty())
    access.keys["ecs:task"] = {named.in_cluster(EcsKind::kTask, text)};
  for (const std::string& each : texts_in(in, "containerInstances"))
    access.keys["ecs:container-instances"].push_back(named.in_cluster(EcsKind::kContainerInstance, each));
  put_key(access, "ecs:enable-execute-command",
          boolean_in(in, "enableExecuteCommand").value_or(false) ? "true" : "false");
  put_key(access, "ecs:enable-ebs-volumes", list_in(in, "volumeConfigurations").empty() ? "false" : "true");
  put_key(
      access, "ecs:enable-service-connect",
      boolean_in(object_in(in, "serviceConnectConfiguration"), "enabled").value_or(false) ? "true" : "false");
  put_key(access, "ecs:enable-vpc-lattice",
          list_in(in, "vpcLatticeConfigurations").empty() ? "false" : "true");
  const json& network = object_in(object_in(in, "networkConfiguration"), "awsvpcConfiguration");
  for (const std::string& each : texts_in(network, "subnets")) access.keys["ecs:subnet"].push_back(each);
  if (!network.empty())
    put_key(access, "ecs:auto-assign-public-ip",
            text_in(network, "assignPublicIp") == "ENABLED" ? "true" : "false");
  add_providers(access, list_in(in, "capacityProviderStrategy"));
  for (const std::string& each : texts_in(in, "capacityProviders"))
    access.keys["ecs:capacity-provider"].push_back(each);
  if (const std::string& operation = context.call.operation;
      operation.find("AccountSetting") != std::string::npos)
    put_key(access, "ecs:account-setting", named.text("name"));
  const json& overrides = object_in(in, "overrides");
  std::string cpu = text_in(overrides, "cpu");
  std::string memory = text_in(overrides, "memory");
  if (context.call.operation == "RegisterTaskDefinition") {
    cpu = named.text("cpu");
    memory = named.text("memory");
    for (const std::string& each : texts_in(in, "requiresCompatibilities"))
      access.keys["ecs:compute-compatibility"].push_back(each);
    const json& containers = list_in(in, "containerDefinitions");
    const bool privileged = std::any_of(containers.begin(), containers.end(), [](const json& each) {
      return boolean_in(each, "privileged").value_or(false);
    });
    put_key(access, "ecs:privileged", privileged ? "true" : "false");
  } else if (const std::string text = named.text("taskDefinition"); !text.empty()) {
    const auto found = control::task_definition_in(context.step, text);
    const model::TaskDefinition* row = found ? *found : nullptr;
    if (cpu.empty() && row != nullptr && row->cpu) cpu = std::to_string(*row->cpu);
    if (memory.empty() && row != nullptr && row->memory) memory = std::to_string(*row->memory);
  }
  put_key(access, "ecs:task-cpu", std::move(cpu));
  put_key(access, "ecs:task-memory", std::move(memory));
}

std::vector<model::Tag> tags_as_given(const json& in) {
  std::vector<model::Tag> out;
  for (const json& each : list_in(in, "tags")) out.push_back({text_in(each, "key"), text_in(each, "value")});
  return out;
}

void add_passed(std::vector<Access>& out, const Context& context, const json& in, const char* member,
                const char* service) {
  if (const std::string role = text_in(in, member); !role.empty())
    out.push_back(pass_role(context.step, role, service));
}

}  // namespace

std::vector<Access> accesses_of(const Context& context) {
  const std::string& operation = context.call.operation;
  const auto* const row = std::find_if(std::begin(kAbout), std::end(kAbout),
                                       [&](const auto& each) { return each.first == operation; });
  if (row == std::end(kAbout)) return {action_alone("ecs:" + operation)};
  std::vector<Access> out;
  const std::vector<model::Tag> tags = tags_as_given(context.in);
  for (std::string& resource : resources_of(context, row->second)) {
    Access access{"ecs:" + operation, {resource}};
    add_keys(access, context);
    add_request_tags(access, tags);
    for (const std::string& each : texts_in(context.in, "tagKeys"))
      access.keys["aws:TagKeys"].push_back(each);
    if (const auto there = control::tags_of(context.step, resource)) {
      add_resource_tags(access, *there);
      for (const model::Tag& tag : *there) access.keys["ecs:ResourceTag/" + tag.key] = {tag.value};
    }
    out.push_back(std::move(access));
  }
  if (!tags.empty() && operation != "TagResource") {
    Access tagging = out.front();
    tagging.action = "ecs:TagResource";
    tagging.keys["ecs:CreateAction"] = {operation};
    if (operation == "RunTask" || operation == "StartTask")
      tagging.resources = {Named(context).in_cluster(EcsKind::kTask, "*")};
    if (operation == "RegisterContainerInstance")
      tagging.resources = {Named(context).in_cluster(EcsKind::kContainerInstance, "*")};
    out.push_back(std::move(tagging));
  }
  for (const char* member : {"taskRoleArn", "executionRoleArn"}) {
    if (operation == "RegisterTaskDefinition") add_passed(out, context, context.in, member, kPassedToTasks);
    add_passed(out, context, object_in(context.in, "overrides"), member, kPassedToTasks);
  }
  if (operation == "CreateService") add_passed(out, context, context.in, "role", kPassedToEcs);
  return out;
}

}  // namespace agent::api::ecs
