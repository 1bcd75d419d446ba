#include "agent/model/discovery.h"

#include "agent/control/records/row_text.h"

namespace agent::control {

template <class Archive, RowOf<model::Namespace> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("arn", row.arn);
  in("name", row.name);
  in("type", row.type);
  in("description", row.description);
  in("vpc", row.vpc);
  in("hosted_zone", row.hosted_zone);
  in("soa_ttl", row.soa_ttl);
  in("creator_request", row.creator_request);
  in("tags", row.tags);
  in("created_at", row.created_at);
}

template <class Archive, RowOf<model::DnsRecordConfig> Row>
void fields(Archive& in, Row& row) {
  in("type", row.type);
  in("ttl", row.ttl);
}

template <class Archive, RowOf<model::DiscoveryService> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("arn", row.arn);
  in("name", row.name);
  in("namespace_id", row.namespace_id);
  in("description", row.description);
  in("type", row.type);
  in("routing", row.routing);
  in("records", row.records);
  in("custom_health", row.custom_health);
  in("failure_threshold", row.failure_threshold);
  in("attributes", row.attributes);
  in("creator_request", row.creator_request);
  in("tags", row.tags);
  in("revision", row.revision);
  in("created_at", row.created_at);
}

template <class Archive, RowOf<model::DiscoveryInstance> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("service", row.service);
  in("attributes", row.attributes);
  in("creator_request", row.creator_request);
  in("unhealthy", row.unhealthy);
  in("task", row.task);
  in("registered_at", row.registered_at);
}

template <class Archive, RowOf<model::DiscoveryOperation> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("type", row.type);
  in("targets", row.targets);
  in("created_at", row.created_at);
}

BERTH_ROW(model::Namespace)
BERTH_ROW(model::DiscoveryService)
BERTH_ROW(model::DiscoveryInstance)
BERTH_ROW(model::DiscoveryOperation)

}  // namespace agent::control
