// A Config as a JSON value, for the forms that contain one or a part of it: the file, the feed's snapshot and
// delta. Internal to this folder.
#pragma once
#include <array>
#include <nlohmann/json_fwd.hpp>

#include "shared/json/reader.h"
#include "shared/lbconfig/config.h"
#include "shared/lbconfig/feed.h"

namespace shared::lbconfig {

// Errors land in the reader's sink. References and ranges are validate()'s business.
Config read_config(const json::Reader& in);
Listener read_listener(const json::Reader& in);
TargetGroup read_target_group(const json::Reader& in);
Target read_target(const json::Reader& in);
nlohmann::json write_config(const Config& config);
nlohmann::json write_listener(const Listener& listener);
nlohmann::json write_target_group(const TargetGroup& group);
nlohmann::json write_target(const Target& target);
// The TLS members (tls_json.cpp). Written where they differ from plain HTTP only: a balancer or control of
// before them refuses members that it does not know.
Certificate read_certificate(const json::Reader& in);
TrustStore read_trust_store(const json::Reader& in);
nlohmann::json write_certificate(const Certificate& certificate);
nlohmann::json write_trust_store(const TrustStore& store);
// The protocol of health checks that name none.
constexpr Protocol default_check(Protocol of_group) {
  return is_stream(of_group) ? Protocol::kTcp : Protocol::kHttp;
}
void read_tls(const json::Reader& in, Listener& listener);
void read_tls(const json::Reader& in, TargetGroup& group);
void read_tls(const json::Reader& in, HealthCheck& check);
void write_tls(const Listener& listener, nlohmann::json& value);
void write_tls(const TargetGroup& group, nlohmann::json& value);
void write_tls(const HealthCheck& check, nlohmann::json& value);
// stream_json.cpp
void read_stream(const json::Reader& in, TargetGroup& group);
void write_stream(const TargetGroup& group, nlohmann::json& value);
void read_alpn(const json::Reader& in, ListenerTls& tls);
void write_alpn(const ListenerTls& tls, nlohmann::json& value);
JwtValidation read_jwt(const json::Reader& in);
nlohmann::json write_jwt(const JwtValidation& validation);
// traffic_json.cpp. Written where they differ from the default only: a balancer or control of before them
// refuses members that it does not know.
void read_traffic(const json::Reader& in, TargetGroup& group);
void read_traffic(const json::Reader& in, ListenerOptions& options);
void write_traffic(const TargetGroup& group, nlohmann::json& value);
void write_traffic(const ListenerOptions& options, nlohmann::json& value);
Millis millis_or(const json::Reader& in, std::string_view name, Millis otherwise);  // in whole milliseconds
// guard_json.cpp, likewise.
void read_guard(const json::Reader& in, TargetGroup& group);
void read_guard(const json::Reader& in, ListenerOptions& options);
void write_guard(const TargetGroup& group, nlohmann::json& value);
void write_guard(const ListenerOptions& options, nlohmann::json& value);
// What is wrong with these members of what is at `path`: "PATH.member: why"; empty: nothing.
std::string guard_problem(const TargetGroup& group, const std::string& path);
std::string guard_problem(const ListenerOptions& options, const std::string& path);
CookieKeys read_cookie_keys(const json::Reader& in);
nlohmann::json write_cookie_keys(const CookieKeys& keys);
// acme_json.cpp. Written where there are any only, as those above.
AcmeChallenges read_acme_challenges(const json::Reader& in);
nlohmann::json write_acme_challenges(const AcmeChallenges& challenges);

using json::Choice;
inline constexpr std::array<Choice<ActionType>, 3> kActionTypes{
    {{"forward", ActionType::kForward},
     {"redirect", ActionType::kRedirect},
     {"fixed-response", ActionType::kFixedResponse}}};
inline constexpr std::array<Choice<ConditionField>, 6> kConditionFields{
    {{"host-header", ConditionField::kHostHeader},
     {"path-pattern", ConditionField::kPathPattern},
     {"http-header", ConditionField::kHttpHeader},
     {"http-request-method", ConditionField::kHttpRequestMethod},
     {"query-string", ConditionField::kQueryString},
     {"source-ip", ConditionField::kSourceIp}}};
inline constexpr std::array<Choice<DesyncMode>, 3> kDesyncModes{{{"monitor", DesyncMode::kMonitor},
                                                                 {"defensive", DesyncMode::kDefensive},
                                                                 {"strictest", DesyncMode::kStrictest}}};
inline constexpr std::array<Choice<XffMode>, 3> kXffModes{
    {{"append", XffMode::kAppend}, {"preserve", XffMode::kPreserve}, {"remove", XffMode::kRemove}}};
inline constexpr std::array<Choice<Algorithm>, 3> kAlgorithms{
    {{"round_robin", Algorithm::kRoundRobin},
     {"least_outstanding_requests", Algorithm::kLeastOutstandingRequests},
     {"weighted_random", Algorithm::kWeightedRandom}}};
inline constexpr std::array<Choice<TargetState>, 2> kTargetStates{
    {{"active", TargetState::kActive}, {"draining", TargetState::kDraining}}};
inline constexpr std::array<Choice<Health>, 6> kHealthWords{{{"initial", Health::kInitial},
                                                             {"healthy", Health::kHealthy},
                                                             {"unhealthy", Health::kUnhealthy},
                                                             {"draining", Health::kDraining},
                                                             {"unused", Health::kUnused},
                                                             {"unavailable", Health::kUnavailable}}};

inline constexpr std::array<Choice<JwtClaimFormat>, 3> kJwtClaimFormats{
    {{"single-string", JwtClaimFormat::kSingleString},
     {"string-array", JwtClaimFormat::kStringArray},
     {"space-separated-values", JwtClaimFormat::kSpaceSeparated}}};

template <class E, std::size_t N>
constexpr std::string_view word_of(E value, const std::array<Choice<E>, N>& choices) {
  for (const auto& [word, meaning] : choices) {
    if (meaning == value) return word;
  }
  return choices[0].first;
}

}  // namespace shared::lbconfig
