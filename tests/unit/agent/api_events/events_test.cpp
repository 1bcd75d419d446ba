// EventBridge and its Scheduler: what their calls answer, and what the tasks of a target are asked to be.
#include "agent/api/events/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/api/events/ecs_target.h"
#include "agent/api/scheduler/scheduler.h"
#include "agent/aws/service.h"
#include "agent/control/iam/iam.h"
#include "agent/control/records/fields.h"
#include "agent/control/state/neighbours.h"
#include "tests/support/control_api.h"

namespace agent::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kCluster = "arn:aws:ecs:us-east-1:000000000000:cluster/default";
constexpr const char* kRole = "arn:aws:iam::000000000000:role/runs";

class EventBridge : public tests::ControlState, public testing::Test {
 public:
  EventBridge() : ControlState(1'796'000'000'000) {}
  using Handle = shared::Result<std::string> (*)(control::Step&, const Call&);
  shared::Result<json> call(Handle handle, const std::string& operation, const json& request) {
    return in_a_step([&](control::Step& step) -> shared::Result<json> {
      auto answer = handle(step, {operation, request.dump(), "id",
                                  "arn:aws:iam::000000000000:user/administrator", "000000000000", ""});
      if (!answer) return answer.error();
      return json::parse(*answer);
    });
  }
  json good(const std::string& operation, const json& request) {
    return tests::expect_good(operation, call(events::handle, operation, request), json::object());
  }
  std::string error(const std::string& operation, const json& request) {
    return tests::error_of(call(events::handle, operation, request));
  }
  json scheduled(const std::string& operation, const json& request) {
    return tests::expect_good(operation, call(scheduler::handle, operation, request), json::object());
  }
  std::string refused(const std::string& operation, const json& request) {
    return tests::error_of(call(scheduler::handle, operation, request));
  }
  void make_role(const char* service) {
    const auto made = in_a_step([&](control::Step& step) -> shared::Result<bool> {
      control::iam::NewIdentity role;
      role.name = "runs";
      role.trust =
          std::string(
              R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":")") +
          service + "\"}}]}";
      if (auto done = control::iam::create_identity(step, role); !done) return done.error();
      return true;
    });
    ASSERT_TRUE(made) << made.error().text();
  }
  static json target() {
    json out{{"Id", "t"}, {"Arn", kCluster}, {"RoleArn", kRole}};
    out["EcsParameters"] = {{"TaskDefinitionArn", "job"}, {"LaunchType", "EC2"}};
    return out;
  }
  json put_target(const json& one) {
    json request{{"Rule", "r"}};
    request["Targets"] = json::array();
    request["Targets"].push_back(one);
    return request;
  }
  static json schedule() {
    json out{{"Name", "job"}, {"ScheduleExpression", "rate(5 minutes)"}};
    out["FlexibleTimeWindow"] = {{"Mode", "OFF"}};
    out["Target"] = target();
    out["Target"].erase("Id");
    return out;
  }
};

TEST_F(EventBridge, ARuleIsReplacedAsAWholeAndKeepsItsTagsAndTargets) {
  json request{{"Name", "r"}, {"ScheduleExpression", "rate(1 hour)"}, {"Description", "d"}};
  request["Tags"] = json::array();
  request["Tags"].push_back({{"Key", "team"}, {"Value", "web"}});
  EXPECT_EQ(good("PutRule", request)["RuleArn"], "arn:aws:events:us-east-1:000000000000:rule/r");
  good("PutTargets", put_target(target()));
  good("PutRule", {{"Name", "r"}, {"EventPattern", R"({"source":["a"]})"}, {"State", "DISABLED"}});
  const json row = good("DescribeRule", {{"Name", "r"}});
  EXPECT_FALSE(row.contains("ScheduleExpression"));
  EXPECT_FALSE(row.contains("Description"));
  EXPECT_EQ(row["State"], "DISABLED");
  EXPECT_EQ(row["EventBusName"], "default");
  EXPECT_EQ(good("ListTargetsByRule", {{"Rule", "r"}})["Targets"].size(), 1U);
  EXPECT_EQ(good("ListTagsForResource", {{"ResourceARN", row["Arn"]}})["Tags"], request["Tags"]);
  EXPECT_EQ(good("ListRuleNamesByTarget", {{"TargetArn", kCluster}})["RuleNames"], json::array({"r"}));
}

TEST_F(EventBridge, SaysWhatIsWrongWithARule) {
  EXPECT_THAT(error("PutRule", {{"Name", "r"}}),
              HasSubstr("EventPattern or ScheduleExpression must be specified"));
  EXPECT_THAT(error("PutRule", {{"Name", "r"}, {"ScheduleExpression", "rate(2 minute)"}}),
              StartsWith("ValidationException: Parameter ScheduleExpression is not valid."));
  EXPECT_THAT(error("PutRule", {{"Name", "r"}, {"ScheduleExpression", "at(2030-01-01T00:00:00)"}}),
              HasSubstr("Scheduler"));
  EXPECT_THAT(error("PutRule", {{"Name", "r"}, {"EventPattern", "{"}}),
              StartsWith("InvalidEventPatternException"));
  EXPECT_THAT(error("PutRule", {{"Name", "a b"}, {"ScheduleExpression", "rate(1 hour)"}}),
              HasSubstr("'a b' at 'Name'"));
  EXPECT_THAT(
      error("PutRule", {{"Name", "r"}, {"EventBusName", "own"}, {"ScheduleExpression", "rate(1 hour)"}}),
      StartsWith("ResourceNotFoundException: Event bus own does not exist"));
  EXPECT_EQ(error("DescribeRule", {{"Name", "x"}}),
            "ResourceNotFoundException: Rule x does not exist on EventBus default.");
  EXPECT_THAT(error("CreateEventBus", {{"Name", "own"}}), HasSubstr("events:CreateEventBus is not offered"));
}

