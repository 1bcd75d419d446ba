#include "balancer/h2/session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <vector>

#include "balancer/h2/flood_guard.h"
#include "balancer/h2/frame_watch.h"
#include "balancer/h2/head_text.h"

namespace balancer::h2 {

namespace {

constexpr std::uint32_t kMaxHeaderList = 64 * 1024;  // told to peers; kMaxHeadText is what holds
// A head that was read fits: kMaxHeadText, and what we add.
constexpr std::size_t kMaxSentBlock = 128 * 1024;

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::string_view status_of(std::string_view text) { return text.substr(text.find(' ') + 1, 3); }

std::uint8_t* raw(std::string_view text) {  // nghttp2 copies and does not write
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

}  // namespace

struct Session::Impl {
  Impl(Role r, SessionEvents& e)
      : role(r), events(e), frames(r == Role::kServer ? kPrefaceBytes : std::size_t{0}) {}
  ~Impl() { nghttp2_session_del(session); }

  const Role role;
  SessionEvents& events;
  nghttp2_session* session = nullptr;
  FloodGuard guard;
  FrameWatch frames;
  HeadText head;
  TrailerText trailers;
  FieldList list;
  std::vector<nghttp2_nv> nva;
  shared::SteadyTime now{};
  codec::Buffer* out = nullptr;  // during send()
  std::size_t out_max = 0;
  std::size_t open = 0;
  std::uint64_t total = 0;
  int continuations = 0;
  std::size_t unpacked = 0;  // of the header block that is read
  bool unexplained = false;  // a frame was begun of which nghttp2 has not said that it came
  bool failed = false;
  bool announced = false;  // we have said that we shall leave
  bool leaving = false;    // we have said GOAWAY, or were told
  std::string_view problem;

  static Impl& self(void* user) { return *static_cast<Impl*>(user); }
  StreamEvents* stream(std::int32_t id) const {
    return static_cast<StreamEvents*>(nghttp2_session_get_stream_user_data(session, id));
  }

  int fail(ErrorCode code, std::string_view word) {
    if (!failed) {
      problem = word;
      failed = true;
      nghttp2_session_terminate_session(session, static_cast<std::uint32_t>(code));
    }
    return 0;
  }
  void flood() { fail(ErrorCode::kEnhanceYourCalm, "flood"); }

  void put(const std::vector<ListedField>& fields) {
    nva.clear();
    for (const ListedField& field : fields)
      nva.push_back(
          {raw(field.name), raw(field.value), field.name.size(), field.value.size(), NGHTTP2_NV_FLAG_NONE});
  }

  // A frame's head is there, whatever becomes of it.
  int begin_frame(const nghttp2_frame_hd& hd) {
    // Of those that are ignored nothing more is heard: unknown ones, and those of streams that are closed.
    if (unexplained && !guard.explainable_frame(now)) flood();
    // DATA of a closed stream was on its way when we reset it.
    unexplained = hd.type != NGHTTP2_DATA || hd.length == 0;
    if (hd.type == NGHTTP2_HEADERS) continuations = 0;
    if (hd.type == NGHTTP2_CONTINUATION && ++continuations > kMaxContinuations) flood();
    return failed ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }

  int begin_headers(const nghttp2_frame& frame) {
    unpacked = 0;
    if (role == Role::kServer && frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
      ++total;
      ++open;  // until on_stream_close, also of those that are refused
      guard.stream_opened();
      head.start(HeadText::Of::kRequest);
      StreamEvents* events_of = leaving ? nullptr : events.on_stream(frame.hd.stream_id);
      if (events_of == nullptr) return refuse(frame.hd.stream_id, NGHTTP2_REFUSED_STREAM);
      events_of->notes = {};
      nghttp2_session_set_stream_user_data(session, frame.hd.stream_id, events_of);
      return 0;
    }
    const StreamEvents* events_of = stream(frame.hd.stream_id);
    if (role == Role::kServer || events_of == nullptr || events_of->notes.final_head) {
      trailers.start();
    } else {
      head.start(events_of->notes.head_request ? HeadText::Of::kResponseToHead : HeadText::Of::kResponse);
    }
    return 0;
  }

