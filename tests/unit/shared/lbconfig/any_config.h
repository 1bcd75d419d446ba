// Valid configurations of every shape, drawn from a seed: for round trips.
#pragma once
#include <string>

#include "shared/env/random.h"
#include "shared/lbconfig/config.h"

namespace shared::lbconfig::testing {

class AnyConfig {
 public:
  explicit AnyConfig(std::uint64_t seed) : random_(seed) {}

  Config make() {
    Config config;
    config.version = random_.below(1'000'000);
    for (std::uint64_t i = 0, n = 1 + random_.below(3); i < n; ++i) {
      config.target_groups.push_back(group("tg-" + std::to_string(i)));
    }
    groups_ = config.target_groups.size();
    for (std::uint64_t i = 0, n = random_.below(3); i < n; ++i) {
      const std::string id = "cert-" + std::to_string(i);
      config.certificates.push_back(flip() ? Certificate{id, "chain of " + text(), "key", "", ""}
                                           : Certificate{id, "", "", "/a/chain.pem", "/a/key.pem"});
    }
    certificates_ = config.certificates.size();
    if (flip()) config.trust_stores.push_back(TrustStore{"store", "bundle", {"crl"}, "", {"/a/crl.pem"}});
    stores_ = config.trust_stores.size();
    for (std::uint64_t i = 0, n = random_.below(3); i < n; ++i) {
      Listener listener;
      listener.id = "listener-" + std::to_string(i);
      listener.load_balancer = text();
      listener.dns_name = text();
      listener.address = flip() ? "127.0.0.1" : "::1";
      listener.port = static_cast<std::uint16_t>(8000 + i);
      for (int p = 1; p <= static_cast<int>(random_.below(4)); ++p) listener.rules.push_back(rule(p * 7));
      listener.default_action = action();
      listener.options = options();
      if (certificates_ != 0 && flip()) secure(listener);
      config.listeners.push_back(listener);
    }
    if (flip()) add_stream(config);
    for (std::uint32_t i = 0, n = static_cast<std::uint32_t>(random_.below(3)); i < n; ++i) {
      config.cookie_keys.push_back({i + 7, std::string(32, static_cast<char>(random_.below(256)))});
    }
    return config;
  }

