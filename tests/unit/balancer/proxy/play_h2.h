// The other side of the worker's HTTP/2 connections: a session with what each of its streams has said so far.
// Whether it is a client or a target is its role.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "balancer/h2/session.h"

namespace balancer::proxy::play {

struct H2Message final : h2::StreamEvents {
  std::int32_t id = 0;
  std::string head;  // the final one
  std::vector<std::string> interims;
  std::string body;
  std::string trailers;
  bool ended = false;
  bool closed = false;
  codec::Buffer out;
  bool out_ends = false;
  std::size_t held = 0;  // bytes of the window that were not given back

  void on_head(std::string_view text, bool end) override {
    if (text.starts_with("HTTP/1.1 1")) {
      interims.emplace_back(text);
      return;
    }
    head = text;
    ended = end;
  }
  void on_data(std::string_view bytes) override {
    body += bytes;
    held += bytes.size();
  }
  void on_trailers(std::string_view lines) override { trailers += lines; }
  void on_end() override { ended = true; }
  void on_closed(h2::ErrorCode) override { closed = true; }
  codec::Buffer& outgoing() override { return out; }
  bool outgoing_ends() override { return out_ends; }
  void on_taken(std::size_t) override {}
};

class H2Peer final : public h2::SessionEvents {
 public:
  explicit H2Peer(h2::Session::Role role) : session(std::move(h2::Session::create(role, *this)).value()) {}

  h2::StreamEvents* on_stream(std::int32_t id) override {
    auto& stream = streams[id];
    stream = std::make_unique<H2Message>();
    stream->id = id;
    return stream.get();
  }
  std::string_view websocket_key() override { return "dGhlIHNhbXBsZSBub25jZQ=="; }

  // A client's. Null: it may ask for nothing more.
  H2Message* ask(std::string_view head, bool ended) {
    auto stream = std::make_unique<H2Message>();
    stream->id = session->request(head, "http", ended, *stream);
    if (stream->id == 0) return nullptr;
    return (streams[stream->id] = std::move(stream)).get();
  }
  // False: what came was no HTTP/2, or the end of it.
  bool take(std::string& got, shared::SteadyTime now) {
    const bool good = got.empty() || session->receive(got, now);
    got.clear();
    return good;
  }
  void say(std::string& out, std::size_t most) {
    codec::Buffer bytes;
    (void)session->send(bytes, most);
    out.append(bytes.view());
  }
  // What came was read: the peer may send as much again.
  void give_windows() {
    for (auto& [id, stream] : streams) {
      if (stream->held != 0) session->consumed(id, std::exchange(stream->held, 0));
    }
  }
  bool idle() const {
    for (const auto& [id, stream] : streams) {
      if (!stream->closed) return false;
    }
    return true;
  }

  std::map<std::int32_t, std::unique_ptr<H2Message>> streams;  // closed ones too
  std::unique_ptr<h2::Session> session;
};

}  // namespace balancer::proxy::play