  bool is_head(const nghttp2_frame& frame) const {
    if (role == Role::kServer) return frame.headers.cat == NGHTTP2_HCAT_REQUEST;
    const StreamEvents* events_of = stream(frame.hd.stream_id);
    return events_of != nullptr && !events_of->notes.final_head;
  }

  int header(const nghttp2_frame& frame, std::string_view name, std::string_view value) {
    unpacked += name.size() + value.size() + kFieldOverhead;
    if (unpacked > kMaxUnpackedBlock) {
      flood();
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    const bool good = is_head(frame) ? head.add(name, value) : trailers.add(name, value);
    return good ? 0 : refuse(frame.hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
  }

  // The rest of the header block is read, and thrown away.
  int refuse(std::int32_t id, std::uint32_t code) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, code);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  void leave() {
    if (leaving) return;
    leaving = true;
    nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session),
                          NGHTTP2_NO_ERROR, nullptr, 0);
  }

  int frame_received(const nghttp2_frame& frame) {
    unexplained = false;
    switch (frame.hd.type) {
      case NGHTTP2_HEADERS:
        return headers_received(frame);
      case NGHTTP2_DATA:
        if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
          if (StreamEvents* events_of = stream(frame.hd.stream_id)) events_of->on_end();
        } else if (frame.hd.length == frame.data.padlen && !guard.control_frame(now)) {
          flood();
        }
        return 0;
      case NGHTTP2_WINDOW_UPDATE:
      case NGHTTP2_PRIORITY:
      case NGHTTP2_PING:
        if (frame.hd.type == NGHTTP2_PING && (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0 && announced) leave();
        if (!guard.explainable_frame(now)) flood();
        return 0;
      case NGHTTP2_RST_STREAM:
        return reset_received(frame.hd.stream_id);
      case NGHTTP2_GOAWAY:
        leaving = true;
        return 0;
      default:  // SETTINGS
        if (!guard.control_frame(now)) flood();
        return 0;
    }
  }

  // Whatever its code says: an open stream's answer had not ended.
  int reset_received(std::int32_t id) {
    const bool open_stream = nghttp2_session_find_stream(session, id) != nullptr;
    if (open_stream && role == Role::kClient) return 0;  // each cost us a request
    if (!(open_stream ? guard.reset(now) : guard.control_frame(now))) flood();
    return 0;
  }

