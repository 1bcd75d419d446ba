// What a balancer is told: listeners with their rules, target groups with their targets. Plain values,
// complete and already validated; made by control from the ELBv2 resources, or read from a JSON file
// (json.h). Names and meanings are ELBv2's. A Config is immutable once handed over; a higher version replaces
// a lower one whole.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/time.h"
#include "shared/lbconfig/acme.h"
#include "shared/lbconfig/guard.h"
#include "shared/lbconfig/jwt.h"
#include "shared/lbconfig/tls.h"
#include "shared/lbconfig/traffic.h"

namespace shared::lbconfig {

// An immutable part that configurations share: who changes one target makes one new target group and leaves
// the others as they are. Equal by value; the same object is equal without a look. From any thread.
template <class T>
class Part {
 public:
  Part() : Part(T()) {}
  Part(T value) : held_(std::make_shared<const T>(std::move(value))) {}  // a value is a part
  const T& operator*() const { return *held_; }
  const T* operator->() const { return held_.get(); }
  bool is(const Part& other) const { return held_ == other.held_; }  // the same object
  bool operator==(const Part& other) const { return is(other) || *held_ == *other.held_; }

 private:
  std::shared_ptr<const T> held_;
};

struct WeightedTargetGroup {
  std::string target_group;  // id (ARN)
  int weight = 1;            // 0..999, 0 = no traffic
  bool operator==(const WeightedTargetGroup&) const = default;
};

struct ForwardAction {
  std::vector<WeightedTargetGroup> target_groups;  // 1..5
  bool sticky = false;                             // TargetGroupStickinessConfig
  int sticky_seconds = 3600;
  bool operator==(const ForwardAction&) const = default;
};

// Fields hold ELBv2 templates with #{protocol} #{host} #{port} #{path} #{query}.
struct RedirectAction {
  std::string protocol = "#{protocol}";
  std::string host = "#{host}";
  std::string port = "#{port}";
  std::string path = "/#{path}";
  std::string query = "#{query}";
  int status = 301;  // 301 or 302
  bool operator==(const RedirectAction&) const = default;
};

struct FixedResponseAction {
  int status = 200;          // 2xx, 4xx, 5xx
  std::string content_type;  // empty: none given
  std::string body;          // at most 1024 bytes
  bool operator==(const FixedResponseAction&) const = default;
};

enum class ActionType { kForward, kRedirect, kFixedResponse };

struct Action {
  ActionType type = ActionType::kForward;
  int order = 1;
  ForwardAction forward;  // only the member named by type is meaningful
  RedirectAction redirect;
  FixedResponseAction fixed_response;
  std::optional<JwtValidation> jwt{};  // before the action is carried out; HTTPS listeners only
  bool operator==(const Action&) const = default;
};

enum class ConditionField {
  kHostHeader,
  kPathPattern,
  kHttpHeader,
  kHttpRequestMethod,
  kQueryString,
  kSourceIp
};

struct QueryPair {
  std::string key;  // empty: any key
  std::string value;
  bool operator==(const QueryPair&) const = default;
};

// All conditions of a rule must hold; inside one any value may match.
struct Condition {
  ConditionField field = ConditionField::kPathPattern;
  std::string http_header_name;     // kHttpHeader only
  std::vector<std::string> values;  // patterns, methods or CIDRs
  std::vector<QueryPair> query;     // kQueryString only
  // kHostHeader, kPathPattern, kHttpHeader: expressions (shared/regex) found in the text, beside `values`.
  std::vector<std::string> regex_values{};
  bool operator==(const Condition&) const = default;
};

constexpr bool takes_regex(ConditionField field) {
  return field == ConditionField::kHostHeader || field == ConditionField::kPathPattern ||
         field == ConditionField::kHttpHeader;
}

// The first match of `regex` (shared/regex) is replaced by `replace`, with $1 for the first group.
struct Rewrite {
  std::string regex;    // 1 to 1024 bytes
  std::string replace;  // at most 1024 bytes
  bool operator==(const Rewrite&) const = default;
};

// What a rule changes in the request that its targets get.
struct Rewrites {
  std::optional<Rewrite> host{};  // of the Host
  std::optional<Rewrite> url{};   // of the path and query
  bool operator==(const Rewrites&) const = default;
};

struct Rule {
  std::string id;    // ARN
  int priority = 0;  // 1..50000, unique in its listener
  std::vector<Condition> conditions;
  Action action;
  Rewrites rewrites{};
  bool operator==(const Rule&) const = default;
};

enum class DesyncMode { kMonitor, kDefensive, kStrictest };
enum class XffMode { kAppend, kPreserve, kRemove };

// The load balancer's attributes, copied to each of its listeners. Of TCP and TLS listeners idle_timeout,
// access_log and proxy_protocol_from count.
// Under which names targets are told of a client's TLS, where these are others than the standard ones:
// listener attributes routing.http.request.NAME.header_name. Of HTTPS listeners.
struct TlsHeaderNames {
  std::string version;
  std::string cipher_suite;
  std::string certificate;  // of passthrough; those below of verify
  std::string serial_number;
  std::string issuer;
  std::string subject;
  std::string validity;
  std::string leaf;
  bool operator==(const TlsHeaderNames&) const = default;
};
struct TlsHeader {
  std::string_view name;  // of the attribute, and in a file
  std::string_view standard;
  std::string TlsHeaderNames::*own;  // empty: the standard one
};
inline constexpr std::array<TlsHeader, 8> kTlsHeaders = {{
    {"x_amzn_tls_version", "X-Amzn-Tls-Version", &TlsHeaderNames::version},
    {"x_amzn_tls_cipher_suite", "X-Amzn-Tls-Cipher-Suite", &TlsHeaderNames::cipher_suite},
    {"x_amzn_mtls_clientcert", "X-Amzn-Mtls-Clientcert", &TlsHeaderNames::certificate},
    {"x_amzn_mtls_clientcert_serial_number", "X-Amzn-Mtls-Clientcert-Serial-Number",
     &TlsHeaderNames::serial_number},
    {"x_amzn_mtls_clientcert_issuer", "X-Amzn-Mtls-Clientcert-Issuer", &TlsHeaderNames::issuer},
    {"x_amzn_mtls_clientcert_subject", "X-Amzn-Mtls-Clientcert-Subject", &TlsHeaderNames::subject},
    {"x_amzn_mtls_clientcert_validity", "X-Amzn-Mtls-Clientcert-Validity", &TlsHeaderNames::validity},
    {"x_amzn_mtls_clientcert_leaf", "X-Amzn-Mtls-Clientcert-Leaf", &TlsHeaderNames::leaf},
}};
inline constexpr std::size_t kMaxTlsHeaderName = 40;
// Whether a header of that name may tell targets of TLS: it frames and routes nothing, and is none that the
// balancer writes anyway.
bool may_tell_of_tls(std::string_view name);

struct ListenerOptions {
  Millis idle_timeout{60'000};
  Millis client_keep_alive{3'600'000};
  DesyncMode desync = DesyncMode::kDefensive;
  XffMode xff = XffMode::kAppend;
  bool xff_client_port = false;
  bool preserve_host = false;
  bool drop_invalid_headers = false;
  bool access_log = false;
  bool server_header = true;  // listener attribute routing.http.response.server.enabled
  bool http2 = true;          // routing.http2.enabled: HTTPS listeners offer h2, others take its preface
  bool tls_headers = false;   // routing.http.x_amzn_tls_version_and_cipher_suite.enabled
  std::vector<ResponseHeader> response_headers{};
  // Address ranges whose connections begin with a header of the PROXY protocol, which says who the client is.
  std::vector<std::string> proxy_protocol_from{};
  std::optional<RateLimit> rate_limit{};
  std::optional<Maintenance> maintenance{};
  AddTraceparent add_traceparent = AddTraceparent::kOff;
  TlsHeaderNames tls_header_names{};
  bool operator==(const ListenerOptions&) const = default;
};

struct Listener {
  std::string id;             // ARN, or any name in a file
  std::string load_balancer;  // "app/NAME/ID"; label of logs and metrics
  std::string dns_name;       // Host for HTTP/1.0 requests without one
  std::string address = "0.0.0.0";
  std::uint16_t port = 0;
  std::vector<Rule> rules;  // ascending priority
  Action default_action;
  ListenerOptions options;
  Protocol protocol = Protocol::kHttp;
  ListenerTls tls;  // kHttps and kTls only
  bool operator==(const Listener&) const = default;
};

enum class Algorithm { kRoundRobin, kLeastOutstandingRequests, kWeightedRandom };

struct HealthCheck {
  bool enabled = true;
  std::string path = "/";
  std::uint16_t port = 0;  // 0 = traffic-port
  Millis interval{30'000};
  Millis timeout{5'000};
  int healthy_threshold = 5;
  int unhealthy_threshold = 2;
  std::string matcher = "200";  // "200", "200,202", "200-299"; of a kGrpc group grpc-status, 0 to 99
  Protocol protocol = Protocol::kHttp;
  bool operator==(const HealthCheck&) const = default;
};

enum class TargetState { kActive, kDraining };

struct Target {
  std::string id;  // instance id or IP, as registered
  std::uint16_t port = 0;
  std::string address;  // numeric IP to dial
  // Unique for each registration: the same (id, port) registered again is another target.
  std::string registration;
  std::string zone;
  TargetState state = TargetState::kActive;
  // Draining only: how long open requests may still run, counted from the moment a balancer learns of the
  // draining.
  Millis drain_limit{300'000};
  bool operator==(const Target&) const = default;
};

struct TargetGroup {
  std::string id;    // ARN
  std::string name;  // "targetgroup/NAME/ID"
  Algorithm algorithm = Algorithm::kRoundRobin;
  HealthCheck health_check;
  Millis slow_start{0};
  // Fail open when fewer than this many targets are healthy (target_group_health.unhealthy_state_routing).
  int minimum_healthy_count = 1;
  int minimum_healthy_percent = 0;  // 0 = off
  std::vector<Target> targets;
  Protocol protocol = Protocol::kHttp;  // kHttps, kTls: certificates of targets are not verified
  ProtocolVersion protocol_version = ProtocolVersion::kHttp1;
  Stickiness stickiness{};
  bool anomaly_mitigation = false;  // load_balancing.algorithm.anomaly_mitigation; kWeightedRandom only
  StreamSettings stream{};          // kTcp and kTls only
  std::optional<RequestLimit> request_limit{};
  std::optional<HoldRequests> hold_requests{};
  std::optional<RetryBudget> retry_budget{};  // none: as often as the rules of retries allow
  std::optional<OutlierEjection> outlier_ejection{};
  std::optional<Maintenance> maintenance{};
  Compression compression{};  // not for kGrpc
  bool operator==(const TargetGroup&) const = default;
};

struct Config {
  std::uint64_t version = 0;  // only rises
  std::vector<Part<Listener>> listeners;
  std::vector<Part<TargetGroup>> target_groups;
  std::vector<Part<Certificate>> certificates;
  std::vector<Part<TrustStore>> trust_stores;
  CookieKeys cookie_keys{};  // none: balancers make their own
  AcmeChallenges acme_challenges{};
  bool operator==(const Config&) const = default;
};

// Whether any target group or forward action keeps clients by cookies, for which keys are needed.
bool needs_cookie_keys(const Config& config);

// `newer`, with the parts of `former` where they are equal.
Config sharing_parts(Config newer, const Config& former);

}  // namespace shared::lbconfig
