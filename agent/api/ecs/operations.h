// The operations we offer, by resource. Each gets a request that has passed modelled() and answers the JSON
// of its output.
#pragma once
#include "agent/api/ecs/wire/request.h"

namespace agent::api::ecs {

Answer create_cluster(const Context&);
Answer describe_clusters(const Context&);
Answer list_clusters(const Context&);
Answer update_cluster(const Context&);
Answer update_cluster_settings(const Context&);
Answer put_cluster_capacity_providers(const Context&);
Answer delete_cluster(const Context&);

Answer create_capacity_provider(const Context&);
Answer describe_capacity_providers(const Context&);
Answer update_capacity_provider(const Context&);
Answer delete_capacity_provider(const Context&);

Answer put_account_setting(const Context&);
Answer put_account_setting_default(const Context&);
Answer list_account_settings(const Context&);
Answer delete_account_setting(const Context&);

Answer register_task_definition(const Context&);
Answer describe_task_definition(const Context&);
Answer list_task_definitions(const Context&);
Answer list_task_definition_families(const Context&);
Answer deregister_task_definition(const Context&);
Answer delete_task_definitions(const Context&);

Answer run_task(const Context&);
Answer start_task(const Context&);
Answer stop_task(const Context&);
Answer describe_tasks(const Context&);
Answer list_tasks(const Context&);
Answer update_task_protection(const Context&);
Answer get_task_protection(const Context&);

Answer create_service(const Context&);
Answer update_service(const Context&);
Answer delete_service(const Context&);
Answer describe_services(const Context&);
Answer list_services(const Context&);
Answer list_services_by_namespace(const Context&);
Answer list_service_deployments(const Context&);
Answer describe_service_deployments(const Context&);
Answer describe_service_revisions(const Context&);
Answer stop_service_deployment(const Context&);
Answer continue_service_deployment(const Context&);

Answer create_task_set(const Context&);
Answer describe_task_sets(const Context&);
Answer update_task_set(const Context&);
Answer delete_task_set(const Context&);
Answer update_service_primary_task_set(const Context&);

Answer register_container_instance(const Context&);
Answer deregister_container_instance(const Context&);
Answer describe_container_instances(const Context&);
Answer list_container_instances(const Context&);
Answer update_container_instances_state(const Context&);
Answer put_attributes(const Context&);
Answer delete_attributes(const Context&);
Answer list_attributes(const Context&);

// What agents call.
Answer discover_poll_endpoint(const Context&);
Answer submit_task_state_change(const Context&);
Answer submit_container_state_change(const Context&);
Answer submit_attachment_state_changes(const Context&);
// Adds the member by which our agents know their control plane; others ignore it, as their protocol has them
// ignore what they do not know.
void tell_installation(const Context&, nlohmann::json& answer);

Answer tag_resource(const Context&);
Answer untag_resource(const Context&);
Answer list_tags_for_resource(const Context&);

}  // namespace agent::api::ecs
