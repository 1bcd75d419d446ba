#include "agent/aws/rest.h"

#include <array>
#include <nlohmann/json.hpp>

#include "agent/aws/sigv4.h"
#include "shared/json/reader.h"

namespace agent::aws {

namespace http = shared::http;
using nlohmann::json;
using shared::Blame;
using shared::Error;
using shared::Result;

namespace {

constexpr std::string_view kScheduler = "scheduler";
constexpr std::string_view kJsonType = "application/json";

struct Route {
  std::string_view method;
  std::string_view path;    // its first segment
  std::string_view member;  // that the second segment is; empty: there is none
  std::string_view operation;
};
constexpr std::array kRoutes = {
    Route{"POST", "schedules", "Name", "CreateSchedule"},
    Route{"GET", "schedules", "Name", "GetSchedule"},
    Route{"PUT", "schedules", "Name", "UpdateSchedule"},
    Route{"DELETE", "schedules", "Name", "DeleteSchedule"},
    Route{"GET", "schedules", "", "ListSchedules"},
    Route{"POST", "schedule-groups", "Name", "CreateScheduleGroup"},
    Route{"GET", "schedule-groups", "Name", "GetScheduleGroup"},
    Route{"DELETE", "schedule-groups", "Name", "DeleteScheduleGroup"},
    Route{"GET", "schedule-groups", "", "ListScheduleGroups"},
    Route{"GET", "tags", "ResourceArn", "ListTagsForResource"},
    Route{"POST", "tags", "ResourceArn", "TagResource"},
    Route{"DELETE", "tags", "ResourceArn", "UntagResource"},
};

// Of the query: the name there, and the one in the input.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kParameters{{
    {"groupName", "GroupName"},
    {"clientToken", "ClientToken"},
    {"ScheduleGroup", "GroupName"},
    {"NamePrefix", "NamePrefix"},
    {"State", "State"},
    {"NextToken", "NextToken"},
    {"MaxResults", "MaxResults"},
    {"TagKeys", "TagKeys"},
}};

Result<void> add_parameters(json& input, std::string_view query) {
  const auto pairs = http::parse_form(query);
  if (!pairs) return Error("ValidationException", "the query string cannot be read", Blame::kClient);
  for (const auto& [name, value] : *pairs) {
    for (const auto& [from, to] : kParameters) {
      if (from != name) continue;
      const std::string member(to);
      if (to == "TagKeys") {
        if (!input.contains(member)) input[member] = json::array();
        input[member].push_back(value);
      } else if (to == "MaxResults") {
        const auto number = json::parse(value, nullptr, false);
        input[member] = number.is_number_integer() ? number : json(value);
      } else {
        input[member] = value;
      }
    }
  }
  return {};
}

}  // namespace

bool is_rest(const http::Request& request) {
  if (request.headers.get("X-Amz-Target")) return false;
  const auto authorization = parse_authorization(request);
  return authorization && authorization->service == kScheduler;
}

Result<Call> identify_rest(const http::Request& request) {
  std::string_view path = request.path();
  if (path.starts_with("/")) path.remove_prefix(1);
  const auto slash = path.find('/');
  const std::string_view first = path.substr(0, slash);
  const std::string_view rest = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  const Route* route = nullptr;
  for (const Route& each : kRoutes) {
    if (each.method == request.method && each.path == first && each.member.empty() == rest.empty())
      route = &each;
  }
  if (route == nullptr)
    return Error("UnknownOperationException",
                 "scheduler has no operation " + request.method + " /" + std::string(first.substr(0, 64)),
                 Blame::kClient);
  json input = json::object();
  if (!request.body.empty()) {
    auto parsed = shared::json::parse(request.body);
    if (!parsed || !parsed->is_object())
      return Error("ValidationException", "the body is not a JSON object", Blame::kClient);
    input = *std::move(parsed);
  }
  if (auto added = add_parameters(input, request.query()); !added) return added.error();
  if (!route->member.empty()) {
    const auto decoded = http::percent_decode(rest, http::Plus::kLiteral);
    if (!decoded) return Error("ValidationException", "the path cannot be read", Blame::kClient);
    input[std::string(route->member)] = *decoded;
  }
  return Call{Service::kScheduler, std::string(route->operation), shared::json::to_text(input),
              Protocol::kRest};
}

http::Response rest_success(std::string body, std::string_view request_id) {
  http::Response response = http::make_response(200, std::string(kJsonType), std::move(body));
  response.headers.add("x-amzn-RequestId", std::string(request_id));
  return response;
}

http::Response rest_error(int status, std::string_view code, std::string_view message,
                          std::string_view request_id) {
  http::Response response =
      http::make_response(status, std::string(kJsonType), shared::json::to_text(json{{"Message", message}}));
  response.headers.add("x-amzn-RequestId", std::string(request_id));
  response.headers.add("x-amzn-ErrorType", std::string(code));
  return response;
}

}  // namespace agent::aws
