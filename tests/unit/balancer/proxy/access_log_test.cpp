#include "balancer/proxy/access_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace balancer::proxy {
namespace {

// Splits as log parsers do: spaces apart, quotes together.
std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> out;
  std::string field;
  bool quoted = false;
  bool any = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '\\' && (line[i + 1] == '"' || line[i + 1] == '\\')) {
      field += line[++i];
    } else if (c == '"') {
      quoted = !quoted;
      any = true;
    } else if (!quoted && (c == ' ' || c == '\n')) {
      if (any || !field.empty()) out.push_back(field);
      field.clear();
      any = false;
    } else {
      field += c;
    }
  }
  return out;
}

AccessRecord record() {
  AccessRecord r;
  r.created = shared::from_epoch_millis(1'714'566'896'123);
  r.time = shared::from_epoch_millis(1'714'566'896'789);
  r.load_balancer = "app/web/50dc6c495c0c9188";
  r.client = "192.0.2.7:4711";
  r.target = "10.0.0.1:8080";
  r.request_seconds = 0.0004;
  r.target_seconds = 0.5;
  r.response_seconds = 0;
  r.elb_status = 200;
  r.target_status = 200;
  r.received = 34;
  r.sent = 366;
  r.request = "GET http://www.example.com:80/?q=\"x\" HTTP/1.1";
  r.user_agent = "curl/7.46.0\x01";
  r.target_group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/73e2d6bc24d8a067";
  r.trace_id = "Root=1-58337262-36d228ad5d99923122bbe354";
  r.rule_priority = 0;
  r.action = "forward";
  return r;
}

TEST(AccessLog, HasAlbsFieldsInTheirPlacesAndOursBehindThem) {
  std::string line;
  append_line(line, record());
  const auto f = fields(line);
  ASSERT_EQ(f.size(), 36U) << line;
  EXPECT_EQ(f[0], "http");
  EXPECT_EQ(f[1], "2024-05-01T12:34:56.789Z");
  EXPECT_EQ(f[3], "192.0.2.7:4711");
  EXPECT_EQ(f[4], "10.0.0.1:8080");
  EXPECT_EQ(f[6], "0.500");
  EXPECT_EQ(f[8], "200");
  EXPECT_EQ(f[12], "GET http://www.example.com:80/?q=\"x\" HTTP/1.1");
  EXPECT_EQ(f[13], "curl/7.46.0\\x01");
  EXPECT_EQ(f[17], "Root=1-58337262-36d228ad5d99923122bbe354");
  EXPECT_EQ(f[20], "0");
  EXPECT_EQ(f[22], "forward");
  EXPECT_EQ(f[25], "10.0.0.1:8080");
  EXPECT_EQ(f[27], "-") << "a compliant request has no classification";
  EXPECT_EQ(f[34], "-");
  EXPECT_EQ(f[35], "-");
}

TEST(AccessLog, WhatNeverHappenedIsAMinusAndAMinusOne) {
  AccessRecord r = record();
  r.clear();
  r.ended_by = EndedBy::kClient;
  r.reason = "client_closed";
  std::string line;
  append_line(line, r);
  const auto f = fields(line);
  ASSERT_EQ(f.size(), 36U) << line;
  EXPECT_EQ(f[4], "-");
  EXPECT_EQ(f[5] + f[6] + f[7], "-1-1-1");
  EXPECT_EQ(f[8] + f[9], "--");
  EXPECT_EQ(f[34], "client");
  EXPECT_EQ(f[35], "client_closed");
}

TEST(AccessLog, NothingAClientSendsCanStartANewLineOrField) {
  AccessRecord r = record();
  r.request = "GET http://a:80/\r\nhttp 2024 \" HTTP/1.1";
  std::string line;
  append_line(line, r);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_EQ(fields(line).size(), 36U);
}

}  // namespace
}  // namespace balancer::proxy