TEST_F(EventBridge, SaysWhatIsWrongWithATarget) {
  good("PutRule", {{"Name", "r"}, {"ScheduleExpression", "rate(1 hour)"}});
  json foreign{{"Id", "t"}, {"Arn", "arn:aws:sns:us-east-1:000000000000:topic"}};
  EXPECT_THAT(error("PutTargets", put_target(foreign)), HasSubstr("is no target that is offered"));
  json one = target();
  one.erase("RoleArn");
  EXPECT_THAT(error("PutTargets", put_target(one)), HasSubstr("RoleArn is required"));
  one = target();
  one["EcsParameters"]["TaskCount"] = 11;
  EXPECT_THAT(error("PutTargets", put_target(one)), HasSubstr("TaskCount"));
  one = target();
  one["Input"] = "[1]";
  EXPECT_THAT(error("PutTargets", put_target(one)), HasSubstr("overrides of RunTask"));
  one["InputPath"] = "$.detail";
  EXPECT_THAT(error("PutTargets", put_target(one)),
              HasSubstr("Only one of Input, InputPath, or InputTransformer"));
  json removed{{"Rule", "r"}};
  removed["Ids"] = json::array({"none"});
  EXPECT_EQ(good("RemoveTargets", removed)["FailedEntryCount"], 1);
}

TEST_F(EventBridge, ATargetBecomesARequestOfRunTask) {
  model::Invocation invocation;
  invocation.started_by = "events-rule/a.b";
  invocation.target.arn = kCluster;
  invocation.target.input = R"({"cpu":"256"})";
  invocation.payload = invocation.target.input;
  invocation.target.ecs =
      R"({"TaskDefinitionArn":"job","TaskCount":2,"LaunchType":"EC2","Group":"g","PropagateTags":"TASK_DEFINITION",
    "EnableECSManagedTags":true,"Tags":[{"Key":"a","Value":"b"}],
    "NetworkConfiguration":{"awsvpcConfiguration":{"Subnets":["s"],"AssignPublicIp":"DISABLED"}}})";
  const json request = events::run_task_request(invocation);
  EXPECT_EQ(
      request,
      json::parse(
          R"({"cluster":"arn:aws:ecs:us-east-1:000000000000:cluster/default","taskDefinition":"job","count":2,
    "launchType":"EC2","group":"g","propagateTags":"TASK_DEFINITION","enableECSManagedTags":true,"startedBy":"events-rule/a_b",
    "tags":[{"key":"a","value":"b"}],"overrides":{"cpu":"256"},
    "networkConfiguration":{"awsvpcConfiguration":{"subnets":["s"],"assignPublicIp":"DISABLED"}}})"));
}

TEST_F(EventBridge, APatternCanBeTriedOut) {
  const json event{{"id", "1"},         {"account", "0"}, {"source", "shop"},
                   {"time", "t"},       {"region", "r"},  {"resources", json::array()},
                   {"detail-type", "d"}};
  EXPECT_EQ(good("TestEventPattern",
                 {{"EventPattern", R"({"source":["shop"]})"}, {"Event", event.dump()}})["Result"],
            true);
  EXPECT_EQ(good("TestEventPattern",
                 {{"EventPattern", R"({"source":["mall"]})"}, {"Event", event.dump()}})["Result"],
            false);
}

TEST_F(EventBridge, AScheduleShowsTheDefaultsOfWhatWasLeftOut) {
  make_role("scheduler.amazonaws.com");
  EXPECT_EQ(scheduled("CreateSchedule", schedule())["ScheduleArn"],
            "arn:aws:scheduler:us-east-1:000000000000:schedule/default/job");
  const json row = scheduled("GetSchedule", {{"Name", "job"}});
  EXPECT_EQ(row["State"], "ENABLED");
  EXPECT_EQ(row["ScheduleExpressionTimezone"], "UTC");
  EXPECT_EQ(row["GroupName"], "default");
  EXPECT_EQ(row["Target"]["RetryPolicy"],
            json({{"MaximumEventAgeInSeconds", 86400}, {"MaximumRetryAttempts", 185}}));
  EXPECT_EQ(row["Target"]["EcsParameters"]["TaskCount"], 1);
  EXPECT_THAT(refused("CreateSchedule", schedule()), StartsWith("ConflictException"));
  EXPECT_EQ(scheduled("ListSchedules", {{"NamePrefix", "j"}})["Schedules"].size(), 1U);
  scheduled("DeleteSchedule", {{"Name", "job"}});
  EXPECT_THAT(refused("GetSchedule", {{"Name", "job"}}), StartsWith("ResourceNotFoundException"));
}

