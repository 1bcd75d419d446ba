// A browser for tests: what it was answered, and a stream that it reads or leaves unread.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "shared/httpd/server.h"

namespace agent::dashboard {

struct Page {
  std::optional<shared::http::Response> answer;
  std::string stream;  // what was sent and not read
  bool reads = true;   // else everything waits
  bool ended = false;  // by the server
  shared::httpd::StreamHandlers handlers;
  std::map<std::string, nlohmann::json> seen;  // "<kind>/<id>"
  std::vector<std::string> ids;
  bool ready = false;
  int begun_anew = 0;

  shared::httpd::Reply reply();
  void leave() { handlers.closed(); }
  // Takes the events that have come; how many.
  int take() {
    int events = 0;
    for (std::size_t end = stream.find("\n\n"); end != std::string::npos; end = stream.find("\n\n")) {
      const std::string event = stream.substr(0, end);
      stream.erase(0, end + 2);
      ++events;
      if (event.starts_with("id: ")) ids.push_back(event.substr(4, event.find('\n') - 4));
      const auto news = nlohmann::json::parse(event.substr(event.find("data: ") + 6));
      if (news.value("anew", false)) {
        seen.clear();
        ++begun_anew;
      }
      for (const auto& key : news.value("gone", nlohmann::json::array())) seen.erase(key.get<std::string>());
      for (const auto& thing : news["set"])
        seen[thing["k"].get<std::string>() + "/" + thing["id"].get<std::string>()] = thing;
      ready = ready || news.value("ready", false);
    }
    return events;
  }
  const nlohmann::json& one(const std::string& key) const {
    static const nlohmann::json kNone = nlohmann::json::object();
    const auto found = seen.find(key);
    EXPECT_TRUE(found != seen.end()) << "nothing was told of " << key;
    return found == seen.end() ? kNone : found->second;
  }
};

class PageStream final : public shared::httpd::BodyStream {
 public:
  explicit PageStream(Page& page) : page_(page) {}
  ~PageStream() override { page_.ended = true; }
  void send(std::string bytes) override { page_.stream += bytes; }
  std::size_t waiting() const override { return page_.reads ? 0 : page_.stream.size(); }

 private:
  Page& page_;
};

class PageReply final : public shared::httpd::Reply::State {
 public:
  explicit PageReply(Page& page) : page_(page) {}
  void send(shared::http::Response response) override { page_.answer = std::move(response); }
  std::unique_ptr<shared::httpd::BodyStream> stream(shared::http::Response head,
                                                    shared::httpd::StreamHandlers handlers) override {
    page_.answer = std::move(head);
    page_.handlers = std::move(handlers);
    return std::make_unique<PageStream>(page_);
  }

 private:
  Page& page_;
};

inline shared::httpd::Reply Page::reply() { return shared::httpd::Reply(std::make_unique<PageReply>(*this)); }

}  // namespace agent::dashboard
