// A container engine on a unix socket that can be overloaded: it then answers everything but starts. Speaks
// as much of the Docker Engine API (1.41) as running a task of an image that is there takes; no events. The
// tests of the docker driver have one of their own, without containers. Thread: the loop's.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "shared/httpd/server.h"

namespace tests {

class SlowEngine {
 public:
  struct Box {
    std::string name;
    nlohmann::json config;  // as it was asked for
    std::string state = "created";
    int exit_code = 0;
    int starts = 0;  // carried out
    int stops = 0;
    int inspections = 0;
  };

  explicit SlowEngine(shared::httpd::IoLoop& loop)
      : socket(testing::TempDir() + "berth-slow-engine-" + std::to_string(::getpid()) + ".sock") {
    shared::net::Endpoint at;
    at.unix_path = socket;
    auto server = shared::httpd::Server::listen(
        loop, at, {}, [this](const shared::http::Request& request, shared::httpd::Reply reply) {
          answer(request, std::move(reply));
        });
    EXPECT_TRUE(server) << server.error().text();
    if (server) server_ = *std::move(server);
  }

  // Carries out what it was asked for meanwhile, but for the first start, which it has lost.
  void recover() {
    overloaded = false;
    for (std::size_t i = 0; i < held_.size(); ++i) {
      auto& [id, reply] = held_[i];
      reply.send(i == 0 ? error(500, "context deadline exceeded") : start(boxes.at(id)));
    }
    held_.clear();
  }
  std::vector<std::string> held() const {
    std::vector<std::string> ids;
    for (const auto& [id, reply] : held_) ids.push_back(id);
    return ids;
  }
  void end(const std::string& name, int exit_code) {
    for (auto& [id, box] : boxes) {
      if (box.name != name) continue;
      box.state = "exited";
      box.exit_code = exit_code;
    }
  }

  const std::string socket;
  bool overloaded = false;
  bool every_other_ping = false;  // fails
  int pings = 0;
  std::map<std::string, Box> boxes;  // by id

 private:
  using Response = shared::http::Response;
  using json = nlohmann::json;

  static Response answer_with(int status, const json& body) {
    return shared::http::make_response(status, "application/json", body.is_null() ? "" : body.dump());
  }
  static Response error(int status, const std::string& message) {
    return answer_with(status, {{"message", message}});
  }
  static Response start(Box& box) {
    if (box.state == "running") return answer_with(304, {});
    box.state = "running";
    ++box.starts;
    return answer_with(204, {});
  }
  static Response stop(Box& box) {
    if (box.state != "running") return answer_with(304, {});
    box.state = "exited";
    ++box.stops;
    return answer_with(204, {});
  }
  static Response inspect(const std::string& id, Box& box) {
    ++box.inspections;
    return answer_with(
        200, {{"Id", id},
              {"Name", "/" + box.name},
              {"Config", {{"Labels", box.config.value("Labels", json::object())}}},
              {"State",
               {{"Status", box.state}, {"Running", box.state == "running"}, {"ExitCode", box.exit_code}}}});
  }
  Response create(const shared::http::Request& request) {
    const auto name = shared::http::parse_form(request.query())->at(0).second;
    for (const auto& [id, box] : boxes) {
      if (box.name == name) return error(409, "Conflict. The container name is already in use");
    }
    const std::string id = "box" + std::to_string(boxes.size() + 1);
    boxes[id] = Box{name, json::parse(request.body)};
    return answer_with(201, {{"Id", id}});
  }

  void answer(const shared::http::Request& request, shared::httpd::Reply reply) {
    std::string path(request.path());
    if (path.starts_with("/v1.41/")) path.erase(0, 6);
    if (path == "/_ping") {
      const bool fails = ++pings % 2 == 1 && every_other_ping;
      return reply.send(fails ? error(503, "server is overloaded") : answer_with(200, "OK"));
    }
    if (path == "/version")
      return reply.send(
          answer_with(200, {{"Version", "20.10.24"}, {"ApiVersion", "1.41"}, {"MinAPIVersion", "1.12"}}));
    if (path == "/info") return reply.send(answer_with(200, {{"CgroupDriver", "cgroupfs"}}));
    if (path == "/events") return events_.push_back(std::move(reply));
    if (path.starts_with("/images/")) return reply.send(answer_with(200, {{"Id", "sha256:1"}}));
    if (path == "/containers/create") return reply.send(create(request));
    if (path == "/containers/json") return reply.send(answer_with(200, json::array()));
    const std::string rest = path.substr(std::min(path.size(), std::string("/containers/").size()));
    const std::string id = rest.substr(0, rest.find('/'));
    const std::string what = rest.substr(std::min(rest.size(), id.size()));
    const auto found = std::find_if(boxes.begin(), boxes.end(), [&](const auto& entry) {
      return entry.first == id || entry.second.name == id;
    });
    if (found == boxes.end()) return reply.send(error(404, "No such container: " + id));
    if (what == "/start" && overloaded) {
      held_.emplace_back(found->first, std::move(reply));
      return;
    }
    if (what == "/start") return reply.send(start(found->second));
    if (what == "/stop") return reply.send(stop(found->second));
    if (what == "/json") return reply.send(inspect(found->first, found->second));
    reply.send(error(404, "page not found: " + request.method + " " + path));
  }

  std::vector<std::pair<std::string, shared::httpd::Reply>> held_;
  std::vector<shared::httpd::Reply> events_;
  std::unique_ptr<shared::httpd::Server> server_;  // after what is held: it ends first
};

}  // namespace tests
