#include "balancer/proxy/log/access_log.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
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
  r.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  return r;
}

TEST(AccessLog, HasAlbsFieldsInTheirPlacesAndOursBehindThem) {
  std::string line;
  append_line(line, record());
  const auto f = fields(line);
  ASSERT_EQ(f.size(), 37U) << line;
  EXPECT_EQ(f[0], "http");
  EXPECT_EQ(f[1], "2024-05-01T12:34:56.789000Z");
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
  EXPECT_EQ(f[36], "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}

TEST(AccessLog, WhatNeverHappenedIsAMinusAndAMinusOne) {
  AccessRecord r = record();
  r.clear();
  r.ended_by = EndedBy::kClient;
  r.reason = "client_closed";
  std::string line;
  append_line(line, r);
  const auto f = fields(line);
  ASSERT_EQ(f.size(), 37U) << line;
  EXPECT_EQ(f[4], "-");
  EXPECT_EQ(f[5] + f[6] + f[7], "-1-1-1");
  EXPECT_EQ(f[8] + f[9], "--");
  EXPECT_EQ(f[20], "-") << "no rule was asked";
  EXPECT_EQ(f[34], "client");
  EXPECT_EQ(f[35], "client_closed");
  EXPECT_EQ(f[36], "-");
}

TEST(AccessLog, NothingAClientSendsCanStartANewLineOrField) {
  AccessRecord r = record();
  r.request = "GET http://a:80/\r\nhttp 2024 \" HTTP/1.1";
  std::string line;
  append_line(line, r);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_EQ(fields(line).size(), 37U);
}

TEST(AccessLog, SaysAllOfTlsRulesAndTransforms) {
  AccessRecord r = record();
  r.type = "https";
  r.ssl_cipher = "TLS_AES_128_GCM_SHA256";
  r.ssl_protocol = "TLSv1.3";
  r.domain_name = "www.example.com";
  r.chosen_cert_arn = "session-reused";
  r.rule_priority = -1;
  r.action = "rewrite,forward";
  r.redirect_url = "https://www.example.com:443/";
  r.error_reason = "AWSALBTGCookieInvalid";
  r.tier = codec::Tier::kAmbiguous;
  r.finding = codec::Finding::kBothTeClPresent;
  r.conn_trace_id = "TID_1234abcd5678ef90";
  r.transformed_host = "internal";
  r.transformed_uri = "/b?c";
  r.transform_status = "TransformSuccess";
  r.ip_address = "192.0.2.1";
  std::string line;
  append_line(line, r);
  const auto f = fields(line);
  ASSERT_EQ(f.size(), 37U) << line;
  const std::vector<std::string> tail(f.begin() + 14, f.begin() + 34);
  EXPECT_EQ(tail, (std::vector<std::string>{"TLS_AES_128_GCM_SHA256",
                                            "TLSv1.3",
                                            r.target_group,
                                            r.trace_id,
                                            "www.example.com",
                                            "session-reused",
                                            "-1",
                                            "2024-05-01T12:34:56.123000Z",
                                            "rewrite,forward",
                                            "https://www.example.com:443/",
                                            "AWSALBTGCookieInvalid",
                                            "10.0.0.1:8080",
                                            "200",
                                            "Ambiguous",
                                            "BothTeClPresent",
                                            "TID_1234abcd5678ef90",
                                            "internal",
                                            "/b?c",
                                            "TransformSuccess",
                                            "192.0.2.1"}));
  r.clear();
  EXPECT_EQ(r.ssl_cipher + r.domain_name + r.conn_trace_id + std::string(r.error_reason), "")
      << "nothing is carried over";
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(AccessLog, IsAFileThatMayBeMovedAway) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "access_log_test.log";
  const std::filesystem::path moved = path.string() + ".1";
  std::filesystem::remove(path);
  {
    auto log = AccessLog::open(path.string());
    ASSERT_TRUE(log) << log.error().text();
    std::string lines = "one\n";
    (*log)->write(lines);
    EXPECT_TRUE(lines.empty());
  }
  std::filesystem::rename(path, moved);
  {
    auto log = AccessLog::open(path.string());
    std::filesystem::rename(path, moved);
    (*log)->reopen();
    while (!std::filesystem::exists(path)) std::this_thread::yield();
    std::string lines = "two\n";
    (*log)->write(lines);
  }
  EXPECT_EQ(text_of(path), "two\n");
  EXPECT_FALSE(AccessLog::open("/nowhere/at/all"));
}

// A reader of the standard output that is stuck costs lines, which are counted, and holds up neither who
// writes nor the end of the program.
TEST(AccessLog, OnTheStandardOutputLosesLinesRatherThanTime) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const int former = ::dup(STDOUT_FILENO);
  ASSERT_EQ(::dup2(pipe[1], STDOUT_FILENO), STDOUT_FILENO);
  auto log = AccessLog::open("-");
  ::dup2(former, STDOUT_FILENO);
  ::close(former);
  ::close(pipe[1]);
  ASSERT_TRUE(log);
  const std::string line = std::string(1023, 'x') + "\n";
  std::string first = line;
  (*log)->write(first);
  std::array<char, 1024> got{};
  ASSERT_EQ(::read(pipe[0], got.data(), got.size()), 1024);
  for (int i = 0; i < 40; ++i) {  // more than the pipe and the pending lines hold
    std::string lines;
    for (int k = 0; k < 1024; ++k) lines += line;
    (*log)->write(lines);
  }
  // Kept are as many as may wait, as many again in the writer's hands, and the pipe's: of 40 MiB not more
  // than 33.
  EXPECT_GE((*log)->dropped_lines(), 7U * 1024U);
  EXPECT_EQ((*log)->dropped_bytes(), (*log)->dropped_lines() * 1024U);
  log->reset();
  ::close(pipe[0]);
}

}  // namespace
}  // namespace balancer::proxy