TEST_F(EventBridge, SaysWhatIsWrongWithASchedule) {
  EXPECT_THAT(refused("CreateSchedule", schedule()),
              HasSubstr("must allow AWS EventBridge Scheduler to assume the role"));
  make_role("scheduler.amazonaws.com");
  json one = schedule();
  one["ScheduleExpression"] = "cron(0 3 * *)";
  EXPECT_THAT(refused("CreateSchedule", one), HasSubstr("Invalid Schedule Expression cron(0 3 * *)"));
  one = schedule();
  one["ScheduleExpressionTimezone"] = "Mars/Olympus";
  EXPECT_THAT(refused("CreateSchedule", one), HasSubstr("Invalid ScheduleExpressionTimezone Mars/Olympus"));
  one = schedule();
  one["FlexibleTimeWindow"] = {{"Mode", "FLEXIBLE"}};
  EXPECT_THAT(refused("CreateSchedule", one), HasSubstr("MaximumWindowInMinutes: is required"));
  one = schedule();
  one["GroupName"] = "none";
  EXPECT_THAT(refused("CreateSchedule", one), StartsWith("ResourceNotFoundException: Schedule group none"));
  one = schedule();
  one["Target"].erase("EcsParameters");
  EXPECT_THAT(refused("CreateSchedule", one), HasSubstr("Target.EcsParameters"));
}

TEST_F(EventBridge, AGroupGoesWithItsSchedules) {
  make_role("scheduler.amazonaws.com");
  scheduled("CreateScheduleGroup", {{"Name", "jobs"}});
  json one = schedule();
  one["GroupName"] = "jobs";
  scheduled("CreateSchedule", one);
  scheduled("DeleteScheduleGroup", {{"Name", "jobs"}});
  EXPECT_EQ(scheduled("ListSchedules", json::object())["Schedules"], json::array());
  EXPECT_THAT(refused("DeleteScheduleGroup", {{"Name", "default"}}), HasSubstr("cannot be deleted"));
}

TEST_F(EventBridge, RowsAreReadAsTheyWereWritten) {
  make_role("scheduler.amazonaws.com");
  scheduled("CreateSchedule", schedule());
  good("PutRule", {{"Name", "r"}, {"ScheduleExpression", "rate(1 hour)"}});
  good("PutTargets", put_target(target()));
  model::Schedule copy;
  const auto& row = *state.neighbours().schedules.find("default/job");
  ASSERT_TRUE(control::from_row(control::to_row(row), copy));
  EXPECT_EQ(control::to_row(copy), control::to_row(row));
  EXPECT_EQ(copy.target.ecs, row.target.ecs);
  model::EventRule rule;
  ASSERT_TRUE(control::from_row(control::to_row(*state.neighbours().event_rules.find("r")), rule));
  EXPECT_EQ(rule.targets.size(), 1U);
}

// ---- REST ----

shared::http::Request rest(const std::string& method, const std::string& target,
                           const std::string& body = "") {
  shared::http::Request request;
  request.method = method;
  request.target = target;
  request.body = body;
  request.headers.set("Authorization",
                      "AWS4-HMAC-SHA256 Credential=A/20300101/us-east-1/scheduler/aws4_request, "
                      "SignedHeaders=host;x-amz-date, Signature=" +
                          std::string(64, '0'));
  request.headers.set("X-Amz-Date", "20300101T000000Z");
  return request;
}

TEST(Rest, PathAndQueryAreMembersOfTheInput) {
  const auto found = aws::identify(rest("GET", "/schedules/job?groupName=jobs"));
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->service, aws::Service::kScheduler);
  EXPECT_EQ(found->operation, "GetSchedule");
  EXPECT_EQ(json::parse(found->input), json({{"Name", "job"}, {"GroupName", "jobs"}}));
  const auto tags = aws::identify(rest("DELETE", "/tags/arn%3Aaws%3Ax?TagKeys=a&TagKeys=b"));
  ASSERT_TRUE(tags);
  EXPECT_EQ(json::parse(tags->input)["ResourceArn"], "arn:aws:x");
  EXPECT_EQ(json::parse(tags->input)["TagKeys"], json::array({"a", "b"}));
  const auto made = aws::identify(rest("POST", "/schedules/job", R"({"State":"ENABLED"})"));
  ASSERT_TRUE(made);
  EXPECT_EQ(json::parse(made->input), json({{"Name", "job"}, {"State", "ENABLED"}}));
}

TEST(Rest, AnUnknownPathAndABrokenBodyAreErrors) {
  EXPECT_EQ(aws::identify(rest("PATCH", "/schedules/job")).error().code(), "UnknownOperationException");
  EXPECT_EQ(aws::identify(rest("GET", "/")).error().code(), "UnknownOperationException");
  EXPECT_EQ(aws::identify(rest("POST", "/schedules/job", "{")).error().code(), "ValidationException");
}

}  // namespace
}  // namespace agent::api
