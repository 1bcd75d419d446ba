// The requests of one connection have its id in their lines, and no other's.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "balancer/proxy/log/access_log.h"
#include "tests/support/h2_frames.h"
#include "tests/unit/balancer/proxy/rig.h"

namespace balancer::proxy {
namespace {

// "TID_..." of each line.
std::vector<std::string> ids_in(const std::string& path) {
  std::vector<std::string> out;
  std::ifstream lines(path);
  for (std::string line; std::getline(lines, line);) {
    const auto at = line.find(" TID_");
    out.push_back(at == std::string::npos ? "" : line.substr(at + 1, line.find(' ', at + 1) - at - 1));
  }
  return out;
}

TEST(ConnectionId, IsTheSameInAllLinesOfAConnectionAndAnotherOneInOthers) {
  const std::string path = ::testing::TempDir() + "/berth-connection-ids-" + std::to_string(::getpid());
  std::remove(path.c_str());
  {
    auto log = AccessLog::open(path).value();
    Rig rig(
        [](shared::lbconfig::Config& config) {
          shared::lbconfig::Listener web = *config.listeners[0];
          web.default_action = {};
          web.default_action.type = shared::lbconfig::ActionType::kFixedResponse;
          config.listeners[0] = web;
        },
        log.get());
    auto& first = rig.connect();
    rig.say(first, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    auto& second = rig.connect();
    rig.say(second, h2::hello() + h2::request(1) + h2::request(3));
  }
  const auto ids = ids_in(path);
  std::remove(path.c_str());
  ASSERT_EQ(ids.size(), 4U);
  EXPECT_EQ(ids[0].size(), 36U) << "TID_ and 32 digits: " << ids[0];
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_EQ(ids[2], ids[3]) << "streams of one connection";
  EXPECT_NE(ids[0], ids[2]);
}

}  // namespace
}  // namespace balancer::proxy
