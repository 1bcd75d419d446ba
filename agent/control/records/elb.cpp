#include "agent/control/records/elb.h"

#include <nlohmann/json.hpp>

#include "agent/control/records/parts.h"
#include "shared/json/reader.h"

namespace agent::control {
namespace {

using nlohmann::json;
using shared::json::Reader;
namespace lb = shared::lbconfig;

json to_json(const lb::ForwardAction& forward) {
  json groups = json::array();
  for (const auto& each : forward.target_groups) {
    groups.push_back({{"target_group", each.target_group}, {"weight", each.weight}});
  }
  return {{"target_groups", groups}, {"sticky", forward.sticky}, {"sticky_seconds", forward.sticky_seconds}};
}

json to_json(const lb::JwtValidation& jwt) {
  json claims = json::array();
  for (const auto& [name, format, values] : jwt.claims) {
    claims.push_back({{"name", name}, {"format", static_cast<int>(format)}, {"values", values}});
  }
  return {
      {"order", jwt.order}, {"jwks_endpoint", jwt.jwks_endpoint}, {"issuer", jwt.issuer}, {"claims", claims}};
}

json to_json(const std::vector<lb::Action>& actions) {
  json out = json::array();
  for (const auto& action : actions) {
    json each = {{"order", action.order}};
    if (action.jwt) each["jwt_validation"] = to_json(*action.jwt);
    switch (action.type) {
      case lb::ActionType::kForward:
        each["forward"] = to_json(action.forward);
        break;
      case lb::ActionType::kRedirect: {
        const auto& r = action.redirect;
        each["redirect"] = {{"protocol", r.protocol}, {"host", r.host},   {"port", r.port},
                            {"path", r.path},         {"query", r.query}, {"status", r.status}};
        break;
      }
      case lb::ActionType::kFixedResponse: {
        const auto& f = action.fixed_response;
        each["fixed_response"] = {{"status", f.status}, {"content_type", f.content_type}, {"body", f.body}};
        break;
      }
    }
    out.push_back(std::move(each));
  }
  return out;
}

json to_json(const std::vector<lb::Condition>& conditions) {
  json out = json::array();
  for (const auto& condition : conditions) {
    json query = json::array();
    for (const auto& pair : condition.query) query.push_back({{"key", pair.key}, {"value", pair.value}});
    out.push_back({{"field", static_cast<int>(condition.field)},
                   {"http_header_name", condition.http_header_name},
                   {"values", condition.values},
                   {"query", query}});
    if (!condition.regex_values.empty()) out.back()["regex_values"] = condition.regex_values;
  }
  return out;
}

json to_json(const lb::HealthCheck& check) {
  return {{"enabled", check.enabled},
          {"path", check.path},
          {"port", check.port},
          {"interval_ms", check.interval.count()},
          {"timeout_ms", check.timeout.count()},
          {"healthy_threshold", check.healthy_threshold},
          {"unhealthy_threshold", check.unhealthy_threshold},
          {"matcher", check.matcher}};
}

lb::ForwardAction forward_of(const Reader& in) {
  lb::ForwardAction forward;
  for (const Reader& group : in.children("target_groups")) {
    forward.target_groups.push_back(
        {group.string_or("target_group", ""), group.integer_or<int>("weight", 1)});
  }
  forward.sticky = in.boolean_or("sticky", false);
  forward.sticky_seconds = in.integer_or<int>("sticky_seconds", forward.sticky_seconds);
  return forward;
}

lb::JwtValidation jwt_of(const Reader& in) {
  lb::JwtValidation jwt;
  jwt.order = in.integer_or<int>("order", 1);
  jwt.jwks_endpoint = in.string_or("jwks_endpoint", "");
  jwt.issuer = in.string_or("issuer", "");
  for (const Reader& each : in.children("claims")) {
    const int last = static_cast<int>(lb::JwtClaimFormat::kSpaceSeparated);
    jwt.claims.push_back({each.string_or("name", ""),
                          static_cast<lb::JwtClaimFormat>(each.required_integer<int>("format", 0, last)),
                          each.strings_or_empty("values")});
  }
  return jwt;
}

std::vector<lb::Action> actions_of(const Reader& in, std::string_view name) {
  std::vector<lb::Action> actions;
  for (const Reader& each : in.children(name)) {
    lb::Action action;
    action.order = each.integer_or<int>("order", 1);
    if (const auto jwt = each.child("jwt_validation")) action.jwt = jwt_of(*jwt);
    if (const auto forward = each.child("forward")) {
      action.forward = forward_of(*forward);
    } else if (const auto redirect = each.child("redirect")) {
      action.type = lb::ActionType::kRedirect;
      auto& r = action.redirect;
      r.protocol = redirect->string_or("protocol", r.protocol);
      r.host = redirect->string_or("host", r.host);
      r.port = redirect->string_or("port", r.port);
      r.path = redirect->string_or("path", r.path);
      r.query = redirect->string_or("query", r.query);
      r.status = redirect->integer_or<int>("status", r.status);
    } else if (const auto fixed = each.child("fixed_response")) {
      action.type = lb::ActionType::kFixedResponse;
      auto& f = action.fixed_response;
      f.status = fixed->integer_or<int>("status", f.status);
      f.content_type = fixed->string_or("content_type", "");
      f.body = fixed->string_or("body", "");
    } else {
      each.fail("", "action without a type");
    }
    actions.push_back(std::move(action));
  }
  return actions;
}

std::vector<lb::Condition> conditions_of(const Reader& in) {
  std::vector<lb::Condition> conditions;
  for (const Reader& each : in.children("conditions")) {
    lb::Condition condition;
    condition.field = static_cast<lb::ConditionField>(
        each.required_integer<int>("field", 0, static_cast<int>(lb::ConditionField::kSourceIp)));
    condition.http_header_name = each.string_or("http_header_name", "");
    condition.values = each.strings_or_empty("values");
    condition.regex_values = each.strings_or_empty("regex_values");
    for (const Reader& pair : each.children("query")) {
      condition.query.push_back({pair.string_or("key", ""), pair.string_or("value", "")});
    }
    conditions.push_back(std::move(condition));
  }
  return conditions;
}

model::RegisteredTarget target_of(const Reader& in) {
  model::RegisteredTarget target;
  target.id = in.required_string("id");
  target.port = in.integer_or<std::uint16_t>("port", 0);
  target.zone = in.string_or("zone", "");
  target.address = in.string_or("address", "");
  target.registration = in.required_string("registration");
  target.task_arn = in.string_or("task_arn", "");
  target.state = in.boolean_or("draining", false) ? lb::TargetState::kDraining : lb::TargetState::kActive;
  target.registered_at = read_time(in, "registered_at");
  target.sequence = static_cast<std::uint64_t>(in.integer_or<std::int64_t>("sequence", 0, 0));
  if (in.has("draining_since")) target.draining_since = read_time(in, "draining_since");
  target.exposed = in.boolean_or("exposed", true);  // older rows do not say
  target.drain_version = static_cast<std::uint64_t>(in.integer_or<std::int64_t>("drain_version", 0, 0));
  return target;
}

lb::HealthCheck health_check_of(const Reader& in) {
  lb::HealthCheck check;
  check.enabled = in.boolean_or("enabled", check.enabled);
  check.path = in.string_or("path", check.path);
  check.port = in.integer_or<std::uint16_t>("port", check.port);
  check.interval = shared::Millis(in.integer_or<std::int64_t>("interval_ms", check.interval.count()));
  check.timeout = shared::Millis(in.integer_or<std::int64_t>("timeout_ms", check.timeout.count()));
  check.healthy_threshold = in.integer_or<int>("healthy_threshold", check.healthy_threshold);
  check.unhealthy_threshold = in.integer_or<int>("unhealthy_threshold", check.unhealthy_threshold);
  check.matcher = in.string_or("matcher", check.matcher);
  return check;
}

}  // namespace

std::string encode_load_balancer(const model::LoadBalancer& row) {
  json out = {{"arn", row.arn},
              {"name", row.name},
              {"full_name", row.full_name},
              {"dns_name", row.dns_name},
              {"scheme", row.scheme},
              {"type", row.type},
              {"ip_address_type", row.ip_address_type},
              {"vpc_id", row.vpc_id},
              {"subnets", row.subnets},
              {"security_groups", row.security_groups},
              {"attributes", row.attributes},
              {"tags", tags_json(row.tags)},
              {"create_request", row.create_request},
              {"created_at", millis(row.created_at)}};
  if (!row.address.empty()) out["address"] = row.address;
  return shared::json::to_text(out);
}

bool decode_load_balancer(std::string_view text, model::LoadBalancer& row) {
  return decode_row(text, [&row](const Reader& in) {
    row.arn = in.required_string("arn");
    row.name = in.required_string("name");
    row.full_name = in.string_or("full_name", "");
    row.dns_name = in.string_or("dns_name", "");
    row.scheme = in.string_or("scheme", row.scheme);
    row.type = in.string_or("type", row.type);
    row.ip_address_type = in.string_or("ip_address_type", row.ip_address_type);
    row.vpc_id = in.string_or("vpc_id", "");
    row.subnets = in.strings_or_empty("subnets");
    row.security_groups = in.strings_or_empty("security_groups");
    row.attributes = in.string_map_or_empty("attributes");
    row.tags = read_tags(in);
    row.create_request = in.string_or("create_request", "");
    row.created_at = read_time(in, "created_at");
    row.address = in.string_or("address", "");
  });
}

std::string encode_listener(const model::Listener& row) {
  json out = {{"arn", row.arn},
              {"load_balancer_arn", row.load_balancer_arn},
              {"port", row.port},
              {"protocol", row.protocol},
              {"default_actions", to_json(row.default_actions)},
              {"default_rule_arn", row.default_rule_arn},
              {"attributes", row.attributes},
              {"tags", tags_json(row.tags)},
              {"created_at", millis(row.created_at)}};
  if (!row.alpn.empty()) out["alpn"] = row.alpn;
  if (model::has_tls(row.protocol)) {
    out["ssl_policy"] = row.ssl_policy;
    out["certificate"] = row.certificate;
    out["certificates"] = row.certificates;
    out["client_certificates"] = static_cast<int>(row.client.mode);
    out["trust_store"] = row.client.trust_store;
    out["ignore_client_expiry"] = row.client.ignore_expiry;
    out["advertise_ca_names"] = row.client.advertise_ca_names;
  }
  return shared::json::to_text(out);
}

bool decode_listener(std::string_view text, model::Listener& row) {
  return decode_row(text, [&row](const Reader& in) {
    row.arn = in.required_string("arn");
    row.load_balancer_arn = in.required_string("load_balancer_arn");
    row.port = in.integer_or<std::uint16_t>("port", 0);
    row.protocol = in.string_or("protocol", row.protocol);
    row.default_actions = actions_of(in, "default_actions");
    row.default_rule_arn = in.string_or("default_rule_arn", "");
    row.attributes = in.string_map_or_empty("attributes");
    row.tags = read_tags(in);
    row.created_at = read_time(in, "created_at");
    row.ssl_policy = in.string_or("ssl_policy", "");
    row.certificate = in.string_or("certificate", "");
    row.certificates = in.strings_or_empty("certificates");
    row.client.mode = static_cast<lb::ClientCertificates>(
        in.integer_or<int>("client_certificates", 0, 0, static_cast<int>(lb::ClientCertificates::kVerify)));
    row.client.trust_store = in.string_or("trust_store", "");
    row.client.ignore_expiry = in.boolean_or("ignore_client_expiry", false);
    row.client.advertise_ca_names = in.boolean_or("advertise_ca_names", false);
    row.alpn = in.string_or("alpn", "");
  });
}

std::string encode_rule(const model::Rule& row) {
  json out = {{"arn", row.arn},
              {"listener_arn", row.listener_arn},
              {"priority", row.priority},
              {"conditions", to_json(row.conditions)},
              {"actions", to_json(row.actions)},
              {"tags", tags_json(row.tags)}};
  const auto rewrite = [&out](const char* name, const std::optional<lb::Rewrite>& wanted) {
    if (wanted) out[name] = {{"regex", wanted->regex}, {"replace", wanted->replace}};
  };
  rewrite("host_rewrite", row.rewrites.host);
  rewrite("url_rewrite", row.rewrites.url);
  return shared::json::to_text(out);
}

bool decode_rule(std::string_view text, model::Rule& row) {
  return decode_row(text, [&row](const Reader& in) {
    row.arn = in.required_string("arn");
    row.listener_arn = in.required_string("listener_arn");
    row.priority = in.integer_or<int>("priority", 0);
    row.conditions = conditions_of(in);
    row.actions = actions_of(in, "actions");
    const auto rewrite = [&in](const char* name) -> std::optional<lb::Rewrite> {
      const auto inner = in.child(name);
      if (!inner) return std::nullopt;
      return lb::Rewrite{inner->string_or("regex", ""), inner->string_or("replace", "")};
    };
    row.rewrites = {rewrite("host_rewrite"), rewrite("url_rewrite")};
    row.tags = read_tags(in);
  });
}

std::string encode_target_group(const model::TargetGroup& row) {
  return shared::json::to_text({{"arn", row.arn},
                                {"name", row.name},
                                {"full_name", row.full_name},
                                {"protocol", row.protocol},
                                {"protocol_version", row.protocol_version},
                                {"port", row.port},
                                {"vpc_id", row.vpc_id},
                                {"target_type", row.target_type},
                                {"ip_address_type", row.ip_address_type},
                                {"health_check_protocol", row.health_check_protocol},
                                {"health_check", to_json(row.health_check)},
                                {"attributes", row.attributes},
                                {"tags", tags_json(row.tags)},
                                {"create_request", row.create_request},
                                {"created_at", millis(row.created_at)}});
}

bool decode_target_group(std::string_view text, model::TargetGroup& row) {
  return decode_row(text, [&row](const Reader& in) {
    row.arn = in.required_string("arn");
    row.name = in.required_string("name");
    row.full_name = in.string_or("full_name", "");
    row.protocol = in.string_or("protocol", row.protocol);
    row.protocol_version = in.string_or("protocol_version", row.protocol_version);
    row.port = in.integer_or<std::uint16_t>("port", 0);
    row.vpc_id = in.string_or("vpc_id", "");
    row.target_type = in.string_or("target_type", row.target_type);
    row.ip_address_type = in.string_or("ip_address_type", row.ip_address_type);
    row.health_check_protocol = in.string_or("health_check_protocol", row.health_check_protocol);
    if (const auto check = in.child("health_check")) row.health_check = health_check_of(*check);
    if (row.health_check_protocol == "HTTPS") row.health_check.protocol = lb::Protocol::kHttps;
    if (row.health_check_protocol == "TCP") row.health_check.protocol = lb::Protocol::kTcp;
    row.attributes = in.string_map_or_empty("attributes");
    for (const Reader& target : in.children("targets")) row.old_targets.push_back(target_of(target));
    row.tags = read_tags(in);
    row.create_request = in.string_or("create_request", "");
    row.created_at = read_time(in, "created_at");
  });
}

std::string encode_target(const model::RegisteredTarget& row) {
  json out = {{"target_group_arn", row.target_group_arn},
              {"id", row.id},
              {"port", row.port},
              {"zone", row.zone},
              {"address", row.address},
              {"registration", row.registration},
              {"task_arn", row.task_arn},
              {"draining", row.state == lb::TargetState::kDraining},
              {"registered_at", millis(row.registered_at)},
              {"sequence", row.sequence},
              {"drain_version", row.drain_version},
              {"exposed", row.exposed}};
  if (row.draining_since) out["draining_since"] = millis(*row.draining_since);
  return shared::json::to_text(out);
}

bool decode_target(std::string_view text, model::RegisteredTarget& row) {
  return decode_row(text, [&row](const Reader& in) {
    row = target_of(in);
    row.target_group_arn = in.required_string("target_group_arn");
  });
}

std::string encode_balancer(const model::Balancer& row) {
  return shared::json::to_text(
      {{"id", row.id}, {"first_seen", millis(row.first_seen)}, {"last_seen", millis(row.last_seen)}});
}

bool decode_balancer(std::string_view text, model::Balancer& row) {
  return decode_row(text, [&row](const Reader& in) {
    row.id = in.required_string("id");
    row.first_seen = read_time(in, "first_seen");
    row.last_seen = read_time(in, "last_seen");
  });
}

std::string encode_meta(const model::Meta& row) {
  return shared::json::to_text(
      {{"config_version", row.config_version}, {"message_counter", row.message_counter}});
}

bool decode_meta(std::string_view text, model::Meta& row) {
  return decode_row(text, [&row](const Reader& in) {
    row.config_version = static_cast<std::uint64_t>(in.integer_or<std::int64_t>("config_version", 0, 0));
    row.message_counter = static_cast<std::uint64_t>(in.integer_or<std::int64_t>("message_counter", 0, 0));
    if (const auto revisions = in.child("last_revision")) {
      for (const auto& family : revisions->names()) {
        row.old_revisions[family] = revisions->integer_or<int>(family, 0);
      }
    }
  });
}

std::string encode_cookie_keys(const model::CookieKeys& row) {
  nlohmann::json keys = nlohmann::json::array();
  for (const auto& key : row.keys) {
    keys.push_back({{"id", key.id}, {"secret", shared::lbconfig::secret_to_hex(key.secret)}});
  }
  return shared::json::to_text({{"keys", keys}, {"made", millis(row.made)}});
}

bool decode_cookie_keys(std::string_view text, model::CookieKeys& row) {
  return decode_row(text, [&row](const Reader& in) {
    for (const Reader& key : in.children("keys")) {
      row.keys.push_back({key.required_integer<std::uint32_t>("id"),
                          shared::lbconfig::secret_from_hex(key.required_string("secret"))});
    }
    row.made = read_time(in, "made");
  });
}

std::string encode_installation(const model::Installation& row) {
  return shared::json::to_text({{"id", row.id}});
}

bool decode_installation(std::string_view text, model::Installation& row) {
  return decode_row(text, [&row](const Reader& in) { row.id = in.required_string("id"); });
}

}  // namespace agent::control
