#include "agent/scheduler/query.h"

#include <gtest/gtest.h>

namespace agent::scheduler {
namespace {

class QueryTest : public ::testing::Test {
 protected:
  bool ask(const std::string& text) {
    auto query = Query::parse(text);
    EXPECT_TRUE(query.has_value()) << text << ": " << (query ? "" : query.error().text());
    if (!query) return false;
    QueryFacts facts;
    facts.attributes = &attributes_;
    facts.groups = &groups_;
    facts.ec2_instance_id = "mi-0abc";
    facts.agent_version = "1.89.1";
    facts.registered_at = shared::from_epoch_millis(1'529'360'908'000);  // 2018-06-18T22:28:28Z
    facts.running_tasks = 2;
    facts.agent_connected = true;
    return query->matches(facts);
  }
  static std::string error(const std::string& text) {
    auto query = Query::parse(text);
    return query ? "parsed" : query.error().code() + " " + query.error().text();
  }

  std::map<std::string, std::string> attributes_ = {{"ecs.instance-type", "g2.large"},
                                                    {"ecs.availability-zone", "us-east-1a"},
                                                    {"ecs.os-type", "linux"},
                                                    {"stack", "prod"},
                                                    {"size", "9"},
                                                    {"gpu", ""}};
  std::map<std::string, int> groups_ = {{"service:production", 1}, {"family:web", 2}};
};

TEST_F(QueryTest, AnswersWhatItIsAsked) {
  const std::pair<const char*, bool> cases[] = {
      {"attribute:ecs.instance-type =~ g2.* and attribute:ecs.availability-zone != us-east-1d", true},
      {"attribute:ecs.availability-zone in [us-east-1a, us-east-1b]", true},
      {"attribute:ecs.availability-zone not_in [us-east-1a, us-east-1b]", false},
      {"attribute:ecs.availability-zone !in ['us-east-1c']", true},
      {"task:group == service:production", true},
      {"not(task:group == databases)", true},
      {"task:group != service:production", false},
      {"task:group =~ family:.*", true},
      {"runningTasksCount == 2", true},
      {"runningTasksCount >= 3", false},
      {"agentVersion < 1.100.0", true},  // as version numbers, not as text
      {"agentVersion == 1.89.1", true},
      {"agentVersion > 1.89.1", false},
      {"registeredAt < 2018-06-19", true},
      {"registeredAt == 2018-06-18T22:28:28Z", true},
      {"registeredAt == 2018-06-19T00:28:28+02:00", true},
      {"ec2InstanceId in ['mi-0abc','i-wxyx7890']", true},
      {"agentConnected == true", true},
      {"(attribute:stack == prod or attribute:stack exists) and attribute:ecs.os-type == linux", true},
      {"attribute:gpu exists", true},
      {"attribute:missing !exists", true},
      {"attribute:missing == x", false},
      {"attribute:missing != x", true},
      {"attribute:missing !~ x.*", true},
      {"attribute:size > 10", false},                        // numbers are compared as numbers
      {"attribute:ecs.instance-type matches large", false},  // the whole value must match
      {"attribute:ecs.instance-type =~ '(g2|p3).(large|xlarge)'", true},
      {"attribute:stack == test or attribute:stack == prod and attribute:size == 9", true},
      {"! attribute:stack == prod or attribute:size == 9", true},  // `not` binds tightest
      {"attribute:stack == \"prod\" && attribute:size == '9' || attribute:no exists", true},
      {"attribute:ecs.instance-type =~ g2.(large|xlarge)", true},
      {"NOT attribute:stack EQUALS prod", false},
      {"attribute:stack==prod", true},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(ask(text), expected) << text;
}

TEST_F(QueryTest, NamesThePositionOfWhatIsWrong) {
  EXPECT_EQ(error(""),
            "InvalidParameterException Invalid expression: at position 1: expected a subject, got the end");
  EXPECT_EQ(error("attribute:a == "),
            "InvalidParameterException Invalid expression: at position 16: expected a value, got the end");
  EXPECT_EQ(error("atribute:a == b"),
            "InvalidParameterException Invalid expression: at position 1: unknown subject 'atribute:a'");
  EXPECT_EQ(error("runningTasksCount =~ 1"),
            "InvalidParameterException Invalid expression: at position 19: '=~' is not defined for "
            "'runningTasksCount'");
  EXPECT_EQ(error("attribute:a in [b, c"),
            "InvalidParameterException Invalid expression: at position 21: expected ',' or ']', got the end");
  EXPECT_EQ(error("(attribute:a exists"),
            "InvalidParameterException Invalid expression: at position 20: expected ')', got the end");
  EXPECT_EQ(error("attribute:a == 'b"),
            "InvalidParameterException Invalid expression: at position 16: the quotation mark is not closed");
  EXPECT_EQ(
      error("attribute:a exists attribute:b exists"),
      "InvalidParameterException Invalid expression: at position 20: expected 'and', 'or' or the end, got "
      "'attribute:b'");
  EXPECT_EQ(error("registeredAt < yesterday"),
            "InvalidParameterException Invalid expression: at position 16: 'yesterday' is not a time such as "
            "2018-06-18T22:28:28Z");
  EXPECT_NE(error("attribute:a =~ '*'").find("not a regular expression"), std::string::npos);
  EXPECT_NE(error(std::string(2001, 'a')).find("longer than 2000"), std::string::npos);
  EXPECT_NE(error(std::string(500, '(') + "attribute:a exists" + std::string(500, ')')).find("nested"),
            std::string::npos);
}

}  // namespace
}  // namespace agent::scheduler
