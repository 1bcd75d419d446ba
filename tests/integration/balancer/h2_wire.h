// A client of the balancer that speaks HTTP/2 by prior knowledge: one with all of the protocol, on the
// balancer's own session, and one of raw frames, which may be wrong. Every wait has a limit, as in harness.h.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "balancer/h2/session.h"
#include "tests/integration/balancer/harness.h"
#include "tests/support/h2_frames.h"

namespace balancer::test {

// One request and what came of it.
struct Call final : h2::StreamEvents {
  int status = 0;
  std::string head;  // the final one
  std::vector<std::string> interims;
  std::string body;
  std::string trailers;
  bool ended = false;   // whole
  bool closed = false;  // nothing follows
  h2::ErrorCode code = h2::ErrorCode::kNone;
  std::int32_t id = 0;
  bool hold = false;  // opens no further window

  bool over() const { return closed || ended; }
  std::string field(const std::string& name) const {
    Message message;
    message.head = head;
    return message.field(name);
  }

  codec::Buffer out;
  bool out_ends = false;
  std::size_t taken = 0;
  std::size_t unconsumed = 0;

  void on_head(std::string_view text, bool end) override;
  void on_data(std::string_view bytes) override {
    body += bytes;
    unconsumed += bytes.size();
  }
  void on_trailers(std::string_view lines) override { trailers += lines; }
  void on_end() override { ended = true; }
  void on_closed(h2::ErrorCode why) override {
    closed = true;
    code = why;
  }
  codec::Buffer& outgoing() override { return out; }
  bool outgoing_ends() override { return out_ends; }
  void on_taken(std::size_t bytes) override { taken += bytes; }
};

class H2Wire final : public h2::SessionEvents {
 public:
  static std::unique_ptr<H2Wire> connect(std::uint16_t port);

  // `text`: an HTTP/1.1 head. `ended`: no body follows. Sent with the next wait.
  Call& ask(const std::string& text, bool ended = true);
  Call& get(const std::string& path) { return ask(test::get(path)); }
  void push(Call& call, const std::string& bytes, bool end);
  void cancel(Call& call) { session_->reset(call.id, h2::ErrorCode::kCancel); }
  // Sends and receives until `condition`; false: it does not come to that.
  bool wait(const std::function<bool()>& condition);
  bool wait(const Call& call) {
    return wait([&] { return call.over(); });
  }
  bool told_to_go() const { return session_->going_away(); }
  bool ended() const { return ended_; }  // the balancer has closed the connection
  h2::Session& session() { return *session_; }

  h2::StreamEvents* on_stream(std::int32_t) override { return nullptr; }
  std::string_view websocket_key() override { return {}; }

 private:
  explicit H2Wire(Wire wire) : wire_(std::move(wire)) {}
  bool turn();

  Wire wire_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::unique_ptr<h2::Session> session_;
  bool ended_ = false;
};

class RawH2 {
 public:
  explicit RawH2(std::uint16_t port) : wire(Wire::connect(port)) { wire.send(h2::hello()); }
  bool send(const std::string& bytes) { return wire.send(bytes); }
  // The first frame for which `wanted` holds among those that have come and that come; all before it are in
  // `seen`. Type 255: none came.
  h2::Frame until(const std::function<bool(const h2::Frame&)>& wanted);
  h2::Frame until(std::uint8_t type, std::int32_t stream) {
    return until([=](const h2::Frame& one) { return one.type == type && one.stream == stream; });
  }

  Wire wire;
  std::vector<h2::Frame> seen;
  bool ended = false;

 private:
  std::vector<h2::Frame> waiting_;
  std::string bytes_;
};

}  // namespace balancer::test
