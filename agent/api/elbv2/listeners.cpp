#include <algorithm>
#include <set>

#include "agent/api/elbv2/operations.h"
#include "agent/api/elbv2/shapes.h"
#include "agent/control/elb/listeners.h"

namespace agent::api::elbv2 {
namespace {

using aws::ElbKind;
using aws::QueryReader;
using aws::XmlElement;
using control::Step;

std::optional<std::string> read_protocol(const QueryReader& in) {
  constexpr std::array<std::string_view, 9> kProtocols{"HTTP",    "HTTPS",  "TCP",  "TLS",     "UDP",
                                                       "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC"};
  const auto index = in.word("Protocol", kProtocols);
  return index ? std::optional<std::string>(kProtocols[*index]) : std::nullopt;
}

// Members of HTTPS listeners only: refused rather than forgotten.
void refuse_tls_members(const QueryReader& in, const std::optional<std::string>& protocol) {
  if (protocol && *protocol != "HTTP") return;  // refused as such
  if (!in.children("Certificates").empty()) {
    in.fail(fault("InvalidConfigurationRequest", "Certificates cannot be specified for HTTP listeners"));
  }
  if (in.string("SslPolicy") || !in.strings_or_empty("AlpnPolicy").empty()) {
    in.fail(fault("InvalidConfigurationRequest",
                  "SslPolicy and AlpnPolicy cannot be specified for HTTP listeners"));
  }
  const auto mutual = in.child("MutualAuthentication");
  if (mutual && mutual->string_or("Mode", "off") != "off") {
    in.fail(
        fault("InvalidConfigurationRequest", "MutualAuthentication cannot be specified for HTTP listeners"));
  }
}

}  // namespace

Done create_listener(Step& step, In in, XmlElement out) {
  control::CreateListener request;
  request.load_balancer_arn = required_arn(step, in, "LoadBalancerArn", ElbKind::kLoadBalancer);
  const auto protocol = read_protocol(in);
  request.protocol = protocol.value_or("");
  request.port = in.integer<int>("Port");
  request.default_actions = read_actions(step, in, "DefaultActions");
  request.tags = read_tags(in);
  refuse_tls_members(in, protocol);
  if (!in.ok()) return in.error();
  auto arn = control::create_listener(step, request);
  if (!arn) return arn.error();
  write_listener(out.child("Listeners").child("member"), *step.state.listeners.find(*arn));
  return {};
}

Done describe_listeners(Step& step, In in, XmlElement out) {
  const auto load_balancer = arn_or_empty(step, in, "LoadBalancerArn", ElbKind::kLoadBalancer);
  const auto arns = arns_or_empty(step, in, "ListenerArns", ElbKind::kListener);
  const auto page = read_page(in);
  if (!in.ok()) return in.error();
  if (load_balancer.empty() == arns.empty()) {
    return validation_error(arns.empty()
                                ? "You must specify either listener ARNs or a load balancer ARN"
                                : "Listener ARNs and a load balancer ARN cannot be specified at the same "
                                  "time");
  }
  if (!load_balancer.empty()) {
    if (auto ok = control::find_load_balancer(step.state, load_balancer); !ok) return ok.error();
  }
  for (const auto& arn : arns) {
    if (auto ok = control::find_listener(step.state, arn); !ok) return ok.error();
  }
  const std::set<std::string> wanted(arns.begin(), arns.end());
  std::vector<std::pair<std::string, const model::Listener*>> found;
  for (const auto& [arn, row] : step.state.listeners.rows()) {
    if (arns.empty() ? row.load_balancer_arn == load_balancer : wanted.count(arn) != 0) {
      found.emplace_back(arn, &row);
    }
  }
  write_page(out, "Listeners", page, found,
             [](XmlElement member, const model::Listener* row) { write_listener(member, *row); });
  return {};
}

Done modify_listener(Step& step, In in, XmlElement out) {
  control::ModifyListener request;
  request.arn = required_arn(step, in, "ListenerArn", ElbKind::kListener);
  request.protocol = read_protocol(in);
  request.port = in.integer<int>("Port");
  auto actions = read_actions(step, in, "DefaultActions");
  if (!actions.empty()) request.default_actions = std::move(actions);
  refuse_tls_members(in, request.protocol);
  if (!in.ok()) return in.error();
  if (auto ok = control::modify_listener(step, request); !ok) return ok;
  write_listener(out.child("Listeners").child("member"), *step.state.listeners.find(request.arn));
  return {};
}

Done delete_listener(Step& step, In in, XmlElement) {
  const auto arn = required_arn(step, in, "ListenerArn", ElbKind::kListener);
  if (!in.ok()) return in.error();
  return control::delete_listener(step, arn);
}

Done describe_listener_certificates(Step& step, In in, XmlElement out) {
  const auto arn = required_arn(step, in, "ListenerArn", ElbKind::kListener);
  if (!in.ok()) return in.error();
  if (auto found = control::find_listener(step.state, arn); !found) return found.error();
  out.child("Certificates");
  return {};
}

}  // namespace agent::api::elbv2
