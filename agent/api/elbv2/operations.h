// One function for each operation of elbv2.h. Internal to agent/api/elbv2. Each reads its input, does the
// work through agent/control and writes the members of its result into `out`.
#pragma once
#include "agent/aws/query.h"
#include "agent/aws/xml.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::api::elbv2 {

using Done = shared::Result<void>;
using In = const aws::QueryReader&;

Done create_load_balancer(control::Step& step, In in, aws::XmlElement out);
Done describe_load_balancers(control::Step& step, In in, aws::XmlElement out);
Done delete_load_balancer(control::Step& step, In in, aws::XmlElement out);
Done set_security_groups(control::Step& step, In in, aws::XmlElement out);
Done set_subnets(control::Step& step, In in, aws::XmlElement out);
Done set_ip_address_type(control::Step& step, In in, aws::XmlElement out);
Done describe_capacity_reservation(control::Step& step, In in, aws::XmlElement out);
Done modify_capacity_reservation(control::Step& step, In in, aws::XmlElement out);
Done modify_ip_pools(control::Step& step, In in, aws::XmlElement out);

Done create_target_group(control::Step& step, In in, aws::XmlElement out);
Done describe_target_groups(control::Step& step, In in, aws::XmlElement out);
Done modify_target_group(control::Step& step, In in, aws::XmlElement out);
Done delete_target_group(control::Step& step, In in, aws::XmlElement out);

Done register_targets(control::Step& step, In in, aws::XmlElement out);
Done deregister_targets(control::Step& step, In in, aws::XmlElement out);
Done describe_target_health(control::Step& step, In in, aws::XmlElement out);

Done create_listener(control::Step& step, In in, aws::XmlElement out);
Done describe_listeners(control::Step& step, In in, aws::XmlElement out);
Done modify_listener(control::Step& step, In in, aws::XmlElement out);
Done delete_listener(control::Step& step, In in, aws::XmlElement out);
Done add_listener_certificates(control::Step& step, In in, aws::XmlElement out);
Done describe_listener_certificates(control::Step& step, In in, aws::XmlElement out);
Done remove_listener_certificates(control::Step& step, In in, aws::XmlElement out);

Done create_trust_store(control::Step& step, In in, aws::XmlElement out);
Done describe_trust_stores(control::Step& step, In in, aws::XmlElement out);
Done modify_trust_store(control::Step& step, In in, aws::XmlElement out);
Done delete_trust_store(control::Step& step, In in, aws::XmlElement out);
Done describe_trust_store_associations(control::Step& step, In in, aws::XmlElement out);
Done add_trust_store_revocations(control::Step& step, In in, aws::XmlElement out);
Done describe_trust_store_revocations(control::Step& step, In in, aws::XmlElement out);
Done remove_trust_store_revocations(control::Step& step, In in, aws::XmlElement out);

Done delete_shared_trust_store_association(control::Step& step, In in, aws::XmlElement out);
Done get_resource_policy(control::Step& step, In in, aws::XmlElement out);

Done create_rule(control::Step& step, In in, aws::XmlElement out);
Done describe_rules(control::Step& step, In in, aws::XmlElement out);
Done modify_rule(control::Step& step, In in, aws::XmlElement out);
Done delete_rule(control::Step& step, In in, aws::XmlElement out);
Done set_rule_priorities(control::Step& step, In in, aws::XmlElement out);

Done describe_load_balancer_attributes(control::Step& step, In in, aws::XmlElement out);
Done modify_load_balancer_attributes(control::Step& step, In in, aws::XmlElement out);
Done describe_target_group_attributes(control::Step& step, In in, aws::XmlElement out);
Done modify_target_group_attributes(control::Step& step, In in, aws::XmlElement out);
Done describe_listener_attributes(control::Step& step, In in, aws::XmlElement out);
Done modify_listener_attributes(control::Step& step, In in, aws::XmlElement out);

Done add_tags(control::Step& step, In in, aws::XmlElement out);
Done remove_tags(control::Step& step, In in, aws::XmlElement out);
Done describe_tags(control::Step& step, In in, aws::XmlElement out);

Done describe_account_limits(control::Step& step, In in, aws::XmlElement out);
Done describe_ssl_policies(control::Step& step, In in, aws::XmlElement out);

}  // namespace agent::api::elbv2
