#include "agent/api/elbv2/operations.h"
#include "agent/api/elbv2/shapes.h"
#include "agent/control/elb/attributes.h"
#include "agent/control/elb/listeners.h"
#include "agent/control/elb/tags.h"

namespace agent::api::elbv2 {
namespace {

using aws::ElbKind;
using aws::QueryReader;
using aws::XmlElement;
using control::Step;

constexpr std::size_t kMaxAttributesPerCall = 20;
constexpr std::size_t kMaxArnsPerDescribe = 20;

std::vector<model::NameValue> read_attributes(const QueryReader& in) {
  std::vector<model::NameValue> attributes;
  for (const QueryReader& each : in.children("Attributes")) {
    attributes.push_back({each.required_string("Key"), each.string_or("Value", "")});
  }
  if (attributes.empty()) {
    in.fail(validation_error("At least one attribute must be specified"));
  } else if (attributes.size() > kMaxAttributesPerCall) {
    in.fail(validation_error("At most 20 attributes can be modified at once"));
  }
  return attributes;
}

template <class Row>
void write_attributes(XmlElement out, const Row& row) {
  XmlElement list = out.child("Attributes");
  for (const auto& [key, value] : control::attributes_of(row)) {
    XmlElement member = list.child("member");
    member.text("Key", key);
    member.text("Value", value);
  }
}

template <class Row, class Find>
Done describe(Step& step, In in, XmlElement out, const char* member, ElbKind kind, Find find) {
  const auto arn = required_arn(step, in, member, kind);
  if (!in.ok()) return in.error();
  shared::Result<const Row*> row = find(step.state, arn);
  if (!row) return row.error();
  write_attributes(out, **row);
  return {};
}

template <class Row, class Modify, class Find>
Done modify(Step& step, In in, XmlElement out, const char* member, ElbKind kind, Modify modify, Find find) {
  const auto arn = required_arn(step, in, member, kind);
  const auto changes = read_attributes(in);
  if (!in.ok()) return in.error();
  if (auto ok = modify(step, arn, changes); !ok) return ok;
  const shared::Result<const Row*> row = find(step.state, arn);
  write_attributes(out, **row);
  return {};
}

}  // namespace

Done describe_load_balancer_attributes(Step& step, In in, XmlElement out) {
  return describe<model::LoadBalancer>(step, in, out, "LoadBalancerArn", ElbKind::kLoadBalancer,
                                       control::find_load_balancer);
}
Done modify_load_balancer_attributes(Step& step, In in, XmlElement out) {
  return modify<model::LoadBalancer>(step, in, out, "LoadBalancerArn", ElbKind::kLoadBalancer,
                                     control::modify_load_balancer_attributes, control::find_load_balancer);
}
Done describe_target_group_attributes(Step& step, In in, XmlElement out) {
  return describe<model::TargetGroup>(step, in, out, "TargetGroupArn", ElbKind::kTargetGroup,
                                      control::find_target_group);
}
Done modify_target_group_attributes(Step& step, In in, XmlElement out) {
  return modify<model::TargetGroup>(step, in, out, "TargetGroupArn", ElbKind::kTargetGroup,
                                    control::modify_target_group_attributes, control::find_target_group);
}
Done describe_listener_attributes(Step& step, In in, XmlElement out) {
  return describe<model::Listener>(step, in, out, "ListenerArn", ElbKind::kListener, control::find_listener);
}
Done modify_listener_attributes(Step& step, In in, XmlElement out) {
  return modify<model::Listener>(step, in, out, "ListenerArn", ElbKind::kListener,
                                 control::modify_listener_attributes, control::find_listener);
}

Done add_tags(Step& step, In in, XmlElement) {
  const auto arns = required_resources(step, in);
  const auto tags = read_tags(in);
  if (!in.ok()) return in.error();
  for (const auto& arn : arns) {
    if (auto ok = control::add_elb_tags(step, arn, tags); !ok) return ok;
  }
  return {};
}

Done remove_tags(Step& step, In in, XmlElement) {
  const auto arns = required_resources(step, in);
  const auto keys = in.strings_or_empty("TagKeys");
  if (!in.ok()) return in.error();
  for (const auto& arn : arns) {
    if (auto ok = control::remove_elb_tags(step, arn, keys); !ok) return ok;
  }
  return {};
}

Done describe_tags(Step& step, In in, XmlElement out) {
  const auto arns = required_resources(step, in);
  if (!in.ok()) return in.error();
  if (arns.size() > kMaxArnsPerDescribe) {
    return validation_error("Only up to 20 resources can be described at once");
  }
  XmlElement list = out.child("TagDescriptions");
  for (const auto& arn : arns) {
    auto tags = control::elb_tags(step.state, arn);
    if (!tags) return tags.error();
    XmlElement member = list.child("member");
    member.text("ResourceArn", arn);
    XmlElement written = member.child("Tags");
    for (const auto& tag : *tags) {
      XmlElement each = written.child("member");
      each.text("Key", tag.key);
      each.text("Value", tag.value);
    }
  }
  return {};
}

}  // namespace agent::api::elbv2
