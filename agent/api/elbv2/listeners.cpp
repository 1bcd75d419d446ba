#include <algorithm>
#include <map>
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

std::vector<std::string> read_certificates(const QueryReader& in) {
  std::vector<std::string> arns;
  for (const QueryReader& each : in.children("Certificates"))
    arns.push_back(each.required_string("CertificateArn"));
  return arns;
}

constexpr std::array<aws::QueryChoice<lb::ClientCertificates>, 3> kMutualModes{
    {{"off", lb::ClientCertificates::kOff},
     {"passthrough", lb::ClientCertificates::kPassthrough},
     {"verify", lb::ClientCertificates::kVerify}}};
constexpr std::array<aws::QueryChoice<bool>, 2> kOnOff{{{"on", true}, {"off", false}}};

std::optional<std::string> read_alpn(const QueryReader& in) {
  const auto words = in.strings_or_empty("AlpnPolicy");
  if (words.empty()) return std::nullopt;
  const auto known = [&words](const auto& policy) { return policy.first == words.front(); };
  if (words.size() > 1 ||
      std::none_of(std::begin(control::kAlpnPolicies), std::end(control::kAlpnPolicies), known)) {
    in.fail(
        validation_error("ALPN policy '" + words.front() +
                         "' must be one of HTTP1Only, HTTP2Only, HTTP2Optional, HTTP2Preferred, None, and "
                         "only one can be specified"));
  }
  return words.front();
}

control::TlsChange read_tls(const QueryReader& in) {
  control::TlsChange change;
  change.policy = in.string("SslPolicy");
  auto certificates = read_certificates(in);
  if (!certificates.empty()) change.certificates = std::move(certificates);
  change.alpn = read_alpn(in);
  if (const auto mutual = in.child("MutualAuthentication")) {
    auto& client = change.client.emplace();
    client.mode = mutual->choice("Mode", kMutualModes).value_or(lb::ClientCertificates::kOff);
    client.trust_store = mutual->string_or("TrustStoreArn", "");
    client.ignore_expiry = mutual->boolean("IgnoreClientCertificateExpiry").value_or(false);
    client.advertise_ca_names = mutual->choice("AdvertiseTrustStoreCaNames", kOnOff).value_or(false);
  }
  return change;
}

void write_certificate(XmlElement member, const std::string& arn, bool is_default) {
  member.text("CertificateArn", arn);
  member.boolean("IsDefault", is_default);
}

}  // namespace

Done create_listener(Step& step, In in, XmlElement out) {
  control::CreateListener request;
  request.load_balancer_arn = required_arn(step, in, "LoadBalancerArn", ElbKind::kLoadBalancer);
  request.protocol = read_protocol(in).value_or("");
  request.port = in.integer<int>("Port");
  request.default_actions = read_actions(step, in, "DefaultActions");
  request.tags = read_tags(in);
  request.tls = read_tls(in);
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
  request.tls = read_tls(in);
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
  const auto page = read_page(in);
  if (!in.ok()) return in.error();
  const auto found = control::find_listener(step.state, arn);
  if (!found) return found.error();
  const model::Listener& row = **found;
  // Their keys put the default one first; it may be in the list too.
  std::map<std::string, bool> certificates;
  if (!row.certificate.empty()) certificates.emplace("0" + row.certificate, true);
  for (const std::string& each : row.certificates) certificates.emplace("1" + each, false);
  std::vector<std::pair<std::string, std::pair<std::string, bool>>> items;
  for (const auto& [key, is_default] : certificates) items.push_back({key, {key.substr(1), is_default}});
  write_page(out, "Certificates", page, items,
             [](XmlElement member, const auto& each) { write_certificate(member, each.first, each.second); });
  return {};
}

Done add_listener_certificates(Step& step, In in, XmlElement out) {
  const auto arn = required_arn(step, in, "ListenerArn", ElbKind::kListener);
  const auto certificates = read_certificates(in);
  if (!in.ok()) return in.error();
  if (auto ok = control::add_listener_certificates(step, arn, certificates); !ok) return ok;
  XmlElement list = out.child("Certificates");
  for (const std::string& each : certificates) write_certificate(list.child("member"), each, false);
  return {};
}

Done remove_listener_certificates(Step& step, In in, XmlElement) {
  const auto arn = required_arn(step, in, "ListenerArn", ElbKind::kListener);
  const auto certificates = read_certificates(in);
  if (!in.ok()) return in.error();
  return control::remove_listener_certificates(step, arn, certificates);
}

}  // namespace agent::api::elbv2
