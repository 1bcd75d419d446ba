#include "agent/api/logs/logs.h"
#include "tests/support/control_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

namespace agent::api::logs {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::int64_t kNow = 1'796'000'000'000;

class Api {
 public:
  Api() {
    std::string name = "/tmp/berth-api-logs-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    store_ = *agent::logs::Store::open(folder_ + "/logs.db");
  }
  ~Api() {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  shared::Result<json> call(const std::string& operation, const json& request) {
    auto answer = handle(*store_, realm_, shared::from_epoch_millis(now),
                         {operation, request.dump(), "id", "", "", ""});
    if (!answer) return answer.error();
    return json::parse(*answer);
  }
  json good(const std::string& operation, const json& request) {
    return tests::expect_good(operation, call(operation, request), json::object());
  }
  std::string error(const std::string& operation, const json& request) {
    return tests::error_of(call(operation, request));
  }
  void make(const std::string& group, const std::vector<std::string>& streams) {
    good("CreateLogGroup", {{"logGroupName", group}});
    for (const auto& stream : streams)
      good("CreateLogStream", {{"logGroupName", group}, {"logStreamName", stream}});
  }
  json put(const std::string& group, const std::string& stream,
           const std::vector<std::pair<std::int64_t, std::string>>& events) {
    json list = json::array();
    for (const auto& [time, message] : events) list.push_back({{"timestamp", time}, {"message", message}});
    return good("PutLogEvents", {{"logGroupName", group}, {"logStreamName", stream}, {"logEvents", list}});
  }
  static std::vector<std::string> messages(const json& answer) {
    std::vector<std::string> out;
    for (const auto& each : answer["events"]) out.push_back(each["message"]);
    return out;
  }

  std::int64_t now = kNow;

 private:
  std::string folder_;
  aws::Realm realm_;
  std::unique_ptr<agent::logs::Store> store_;
};

TEST(Groups, AreDescribedAsTheyWereMade) {
  Api api;
  api.good("CreateLogGroup", {{"logGroupName", "/ecs/web"}, {"tags", {{"team", "red"}}}});
  EXPECT_EQ(api.error("CreateLogGroup", {{"logGroupName", "/ecs/web"}}),
            "ResourceAlreadyExistsException: The specified log group already exists");
  api.good("PutRetentionPolicy", {{"logGroupName", "/ecs/web"}, {"retentionInDays", 14}});
  const json group = api.good("DescribeLogGroups", {{"logGroupNamePrefix", "/ecs"}})["logGroups"][0];
  EXPECT_EQ(group["arn"], "arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web:*");
  EXPECT_EQ(group["logGroupArn"], "arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web");
  EXPECT_EQ(group["retentionInDays"], 14);
  EXPECT_EQ(group["creationTime"], kNow);
  for (const char* suffix : {"", ":*"}) {
    const json tags =
        api.good("ListTagsForResource", {{"resourceArn", group["logGroupArn"].get<std::string>() + suffix}});
    EXPECT_EQ(tags, json({{"tags", {{"team", "red"}}}}));
  }
  api.good("TagResource",
           {{"resourceArn", group["logGroupArn"]}, {"tags", {{"env", "x"}, {"team", "blue"}}}});
  api.good("UntagLogGroup", {{"logGroupName", "/ecs/web"}, {"tags", {"env"}}});
  EXPECT_EQ(api.good("ListTagsLogGroup", {{"logGroupName", "/ecs/web"}}),
            json({{"tags", {{"team", "blue"}}}}));
  api.good("DeleteRetentionPolicy", {{"logGroupName", "/ecs/web"}});
  EXPECT_FALSE(api.good("DescribeLogGroups", json::object())["logGroups"][0].contains("retentionInDays"));
  api.good("DeleteLogGroup", {{"logGroupName", "/ecs/web"}});
  EXPECT_EQ(api.error("DeleteLogGroup", {{"logGroupName", "/ecs/web"}}),
            "ResourceNotFoundException: The specified log group does not exist.");
}

TEST(Groups, SayWhatIsWrongWithARequest) {
  Api api;
  EXPECT_THAT(api.error("CreateLogGroup", json::object()), HasSubstr("Value null at 'logGroupName'"));
  EXPECT_THAT(
      api.error("CreateLogGroup", {{"logGroupName", "a b"}}),
      StartsWith(
          "InvalidParameterException: 1 validation error detected: Value 'a b' at 'logGroupName' failed"));
  EXPECT_THAT(api.error("CreateLogGroup", {{"logGroupName", std::string(513, 'a')}}),
              HasSubstr("less than or equal to 512"));
  EXPECT_THAT(api.error("CreateLogGroup", {{"logGroupName", "aws/x"}}),
              HasSubstr("must not begin with aws/"));
  EXPECT_THAT(api.error("CreateLogGroup", {{"logGroupName", "g"}, {"kmsKeyId", "k"}}),
              HasSubstr("kmsKeyId is not offered"));
  EXPECT_THAT(api.error("CreateLogGroup", {{"logGroupName", "g"}, {"logGroupClass", "GOLD"}}),
              HasSubstr("'GOLD' at 'logGroupClass'"));
  EXPECT_THAT(api.error("CreateLogGroup", {{"logGroupName", 7}}),
              StartsWith("SerializationException: logGroupName"));
  api.good("CreateLogGroup", {{"logGroupName", "g"}});
  EXPECT_THAT(api.error("PutRetentionPolicy", {{"logGroupName", "g"}, {"retentionInDays", 2}}),
              HasSubstr("Value '2' at 'retentionInDays' failed to satisfy constraint: Member must satisfy "
                        "enum value set: [1, 3, 5"));
  EXPECT_THAT(api.error("DescribeLogGroups", {{"logGroupNamePrefix", "a"}, {"logGroupNamePattern", "b"}}),
              HasSubstr("mutually exclusive"));
  EXPECT_THAT(api.error("DescribeLogGroups", {{"limit", 51}}), HasSubstr("less than or equal to 50"));
  EXPECT_THAT(api.error("ListTagsForResource", {{"resourceArn", "arn:aws:logs:us-east-1:1:log-group:g"}}),
              HasSubstr("this account and region"));
  EXPECT_THAT(api.error("StartQuery", json::object()),
              StartsWith("InvalidParameterException: StartQuery is not offered"));
  EXPECT_THAT(api.error("Nothing", json::object()), StartsWith("UnknownOperationException"));
}

TEST(Groups, ComeInPagesByPrefixAndByPattern) {
  Api api;
  for (int i = 0; i < 7; ++i) api.good("CreateLogGroup", {{"logGroupName", "/a/" + std::to_string(i)}});
  api.good("CreateLogGroup", {{"logGroupName", "/b/3"}});
  std::vector<std::string> seen;
  json request{{"logGroupNamePrefix", "/a/"}, {"limit", 3}};
  for (int page = 0; page < 3; ++page) {
    const json answer = api.good("DescribeLogGroups", request);
    for (const auto& each : answer["logGroups"]) seen.push_back(each["logGroupName"]);
    EXPECT_EQ(answer.contains("nextToken"), page < 2);
    request["nextToken"] = answer.value("nextToken", "");
  }
  EXPECT_THAT(seen, ElementsAre("/a/0", "/a/1", "/a/2", "/a/3", "/a/4", "/a/5", "/a/6"));
  EXPECT_EQ(api.good("DescribeLogGroups", {{"logGroupNamePattern", "/3"}})["logGroups"].size(), 2U);
}

TEST(Streams, AreOrderedByNameOrByTheirLastEvent) {
  Api api;
  api.make("g", {"b", "a/1", "c"});
  api.put("g", "c", {{kNow - 10, "x"}});
  api.put("g", "b", {{kNow - 5, "x"}});
  const auto names = [&](json request) {
    request["logGroupName"] = "g";
    std::vector<std::string> out;
    const json answer = api.good("DescribeLogStreams", request);
    for (const auto& each : answer["logStreams"]) out.push_back(each["logStreamName"]);
    return out;
  };
  EXPECT_THAT(names(json::object()), ElementsAre("a/1", "b", "c"));
  EXPECT_THAT(names({{"descending", true}}), ElementsAre("c", "b", "a/1"));
  EXPECT_THAT(names({{"orderBy", "LastEventTime"}, {"descending", true}}), ElementsAre("b", "c", "a/1"));
  EXPECT_THAT(names({{"logStreamNamePrefix", "a"}}), ElementsAre("a/1"));
  EXPECT_EQ(api.error("DescribeLogStreams",
                      {{"logGroupName", "g"}, {"orderBy", "LastEventTime"}, {"logStreamNamePrefix", "a"}}),
            "InvalidParameterException: Cannot order by LastEventTime with a logStreamNamePrefix.");
  const json page = api.good(
      "DescribeLogStreams",
      {{"logGroupIdentifier", "g"}, {"orderBy", "LastEventTime"}, {"descending", true}, {"limit", 1}});
  EXPECT_EQ(page["logStreams"][0]["lastEventTimestamp"], kNow - 5);
  EXPECT_THAT(names({{"orderBy", "LastEventTime"}, {"descending", true}, {"nextToken", page["nextToken"]}}),
              ElementsAre("c", "a/1"));
  EXPECT_THAT(api.error("DescribeLogStreams", json::object()),
              HasSubstr("Either logGroupName or logGroupIdentifier"));
  EXPECT_THAT(api.error("CreateLogStream", {{"logGroupName", "g"}, {"logStreamName", "a:b"}}),
              HasSubstr("'a:b' at 'logStreamName'"));
}

TEST(Put, RefusesWhatIsNotABatch) {
  Api api;
  api.make("g", {"s"});
  const auto fails = [&](const json& events) {
    return api.error("PutLogEvents", {{"logGroupName", "g"}, {"logStreamName", "s"}, {"logEvents", events}});
  };
  const auto event = [](std::int64_t time, const std::string& message) {
    return json{{"timestamp", time}, {"message", message}};
  };
  EXPECT_THAT(fails(json::array()), HasSubstr("'logEvents'"));
  EXPECT_EQ(fails({event(kNow, "b"), event(kNow - 1, "a")}),
            "InvalidParameterException: Log events in a single PutLogEvents request must be in chronological "
            "order.");
  EXPECT_THAT(fails({event(kNow - 90'000'000, "a"), event(kNow, "b")}),
              HasSubstr("cannot span more than 24 hours"));
  EXPECT_THAT(fails(json::array({event(kNow, "")})), HasSubstr("'logEvents[0].message'"));
  EXPECT_THAT(fails(json::array({event(-1, "a")})), HasSubstr("'logEvents[0].timestamp'"));
  EXPECT_THAT(fails(json::array({event(kNow, std::string(1'048'576 - 25, 'x'))})),
              HasSubstr("Upload too large: 1048577 bytes exceeds limit of 1048576"));
  EXPECT_EQ(api.error("PutLogEvents", {{"logGroupName", "x"},
                                       {"logStreamName", "s"},
                                       {"logEvents", json::array({event(kNow, "a")})}}),
            "ResourceNotFoundException: The specified log group does not exist.");
  EXPECT_EQ(api.error("PutLogEvents", {{"logGroupName", "g"},
                                       {"logStreamName", "x"},
                                       {"logEvents", json::array({event(kNow, "a")})}}),
            "ResourceNotFoundException: The specified log stream does not exist.");
  api.good("PutLogEvents", {{"logGroupName", "g"},
                            {"logStreamName", "s"},
                            {"sequenceToken", "old"},
                            {"logEvents", json::array({event(kNow, std::string(1'048'576 - 26, 'x'))})}});
}

TEST(Put, TakesTheRestOfWhatIsTooOldOrTooNew) {
  Api api;
  api.make("g", {"s"});
  constexpr std::int64_t kHour = 3'600'000;
  EXPECT_FALSE(api.put("g", "s", {{kNow, "ok"}}).contains("rejectedLogEventsInfo"));
  EXPECT_EQ(api.put("g", "s",
                    {{kNow - 14 * 24 * kHour - 1, "old"},
                     {kNow - 14 * 24 * kHour, "just"}})["rejectedLogEventsInfo"],
            json({{"tooOldLogEventEndIndex", 1}}));
  EXPECT_EQ(api.put("g", "s", {{kNow, "b"}, {kNow + 2 * kHour + 1, "new"}})["rejectedLogEventsInfo"],
            json({{"tooNewLogEventStartIndex", 1}}));
  EXPECT_THAT(Api::messages(api.good("FilterLogEvents", {{"logGroupName", "g"}})),
              ElementsAre("just", "ok", "b"));
  api.good("PutRetentionPolicy", {{"logGroupName", "g"}, {"retentionInDays", 1}});
  EXPECT_EQ(
      api.put("g", "s", {{kNow - 25 * kHour, "gone"}, {kNow - 20 * kHour, "c"}})["rejectedLogEventsInfo"],
      json({{"expiredLogEventEndIndex", 1}}));
  EXPECT_THAT(Api::messages(api.good("FilterLogEvents", {{"logGroupName", "g"}})),
              ElementsAre("c", "ok", "b"));
}

TEST(Get, PagesForwardsAndBackwardsUntilTheTokenComesBack) {
  Api api;
  api.make("g", {"s"});
  std::vector<std::pair<std::int64_t, std::string>> events;
  for (int i = 0; i < 5; ++i) events.emplace_back(kNow + i / 2, std::to_string(i));
  api.put("g", "s", events);
  json request{{"logGroupName", "g"}, {"logStreamName", "s"}, {"limit", 2}, {"startFromHead", true}};
  std::vector<std::string> seen;
  std::string token;
  for (int page = 0;; ++page) {
    ASSERT_LT(page, 10);
    const json answer = api.good("GetLogEvents", request);
    for (const auto& each : Api::messages(answer)) seen.push_back(each);
    if (answer["nextForwardToken"] == token) break;
    token = answer["nextForwardToken"];
    request["nextToken"] = token;
  }
  EXPECT_THAT(seen, ElementsAre("0", "1", "2", "3", "4"));
  // New lines are behind the same token.
  api.put("g", "s", {{kNow + 9, "5"}});
  EXPECT_THAT(Api::messages(api.good("GetLogEvents", request)), ElementsAre("5"));

  json newest{{"logGroupName", "g"}, {"logStreamName", "s"}, {"limit", 4}};
  json answer = api.good("GetLogEvents", newest);
  EXPECT_THAT(Api::messages(answer), ElementsAre("2", "3", "4", "5"));
  newest["nextToken"] = answer["nextBackwardToken"];
  answer = api.good("GetLogEvents", newest);
  EXPECT_THAT(Api::messages(answer), ElementsAre("0", "1"));
  newest["nextToken"] = answer["nextBackwardToken"];
  answer = api.good("GetLogEvents", newest);
  EXPECT_THAT(Api::messages(answer), ElementsAre());
  EXPECT_EQ(answer["nextBackwardToken"], newest["nextToken"]);
  // And back again.
  newest["nextToken"] = answer["nextForwardToken"];
  EXPECT_THAT(Api::messages(api.good("GetLogEvents", newest)), ElementsAre("0", "1", "2", "3"));
  EXPECT_EQ(api.error("GetLogEvents", {{"logGroupName", "g"}, {"logStreamName", "s"}, {"nextToken", "x"}}),
            "InvalidParameterException: The specified nextToken is invalid.");
}

TEST(Get, EndsBeforeItsEndTimeWhichFilterIncludes) {
  Api api;
  api.make("g", {"s"});
  api.put("g", "s", {{kNow, "a"}, {kNow + 1, "b"}, {kNow + 2, "c"}});
  const json span{{"logGroupName", "g"}, {"startTime", kNow}, {"endTime", kNow + 1}};
  json one = span;
  one["logStreamName"] = "s";
  EXPECT_THAT(Api::messages(api.good("GetLogEvents", one)), ElementsAre("a"));
  EXPECT_THAT(Api::messages(api.good("FilterLogEvents", span)), ElementsAre("a", "b"));
}

TEST(Filter, MixesStreamsInTheOrderOfTheirTimesWithIdsThatStay) {
  Api api;
  api.make("g", {"a", "b", "c"});
  api.put("g", "a", {{kNow, "a0 ERROR"}, {kNow + 2, "a2"}});
  api.put("g", "b", {{kNow + 1, "b1 ERROR"}, {kNow + 2, "b2"}});
  api.put("g", "c", {{kNow, "c0 ERROR"}});
  const json all = api.good("FilterLogEvents", {{"logGroupName", "g"}, {"interleaved", true}});
  EXPECT_THAT(Api::messages(all), ElementsAre("a0 ERROR", "c0 ERROR", "b1 ERROR", "a2", "b2"));
  EXPECT_EQ(api.good("FilterLogEvents", {{"logGroupName", "g"}}), all);
  EXPECT_EQ(all["events"][0]["eventId"].get<std::string>().size(), 56U);
  EXPECT_EQ(all["events"][0]["ingestionTime"], kNow);
  EXPECT_THAT(Api::messages(api.good(
                  "FilterLogEvents",
                  {{"logGroupName", "g"}, {"filterPattern", "ERROR"}, {"logStreamNames", {"b", "c"}}})),
              ElementsAre("c0 ERROR", "b1 ERROR"));
  EXPECT_THAT(
      Api::messages(api.good("FilterLogEvents", {{"logGroupName", "g"}, {"logStreamNamePrefix", "a"}})),
      ElementsAre("a0 ERROR", "a2"));
  json request{{"logGroupName", "g"}, {"limit", 2}};
  std::vector<std::string> seen;
  for (int page = 0; page < 3; ++page) {
    const json answer = api.good("FilterLogEvents", request);
    for (const auto& each : Api::messages(answer)) seen.push_back(each);
    EXPECT_EQ(answer.contains("nextToken"), page < 2);
    request["nextToken"] = answer.value("nextToken", "");
  }
  EXPECT_EQ(seen, Api::messages(all));
  EXPECT_THAT(api.error("FilterLogEvents", {{"logGroupName", "g"}, {"filterPattern", "a.b"}}),
              HasSubstr("Invalid filter pattern"));
  EXPECT_THAT(api.error("FilterLogEvents",
                        {{"logGroupName", "g"}, {"logStreamNames", {"a"}}, {"logStreamNamePrefix", "a"}}),
              HasSubstr("exclude each other"));
}

}  // namespace
}  // namespace agent::api::logs
