// Random frames and random calls against one HTTP/2 session, as a server or as a client. The input is a
// script (see Script): what the peer sends, whole frames or any bytes, and what the session's owner does
// meanwhile, also from inside of events. What must hold:
// - a head that is told is one HTTP/1.1 head that the balancer's reader reads whole and frames in one way, or
//   refuses by itself;
// - a stream's events come in order, none after its end or its close, and nothing is told twice;
// - no more is held than the windows allow, and no more streams than kMaxStreams;
// - what it sends is whole frames, and no more of them than its owner asked for; once it has failed, it takes
//   nothing and tells nothing.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "balancer/codec/head.h"
#include "balancer/h2/session.h"
#include "shared/base/check.h"
#include "tests/support/h2_frames.h"

namespace {

using balancer::codec::Buffer;
using balancer::h2::ErrorCode;
using balancer::h2::Session;
using balancer::h2::StreamEvents;

constexpr std::size_t kMaxFrame = 16 * 1024 + 9;
constexpr std::size_t kLargestSend = 64 * 1024;
constexpr std::size_t kMaxOwnHead = 8 * 1024;  // frames of heads that the owner gives
constexpr int kMaxAsked = 200;

// The input's bytes, from its front.
class Script {
 public:
  explicit Script(std::string_view bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto out = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return out;
  }
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : (byte() << 8 | byte()) % bound; }
  std::string_view bytes(std::size_t most) {
    const std::string_view out = rest_.substr(0, std::min<std::size_t>(most, byte()));
    rest_.remove_prefix(std::min(rest_.size(), out.size()));
    return out;
  }

 private:
  std::string_view rest_;
};

constexpr std::string_view kFields[][2] = {{":method", "GET"},
                                           {":method", "POST"},
                                           {":method", "HEAD"},
                                           {":method", "CONNECT"},
                                           {":scheme", "http"},
                                           {":scheme", "https"},
                                           {":path", "/"},
                                           {":path", "*"},
                                           {":path", "/a?b#c"},
                                           {":authority", "a"},
                                           {":authority", "a@b:80"},
                                           {":protocol", "websocket"},
                                           {":protocol", "x"},
                                           {":status", "200"},
                                           {":status", "103"},
                                           {":status", "304"},
                                           {":status", "101"},
                                           {"host", "a"},
                                           {"host", "b"},
                                           {"cookie", "a=b"},
                                           {"content-length", "5"},
                                           {"content-length", "0"},
                                           {"content-length", "5,5"},
                                           {"transfer-encoding", "chunked"},
                                           {"te", "trailers"},
                                           {"te", "gzip"},
                                           {"connection", "close"},
                                           {"expect", "100-continue"},
                                           {"grpc-status", "0"},
                                           {"x", " y"},
                                           {"x", "a\r\nb: c"},
                                           {"X", "y"},
                                           {"x-forwarded-for", "1.2.3.4"},
                                           {"sec-websocket-version", "13"}};
constexpr std::string_view kAnswers[] = {
    "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
};
constexpr std::string_view kRequests[] = {"GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
                                          "HEAD / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n",
                                          "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX: y\r\n\r\n"};

class Run;

class Stream final : public StreamEvents {
 public:
  Stream(Run& owner, std::int32_t stream) : run(owner), id(stream) {}
  void on_head(std::string_view text, bool ended) override;
  void on_data(std::string_view bytes) override;
  void on_trailers(std::string_view lines) override;
  void on_end() override;
  void on_closed(ErrorCode code) override;
  Buffer& outgoing() override { return out; }
  bool outgoing_ends() override { return out_ends; }
  void on_taken(std::size_t bytes) override;

  Run& run;
  std::int32_t id;
  bool final_head = false, over = false, closed = false, trailers_told = false;
  bool answered = false;
  std::size_t held = 0;
  std::uint64_t appended = 0, taken = 0;
  Buffer out;
  bool out_ends = false;
};

class Run final : public balancer::h2::SessionEvents {
 public:
  Run(std::string_view input, Session::Role as)
      : script(input), role(as), session(std::move(Session::create(as, *this)).value()) {}

  void go() {
    if (role == Session::Role::kServer) give(script.byte() % 8 == 0 ? "PRI * HTTP" : balancer::h2::hello());
    if (role == Session::Role::kClient) give(balancer::h2::frame(balancer::h2::kSettingsFrame, 0, 0));
    while (!script.done()) step();
    send(kLargestSend);
    for (auto& [id, stream] : streams)
      BERTH_CHECK(stream.taken <= stream.appended, "more was taken than there was");
  }

  StreamEvents* on_stream(std::int32_t id) override {
    BERTH_CHECK(receiving && !failed, "a stream is told of by receive() alone");
    BERTH_CHECK(role == Session::Role::kServer && id % 2 == 1, "whose stream is it");
    if (script.byte() % 16 == 0) return nullptr;
    const auto [at, fresh] = streams.try_emplace(id, *this, id);
    BERTH_CHECK(fresh, "an id comes once");
    std::size_t open = 0;
    for (const auto& [other, stream] : streams) open += stream.closed ? 0 : 1;
    BERTH_CHECK(open <= balancer::h2::kMaxStreams, "too many streams");
    return &at->second;
  }
  std::string_view websocket_key() override { return "dGhlIHNhbXBsZSBub25jZQ=="; }

