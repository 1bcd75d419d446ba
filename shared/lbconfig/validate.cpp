#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "shared/base/text.h"
#include "shared/lbconfig/config_value.h"
#include "shared/lbconfig/json.h"
#include "shared/regex/regex.h"

namespace shared::lbconfig {

namespace {

// ELBv2's ranges. Where tests and small installations need shorter times than AWS sells, only sense is asked
// for.
constexpr int kMaxPriority = 50'000;
constexpr std::size_t kMaxForwardGroups = 5;
constexpr int kMaxWeight = 999;
constexpr std::size_t kMaxFixedBody = 1024;
constexpr std::size_t kMaxRedirectPart = 128;
constexpr std::size_t kMaxPatternLength = 128;
constexpr std::size_t kMaxHeaderName = 40;
constexpr std::size_t kMaxMethodLength = 40;
constexpr Millis kMaxIdleTimeout{4'000'000};
constexpr Millis kMaxClientKeepAlive{604'800'000};
constexpr Millis kMaxHealthInterval{300'000};
constexpr int kMaxThreshold = 10;
constexpr Millis kMaxSlowStart{900'000};
constexpr Millis kMaxDrainLimit{3'600'000};
constexpr int kFirstMatcherCode = 200;
constexpr int kLastMatcherCode = 599;
constexpr int kLastGrpcCode = 99;

bool parse_int(std::string_view text, int& number) {
  if (text.empty() || text.front() == '-') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool is_ip(const std::string& text) {
  std::array<unsigned char, 16> bytes;
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

bool is_cidr(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  if (!is_ip(address)) return false;
  if (slash == std::string::npos) return true;
  int prefix = 0;
  return parse_int(std::string_view(text).substr(slash + 1), prefix) &&
         prefix <= (address.find(':') == std::string::npos ? 32 : 128);
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(static_cast<char>(c)) == std::string_view::npos;
  });
}

bool is_base64url(std::string_view text) {
  return !text.empty() && text.size() <= kMaxAcmeText && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool is_acme_host(std::string_view text) {
  return !text.empty() && text.size() <= kMaxAcmeText && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
}

bool is_matcher(std::string_view text, int least, int most) {
  std::size_t at = 0;
  do {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string_view item = text.substr(at, comma - at);
    const std::size_t dash = item.find('-');
    int first = 0, last = 0;
    if (!parse_int(item.substr(0, dash), first)) return false;
    last = first;
    if (dash != std::string_view::npos && !parse_int(item.substr(dash + 1), last)) return false;
    if (first < least || last > most || first > last) return false;
    at = comma + 1;
  } while (at <= text.size());
  return true;
}

// Walks a Config and keeps the first thing wrong, with the path that leads there.
class Validator {
 public:
  explicit Validator(const Config& config) : config_(config) {
    for (const auto& group : config.target_groups) groups_.emplace(group->id, group->protocol);
    for (const auto& certificate : config.certificates) certificates_.insert(certificate->id);
    for (const auto& store : config.trust_stores) stores_.insert(store->id);
  }
  // `from` is valid.
  Validator(const Config& config, const Config& from) : Validator(config) {
    for (const auto& group : from.target_groups) sound_.insert(&*group);
    for (const auto& certificate : from.certificates) sound_.insert(&*certificate);
    for (const auto& store : from.trust_stores) sound_.insert(&*store);
    // Otherwise listeners might name one that is gone.
    if (!groups_stay(from) || !all_stay(from.certificates, certificates_) ||
        !all_stay(from.trust_stores, stores_))
      return;
    for (const auto& listener : from.listeners) sound_.insert(&*listener);
  }

  Result<void> run() {
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      check_listener(*config_.listeners[i], item("listeners", i));
    }
    std::set<std::string> ids;
    for (std::size_t i = 0; i < config_.target_groups.size(); ++i) {
      const std::string path = item("target_groups", i);
      const TargetGroup& group = *config_.target_groups[i];
      expect(ids.insert(group.id).second, path + ".id", "is used twice");
      if (sound_.count(&group) == 0) check_target_group(group, path);
    }
    check_tls_parts();
    check_cookie_keys(config_.cookie_keys);
    check_acme_challenges(config_.acme_challenges);
    if (problem_.empty()) return {};
    return Error("InvalidConfig", problem_, Blame::kClient);
  }

 private:
  template <class T>
  static bool all_stay(const std::vector<Part<T>>& parts, const std::set<std::string>& here) {
    return std::all_of(parts.begin(), parts.end(),
                       [&here](const auto& part) { return here.count(part->id) != 0; });
  }
  bool groups_stay(const Config& from) const {
    return std::all_of(from.target_groups.begin(), from.target_groups.end(), [this](const auto& group) {
      const auto here = groups_.find(group->id);
      return here != groups_.end() && here->second == group->protocol;
    });
  }
  static std::string item(std::string_view list, std::size_t index) {
    return std::string(list) + "[" + std::to_string(index) + "]";
  }
  void expect(bool good, const std::string& path, const std::string& what) {
    if (!good && problem_.empty()) problem_ = path + ": " + what;
  }
  void expect_none(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }
  template <class T>
  void expect_range(T value, T least, T most, const std::string& path) {
    expect(value >= least && value <= most, path,
           "must be from " + std::to_string(least) + " to " + std::to_string(most) + ", got " +
               std::to_string(value));
  }
  void expect_range(Millis value, Millis least, Millis most, const std::string& path) {
    expect_range(value.count(), least.count(), most.count(), path);
  }

  void check_listener(const Listener& listener, const std::string& path) {
    expect(!listener.id.empty(), path + ".id", "is empty");
    expect(listener_ids_.insert(listener.id).second, path + ".id", "is used twice");
    expect(is_ip(listener.address), path + ".address", "'" + listener.address + "' is no IP address");
    if (listener.port != 0) {
      expect(ports_.insert({listener.address, listener.port}).second, path + ".port",
             std::to_string(listener.port) + " of " + listener.address + " has another listener already");
    }
    if (sound_.count(&listener) != 0) return;
    protocol_ = listener.protocol;
    check_options(listener.options, path + ".options");
    if (has_tls(protocol_)) check_tls(listener.tls, path + ".tls");
    if (is_stream(protocol_)) check_stream(listener, path);
    int before = 0;
    for (std::size_t i = 0; i < listener.rules.size(); ++i) {
      const std::string rule_path = path + "." + item("rules", i);
      const int priority = listener.rules[i].priority;
      expect_range(priority, 1, kMaxPriority, rule_path + ".priority");
      expect(priority > before, rule_path + ".priority",
             "must be above that of the rule before, got " + std::to_string(priority));
      before = priority;
      check_rule(listener.rules[i], rule_path);
    }
    check_action(listener.default_action, path + ".default_action");
  }

  // There is nothing in it that rules could look at, and nobody to be answered.
  void check_stream(const Listener& listener, const std::string& path) {
    expect(listener.rules.empty(), path + ".rules", "are for listeners with protocol http or https");
    const std::string action = path + ".default_action";
    expect(listener.default_action.type == ActionType::kForward, action + ".type",
           "must be forward where the protocol is tcp or tls");
    const ForwardAction& forward = listener.default_action.forward;
    expect(forward.target_groups.size() == 1 && forward.target_groups[0].weight > 0,
           action + ".forward.target_groups", "must be one with a weight where the protocol is tcp or tls");
    expect(!forward.sticky, action + ".forward.sticky", "is for listeners with protocol http or https");
    expect(listener.options.response_headers.empty(), path + ".options.response_headers",
           "are for listeners with protocol http or https");
    expect(listener.tls.client == ClientAuthentication(), path + ".tls.client",
           "is for listeners with protocol https");
  }

  // Who may forward to whom: HTTP and HTTPS to each other, TCP to TCP, TLS to TCP and TLS.
  void check_group_protocol(Protocol group, const std::string& path) {
    const bool good =
        is_stream(protocol_) ? group == Protocol::kTcp || group == protocol_ : !is_stream(group);
    constexpr std::string_view kWords[] = {"http", "https", "tcp", "tls"};
    expect(good, path,
           "has the protocol " + std::string(kWords[static_cast<std::size_t>(group)]) +
               ", which a listener with protocol " +
               std::string(kWords[static_cast<std::size_t>(protocol_)]) + " does not forward to");
  }

  void check_options(const ListenerOptions& options, const std::string& path) {
    expect_range(options.idle_timeout, Millis(1),
                 is_stream(protocol_) ? kMaxStreamIdleTimeout : kMaxIdleTimeout, path + ".idle_timeout_ms");
    expect(options.proxy_protocol_from.size() <= kMaxProxySources, path + ".proxy_protocol_from",
           "holds more than " + std::to_string(kMaxProxySources));
    for (std::size_t i = 0; i < options.proxy_protocol_from.size(); ++i) {
      expect(is_cidr(options.proxy_protocol_from[i]), path + "." + item("proxy_protocol_from", i),
             "'" + options.proxy_protocol_from[i] + "' is no address range");
    }
    expect_range(options.client_keep_alive, Millis(1), kMaxClientKeepAlive, path + ".client_keep_alive_ms");
    check_response_headers(options.response_headers, path);
    check_tls_headers(options.tls_header_names, path + ".tls_header_names");
    expect_none(guard_problem(options, path));
  }

  void check_tls_headers(const TlsHeaderNames& names, const std::string& path) {
    expect(names == TlsHeaderNames() || protocol_ == Protocol::kHttps, path,
           "are for listeners with protocol https");
    std::set<std::string> known;
    for (const TlsHeader& header : kTlsHeaders) {
      const std::string& own = names.*header.own;
      const std::string at = path + "." + std::string(header.name);
      std::string lowered(own.empty() ? header.standard : own);
      for (char& c : lowered) c = c == '_' ? '-' : lower_case(c);
      expect(known.insert(lowered).second, at, "'" + own + "' is the name of another one");
      if (own.empty()) continue;
      expect(is_token(own) && own.size() <= kMaxTlsHeaderName, at,
             "'" + own + "' is no header name of up to 40 characters");
      expect(may_tell_of_tls(own), at, "'" + own + "' says something else");
    }
  }

  void check_response_headers(const std::vector<ResponseHeader>& headers, const std::string& path) {
    expect(headers.size() <= kMaxResponseHeaders, path + ".response_headers", "holds more than 32");
    std::set<std::string> names;
    for (std::size_t i = 0; i < headers.size(); ++i) {
      const auto& [name, value] = headers[i];
      const std::string at = path + "." + item("response_headers", i);
      expect(is_token(name), at + ".name", "'" + name + "' is no header name");
      expect(may_be_set_on_responses(name), at + ".name", "'" + name + "' is the balancer's own");
      expect(names.insert(lower_case(name)).second, at + ".name", "'" + name + "' is there twice");
      expect(value.size() <= kMaxResponseHeaderValue, at + ".value", "is longer than 1024 bytes");
      expect(!has_control(value), at + ".value", "holds a control character");
    }
  }

  void check_stickiness(const Stickiness& sticky, const std::string& path) {
    expect_range(sticky.seconds, 1, kMaxStickySeconds, path + ".seconds");
    const bool app = sticky.type == StickinessType::kAppCookie;
    expect(!app || is_token(sticky.app_cookie), path + ".app_cookie",
           "'" + sticky.app_cookie + "' is no cookie name");
    expect(app || sticky.app_cookie.empty(), path + ".app_cookie", "is for the type app_cookie");
    expect(!sticky.app_cookie.starts_with("AWSALB"), path + ".app_cookie", "may not begin with AWSALB");
  }

  void check_acme_challenges(const AcmeChallenges& challenges) {
    expect(challenges.size() <= kMaxAcmeChallenges, "acme_challenges", "holds more than 1000");
    std::set<std::pair<std::string_view, std::string_view>> known;
    for (std::size_t i = 0; i < challenges.size() && problem_.empty(); ++i) {
      const AcmeChallenge& each = challenges[i];
      const std::string path = item("acme_challenges", i);
      expect(is_acme_host(each.host), path + ".host",
             "'" + each.host + "' is no host name in lower case without a port");
      expect(is_base64url(each.token), path + ".token", "must be letters, digits, '_' and '-', at most 256");
      const std::string_view answer = each.key_authorization;
      const bool fits = answer.size() > each.token.size() + 1 && answer.starts_with(each.token) &&
                        answer[each.token.size()] == '.' &&
                        is_base64url(answer.substr(each.token.size() + 1));
      expect(fits && answer.size() <= kMaxAcmeText, path + ".key_authorization",
             "must be the token, a dot and a thumbprint, at most 256 characters");
      expect(known.emplace(each.host, each.token).second, path + ".token", "is there twice for this host");
    }
  }

  void check_compression(const TargetGroup& group, const std::string& path) {
    const Compression& compression = group.compression;
    expect(!compression.enabled() || group.protocol_version != ProtocolVersion::kGrpc, path,
           "is not for the protocol version GRPC");
    std::set<Coding> seen;
    for (const Coding coding : compression.algorithms)
      expect(seen.insert(coding).second, path + ".algorithms",
             "'" + std::string(kCodingWords[static_cast<std::size_t>(coding)]) + "' is there twice");
    expect_range(compression.minimum_length, std::uint64_t{0}, kMaxCompressionMinimum,
                 path + ".minimum_length");
    expect_range(compression.level, kMinCompressionLevel, kMaxCompressionLevel, path + ".level");
    expect(compression.content_types.size() <= kMaxCompressedTypes, path + ".content_types",
           "holds more than " + std::to_string(kMaxCompressedTypes));
    for (std::size_t i = 0; i < compression.content_types.size(); ++i)
      expect(is_compressible_type(compression.content_types[i]), path + "." + item("content_types", i),
             "'" + compression.content_types[i] +
                 "' must be a type such as text/html or text/*, and not gRPC's");
  }

  void check_cookie_keys(const CookieKeys& keys) {
    expect(keys.size() <= kMaxCookieKeys, "cookie_keys", "holds more than 2");
    for (std::size_t i = 0; i < keys.size(); ++i) {
      expect(keys[i].secret.size() == kCookieSecretBytes, item("cookie_keys", i) + ".secret",
             "must be 64 digits from 0 to f");
      expect(i == 0 || keys[i].id != keys[0].id, item("cookie_keys", i) + ".id", "is used twice");
    }
  }

  void check_tls(const ListenerTls& tls, const std::string& path) {
    expect(find_tls_policy(tls.policy) != nullptr, path + ".policy",
           "no security policy '" + tls.policy + "'");
    expect(tls.alpn == AlpnPolicy::kNone || protocol_ == Protocol::kTls, path + ".alpn",
           "is for listeners with protocol tls; the option http2 decides for https");
    expect(!tls.certificates.empty(), path + ".certificates", "needs at least one certificate");
    expect(tls.certificates.size() <= kMaxListenerCertificates, path + ".certificates",
           "has more than " + std::to_string(kMaxListenerCertificates) + " certificates");
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < tls.certificates.size(); ++i) {
      const std::string& id = tls.certificates[i];
      expect(certificates_.count(id) == 1, path + "." + item("certificates", i),
             "no certificate '" + id + "'");
      expect(seen.insert(id).second, path + "." + item("certificates", i), "is there twice");
    }
    const ClientAuthentication& client = tls.client;
    const std::string& store = client.trust_store;
    const std::string client_path = path + ".client";
    if (client.mode == ClientCertificates::kVerify) {
      expect(stores_.count(store) == 1, client_path + ".trust_store", "no trust store '" + store + "'");
      return;
    }
    expect(store.empty(), client_path + ".trust_store", "is for mode verify");
    expect(!client.ignore_expiry, client_path + ".ignore_expiry", "is for mode verify");
    expect(!client.advertise_ca_names, client_path + ".advertise_ca_names", "is for mode verify");
  }

  // Of a text and a file that holds it, one.
  void expect_one_of(const std::string& text, const std::string& file, std::size_t most,
                     const std::string& path) {
    expect(text.empty() != file.empty(), path, "give either the text or " + path + "_file");
    expect(text.size() <= most, path, "is longer than " + std::to_string(most) + " bytes");
    expect(file.find('\0') == std::string::npos, path + "_file", "holds a zero byte");
  }

  void check_tls_parts() {
    std::set<std::string_view> ids;
    for (std::size_t i = 0; i < config_.certificates.size(); ++i) {
      const std::string path = item("certificates", i);
      const Certificate& certificate = *config_.certificates[i];
      expect(ids.insert(certificate.id).second, path + ".id", "is used twice");
      if (sound_.count(&certificate) != 0) continue;
      expect(!certificate.id.empty(), path + ".id", "is empty");
      expect_one_of(certificate.chain, certificate.chain_file, kMaxChainBytes, path + ".chain");
      expect_one_of(certificate.key, certificate.key_file, kMaxKeyBytes, path + ".key");
    }
    ids.clear();
    for (std::size_t i = 0; i < config_.trust_stores.size(); ++i) {
      const std::string path = item("trust_stores", i);
      const TrustStore& store = *config_.trust_stores[i];
      expect(ids.insert(store.id).second, path + ".id", "is used twice");
      if (sound_.count(&store) != 0) continue;
      expect(!store.id.empty(), path + ".id", "is empty");
      expect_one_of(store.ca_bundle, store.ca_bundle_file, kMaxCaBundleBytes, path + ".ca_bundle");
      expect(store.crls.size() + store.crl_files.size() <= kMaxCrls, path + ".crls",
             "has more than " + std::to_string(kMaxCrls) + " revocation lists");
      std::size_t bytes = 0;
      for (const std::string& crl : store.crls) bytes += crl.size();
      expect(bytes <= kMaxCrlBytes, path + ".crls",
             "are longer than " + std::to_string(kMaxCrlBytes) + " bytes");
    }
  }

  void check_rule(const Rule& rule, const std::string& path) {
    expect(!rule.conditions.empty(), path + ".conditions", "a rule needs at least one condition");
    for (std::size_t i = 0; i < rule.conditions.size(); ++i) {
      check_condition(rule.conditions[i], path + "." + item("conditions", i));
    }
    check_action(rule.action, path + ".action");
    check_rewrite(rule.rewrites.host, path + ".host_rewrite");
    check_rewrite(rule.rewrites.url, path + ".url_rewrite");
  }

  void check_rewrite(const std::optional<Rewrite>& rewrite, const std::string& path) {
    if (!rewrite) return;
    const auto compiled = regex::Rewriter::compile(rewrite->regex, rewrite->replace, regex::Case::kSensitive);
    if (compiled) return;
    const bool in_regex = compiled.error().code() == "InvalidRegex";
    expect(false, path + (in_regex ? ".regex" : ".replace"),
           "'" + (in_regex ? rewrite->regex : rewrite->replace) + "' " + compiled.error().text());
  }

  void check_condition(const Condition& condition, const std::string& path) {
    if (condition.field == ConditionField::kQueryString) {
      expect(!condition.query.empty(), path + ".query", "is empty");
      for (std::size_t i = 0; i < condition.query.size(); ++i) {
        const std::string pair = path + "." + item("query", i);
        expect(condition.query[i].key.size() <= kMaxPatternLength, pair + ".key", "is longer than 128 bytes");
        expect(condition.query[i].value.size() <= kMaxPatternLength, pair + ".value",
               "is longer than 128 bytes");
      }
      return;
    }
    if (condition.field == ConditionField::kHttpHeader) {
      const std::string& name = condition.http_header_name;
      expect(is_token(name) && name.size() <= kMaxHeaderName, path + ".http_header_name",
             "'" + name + "' is no header name of at most 40 characters");
    }
    expect(!condition.values.empty() || !condition.regex_values.empty(), path + ".values", "is empty");
    check_regexes(condition, path);
    for (std::size_t i = 0; i < condition.values.size(); ++i) {
      check_value(condition.field, condition.values[i], path + "." + item("values", i));
    }
  }

  void check_regexes(const Condition& condition, const std::string& path) {
    expect(condition.regex_values.empty() || takes_regex(condition.field), path + ".regex_values",
           "is for host-header, path-pattern and http-header");
    for (std::size_t i = 0; i < condition.regex_values.size(); ++i) {
      const std::string& text = condition.regex_values[i];
      const auto regex = regex::Regex::compile(text, regex::Case::kSensitive, regex::kMaxCondition);
      if (!regex)
        expect(false, path + "." + item("regex_values", i), "'" + text + "' " + regex.error().text());
    }
  }

  void check_value(ConditionField field, const std::string& value, const std::string& path) {
    switch (field) {
      case ConditionField::kSourceIp:
        return expect(is_cidr(value), path, "'" + value + "' is no address range");
      case ConditionField::kHttpRequestMethod:
        return expect(is_token(value) && value.size() <= kMaxMethodLength, path,
                      "'" + value + "' is no method of at most 40 characters");
      case ConditionField::kHostHeader:
        expect(!value.ends_with('.'), path,
               "'" + value + "' ends with a dot, which hosts are compared without");
        [[fallthrough]];
      default:
        return expect(value.size() <= kMaxPatternLength, path, "is longer than 128 bytes");
    }
  }

  void check_jwt(const JwtValidation& jwt, const std::string& path) {
    const auto valid = check(jwt);
    if (!valid) expect(false, path, valid.error().text());
    expect(protocol_ == Protocol::kHttps, path, "is for HTTPS listeners only");
  }

  void check_action(const Action& action, const std::string& path) {
    if (action.jwt) check_jwt(*action.jwt, path + ".jwt_validation");
    switch (action.type) {
      case ActionType::kForward:
        return check_forward(action.forward, path + ".forward");
      case ActionType::kRedirect:
        return check_redirect(action.redirect, path + ".redirect");
      case ActionType::kFixedResponse:
        return check_fixed_response(action.fixed_response, path + ".fixed_response");
    }
  }

  void check_forward(const ForwardAction& forward, const std::string& path) {
    expect(!forward.target_groups.empty() && forward.target_groups.size() <= kMaxForwardGroups,
           path + ".target_groups", "needs 1 to 5 target groups");
    for (std::size_t i = 0; i < forward.target_groups.size(); ++i) {
      const std::string group = path + "." + item("target_groups", i);
      const std::string& id = forward.target_groups[i].target_group;
      const auto known = groups_.find(id);
      expect(known != groups_.end(), group + ".target_group", "no target group '" + id + "'");
      if (known != groups_.end()) check_group_protocol(known->second, group + ".target_group");
      expect_range(forward.target_groups[i].weight, 0, kMaxWeight, group + ".weight");
    }
    expect_range(forward.sticky_seconds, 1, kMaxStickySeconds, path + ".sticky_seconds");
  }

  void check_redirect(const RedirectAction& redirect, const std::string& path) {
    expect(redirect.status == 301 || redirect.status == 302, path + ".status", "must be 301 or 302");
    const std::string& protocol = redirect.protocol;
    expect(protocol == "HTTP" || protocol == "HTTPS" || protocol == "#{protocol}", path + ".protocol",
           "must be HTTP, HTTPS or #{protocol}, got '" + protocol + "'");
    int port = 0;
    const bool good_port =
        redirect.port == "#{port}" || (parse_int(redirect.port, port) && port >= 1 && port <= 65'535);
    expect(good_port, path + ".port", "must be 1 to 65535 or #{port}, got '" + redirect.port + "'");
    expect(redirect.path.starts_with('/'), path + ".path", "must begin with '/'");
    expect(!redirect.host.empty(), path + ".host", "is empty");
    for (const auto& [name, text] : {std::pair<const char*, const std::string&>(".host", redirect.host),
                                     std::pair<const char*, const std::string&>(".path", redirect.path),
                                     std::pair<const char*, const std::string&>(".query", redirect.query)}) {
      expect(text.size() <= kMaxRedirectPart, path + name, "is longer than 128 bytes");
      expect(!has_control(text), path + name, "holds a control character");
    }
  }

  void check_fixed_response(const FixedResponseAction& fixed, const std::string& path) {
    const int kind = fixed.status / 100;
    expect(kind == 2 || kind == 4 || kind == 5, path + ".status",
           "must be 2xx, 4xx or 5xx, got " + std::to_string(fixed.status));
    expect(fixed.body.size() <= kMaxFixedBody, path + ".body", "is longer than 1024 bytes");
    expect(!has_control(fixed.content_type), path + ".content_type", "holds a control character");
  }

  // Connections of TCP are no requests.
  void check_no_guards(const TargetGroup& group, const std::string& path) {
    const auto none = [&](bool absent, const char* member) {
      expect(absent, path + "." + member, "is for groups with protocol http or https");
    };
    none(!group.request_limit, "request_limit");
    none(!group.hold_requests, "hold_requests");
    none(!group.retry_budget, "retry_budget");
    none(!group.outlier_ejection, "outlier_ejection");
    none(!group.maintenance, "maintenance");
  }

  void check_stream_settings(const TargetGroup& group, const std::string& path) {
    const bool stream = is_stream(group.protocol);
    const Protocol checked = group.health_check.protocol;
    expect(checked != Protocol::kTls, path + ".health_check.protocol", "must be http, https or tcp");
    expect(stream || checked != Protocol::kTcp, path + ".health_check.protocol",
           "tcp is for groups with protocol tcp or tls");
    const bool by_source = group.stickiness.type == StickinessType::kSourceIp;
    expect(!group.stickiness.enabled || stream == by_source, path + ".stickiness.type",
           stream ? "must be source_ip where the protocol is tcp or tls"
                  : "source_ip is for groups with protocol tcp or tls");
    if (stream) {
      expect(group.protocol_version == ProtocolVersion::kHttp1, path + ".protocol_version",
             "is for groups with protocol http or https");
      check_no_guards(group, path);
      return;
    }
    // A connection that told its target of one client must not serve another one.
    expect(group.stream.proxy_protocol == ProxyProtocol::kOff, path + ".proxy_protocol",
           "is for groups with protocol tcp or tls; others have X-Forwarded-For");
    expect(!group.stream.close_at_drain_limit, path + ".close_at_drain_limit",
           "is for groups with protocol tcp or tls; others always do so");
    expect(group.stream.close_when_unhealthy, path + ".close_when_unhealthy",
           "is for groups with protocol tcp or tls");
  }

  void check_target_group(const TargetGroup& group, const std::string& path) {
    expect(!group.id.empty(), path + ".id", "is empty");
    const HealthCheck& check = group.health_check;
    const std::string check_path = path + ".health_check";
    expect(
        check.path.starts_with('/') && !has_control(check.path) && check.path.find(' ') == std::string::npos,
        check_path + ".path", "must begin with '/' and hold no spaces");
    expect_range(check.interval, Millis(1), kMaxHealthInterval, check_path + ".interval_ms");
    expect_range(check.timeout, Millis(1), check.interval, check_path + ".timeout_ms");
    expect_range(check.healthy_threshold, 1, kMaxThreshold, check_path + ".healthy_threshold");
    expect_range(check.unhealthy_threshold, 1, kMaxThreshold, check_path + ".unhealthy_threshold");
    const bool grpc = group.protocol_version == ProtocolVersion::kGrpc;
    expect(is_matcher(check.matcher, grpc ? 0 : kFirstMatcherCode, grpc ? kLastGrpcCode : kLastMatcherCode),
           check_path + ".matcher",
           "'" + check.matcher + "' is no list of codes such as " +
               (grpc ? "\"0,12\" or \"0-99\"" : "\"200,202\" or \"200-299\""));
    expect_range(group.slow_start, Millis(0), kMaxSlowStart, path + ".slow_start_ms");
    expect(group.minimum_healthy_count >= 1, path + ".minimum_healthy_count", "must be at least 1");
    expect_range(group.minimum_healthy_percent, 0, 100, path + ".minimum_healthy_percent");
    if (group.stickiness.enabled) check_stickiness(group.stickiness, path + ".stickiness");
    check_stream_settings(group, path);
    check_compression(group, path + ".compression");
    expect(!group.anomaly_mitigation || group.algorithm == Algorithm::kWeightedRandom,
           path + ".anomaly_mitigation", "is for the algorithm weighted_random");
    expect_none(guard_problem(group, path));
    std::set<std::string> registrations;
    for (std::size_t i = 0; i < group.targets.size(); ++i) {
      const Target& target = group.targets[i];
      const std::string target_path = path + "." + item("targets", i);
      expect(is_ip(target.address), target_path + ".address", "'" + target.address + "' is no IP address");
      expect(target.port != 0, target_path + ".port", "must be from 1 to 65535");
      expect(registrations.insert(target.registration).second, target_path + ".registration",
             "'" + target.registration + "' is used twice");
      expect_range(target.drain_limit, Millis(0), kMaxDrainLimit, target_path + ".drain_limit_ms");
    }
  }

  const Config& config_;
  std::map<std::string, Protocol> groups_;
  std::set<std::string> certificates_;
  std::set<std::string> stores_;
  std::set<const void*> sound_;  // parts that need no look at themselves
  std::set<std::string> listener_ids_;
  std::set<std::pair<std::string, std::uint16_t>> ports_;
  Protocol protocol_ = Protocol::kHttp;  // of the listener that is looked at
  std::string problem_;
};

}  // namespace

Result<void> validate(const Config& config) { return Validator(config).run(); }

Result<void> validate_change(const Config& config, const Config& from) {
  return Validator(config, from).run();
}

}  // namespace shared::lbconfig