  int headers_received(const nghttp2_frame& frame) {
    StreamEvents* events_of = stream(frame.hd.stream_id);
    if (events_of == nullptr) return 0;
    const bool ended = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!is_head(frame)) {
      if (trailers.too_large()) {
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
        return 0;
      }
      if (!trailers.text().empty()) events_of->on_trailers(trailers.text());
      if (ended) events_of->on_end();
      return 0;
    }
    const bool connect = role == Role::kServer && head.extended_connect();
    if (!head.finish(ended, connect ? events.websocket_key() : std::string_view())) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
      return 0;
    }
    events_of->notes.extended_connect = connect;
    events_of->notes.final_head = role == Role::kServer || head.status() >= 200;
    // Too large a head is no head.
    events_of->on_head(head.too_large() ? std::string_view() : head.text(), ended);
    return 0;
  }

  // A stream that nghttp2 resets before it is one of its own: there are too many, or its head is malformed.
  int frame_invalid(const nghttp2_frame& frame) {
    const bool unopened = frame.hd.type == NGHTTP2_HEADERS &&
                          nghttp2_session_find_stream(session, frame.hd.stream_id) == nullptr;
    if (unopened && !guard.reset(now)) flood();
    return 0;
  }

  int stream_closed(std::int32_t id, std::uint32_t code) {
    StreamEvents* events_of = stream(id);
    --open;
    if (events_of == nullptr) return 0;
    nghttp2_session_set_stream_user_data(session, id, nullptr);
    events_of->on_closed(static_cast<ErrorCode>(code));
    return 0;
  }

  static ssize_t read_data(nghttp2_session*, std::int32_t id, std::uint8_t*, std::size_t length,
                           std::uint32_t* flags, nghttp2_data_source*, void* user) {
    Impl& me = self(user);
    StreamEvents* events_of = me.stream(id);
    if (events_of == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::size_t waiting = events_of->outgoing().size();
    const bool ends = events_of->outgoing_ends();
    if (waiting == 0 && !ends) return NGHTTP2_ERR_DEFERRED;
    const std::size_t size = std::min(waiting, length);
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (ends && size == waiting) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (me.add_trailers(id, events_of->notes)) *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
    return static_cast<ssize_t>(size);
  }

  // False: there are none.
  bool add_trailers(std::int32_t id, StreamEvents::Notes& notes) {
    if (notes.trailers.empty()) return false;
    list.from_trailers(notes.trailers);
    notes.trailers.clear();
    if (list.fields().empty()) return false;
    put(list.fields());
    return nghttp2_submit_trailer(session, id, nva.data(), nva.size()) == 0;
  }

  int send_data(const nghttp2_frame& frame, const std::uint8_t* frame_head, std::size_t length) {
    if (out->size() >= out_max) return NGHTTP2_ERR_WOULDBLOCK;
    StreamEvents* events_of = stream(frame.hd.stream_id);
    if (events_of == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    out->append(text_of(frame_head, kFrameHead));
    codec::Buffer& from = events_of->outgoing();
    out->append(from.view().substr(0, length));
    from.consume(length);
    guard.sent_data();
    if (length != 0) events_of->on_taken(length);
    return 0;
  }

  void frame_sent(const nghttp2_frame& frame) {
    if (frame.hd.type == NGHTTP2_GOAWAY && frame.goaway.error_code != NGHTTP2_NO_ERROR && !failed) {
      failed = true;  // nghttp2 has found a mistake
      problem = "h2_error";
    }
    if (role != Role::kServer) return;
    StreamEvents* events_of = stream(frame.hd.stream_id);
    if (frame.hd.type == NGHTTP2_RST_STREAM) {
      const bool ours = events_of != nullptr && events_of->notes.reset_by_owner;
      const bool mistake = !ours && frame.rst_stream.error_code != NGHTTP2_NO_ERROR;
      if (mistake && !guard.reset(now)) flood();
    }
    // An answer has ended and the request has not (RFC 9113 section 8.1).
    const bool ends = (frame.hd.type == NGHTTP2_DATA || frame.hd.type == NGHTTP2_HEADERS) &&
                      (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!ends || (events_of != nullptr && events_of->notes.tunnel)) return;
    if (nghttp2_session_get_stream_remote_close(session, frame.hd.stream_id) != 0) return;
    if (events_of == nullptr || !events_of->takes_rest())
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_NO_ERROR);
  }

  // An answer whose head cannot be sent is no answer.
  void frame_not_sent(const nghttp2_frame& frame) {
    if (role == Role::kServer && frame.hd.type == NGHTTP2_HEADERS && stream(frame.hd.stream_id) != nullptr)
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_INTERNAL_ERROR);
  }

  int create() {
    nghttp2_session_callbacks* calls = nullptr;
    nghttp2_option* options = nullptr;
    if (nghttp2_session_callbacks_new(&calls) != 0) return -1;
    if (nghttp2_option_new(&options) != 0) {
      nghttp2_session_callbacks_del(calls);
      return -1;
    }
    set_callbacks(calls);
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_closed_streams(options, 1);
    nghttp2_option_set_max_send_header_block_length(options, kMaxSentBlock);
    const int made = role == Role::kServer ? nghttp2_session_server_new2(&session, calls, this, options)
                                           : nghttp2_session_client_new2(&session, calls, this, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(calls);
    if (made != 0) return made;
    const std::array<nghttp2_settings_entry, 5> server = {{
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeaderList},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    }};
    const std::array<nghttp2_settings_entry, 3> client = {{
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeaderList},
    }};
    const int said = role == Role::kServer
                         ? nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, server.data(), server.size())
                         : nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, client.data(), client.size());
    if (said != 0) return said;
    return nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  }

  static void set_callbacks(nghttp2_session_callbacks* calls) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(
        calls, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          return self(user).begin_headers(*frame);
        });
    nghttp2_session_callbacks_set_on_header_callback(
        calls,
        [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
           const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
          return self(user).header(*frame, text_of(name, name_size), text_of(value, value_size));
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        calls, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          return self(user).frame_received(*frame);
        });
    nghttp2_session_callbacks_set_on_begin_frame_callback(
        calls,
        [](nghttp2_session*, const nghttp2_frame_hd* hd, void* user) { return self(user).begin_frame(*hd); });
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
        calls, [](nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
          return self(user).frame_invalid(*frame);
        });
    // Left to itself nghttp2 drops a malformed field and goes on.
    nghttp2_session_callbacks_set_on_invalid_header_callback(
        calls,
        [](nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t, const std::uint8_t*,
           std::size_t, std::uint8_t, void*) -> int { return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; });
    nghttp2_session_callbacks_set_on_frame_not_send_callback(
        calls, [](nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
          self(user).frame_not_sent(*frame);
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        calls, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size,
                  void* user) {
          Impl& me = self(user);
          if (StreamEvents* events_of = me.stream(id)) {
            events_of->on_data(text_of(data, size));
          } else {
            nghttp2_session_consume_connection(me.session, size);
          }
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        calls, [](nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
          return self(user).stream_closed(id, code);
        });
    nghttp2_session_callbacks_set_on_frame_send_callback(
        calls, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          self(user).frame_sent(*frame);
          return 0;
        });
    nghttp2_session_callbacks_set_send_callback(
        calls, [](nghttp2_session*, const std::uint8_t* data, std::size_t size, int, void* user) -> ssize_t {
          Impl& me = self(user);
          if (me.out->size() >= me.out_max) return NGHTTP2_ERR_WOULDBLOCK;
          me.out->append(text_of(data, size));
          return static_cast<ssize_t>(size);
        });
    nghttp2_session_callbacks_set_send_data_callback(
        calls,
        [](nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* frame_head, std::size_t size,
           nghttp2_data_source*, void* user) { return self(user).send_data(*frame, frame_head, size); });
  }
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