  // Something that the owner may do at any time, also inside of an event.
  void act(Stream& stream) {
    switch (script.byte() % 10) {
      case 0:
        if (role == Session::Role::kServer && !stream.answered) {
          const std::string_view text = kAnswers[script.below(std::size(kAnswers))];
          stream.answered = text.substr(9, 3) != "103";
          const bool ended = script.byte() % 2 == 0;
          if (stream.answered) {
            session->respond(stream.id, text, ended);
          } else {
            session->interim(stream.id, text);
          }
        }
        return;
      case 1:
        append(stream, script.below(20'000));
        return;
      case 2:
        stream.out_ends = true;
        session->resume(stream.id);
        return;
      case 3:
        return session->reset(stream.id, static_cast<ErrorCode>(script.byte() % 14));
      case 4:
        if (!stream.out_ends) session->trailers(stream.id, "grpc-status: 0\r\nX: y\r\n");
        return;
      case 5: {
        const std::size_t part = script.below(stream.held + 1);
        stream.held -= part;
        total_held -= part;
        return session->consumed(stream.id, part);
      }
      case 6:
        if (script.byte() % 8 == 0) session->go_away();
        return;
      default:
        return;
    }
  }

  Script script;
  const Session::Role role;
  bool receiving = false, sending = false, failed = false;
  std::size_t total_held = 0;
  std::map<std::int32_t, Stream> streams;
  std::unique_ptr<Session> session;

 private:
  static void append(Stream& stream, std::size_t size) {
    if (stream.out_ends || stream.out.size() > kLargestSend) return;
    stream.out.append(std::string(size, 'x'));
    stream.appended += size;
    stream.run.session->resume(stream.id);
  }

  void give(std::string_view bytes) {
    receiving = true;
    const bool good = session->receive(bytes, now);
    receiving = false;
    BERTH_CHECK(!failed || !good, "it took something after it had failed");
    failed |= !good;
    BERTH_CHECK(!failed || !session->problem().empty(), "why it failed is not told");
    BERTH_CHECK(session->streams() <= balancer::h2::kMaxStreams + kMaxAsked, "streams are not counted");
    (void)session->in_header_block();
  }

  void send(std::size_t most) {
    Buffer bytes;
    sending = true;
    BERTH_CHECK(session->send(bytes, most), "out of memory");
    sending = false;
    BERTH_CHECK(bytes.size() <= most + kMaxFrame + kMaxOwnHead, "more was said than asked for");
    sent.append(bytes.view());
    if (role == Session::Role::kClient && sent.starts_with("PRI"))
      sent.erase(0, balancer::h2::kPreface.size());
    (void)balancer::h2::take_frames(sent);
    BERTH_CHECK(sent.empty(), "what was said ends inside of a frame");
  }

  std::string fields() {
    std::string out;
    const std::size_t count = script.byte() % 12;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint8_t which = script.byte();
      if (which == 255) {
        out.append(script.bytes(64));
      } else if (which == 254) {
        out += '\x40' + balancer::h2::hpack_string("x") + balancer::h2::hpack_string(std::string(3'900, 'v'));
      } else if (which == 253) {
        out.append(4 * script.below(4'000), '\xbe');
      } else {
        const auto& field = kFields[which % std::size(kFields)];
        out += balancer::h2::block({{std::string(field[0]), std::string(field[1])}});
      }
    }
    return out;
  }

  std::string good_head() {
    return role == Session::Role::kServer ? balancer::h2::block(balancer::h2::post_fields())
                                          : balancer::h2::block({{":status", "200"}});
  }

  void step() {
    using namespace balancer::h2;
    const std::uint8_t kind = script.byte();
    const auto stream = static_cast<std::int32_t>(script.byte() % 32);
    const std::uint8_t flags = script.byte();
    switch (kind % 20) {
      case 0:
      case 1:
        return give(frame(kHeadersFrame, flags & 5, stream, good_head()));
      case 2:
        return give(frame(kHeadersFrame, flags & 5, stream, fields()));
      case 3:
        return give(frame(kHeadersFrame, flags & 5, stream, good_head() + fields()));
      case 4:
        return give(frame(kDataFrame, flags & 1, stream, std::string(script.below(16'500), 'd')));
      case 5:
        return give(frame(kDataFrame, flags & 9, stream, script.bytes(64)));
      case 6:
        return give(frame(kContinuationFrame, flags & 4, stream, fields()));
      case 7:
        return give(frame(kResetFrame, 0, stream, number32(script.byte() % 14)));
      case 8:
        return give(
            frame(kWindowFrame, 0, stream, number32(script.byte() % 2 == 0 ? 0x7fffffffU : flags + 1U)));
      case 9: {
        std::string settings;
        for (int i = flags % 4; i > 0; --i)
          settings += std::string(1, '\0') + static_cast<char>(script.byte() % 10) +
                      number32(static_cast<std::uint32_t>(script.below(65'536)) << script.byte() % 20);
        return give(frame(kSettingsFrame, 0, 0, settings));
      }
      case 10:
        return give(frame(kSettingsFrame, kAckFlag, 0));
      case 11: {  // many of one kind
        std::string many;
        const std::string one = frame(script.byte() % 16, flags, stream, script.bytes(16));
        for (std::size_t i = script.below(2'000); i > 0; --i) many += one;
        return give(many);
      }
      case 12:
        return give(frame(script.byte(), flags, stream, script.bytes(255)));
      case 13:
        return give(script.bytes(255));
      case 14:
        now += std::chrono::milliseconds(script.below(2'000));
        return;
      case 15:
        return send(script.below(kLargestSend));
      case 16:
        if (role == Session::Role::kClient && asked < kMaxAsked) {
          // The stream must be there before its id is known.
          const std::int32_t id = 2 * asked + 1;
          Stream& made = streams.try_emplace(id, *this, id).first->second;
          const std::int32_t got =
              session->request(kRequests[flags % std::size(kRequests)], "http", script.byte() % 2 == 0, made);
          BERTH_CHECK(got == 0 || got == id, "ids go up by two");
          if (got == 0) streams.erase(id);
          asked += got == 0 ? 0 : 1;
        }
        return;
      case 17:
        return give(frame(kGoawayFrame, 0, 0, number32(script.byte()) + number32(script.byte() % 14)));
      default:
        const auto at = streams.lower_bound(stream);
        if (at != streams.end()) act(at->second);
        return;
    }
  }

  shared::SteadyTime now{std::chrono::hours(1)};
  std::string sent;
  int asked = 0;
};

void Stream::on_head(std::string_view text, bool ended) {
  BERTH_CHECK(run.receiving && !run.failed, "heads are told by receive()");
  BERTH_CHECK(!final_head && !over && !closed, "a head too many");
  if (run.role == Session::Role::kServer) {
    final_head = true;
    if (!text.empty()) {
      balancer::codec::RequestParser parser;
      balancer::codec::RequestHead head;
      const auto state = parser.parse(text, head);
      BERTH_CHECK(state != balancer::codec::ParseState::kIncomplete, "a head that does not end");
      if (state == balancer::codec::ParseState::kComplete) {
        BERTH_CHECK(parser.head_bytes() == text.size(), "a head that ends early");
        using Kind = balancer::codec::BodyFraming::Kind;
        BERTH_CHECK(head.refusal != balancer::codec::Refusal::kNone || !ended || !head.body.has_bytes(),
                    "a body is announced where none comes");
        BERTH_CHECK(ended || head.body.kind != Kind::kNone || head.websocket ||
                        head.refusal != balancer::codec::Refusal::kNone,
                    "a body comes that is not announced");
      }
    }
  } else if (!text.empty()) {
    balancer::codec::ResponseParser parser;
    balancer::codec::ResponseHead head;
    const auto state = parser.parse(text, head);
    BERTH_CHECK(state != balancer::codec::ParseState::kIncomplete, "a head that does not end");
    if (state == balancer::codec::ParseState::kComplete) {
      BERTH_CHECK(parser.head_bytes() == text.size(), "a head that ends early");
      final_head = head.status >= 200;
    } else {
      final_head = true;
    }
  } else {
    final_head = true;
  }
  over = ended;
  run.act(*this);
}

void Stream::on_data(std::string_view bytes) {
  BERTH_CHECK(run.receiving && final_head && !over && !closed, "DATA out of turn");
  held += bytes.size();
  run.total_held += bytes.size();
  BERTH_CHECK(held <= balancer::h2::kStreamWindow, "more than the stream's window");
  BERTH_CHECK(run.total_held <= static_cast<std::size_t>(balancer::h2::kConnectionWindow),
              "more than the connection's window");
  run.act(*this);
}

void Stream::on_trailers(std::string_view lines) {
  BERTH_CHECK(run.receiving && final_head && !over && !closed && !trailers_told, "trailers out of turn");
  BERTH_CHECK(lines.ends_with("\r\n") && lines.find("\r\n\r\n") == std::string_view::npos, "whole lines");
  trailers_told = true;
  run.act(*this);
}

void Stream::on_end() {
  BERTH_CHECK(run.receiving && final_head && !over && !closed, "an end out of turn");
  over = true;
  run.act(*this);
}

void Stream::on_closed(ErrorCode) {
  BERTH_CHECK(run.receiving || run.sending, "a close out of turn");
  BERTH_CHECK(!closed, "a close too many");
  closed = true;
  run.act(*this);
}

void Stream::on_taken(std::size_t bytes) {
  BERTH_CHECK(run.sending && !closed, "bytes are taken by send()");
  taken += bytes;
  run.act(*this);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto role = bytes.front() % 4 == 3 ? Session::Role::kClient : Session::Role::kServer;
  Run(bytes.substr(1), role).go();
  return 0;
}
