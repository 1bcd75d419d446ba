#include "agent/api/elbv2/shapes.h"
#include "agent/control/elb/target_health.h"

#include <charconv>

#include "agent/control/elb/rules.h"

namespace agent::api::elbv2 {
namespace {

using aws::ElbKind;
using aws::QueryReader;
using aws::XmlElement;
using control::Step;
using shared::Error;

// Any non-empty constant will do: names are resolved outside.
constexpr const char* kHostedZone = "Z0BERTH0LOCALZONE";

void check_arn(const Step& step, const QueryReader& in, const std::string& arn, std::optional<ElbKind> kind) {
  if (auto ours = aws::parse_elb_arn(step.settings.realm(), arn, kind); !ours) in.fail(ours.error());
}

std::string port_text(std::uint16_t port) { return port == 0 ? "traffic-port" : std::to_string(port); }

void read_forward(const Step& step, const QueryReader& in, lb::ForwardAction& forward) {
  const std::string arn = arn_or_empty(step, in, "TargetGroupArn", ElbKind::kTargetGroup);
  const auto config = in.child("ForwardConfig");
  if (config) {
    for (const QueryReader& group : config->children("TargetGroups")) {
      forward.target_groups.push_back({required_arn(step, group, "TargetGroupArn", ElbKind::kTargetGroup),
                                       group.integer<int>("Weight").value_or(1)});
    }
    if (const auto sticky = config->child("TargetGroupStickinessConfig")) {
      forward.sticky = sticky->boolean("Enabled").value_or(false);
      forward.sticky_seconds = sticky->integer<int>("DurationSeconds").value_or(forward.sticky_seconds);
    }
  }
  if (arn.empty()) return;
  if (forward.target_groups.empty()) forward.target_groups.push_back({arn, 1});
  if (forward.target_groups.size() != 1 || forward.target_groups.front().target_group != arn) {
    in.fail(fault("InvalidLoadBalancerAction",
                  "TargetGroupArn and ForwardConfig of a forward action must name the same target group"));
  }
}

void read_redirect(const QueryReader& in, lb::RedirectAction& redirect) {
  const auto config = in.child("RedirectConfig");
  if (!config) {
    in.fail(validation_error("A redirect action needs a RedirectConfig"));
    return;
  }
  redirect.protocol = config->string_or("Protocol", redirect.protocol);
  redirect.host = config->string_or("Host", redirect.host);
  redirect.port = config->string_or("Port", redirect.port);
  redirect.path = config->string_or("Path", redirect.path);
  // An empty query is a query: it drops the client's.
  redirect.query = config->text("Query").value_or(redirect.query);
  constexpr std::array<aws::QueryChoice<int>, 2> kStatus{{{"HTTP_301", 301}, {"HTTP_302", 302}}};
  config->required_string("StatusCode");
  redirect.status = config->choice("StatusCode", kStatus).value_or(301);
}

void read_fixed(const QueryReader& in, lb::FixedResponseAction& fixed) {
  const auto config = in.child("FixedResponseConfig");
  if (!config) {
    in.fail(validation_error("A fixed-response action needs a FixedResponseConfig"));
    return;
  }
  fixed.status = config->required_integer<int>("StatusCode");
  fixed.content_type = config->string_or("ContentType", "");
  fixed.body = config->string_or("MessageBody", "");
}

constexpr std::array<aws::QueryChoice<lb::JwtClaimFormat>, 3> kClaimFormats{
    {{"single-string", lb::JwtClaimFormat::kSingleString},
     {"string-array", lb::JwtClaimFormat::kStringArray},
     {"space-separated-values", lb::JwtClaimFormat::kSpaceSeparated}}};

lb::JwtValidation read_jwt(const QueryReader& in) {
  lb::JwtValidation jwt;
  const auto config = in.child("JwtValidationConfig");
  if (!config) {
    in.fail(validation_error("A jwt-validation action needs a JwtValidationConfig"));
    return jwt;
  }
  jwt.order = in.integer<int>("Order").value_or(1);
  jwt.jwks_endpoint = config->required_string("JwksEndpoint");
  jwt.issuer = config->required_string("Issuer");
  for (const QueryReader& each : config->children("AdditionalClaims")) {
    each.required_string("Format");
    jwt.claims.push_back({each.required_string("Name"),
                          each.choice("Format", kClaimFormats).value_or(lb::JwtClaimFormat::kSingleString),
                          each.strings_or_empty("Values")});
  }
  return jwt;
}

void write_jwt(XmlElement member, const lb::JwtValidation& jwt) {
  member.text("Type", "jwt-validation");
  XmlElement config = member.child("JwtValidationConfig");
  config.text("JwksEndpoint", jwt.jwks_endpoint);
  config.text("Issuer", jwt.issuer);
  if (!jwt.claims.empty()) {
    XmlElement claims = config.child("AdditionalClaims");
    for (const auto& [name, format, values] : jwt.claims) {
      XmlElement claim = claims.child("member");
      claim.text("Format", kClaimFormats[static_cast<std::size_t>(format)].first);
      claim.text("Name", name);
      claim.strings("Values", values);
    }
  }
  member.integer("Order", jwt.order);
}

lb::Action read_action(const Step& step, const QueryReader& in) {
  constexpr std::array<std::string_view, 6> kTypes{
      // jwt-validation is read_actions' part
      "forward", "redirect", "fixed-response", "authenticate-oidc", "authenticate-cognito", "jwt-validation"};
  lb::Action action;
  action.order = in.integer<int>("Order").value_or(1);
  const std::string type = in.required_string("Type");
  const auto index = in.word("Type", kTypes);
  if (!index) return action;
  if (*index == 0) {
    read_forward(step, in, action.forward);
  } else if (*index == 1) {
    action.type = lb::ActionType::kRedirect;
    read_redirect(in, action.redirect);
  } else if (*index == 2) {
    action.type = lb::ActionType::kFixedResponse;
    read_fixed(in, action.fixed_response);
  } else {
    in.fail(fault("InvalidLoadBalancerAction",
                  "Actions of type '" + type +
                      "' are for HTTPS listeners and are not offered here: jwt-validation checks tokens"));
  }
  return action;
}

std::string_view config_member(lb::ConditionField field) {
  switch (field) {
    case lb::ConditionField::kHostHeader:
      return "HostHeaderConfig";
    case lb::ConditionField::kPathPattern:
      return "PathPatternConfig";
    case lb::ConditionField::kHttpHeader:
      return "HttpHeaderConfig";
    case lb::ConditionField::kHttpRequestMethod:
      return "HttpRequestMethodConfig";
    case lb::ConditionField::kQueryString:
      return "QueryStringConfig";
    case lb::ConditionField::kSourceIp:
      return "SourceIpConfig";
  }
  return "";
}

bool has_legacy_values(lb::ConditionField field) {
  return field == lb::ConditionField::kHostHeader || field == lb::ConditionField::kPathPattern;
}

void read_condition_config(const QueryReader& config, lb::Condition& condition) {
  if (condition.field == lb::ConditionField::kHttpHeader) {
    condition.http_header_name = config.required_string("HttpHeaderName");
  }
  if (condition.field == lb::ConditionField::kQueryString) {
    for (const QueryReader& pair : config.children("Values")) {
      condition.query.push_back({pair.string_or("Key", ""), pair.string_or("Value", "")});
    }
    return;
  }
  condition.values = config.strings_or_empty("Values");
}

// Config members of three fields have RegexValues, and so has the condition itself.
void read_regexes(const QueryReader& in, const std::optional<QueryReader>& config, std::string_view word,
                  lb::Condition& condition) {
  condition.regex_values = config ? config->strings_or_empty("RegexValues") : std::vector<std::string>();
  const auto here = in.strings_or_empty("RegexValues");
  if (condition.regex_values.empty()) condition.regex_values = here;
  if (!condition.regex_values.empty() && !lb::takes_regex(condition.field)) {
    in.fail(validation_error("Regular expressions (RegexValues) are not supported for the field '" +
                             std::string(word) + "'"));
  }
  if (!here.empty() && here != condition.regex_values) {
    in.fail(validation_error("RegexValues and " + std::string(config_member(condition.field)) +
                             " cannot both be specified"));
  }
}

lb::Condition read_condition(const QueryReader& in) {
  lb::Condition condition;
  const std::string word = in.required_string("Field");
  const auto field = control::field_from_word(word);
  if (!field) {
    if (!word.empty()) {
      in.fail(validation_error("Condition field '" + word +
                               "' must be one of '[path-pattern,host-header,http-header,http-request-method,"
                               "query-string,source-ip]'"));
    }
    return condition;
  }
  condition.field = *field;
  const auto legacy = in.strings("Values");
  const auto config = in.child(config_member(*field));
  read_regexes(in, config, word, condition);
  if (config) read_condition_config(*config, condition);
  if (!legacy || legacy->empty()) return condition;
  if (!has_legacy_values(*field)) {
    in.fail(validation_error("Values of the field '" + word + "' must be given in " +
                             std::string(config_member(*field))));
  } else if (config && condition.values != *legacy) {
    in.fail(
        validation_error("Values and " + std::string(config_member(*field)) + " cannot both be specified"));
  }
  condition.values = *legacy;
  return condition;
}

void write_forward(XmlElement out, const lb::ForwardAction& forward) {
  if (forward.target_groups.size() == 1) {
    out.text("TargetGroupArn", forward.target_groups.front().target_group);
  }
  XmlElement config = out.child("ForwardConfig");
  XmlElement groups = config.child("TargetGroups");
  for (const auto& each : forward.target_groups) {
    XmlElement member = groups.child("member");
    member.text("TargetGroupArn", each.target_group);
    member.integer("Weight", each.weight);
  }
  XmlElement sticky = config.child("TargetGroupStickinessConfig");
  sticky.boolean("Enabled", forward.sticky);
  sticky.integer("DurationSeconds", forward.sticky_seconds);
}

void write_actions(XmlElement out, std::string_view name, const std::vector<lb::Action>& actions) {
  XmlElement list = out.child(name);
  for (const auto& action : actions) {
    if (action.jwt) write_jwt(list.child("member"), *action.jwt);
    XmlElement member = list.child("member");
    switch (action.type) {
      case lb::ActionType::kForward:
        member.text("Type", "forward");
        write_forward(member, action.forward);
        break;
      case lb::ActionType::kRedirect: {
        member.text("Type", "redirect");
        XmlElement config = member.child("RedirectConfig");
        config.text("Protocol", action.redirect.protocol);
        config.text("Port", action.redirect.port);
        config.text("Host", action.redirect.host);
        config.text("Path", action.redirect.path);
        config.text("Query", action.redirect.query);
        config.text("StatusCode", "HTTP_" + std::to_string(action.redirect.status));
        break;
      }
      case lb::ActionType::kFixedResponse: {
        member.text("Type", "fixed-response");
        XmlElement config = member.child("FixedResponseConfig");
        config.text_unless_empty("MessageBody", action.fixed_response.body);
        config.text("StatusCode", std::to_string(action.fixed_response.status));
        config.text_unless_empty("ContentType", action.fixed_response.content_type);
        break;
      }
    }
    member.integer("Order", action.order);
  }
}

void write_values(XmlElement out, const lb::Condition& condition) {
  if (!condition.values.empty()) out.strings("Values", condition.values);
  if (!condition.regex_values.empty()) out.strings("RegexValues", condition.regex_values);
}

void write_condition(XmlElement out, const lb::Condition& condition) {
  out.text("Field", control::field_word(condition.field));
  // Both forms of the two oldest fields: older clients read Values, Terraform the Config member.
  if (has_legacy_values(condition.field)) write_values(out, condition);
  XmlElement config = out.child(config_member(condition.field));
  if (condition.field == lb::ConditionField::kHttpHeader) {
    config.text("HttpHeaderName", condition.http_header_name);
  }
  if (condition.field != lb::ConditionField::kQueryString) {
    write_values(config, condition);
    return;
  }
  XmlElement values = config.child("Values");
  for (const auto& [key, value] : condition.query) {
    XmlElement member = values.child("member");
    member.text_unless_empty("Key", key);
    member.text("Value", value);
  }
}

}  // namespace

std::string required_arn(const Step& step, const QueryReader& in, std::string_view name, ElbKind kind) {
  std::string arn = in.required_string(name);
  if (in.ok()) check_arn(step, in, arn, kind);
  return arn;
}

std::string arn_or_empty(const Step& step, const QueryReader& in, std::string_view name, ElbKind kind) {
  std::string arn = in.string_or(name, "");
  if (!arn.empty()) check_arn(step, in, arn, kind);
  return arn;
}

std::vector<std::string> arns_or_empty(const Step& step, const QueryReader& in, std::string_view name,
                                       ElbKind kind) {
  auto arns = in.strings_or_empty(name);
  for (const std::string& arn : arns) check_arn(step, in, arn, kind);
  return arns;
}

std::vector<std::string> required_resources(const Step& step, const QueryReader& in) {
  auto arns = in.strings_or_empty("ResourceArns");
  if (arns.empty()) in.fail(validation_error("At least one value of ResourceArns must be specified"));
  for (const std::string& arn : arns) check_arn(step, in, arn, std::nullopt);
  return arns;
}

std::vector<lb::Action> read_actions(const Step& step, const QueryReader& in, std::string_view name) {
  std::vector<lb::Action> actions;
  std::optional<lb::JwtValidation> jwt;
  for (const QueryReader& each : in.children(name)) {
    if (each.string_or("Type", "") != "jwt-validation") {
      actions.push_back(read_action(step, each));
      continue;
    }
    if (jwt) in.fail(fault("TooManyActions", "You can specify only one jwt-validation action"));
    jwt = read_jwt(each);
  }
  if (!jwt) return actions;
  if (actions.empty()) {
    in.fail(
        fault("InvalidLoadBalancerAction",
              "A jwt-validation action must be followed by a forward, redirect or fixed-response action"));
    return actions;
  }
  actions.back().jwt = std::move(jwt);
  return actions;
}

std::vector<lb::Condition> read_conditions(const QueryReader& in) {
  std::vector<lb::Condition> conditions;
  for (const QueryReader& each : in.children("Conditions")) conditions.push_back(read_condition(each));
  return conditions;
}

void read_transforms(const QueryReader& in, std::optional<lb::Rewrites>& rewrites) {
  if (!in.has("Transforms")) return;
  rewrites.emplace();
  for (const QueryReader& each : in.children("Transforms")) {
    constexpr std::array<std::string_view, 2> kTypes{"host-header-rewrite", "url-rewrite"};
    constexpr std::array<std::string_view, 2> kConfigs{"HostHeaderRewriteConfig", "UrlRewriteConfig"};
    each.required_string("Type");
    const auto index = each.word("Type", kTypes);
    if (!index) return;
    const std::string type(kTypes[*index]);
    const std::string config(kConfigs[*index]);
    if (each.has(kConfigs[1 - *index])) {
      return in.fail(validation_error(std::string(kConfigs[1 - *index]) +
                                      " cannot be specified for a transform of type '" + type + "'"));
    }
    const auto inner = each.child(config);
    const auto wanted = inner ? inner->children("Rewrites") : std::vector<QueryReader>();
    if (wanted.size() != 1) {
      return in.fail(validation_error("A transform of type '" + type + "' needs a " + config +
                                      " with exactly one rewrite"));
    }
    auto& rewrite = *index == 0 ? rewrites->host : rewrites->url;
    if (rewrite) {
      return in.fail(validation_error("A rule can only have one transform of type '" + type + "'"));
    }
    // An empty Replace removes what matched.
    rewrite =
        lb::Rewrite{wanted.front().required_string("Regex"), wanted.front().text("Replace").value_or("")};
    if (!wanted.front().has("Replace")) wanted.front().required_string("Replace");
  }
}

std::vector<model::Tag> read_tags(const QueryReader& in) {
  std::vector<model::Tag> tags;
  for (const QueryReader& each : in.children("Tags")) {
    tags.push_back({each.required_string("Key"), each.string_or("Value", "")});
  }
  return tags;
}

void write_zones(XmlElement out, const model::LoadBalancer& row, const std::string& region) {
  XmlElement zones = out.child("AvailabilityZones");
  // Subnets are only names here, each gets a zone of its own.
  for (std::size_t i = 0; i < row.subnets.size(); ++i) {
    XmlElement member = zones.child("member");
    member.text("ZoneName", region + static_cast<char>('a' + i % 26));
    member.text("SubnetId", row.subnets[i]);
    XmlElement addresses = member.child("LoadBalancerAddresses");
    if (!row.address.empty()) addresses.child("member").text("IpAddress", row.address);
  }
}

void write_load_balancer(XmlElement out, const model::LoadBalancer& row, const std::string& region) {
  out.text("LoadBalancerArn", row.arn);
  out.text("DNSName", row.dns_name);
  out.text("CanonicalHostedZoneId", kHostedZone);
  out.time("CreatedTime", row.created_at);
  out.text("LoadBalancerName", row.name);
  out.text("Scheme", row.scheme);
  out.text("VpcId", row.vpc_id);
  out.child("State").text("Code", "active");
  out.text("Type", row.type);
  write_zones(out, row, region);
  // A network load balancer may be without any, and says so by not having the member.
  if (row.type != model::kNetworkType || !row.security_groups.empty())
    out.strings("SecurityGroups", row.security_groups);
  out.text("IpAddressType", row.ip_address_type);
}

void write_target_group(XmlElement out, const control::State& state, const model::TargetGroup& row) {
  const auto& check = row.health_check;
  out.text("TargetGroupArn", row.arn);
  out.text("TargetGroupName", row.name);
  out.text("Protocol", row.protocol);
  out.integer("Port", row.port);
  out.text("VpcId", row.vpc_id);
  out.text("HealthCheckProtocol", row.health_check_protocol);
  out.text("HealthCheckPort", port_text(check.port));
  out.boolean("HealthCheckEnabled", check.enabled);
  out.integer("HealthCheckIntervalSeconds", check.interval.count() / 1000);
  out.integer("HealthCheckTimeoutSeconds", check.timeout.count() / 1000);
  out.integer("HealthyThresholdCount", check.healthy_threshold);
  out.integer("UnhealthyThresholdCount", check.unhealthy_threshold);
  if (check.protocol != lb::Protocol::kTcp) {
    out.text("HealthCheckPath", check.path);
    out.child("Matcher").text(row.protocol_version == "GRPC" ? "GrpcCode" : "HttpCode", check.matcher);
  }
  out.strings("LoadBalancerArns", control::load_balancers_of(state, row.arn));
  out.text("TargetType", row.target_type);
  if (!model::is_stream(row.protocol)) out.text("ProtocolVersion", row.protocol_version);
  out.text("IpAddressType", row.ip_address_type);
}

namespace {

std::string_view word_of(lb::ClientCertificates mode) {
  switch (mode) {
    case lb::ClientCertificates::kOff:
      return "off";
    case lb::ClientCertificates::kPassthrough:
      return "passthrough";
    case lb::ClientCertificates::kVerify:
      return "verify";
  }
  return "";
}

void write_tls(XmlElement out, const model::Listener& row) {
  out.child("Certificates").child("member").text("CertificateArn", row.certificate);
  out.text("SslPolicy", row.ssl_policy);
  if (!row.alpn.empty()) out.strings("AlpnPolicy", {row.alpn});
  if (row.protocol != "HTTPS") return;
  XmlElement mutual = out.child("MutualAuthentication");
  mutual.text("Mode", word_of(row.client.mode));
  if (row.client.mode != lb::ClientCertificates::kVerify) return;
  mutual.text("TrustStoreArn", row.client.trust_store);
  mutual.boolean("IgnoreClientCertificateExpiry", row.client.ignore_expiry);
  mutual.text("TrustStoreAssociationStatus", "active");
  mutual.text("AdvertiseTrustStoreCaNames", row.client.advertise_ca_names ? "on" : "off");
}

}  // namespace

void write_listener(XmlElement out, const model::Listener& row) {
  out.text("ListenerArn", row.arn);
  out.text("LoadBalancerArn", row.load_balancer_arn);
  out.integer("Port", row.port);
  out.text("Protocol", row.protocol);
  if (model::has_tls(row.protocol)) write_tls(out, row);
  write_actions(out, "DefaultActions", row.default_actions);
}

namespace {

void write_transforms(XmlElement out, const lb::Rewrites& rewrites) {
  if (rewrites == lb::Rewrites()) return;
  XmlElement list = out.child("Transforms");
  const auto write = [&list](const char* type, const char* config,
                             const std::optional<lb::Rewrite>& rewrite) {
    if (!rewrite) return;
    XmlElement member = list.child("member");
    member.text("Type", type);
    XmlElement values = member.child(config).child("Rewrites").child("member");
    values.text("Regex", rewrite->regex);
    values.text("Replace", rewrite->replace);
  };
  write("host-header-rewrite", "HostHeaderRewriteConfig", rewrites.host);
  write("url-rewrite", "UrlRewriteConfig", rewrites.url);
}

}  // namespace

void write_rule(XmlElement out, const model::Rule& row) {
  out.text("RuleArn", row.arn);
  out.text("Priority", std::to_string(row.priority));
  XmlElement conditions = out.child("Conditions");
  for (const auto& condition : row.conditions) write_condition(conditions.child("member"), condition);
  write_actions(out, "Actions", row.actions);
  write_transforms(out, row.rewrites);
  out.boolean("IsDefault", false);
}

void write_default_rule(XmlElement out, const model::Listener& row) {
  out.text("RuleArn", row.default_rule_arn);
  out.text("Priority", "default");
  out.child("Conditions");
  write_actions(out, "Actions", row.default_actions);
  out.boolean("IsDefault", true);
}

PageRequest read_page(const QueryReader& in) {
  PageRequest page;
  page.size = static_cast<std::size_t>(in.integer<int>("PageSize", 1, kMaxPageSize).value_or(kMaxPageSize));
  const std::string marker = in.string_or("Marker", "");
  for (std::size_t i = 0; i < marker.size(); i += 2) {
    unsigned byte = 0;
    const char* end = marker.data() + std::min(i + 2, marker.size());
    const auto [at, error] = std::from_chars(marker.data() + i, end, byte, 16);
    if (error != std::errc() || at != marker.data() + i + 2) {
      in.fail(validation_error("Invalid marker '" + marker + "'"));
      return page;
    }
    page.after.push_back(static_cast<char>(byte));
  }
  return page;
}

std::string marker_of(const std::string& key) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string marker;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    marker.push_back(kDigits[byte >> 4]);
    marker.push_back(kDigits[byte & 15]);
  }
  return marker;
}

}  // namespace agent::api::elbv2
