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

template <class E, std::size_t N>
constexpr std::string_view word_of(E value, const std::array<Choice<E>, N>& choices) {
  for (const auto& [word, meaning] : choices) {
    if (meaning == value) return word;
  }
  return choices[0].first;
}

}  // namespace shared::lbconfig
