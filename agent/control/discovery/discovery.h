// Cloud Map as control keeps it: namespaces, services, instances and the operations that callers ask about.
// Values arrive decoded; names of errors are Cloud Map's. Everything is carried out at once, so that each
// operation is a SUCCESS by the time its id is known.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/neighbours.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control::discovery {

inline constexpr std::size_t kMaxNamespaces = 1'000;
inline constexpr std::size_t kMaxServices = 10'000;           // of all namespaces
inline constexpr std::size_t kMaxInstancesOfService = 1'000;  // AWS's quota
inline constexpr std::size_t kMaxOperations = 1'000;          // the oldest go
inline constexpr std::size_t kMaxServiceAttributes = 30;

inline constexpr const char* kPrivate = "DNS_PRIVATE";
inline constexpr const char* kPublic = "DNS_PUBLIC";
inline constexpr const char* kHttp = "HTTP";

// The attributes of instances that mean something.
inline constexpr const char* kIpv4 = "AWS_INSTANCE_IPV4";
inline constexpr const char* kIpv6 = "AWS_INSTANCE_IPV6";
inline constexpr const char* kPort = "AWS_INSTANCE_PORT";
inline constexpr const char* kCname = "AWS_INSTANCE_CNAME";
inline constexpr const char* kInitialHealth = "AWS_INIT_HEALTH_STATUS";

// ---- Namespaces ----

struct NewNamespace {
  std::string name;
  std::string type;
  std::string vpc;
  std::string description;
  std::string creator_request;
  std::int64_t soa_ttl = 15;
  std::vector<model::Tag> tags;
};
// The id of the operation. Errors: NamespaceAlreadyExists (DNS: of this name and VPC; HTTP: of this name),
// ResourceLimitExceeded, InvalidInput (tags).
shared::Result<std::string> create_namespace(Step& step, const NewNamespace& request);
struct NamespaceUpdate {
  std::optional<std::string> description;
  std::optional<std::int64_t> soa_ttl;
};
shared::Result<std::string> update_namespace(Step& step, const std::string& id, const std::string& type,
                                             const NamespaceUpdate& update);
// Errors: NamespaceNotFound, ResourceInUse while it has services.
shared::Result<std::string> delete_namespace(Step& step, const std::string& id);
// By id or ARN. Error: NamespaceNotFound.
shared::Result<const model::Namespace*> find_namespace(const Step& step, std::string_view id_or_arn);
std::size_t service_count(const State& state, std::string_view namespace_id);

// ---- Services ----

// `service` comes filled from the request but for id, ARN and time. Errors: NamespaceNotFound,
// ServiceAlreadyExists, InvalidInput (records where the namespace has none, tags), ResourceLimitExceeded.
shared::Result<const model::DiscoveryService*> create_service(Step& step, model::DiscoveryService service);
struct ServiceUpdate {
  std::string description;  // absent ones are taken away, as AWS has it
  std::optional<std::vector<model::DnsRecordConfig>> records;
};
shared::Result<std::string> update_service(Step& step, const std::string& id, const ServiceUpdate& update);
// Errors: ServiceNotFound, ResourceInUse while it has instances.
shared::Result<void> delete_service(Step& step, const std::string& id);
shared::Result<const model::DiscoveryService*> find_service(const Step& step, std::string_view id_or_arn);
std::size_t instance_count(const State& state, std::string_view service_id);
// Errors: ServiceAttributesLimitExceededException.
shared::Result<void> put_service_attributes(Step& step, const std::string& id,
                                            const std::map<std::string, std::string>& attributes);
void delete_service_attributes(Step& step, const std::string& id, const std::vector<std::string>& names);

// ---- Instances ----

// A repeat with the same id replaces the former one. Errors: ServiceNotFound, InvalidInput (an attribute that
// the service's records need is missing or malformed), ResourceLimitExceeded.
shared::Result<std::string> register_instance(Step& step, model::DiscoveryInstance instance);
// Errors: ServiceNotFound, InstanceNotFound.
shared::Result<std::string> deregister_instance(Step& step, const std::string& service,
                                                const std::string& instance);
shared::Result<const model::DiscoveryInstance*> find_instance(const Step& step, const std::string& service,
                                                              const std::string& instance);
// Errors: ServiceNotFound, InstanceNotFound, CustomHealthNotFound.
shared::Result<void> set_instance_health(Step& step, const std::string& service, const std::string& instance,
                                         bool healthy);
// In the order of their ids.
std::vector<const model::DiscoveryInstance*> instances_of(const State& state, std::string_view service_id);

// ---- Operations and tags ----

// Error: OperationNotFound.
shared::Result<const model::DiscoveryOperation*> find_operation(const State& state, const std::string& id);
// Of a namespace or a service. Errors: ResourceNotFoundException, TooManyTagsException, InvalidInput.
shared::Result<std::vector<model::Tag>> tags_of(const Step& step, const std::string& arn);
shared::Result<void> set_tags(Step& step, const std::string& arn, std::vector<model::Tag> tags);

// ---- For the folder itself ----

// Empty without such an attribute.
std::string value_in(const std::map<std::string, std::string>& attributes, const char* name);
std::string note_operation(Step& step, const std::string& type, std::map<std::string, std::string> targets);
// 16 lower-case letters and digits behind the prefix ("ns-").
std::string fresh_id(Step& step, std::string_view prefix);
std::string arn_of(const Step& step, std::string_view kind, std::string_view id);

}  // namespace agent::control::discovery
