// One side of a connection, which writes down what it is told.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "balancer/h2/session.h"
#include "tests/support/h2_frames.h"

namespace balancer::h2 {

class Side final : public SessionEvents {
 public:
  struct Stream final : StreamEvents {
    std::vector<std::string> heads;
    std::string data, told_trailers;
    bool head_ended = false, ended = false, closed = false;
    ErrorCode code = ErrorCode::kNone;
    codec::Buffer out;
    bool out_ends = false;
    std::size_t taken = 0;
    std::size_t unconsumed = 0;

    void on_head(std::string_view text, bool end) override {
      heads.emplace_back(text);
      head_ended = end;
    }
    void on_data(std::string_view bytes) override {
      EXPECT_FALSE(closed);
      EXPECT_FALSE(ended);
      data += bytes;
      unconsumed += bytes.size();
    }
    void on_trailers(std::string_view lines) override { told_trailers += lines; }
    void on_end() override {
      EXPECT_FALSE(ended) << "an end comes once";
      ended = true;
    }
    void on_closed(ErrorCode why) override {
      EXPECT_FALSE(closed) << "a close comes once";
      closed = true;
      code = why;
    }
    codec::Buffer& outgoing() override { return out; }
    bool outgoing_ends() override { return out_ends; }
    void on_taken(std::size_t bytes) override { taken += bytes; }
    bool reads_on = false;  // behind its answer
    bool takes_rest() override { return reads_on; }
    std::string head() const { return heads.empty() ? "" : heads.back(); }
    bool whole() const { return ended || head_ended; }
  };

  explicit Side(Session::Role role) : session(std::move(Session::create(role, *this)).value()) {}

  StreamEvents* on_stream(std::int32_t id) override {
    if (refuses) return nullptr;
    EXPECT_EQ(streams.count(id), 0U) << "an id comes once";
    return &streams[id];
  }
  std::string_view websocket_key() override { return "dGhlIHNhbXBsZSBub25jZQ=="; }

  bool receive(std::string_view bytes) { return session->receive(bytes, now); }
  std::string send(std::size_t max = 1 << 20) {
    codec::Buffer bytes;
    EXPECT_TRUE(session->send(bytes, max));
    return std::string(bytes.view());
  }
  // A client's request; its id is last_id.
  Stream& ask(std::string_view text, bool ended = true) {
    asked.push_back(std::make_unique<Stream>());
    last_id = session->request(text, "http", ended, *asked.back());
    return *asked.back();
  }
  void answer(std::int32_t id, std::string_view body = "ok", std::string_view fields = {}) {
    streams[id].out.append(body);
    streams[id].out_ends = true;
    session->respond(id, "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n", body.empty());
  }

  shared::SteadyTime now{std::chrono::hours(1)};
  std::map<std::int32_t, Stream> streams;      // a server's
  std::vector<std::unique_ptr<Stream>> asked;  // a client's
  std::int32_t last_id = 0;
  bool refuses = false;
  std::unique_ptr<Session> session;
};

}  // namespace balancer::h2
