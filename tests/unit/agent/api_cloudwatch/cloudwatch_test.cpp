#include "agent/api/cloudwatch/cloudwatch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/control/state/neighbours.h"
#include "tests/support/control_api.h"

namespace agent::api::cloudwatch {
namespace {

using aws::Protocol;
using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::int64_t kNow = 1'796'000'040;  // 0x6b0cc928

class Api : public tests::ControlState {
 public:
  Api() : ControlState(kNow * 1'000) {}
  shared::Result<std::string> send(Protocol protocol, const std::string& operation, const std::string& body) {
    const Call call{operation, body, tests::kRequestId, "", "000000000000", ""};
    if (is_about_figures(operation)) return run_on_figures(*state.live.metrics, now, call, protocol);
    shared::Result<std::string> answer{std::string()};
    (void)in_a_step([&](control::Step& step) -> shared::Result<void> {
      auto outcome = handle(step, call, protocol);
      answer = std::move(outcome.answer);
      if (answer || outcome.keep) return {};
      return answer.error();
    });
    return answer;
  }
  json good(const std::string& operation, const json& request) {
    const auto text = tests::expect_good(operation, send(Protocol::kJson, operation, request.dump()));
    return text.empty() ? json() : json::parse(text);
  }
  std::string error(const std::string& operation, const json& request) {
    return tests::error_of(send(Protocol::kJson, operation, request.dump()));
  }
  shared::http::Response respond_to(Protocol protocol, const std::string& operation,
                                    const std::string& body) {
    const Call call{operation, body, tests::kRequestId, "", "000000000000", ""};
    return respond(protocol, call, send(protocol, operation, body));
  }
};

json alarm(json more = json::object()) {
  json out{{"AlarmName", "a"},  {"Namespace", "Own"},
           {"MetricName", "m"}, {"Statistic", "Average"},
           {"Period", 60},      {"EvaluationPeriods", 2},
           {"Threshold", 80.0}, {"ComparisonOperator", "GreaterThanThreshold"}};
  out.update(more);
  return out;
}

TEST(AnAlarm, ComesBackAsItWasPutAndIsReplacedWhole) {
  Api api;
  EXPECT_TRUE(api.good("PutMetricAlarm",
                       alarm({{"DatapointsToAlarm", 1}, {"Tags", {{{"Key", "k"}, {"Value", "v"}}}}}))
                  .is_null());
  json found =
      api.good("DescribeAlarms", {{"AlarmNames", {"a"}}, {"AlarmTypes", {"MetricAlarm"}}})["MetricAlarms"][0];
  EXPECT_EQ(found["StateValue"], "INSUFFICIENT_DATA");
  EXPECT_EQ(found["StateReason"], "Unchecked: Initial alarm creation");
  EXPECT_EQ(found["AlarmArn"], "arn:aws:cloudwatch:us-east-1:000000000000:alarm:a");
  EXPECT_EQ(found["DatapointsToAlarm"], 1);
  EXPECT_FALSE(found.contains("TreatMissingData"));
  EXPECT_FALSE(found.contains("Unit"));
  api.good("SetAlarmState", {{"AlarmName", "a"}, {"StateValue", "OK"}, {"StateReason", "by hand"}});
  api.good("PutMetricAlarm", alarm({{"Threshold", 90}, {"Tags", json::array()}}));
  found = api.good("DescribeAlarms", json::object())["MetricAlarms"][0];
  EXPECT_EQ(found["StateValue"], "OK");
  EXPECT_EQ(found["Threshold"], 90);
  EXPECT_FALSE(found.contains("DatapointsToAlarm"));
  EXPECT_EQ(api.good("ListTagsForResource", {{"ResourceARN", found["AlarmArn"]}})["Tags"][0]["Value"], "v");
  EXPECT_TRUE(api.good("DescribeAlarms", {{"AlarmTypes", {"CompositeAlarm"}}})["MetricAlarms"].empty());
  EXPECT_EQ(
      api.good("DescribeAlarmsForMetric", {{"Namespace", "Own"}, {"MetricName", "m"}})["MetricAlarms"].size(),
      1U);
  EXPECT_TRUE(
      api.good("DescribeAlarmsForMetric", {{"Namespace", "Own"},
                                           {"MetricName", "m"},
                                           {"Dimensions", {{{"Name", "x"}, {"Value", "y"}}}}})["MetricAlarms"]
          .empty());
  const json history = api.good("DescribeAlarmHistory", {{"AlarmName", "a"}})["AlarmHistoryItems"];
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history[1]["HistorySummary"], "Alarm updated from INSUFFICIENT_DATA to OK");
}

TEST(AnAlarm, OnOneMetricStatIsEchoedAndMathIsRefused) {
  Api api;
  json request = alarm();
  for (const char* member : {"Namespace", "MetricName", "Statistic", "Period"}) request.erase(member);
  const json stat{{"Metric", {{"Namespace", "Own"}, {"MetricName", "m"}}}, {"Period", 60}, {"Stat", "Sum"}};
  request["Metrics"] = {{{"Id", "m1"}, {"MetricStat", stat}}};
  api.good("PutMetricAlarm", request);
  const json found = api.good("DescribeAlarms", json::object())["MetricAlarms"][0];
  EXPECT_EQ(found["Metrics"], request["Metrics"]);
  EXPECT_FALSE(found.contains("Statistic"));
  request["Metrics"].push_back({{"Id", "e1"}, {"Expression", "m1 * 2"}});
  EXPECT_THAT(api.error("PutMetricAlarm", request), HasSubstr("metric math is not offered"));
}

TEST(AnAlarm, IsRefusedWithTheMemberThatIsWrong) {
  Api api;
  const auto refused = [&](json change, const std::string& text) {
    json request = alarm();
    request.merge_patch(change);
    EXPECT_THAT(api.error("PutMetricAlarm", request), StartsWith(text));
  };
  refused({{"AlarmName", nullptr}}, "MissingParameter: The parameter AlarmName is required.");
  refused({{"Threshold", nullptr}}, "MissingParameter: The parameter Threshold");
  refused({{"Statistic", nullptr}}, "MissingParameter: The parameter Statistic");
  refused({{"Statistic", nullptr}, {"ExtendedStatistic", "p95"}},
          "InvalidParameterValue: ExtendedStatistic: percentiles");
  refused({{"Period", 45}}, "InvalidParameterValue: The value 45 of the parameter Period");
  refused({{"EvaluationPeriods", 2'000}},
          "InvalidParameterValue: Metrics cannot be checked across more than a day");
  refused({{"DatapointsToAlarm", 3}}, "InvalidParameterValue: DatapointsToAlarm");
  refused({{"Dimensions", {{{"Name", "x"}, {"Value", ""}}}}}, "InvalidParameterValue: Dimensions");
  refused({{"TreatMissingData", "never"}}, "InvalidParameterValue: TreatMissingData");
  refused({{"Unit", "Parsecs"}}, "InvalidParameterValue: The value 'Parsecs' of the parameter Unit");
  EXPECT_THAT(api.error("PutDashboard", json::object()),
              StartsWith("InvalidParameterValue: PutDashboard is not offered"));
  EXPECT_THAT(api.error("Nothing", json::object()), StartsWith("InvalidAction"));
}

TEST(AFigure, IsRefusedWhenNobodyCouldReadIt) {
  Api api;
  const auto refused = [&](json datum, const std::string& text) {
    datum["MetricName"] = "m";
    EXPECT_THAT(api.error("PutMetricData", {{"Namespace", "Own"}, {"MetricData", {datum}}}),
                StartsWith(text));
  };
  refused({{"Value", 1}, {"Values", {1}}},
          "InvalidParameterCombination: MetricData.member.1: exactly one of");
  refused({{"Value", 1}, {"Timestamp", kNow - 3 * 86'400}},
          "InvalidParameterValue: MetricData.member.1.Timestamp is more than two days ago");
  refused({{"Value", 1}, {"Timestamp", kNow + 9'000}},
          "InvalidParameterValue: MetricData.member.1.Timestamp is more than two hours ahead");
  refused({{"Values", {1, 2}}, {"Counts", {1}}}, "InvalidParameterValue: MetricData.member.1.Counts");
  refused({{"StatisticValues", {{"Sum", 1}}}},
          "MissingParameter: The parameter MetricData.member.1.StatisticValues.SampleCount");
  refused({{"Value", 1e200}}, "InvalidParameterValue: MetricData.member.1.Value");
  EXPECT_THAT(api.error("GetMetricStatistics", {{"Namespace", "Own"},
                                                {"MetricName", "m"},
                                                {"StartTime", kNow - 86'400},
                                                {"EndTime", kNow},
                                                {"Period", 10},
                                                {"Statistics", {"Sum"}}}),
              StartsWith("InvalidParameterCombination: You have requested up to 8640 datapoints"));
  EXPECT_TRUE(api.state.live.metrics->series().empty());
}

TEST(TheThreeProtocols, SayTheSame) {
  Api api;
  const std::string form =
      "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=a%20b&Namespace=Own&MetricName=m&Statistic=Average&"
      "Period=60&EvaluationPeriods=1&Threshold=1.5"
      "&ComparisonOperator=GreaterThanThreshold&Dimensions.member.1.Name=Queue&Dimensions.member.1.Value=10&"
      "ActionsEnabled=false&AlarmActions.member.1=arn:x";
  const auto put = api.respond_to(Protocol::kQuery, "PutMetricAlarm", form);
  EXPECT_EQ(put.status, 200) << put.body;
  EXPECT_THAT(
      put.body,
      StartsWith("<PutMetricAlarmResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\">"));
  const json stored = api.good("DescribeAlarms", json::object())["MetricAlarms"][0];
  EXPECT_EQ(stored["AlarmName"], "a b");
  EXPECT_EQ(stored["Threshold"], 1.5);
  EXPECT_EQ(stored["ActionsEnabled"], false);
  EXPECT_EQ(stored["Dimensions"], json::array({{{"Name", "Queue"}, {"Value", "10"}}}));
  const auto xml =
      api.respond_to(Protocol::kQuery, "DescribeAlarms", "Action=DescribeAlarms&AlarmNames.member.1=a%20b")
          .body;
  EXPECT_EQ(tests::xml_text(xml, "Threshold"), "1.5");
  EXPECT_EQ(tests::xml_text(xml, "StateUpdatedTimestamp"), "2026-11-30T00:54:00.000Z");
  EXPECT_THAT(xml, HasSubstr("<AlarmActions><member>arn:x</member></AlarmActions>"));
  const auto cbor = api.respond_to(Protocol::kCbor, "DescribeAlarms", std::string());
  EXPECT_EQ(cbor.headers.get("smithy-protocol"), "rpc-v2-cbor");
  EXPECT_EQ(cbor.headers.get("Content-Type"), "application/cbor");
  EXPECT_THAT(cbor.body, HasSubstr("\x69"
                                   "AlarmName"
                                   "\x63"
                                   "a b"));
  EXPECT_THAT(cbor.body, HasSubstr("StateUpdatedTimestamp\xc1\xfb"));  // tag 1, a double
}

TEST(TheThreeProtocols, TakeFiguresAndTimes) {
  Api api;
  const auto put = api.respond_to(Protocol::kQuery, "PutMetricData",
                                  "Action=PutMetricData&Namespace=Own&MetricData.member.1.MetricName=m&"
                                  "MetricData.member.1.Values.member.1=1"
                                  "&MetricData.member.1.Values.member.2=4&MetricData.member.1.Counts.member."
                                  "1=2&MetricData.member.1.Counts.member.2=1"
                                  "&MetricData.member.1.Timestamp=2026-11-30T00:53:30.5Z&MetricData.member.2."
                                  "MetricName=m&MetricData.member.2.Value=-2"
                                  "&MetricData.member.2.Timestamp=2026-11-30T01:53:30%2B01:00");
  EXPECT_EQ(put.status, 200) << put.body;
  const json read{
      {"Namespace", "Own"}, {"MetricName", "m"}, {"StartTime", kNow - 600},
      {"EndTime", kNow},    {"Period", 60},      {"Statistics", {"Sum", "SampleCount", "Minimum"}}};
  const json points = api.good("GetMetricStatistics", read)["Datapoints"];
  ASSERT_EQ(points.size(), 1U);
  EXPECT_EQ(points[0], json({{"Timestamp", double{kNow - 60}},
                             {"Unit", "None"},
                             {"Sum", 4.0},
                             {"SampleCount", 4.0},
                             {"Minimum", -2.0}}));
  const auto bytes =
      json::to_cbor(json{{"Namespace", "Own"}, {"MetricData", {{{"MetricName", "n"}, {"Value", 3}}}}});
  EXPECT_EQ(api.respond_to(Protocol::kCbor, "PutMetricData", std::string(bytes.begin(), bytes.end())).body,
            "");
  EXPECT_EQ(api.good("ListMetrics", {{"MetricName", "n"}})["Metrics"].size(), 1U);
  EXPECT_EQ(api.respond_to(Protocol::kCbor, "PutMetricData", "\xff\xff").status, 400);
  EXPECT_EQ(
      api.respond_to(Protocol::kQuery, "PutMetricData", "Action=PutMetricData&MetricData.member.1.Value=x")
          .status,
      400);
}

TEST(Cbor, IsReadInEachOfItsForms) {
  Api api;
  using std::string_literals::operator""s;
  // Indefinite and definite lengths, a time with its tag, floats of all sizes, a small integer.
  const std::string datum =
      "\xa3"
      "\x6a"
      "MetricName"
      "\x61"
      "n"
      "\x65"
      "Value"
      "\xf9\x3e\x00"
      "\x69"
      "Timestamp"
      "\xc1\x1a\x6b\x0c\xc9\x28"s;
  const std::string put =
      "\xbf"
      "\x69"
      "Namespace"
      "\x7f\x62"
      "Ow"
      "\x61"
      "n"
      "\xff"
      "\x6a"
      "MetricData"
      "\x9f"s +
      datum + "\xff\xff"s;
  EXPECT_EQ(api.respond_to(Protocol::kCbor, "PutMetricData", put).status, 200);
  const json points = api.good("GetMetricStatistics", {{"Namespace", "Own"},
                                                       {"MetricName", "n"},
                                                       {"StartTime", kNow - 60},
                                                       {"EndTime", kNow + 60},
                                                       {"Period", 60},
                                                       {"Statistics", {"Sum"}}})["Datapoints"];
  ASSERT_EQ(points.size(), 1U);
  EXPECT_EQ(points[0]["Sum"], 1.5);
  for (const std::string& broken :
       {"\xbf"s, "\xa1\x61"s, "\xa1\x61\x61"s, "\x9f\xff"s, "\xa0\xa0"s, "\xa1\x01\x01"s, "\xa1\x61\x61\x1f"s,
        "\x9b\xff\xff\xff\xff\xff\xff\xff\xff"s, std::string(40, '\x81')})
    EXPECT_EQ(api.respond_to(Protocol::kCbor, "DescribeAlarms", broken).status, 400);
}

TEST(ALongRequest, MayBeGzip) {
  // `printf '{}' | gzip -n`.
  const std::string gzip("\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0", 22);
  const auto plain = inflated(gzip);
  ASSERT_TRUE(plain);
  EXPECT_EQ(*plain, "{}");
  EXPECT_THAT(tests::error_of(inflated("{}")), StartsWith("InvalidParameterValue: The body is no gzip"));
  EXPECT_THAT(tests::error_of(inflated(gzip.substr(0, 10))),
              StartsWith("InvalidParameterValue: The body is no gzip"));
}

TEST(Errors, AreNamedAsEachProtocolNamesThem) {
  Api api;
  api.good("PutMetricAlarm", alarm());
  const auto as_json = api.respond_to(Protocol::kJson, "DeleteAlarms", R"({"AlarmNames": ["a", "none"]})");
  EXPECT_EQ(as_json.status, 404);
  EXPECT_EQ(as_json.headers.get("x-amzn-query-error"), "ResourceNotFound;Sender");
  EXPECT_EQ(json::parse(as_json.body)["__type"], "com.amazonaws.cloudwatch#ResourceNotFound");
  EXPECT_TRUE(api.state.neighbours().alarms.rows().empty()) << "the one that there was is gone";
  EXPECT_EQ(json::parse(api.respond_to(Protocol::kJson, "PutMetricAlarm", "{}").body)["__type"],
            "com.amazonaws.cloudwatch#MissingRequiredParameterException");
  const auto as_xml = api.respond_to(Protocol::kQuery, "SetAlarmState",
                                     "Action=SetAlarmState&AlarmName=none&StateValue=OK&StateReason=x");
  EXPECT_EQ(as_xml.status, 404);
  EXPECT_EQ(tests::xml_text(as_xml.body, "Code"), "ResourceNotFound");
  EXPECT_EQ(tests::xml_text(as_xml.body, "Type"), "Sender");
}

}  // namespace
}  // namespace agent::api::cloudwatch
