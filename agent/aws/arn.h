// Amazon resource names: "arn:<partition>:<service>:<region>:<account>:<resource>". Values; no I/O.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace agent::aws {

inline constexpr std::size_t kQuotedArnBytes = 256;  // longer wrong ones are cut in errors

struct Arn {
  std::string partition;
  std::string service;
  std::string region;
  std::string account;
  std::string resource;  // everything after the fifth colon; may contain colons
  bool operator==(const Arn&) const = default;
};

bool looks_like_arn(std::string_view text);  // begins with "arn:"
std::optional<Arn> parse_arn(std::string_view text);
std::string to_string(const Arn& arn);

// Whose resources this installation's are.
struct Realm {
  std::string partition = "aws";
  std::string region = "us-east-1";
  std::string account = "000000000000";
};

// ECS
// ------------------------------------------------------------------------------------------------------------

enum class EcsKind {
  kCluster,
  kService,
  kTask,
  kContainer,
  kContainerInstance,
  kTaskDefinition,
  kCapacityProvider,
  kTaskSet,
  kServiceDeployment,
  kServiceRevision,
  kAttachment,
  kDaemon,
};

// "arn:...:<word of the kind>/<name>"; `name` is a cluster's name, "<cluster>/<id>", "<family>:<revision>".
std::string ecs_arn(const Realm& realm, EcsKind kind, std::string_view name);
// That name; empty if the ARN is of another kind, or none. Looks no further: what requests carry is parsed
// below.
std::string_view name_in(EcsKind kind, std::string_view arn);

// The kind of an ECS ARN and the parts of its resource after the kind ("task/<cluster>/<id>" gives {cluster,
// id}). For routing calls that take any ARN, such as TagResource.
struct EcsResource {
  EcsKind kind;
  std::vector<std::string> parts;
};
// Error InvalidParameterException: no ARN of ECS, of another partition, region or account, or with the wrong
// number of parts.
shared::Result<EcsResource> parse_ecs_arn(const Realm& realm, std::string_view arn);

// The identifiers requests carry: a short name or an ARN of the given kind. Errors are
// InvalidParameterException. Whether the thing exists is not checked.

// "" is "default".
shared::Result<std::string> parse_cluster(const Realm& realm, std::string_view text);

struct ScopedId {
  std::optional<std::string> cluster;  // known from an ARN of the long form
  std::string id;
};
// kService, kTask, kContainerInstance and kDaemon; old ARNs without a cluster are read too.
shared::Result<ScopedId> parse_scoped(const Realm& realm, EcsKind kind, std::string_view text);
// The same for a request that also names its cluster; an ARN of another cluster is an error. Gives the id.
shared::Result<std::string> parse_in_cluster(const Realm& realm, EcsKind kind, std::string_view text,
                                             std::string_view cluster);

struct TaskDefinitionRef {
  std::string family;
  std::optional<int> revision;  // absent: the newest ACTIVE one
};
// "family" or "family:revision"; nothing if that is no revision. Leading zeros are accepted: 007 is 7.
std::optional<TaskDefinitionRef> parse_definition_name(std::string_view name);
// The name or its ARN has a revision, of whatever form.
bool names_revision(std::string_view name_or_arn);
// "family", "family:revision", or the ARN of either.
shared::Result<TaskDefinitionRef> parse_task_definition(const Realm& realm, std::string_view text);

// 1 to 255 of A-Z a-z 0-9 _ - : cluster, service, family and container names.
bool is_ecs_name(std::string_view text);

// Elastic Load Balancing v2
// ----------------------------------------------------------------------------------------

enum class ElbKind { kLoadBalancer, kTargetGroup, kListener, kRule, kTrustStore };

// Formed from each other, because the ARN of a listener contains its load balancer's, and a rule's its
// listener's. `type` is "app", "net" or "gwy"; ids are 16 lower-case hexadecimal digits.
std::string load_balancer_arn(const Realm& realm, std::string_view type, std::string_view name,
                              std::string_view id);
std::string target_group_arn(const Realm& realm, std::string_view name, std::string_view id);
std::string listener_arn(std::string_view load_balancer_arn, std::string_view id);
std::string rule_arn(std::string_view listener_arn, std::string_view id);
std::string trust_store_arn(const Realm& realm, std::string_view name, std::string_view id);

struct ElbResource {
  ElbKind kind;
  std::string type;         // "app"; empty for target groups and trust stores
  std::string name;         // of the load balancer, target group or trust store
  std::string id;           // the load balancer's own for listeners and rules
  std::string listener_id;  // listeners and rules
  std::string rule_id;      // rules
};
// Error ValidationError "'<arn>' is not a valid <kind> ARN" with `expected`, or "... load balancing ARN"
// without.
shared::Result<ElbResource> parse_elb_arn(const Realm& realm, std::string_view arn,
                                          std::optional<ElbKind> expected = std::nullopt);

// Of one that need not be ours; nothing if its text is of no kind.
std::optional<ElbKind> elb_kind_of(std::string_view arn);

// Certificate Manager
// ----------------------------------------------------------------------------------------

// "arn:...:certificate/<id>"; `id` is a UUID.
std::string certificate_arn(const Realm& realm, std::string_view id);
// One of ours, that is; whether there is such a certificate is not checked.
bool is_certificate_arn(const Realm& realm, std::string_view text);

}  // namespace agent::aws