shared::Result<std::unique_ptr<Session>> Session::create(Role role, SessionEvents& events) {
  auto impl = std::make_unique<Impl>(role, events);
  if (impl->create() != 0) return shared::Error("h2", "nghttp2 has no memory for a session");
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

bool Session::receive(std::string_view bytes, shared::SteadyTime now) {
  if (impl_->failed) return false;
  impl_->now = now;
  impl_->frames.note(bytes);
  for (std::size_t i = impl_->frames.take_unknown(); i > 0 && !impl_->failed; --i) {
    if (!impl_->guard.explainable_frame(now)) impl_->flood();
  }
  if (impl_->failed) return false;
  const auto took = nghttp2_session_mem_recv(impl_->session, raw(bytes), bytes.size());
  if (took == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
    impl_->fail(ErrorCode::kProtocol, "bad_preface");
  } else if (took < 0) {
    impl_->fail(ErrorCode::kEnhanceYourCalm, "h2_error");  // its own counters, or memory
  } else if (impl_->frames.bad_padding()) {
    impl_->fail(ErrorCode::kProtocol, "h2_error");
  }
  return !impl_->failed;
}

bool Session::send(codec::Buffer& out, std::size_t max) {
  impl_->out = &out;
  impl_->out_max = max;
  const int sent = nghttp2_session_send(impl_->session);
  impl_->out = nullptr;
  return sent == 0;
}

bool Session::over() const {
  return nghttp2_session_want_read(impl_->session) == 0 && nghttp2_session_want_write(impl_->session) == 0;
}

void Session::respond(std::int32_t id, std::string_view text, bool ended) {
  StreamEvents* events = impl_->stream(id);
  if (events == nullptr) return;
  impl_->list.from_response(text, events->notes.extended_connect);
  events->notes.tunnel = events->notes.extended_connect && !ended && status_of(text) == "101";
  impl_->put(impl_->list.fields());
  nghttp2_data_provider body{};
  body.read_callback = &Impl::read_data;
  nghttp2_submit_response(impl_->session, id, impl_->nva.data(), impl_->nva.size(), ended ? nullptr : &body);
}

void Session::interim(std::int32_t id, std::string_view text) {
  if (nghttp2_session_get_outbound_queue_size(impl_->session) >= kMaxQueuedForInterims) return;
  impl_->list.from_response(text, false);
  impl_->put(impl_->list.fields());
  nghttp2_submit_headers(impl_->session, NGHTTP2_FLAG_NONE, id, nullptr, impl_->nva.data(), impl_->nva.size(),
                         nullptr);
}

std::int32_t Session::request(std::string_view text, std::string_view scheme, bool ended,
                              StreamEvents& events) {
  if (impl_->failed || impl_->leaving) return 0;
  impl_->list.from_request(text, scheme);
  impl_->put(impl_->list.fields());
  nghttp2_data_provider body{};
  body.read_callback = &Impl::read_data;
  events.notes = {};
  events.notes.head_request = text.starts_with("HEAD ");
  const std::int32_t id = nghttp2_submit_request(impl_->session, nullptr, impl_->nva.data(),
                                                 impl_->nva.size(), ended ? nullptr : &body, &events);
  if (id < 0) return 0;
  ++impl_->open;
  ++impl_->total;
  return id;
}

void Session::trailers(std::int32_t id, std::string_view lines) {
  if (StreamEvents* events = impl_->stream(id)) events->notes.trailers.assign(lines);
}

void Session::resume(std::int32_t id) { nghttp2_session_resume_data(impl_->session, id); }

void Session::consumed(std::int32_t id, std::size_t bytes) {
  if (nghttp2_session_consume(impl_->session, id, bytes) != 0)
    nghttp2_session_consume_connection(impl_->session, bytes);
}

void Session::reset(std::int32_t id, ErrorCode code) {
  if (StreamEvents* events = impl_->stream(id)) events->notes.reset_by_owner = true;
  nghttp2_submit_rst_stream(impl_->session, NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(code));
}

void Session::forget(std::int32_t id) { nghttp2_session_set_stream_user_data(impl_->session, id, nullptr); }

void Session::go_away() {
  if (impl_->announced || impl_->leaving) return;
  impl_->announced = true;
  nghttp2_submit_shutdown_notice(impl_->session);
  nghttp2_submit_ping(impl_->session, NGHTTP2_FLAG_NONE, nullptr);
  impl_->guard.sent_ping();
}

void Session::leave_now() { impl_->leave(); }

bool Session::going_away() const { return impl_->announced || left(); }
bool Session::left() const { return impl_->leaving || impl_->failed; }
std::size_t Session::streams() const { return impl_->open; }
std::size_t Session::peer_max_streams() const {
  return nghttp2_session_get_remote_settings(impl_->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}
bool Session::in_header_block() const { return impl_->frames.in_header_block(); }
std::string_view Session::problem() const { return impl_->problem; }
std::uint64_t Session::streams_total() const { return impl_->total; }

}  // namespace balancer::h2