 private:
  void add_stream(Config& config) {
    TargetGroup made = group("tg-stream");
    made.request_limit.reset();
    made.hold_requests.reset();
    made.retry_budget.reset();
    made.outlier_ejection.reset();
    made.maintenance.reset();
    made.protocol = flip() ? Protocol::kTcp : Protocol::kTls;
    made.protocol_version = ProtocolVersion::kHttp1;
    made.health_check.protocol = flip() ? Protocol::kTcp : Protocol::kHttps;
    made.health_check.matcher = "200-399";
    made.stickiness = {flip(), StickinessType::kSourceIp, 86'400, ""};
    made.stream = {static_cast<ProxyProtocol>(random_.below(3)), flip(), flip()};
    Listener listener;
    listener.id = "stream";
    listener.port = 9000;
    listener.options.idle_timeout = Millis(number(1, 6'000'000));
    listener.options.proxy_protocol_from = {"10.0.0.0/8", "::1"};
    listener.default_action.forward.target_groups = {{"tg-stream", 1}};
    listener.protocol = Protocol::kTcp;
    if (made.protocol == Protocol::kTls && certificates_ == 0) made.protocol = Protocol::kTcp;
    if (certificates_ != 0 && (made.protocol == Protocol::kTls || flip())) {
      listener.protocol = Protocol::kTls;
      listener.tls.certificates = {"cert-0"};
      listener.tls.alpn = static_cast<AlpnPolicy>(random_.below(5));
    }
    config.target_groups.push_back(made);
    config.listeners.push_back(listener);
  }
  void secure(Listener& listener) {
    listener.protocol = Protocol::kHttps;
    const auto policies = tls_policies();
    listener.tls.policy = policies[static_cast<std::size_t>(random_.below(policies.size()))].name;
    for (std::size_t i = 0; i < certificates_; ++i)
      listener.tls.certificates.push_back("cert-" + std::to_string(i));
    if (flip()) {
      listener.default_action.jwt =
          JwtValidation{1,
                        "https://issuer.example/keys",
                        "issuer",
                        {{"scope", static_cast<JwtClaimFormat>(random_.below(3)), {"a", "b"}}}};
    }
    ClientAuthentication& client = listener.tls.client;
    if (flip()) client.mode = ClientCertificates::kPassthrough;
    if (stores_ != 0 && flip()) client = {ClientCertificates::kVerify, "store", flip(), flip()};
  }
  bool flip() { return random_.below(2) == 0; }
  int number(int least, int most) {
    return least + static_cast<int>(random_.below(static_cast<std::uint64_t>(most - least + 1)));
  }
  std::string text() {
    static const std::string kPieces[] = {"a", "\"", "\\", "/", "*", "?", "ü", " ", "#{path}", "\n"};
    std::string made;
    for (std::uint64_t i = 0, n = random_.below(6); i < n; ++i) made += kPieces[random_.below(10)];
    return made;
  }
  Target target(int index) {
    Target made;
    made.address = flip() ? "10.0.0.7" : "2001:db8::7";
    made.id = "i-" + random_.hex(8);
    made.port = static_cast<std::uint16_t>(number(1, 65535));
    made.registration = "r" + std::to_string(index);
    made.zone = text();
    made.state = flip() ? TargetState::kActive : TargetState::kDraining;
    made.drain_limit = Millis(number(0, 3'600'000));
    return made;
  }
  TargetGroup group(const std::string& id) {
    TargetGroup made;
    made.id = id;
    made.name = text();
    made.algorithm = static_cast<Algorithm>(random_.below(3));
    made.health_check = {flip(),
                         "/health?x=1",
                         static_cast<std::uint16_t>(number(0, 65535)),
                         Millis(5'000),
                         Millis(number(1, 5'000)),
                         number(1, 10),
                         number(1, 10),
                         flip() ? "200,202" : "200-299",
                         Protocol::kHttp};
    made.slow_start = Millis(number(0, 900'000));
    made.minimum_healthy_count = number(1, 9);
    made.minimum_healthy_percent = number(0, 100);
    made.stickiness = {flip(), StickinessType::kLbCookie, number(1, 604'800), ""};
    if (flip()) made.stickiness = {true, StickinessType::kAppCookie, number(1, 604'800), "SID"};
    made.anomaly_mitigation = made.algorithm == Algorithm::kWeightedRandom && flip();
    if (flip()) made.request_limit = RequestLimit{number(1, 9), number(0, 9), Millis(number(1, 300'000))};
    if (flip()) made.hold_requests = HoldRequests{number(1, 9), Millis(number(1, 300'000))};
    if (flip()) made.retry_budget = RetryBudget{number(0, 100), number(0, 1'000)};
    if (flip())
      made.outlier_ejection =
          OutlierEjection{number(1, 9), Millis(number(1, 9)), Millis(number(9, 99)), number(1, 100)};
    if (flip()) made.maintenance = Maintenance{text(), "text/html", number(0, 9)};
    if (flip()) made.compression = {{Coding::kZstd, Coding::kGzip}, 77, number(1, 9), {"text/*", "a/b+c"}};
    for (int i = 0, n = number(0, 4); i < n; ++i) made.targets.push_back(target(i));
    if (flip()) made.protocol = made.health_check.protocol = Protocol::kHttps;
    made.protocol_version = static_cast<ProtocolVersion>(random_.below(3));
    if (made.protocol_version == ProtocolVersion::kGrpc) {
      made.health_check.matcher = "0-99";
      made.compression = {};
    }
    return made;
  }
  Action action() {
    Action made;
    made.type = static_cast<ActionType>(random_.below(3));
    made.order = number(1, 100);
    switch (made.type) {
      case ActionType::kForward:
        for (std::size_t i = 0; i < groups_; ++i) {
          made.forward.target_groups.push_back({"tg-" + std::to_string(i), number(0, 999)});
        }
        made.forward.sticky = flip();
        made.forward.sticky_seconds = number(1, 604'800);
        break;
      case ActionType::kRedirect:
        made.redirect = {flip() ? "HTTPS" : "#{protocol}",
                         "www.#{host}",
                         flip() ? "443" : "#{port}",
                         "/new/#{path}",
                         "a=b&#{query}",
                         flip() ? 301 : 302};
        break;
      case ActionType::kFixedResponse:
        made.fixed_response = {503, "text/plain", text()};
        break;
    }
    return made;
  }
  Condition condition() {
    Condition made;
    made.field = static_cast<ConditionField>(random_.below(6));
    switch (made.field) {
      case ConditionField::kQueryString:
        made.query = {{"", text()}, {text(), text()}};
        break;
      case ConditionField::kSourceIp:
        made.values = {"10.0.0.0/8", "2001:db8::/32"};
        break;
      case ConditionField::kHttpRequestMethod:
        made.values = {"GET", "PURGE"};
        break;
      case ConditionField::kHttpHeader:
        made.http_header_name = "X-Version";
        [[fallthrough]];
      default:
        if (flip()) made.regex_values = {"^/api/v[0-9]+/.*$", "a|b"};
        if (flip() || made.regex_values.empty()) made.values = {text(), text()};
    }
    return made;
  }
  Rule rule(int priority) {
    Rule made{"rule-" + random_.hex(4), priority, {condition()}, action()};
    if (flip()) made.conditions.push_back(condition());
    if (flip()) made.rewrites.host = Rewrite{"^(.+)[.]old[.]example$", "$1.new.example"};
    if (flip()) made.rewrites.url = Rewrite{"^/dp/([A-Za-z0-9]+)/?$", "/product.php?id=$1"};
    return made;
  }
  ListenerOptions options() {
    ListenerOptions made;
    made.idle_timeout = Millis(number(1, 4'000'000));
    made.client_keep_alive = Millis(number(1, 604'800'000));
    made.desync = static_cast<DesyncMode>(random_.below(3));
    made.xff = static_cast<XffMode>(random_.below(3));
    made.xff_client_port = flip();
    made.preserve_host = flip();
    made.drop_invalid_headers = flip();
    made.access_log = flip();
    made.server_header = flip();
    made.http2 = flip();
    made.tls_headers = flip();
    if (flip())
      made.response_headers = {{"Strict-Transport-Security", "max-age=1; \"x\""}, {"X-Frame-Options", ""}};
    if (flip()) made.rate_limit = RateLimit{number(1, 9), number(1, 9), number(1, 9), number(0, 30)};
    if (flip()) made.maintenance = Maintenance{text(), "", number(0, 9)};
    made.add_traceparent = static_cast<AddTraceparent>(random_.below(3));
    return made;
  }

  env::SeededRandom random_;
  std::size_t groups_ = 0;
  std::size_t certificates_ = 0;
  std::size_t stores_ = 0;
};

}  // namespace shared::lbconfig::testing
