#include "balancer/proxy/client/h2_client.h"

#include <algorithm>

#include "balancer/proxy/worker/worker.h"

namespace balancer::proxy {

void H2ClientBytes::start(H2Client& client, std::int32_t id) {
  start_anew();
  client_ = &client;
  id_ = id;
}

void H2ClientBytes::discard(BufferPool& buffers) {
  buffers.give(in);
  (void)take_fresh();
  give_window();
}

void H2ClientBytes::forget(BufferPool& buffers) {
  discard(buffers);
  buffers.give(out);
  client_ = nullptr;
}

void H2ClientBytes::give_window() {
  if (const std::size_t taken = newly_taken(received - in.size()); taken != 0)
    client_->session().consumed(id_, taken);
}

Filled H2ClientBytes::fill(BufferPool&, std::size_t) {
  if (failed) return Filled::kFailed;
  give_window();
  return take_fresh() ? Filled::kBytes : nothing_fresh();
}

bool H2ClientBytes::flush() {
  if (failed) return false;
  if (unsent() != 0) client_->session().resume(id_);
  return true;
}

void H2ClientBytes::shutdown_write() {
  out_ends = true;
  client_->session().resume(id_);
}

void H2ClientBytes::reset() { client_->session().reset(id_, h2::ErrorCode::kInternal); }

H2Stream::H2Stream(Worker& worker) : worker_(worker) {
  rest_timer_.bind(this, [](void* self) { static_cast<H2Stream*>(self)->leave_rest(); });
}

H2Stream::~H2Stream() { worker_.loop().timers().remove(rest_timer_); }

void H2Stream::start(H2Client& client, std::int32_t id) {
  client_ = &client;
  id_ = id;
  closed_ = waits = false;
  started_ = worker_.loop().now();
  request_trailers_.clear();
  bytes_.start(client, id);
}

void H2Stream::cut(std::string_view reason) {
  closed_ = true;
  if (exchange_ == nullptr) return;
  exchange_->abandon(EndedBy::kBalancer, reason);
  let_go_of_exchange();
}

void H2Stream::forget() {
  bytes_.forget(worker_.buffers());
  client_ = nullptr;
  worker_.loop().timers().disarm(rest_timer_);
  worker_.spare(*this);
}

void H2Stream::advance() {
  if (client_ == nullptr) return;
  client_->wake(*this);
  worker_.at_turn_end(*client_);  // together with what other streams get in this turn
}

void H2Stream::step() {
  if (exchange_ == nullptr) return;
  exchange_->new_turn();
  while (exchange_ != nullptr && exchange_->step()) {
  }
}

const Peer& H2Stream::peer() const { return client_->host().peer_of_connection(); }
WorkerListener& H2Stream::listener() { return client_->host().listener_of_connection(); }
const std::string& H2Stream::connection_id() { return client_->host().id_of_connection(); }
const std::string& H2Stream::local_ip() { return client_->host().local_ip_of_connection(); }

void H2Stream::on_head(std::string_view text, bool ended) {
  exchange_ = &worker_.new_exchange();
  client_->exchange_began();
  exchange_->started = started_;
  if (ended) bytes_.end_arrived();
  const std::shared_ptr<ListenerStats>& stats = client_->host().stats_in_force();
  if (text.empty()) {
    exchange_->begin_unread(*this, stats, 400, "header_list_too_large");
  } else {
    // Whatever is whole or in error here: what is left of the parser's work is its judgement.
    codec::ParseState parsed = exchange_->parser.parse(text, exchange_->head);
    if (parsed == codec::ParseState::kIncomplete) parsed = codec::ParseState::kError;
    codec::BodyFraming body = exchange_->head.body;
    if (body.kind == codec::BodyFraming::Kind::kChunked) body = {codec::BodyFraming::Kind::kUntilClose, 0};
    exchange_->begin(*this, stats, parsed, body);
  }
  client_->wake(*this);
}

void H2Stream::on_data(std::string_view bytes) {
  bytes_.arrived(bytes, worker_.buffers());
  if (exchange_ != nullptr) return client_->wake(*this);
  // Answered already: read for its end only.
  bytes_.discard(worker_.buffers());
  if (bytes_.received - rest_from_ > kMaxRest) return leave_rest();
  worker_.loop().arm_at(rest_timer_, std::min(worker_.loop().now() + kRestPause, rest_until_));
}

bool H2Stream::takes_rest() {
  rest_from_ = bytes_.received;
  rest_until_ = worker_.loop().now() + kRestTotal;
  worker_.loop().arm(rest_timer_, kRestPause);
  return true;
}

void H2Stream::leave_rest() {
  worker_.loop().timers().disarm(rest_timer_);
  client_->session().reset(id_, h2::ErrorCode::kNone);
  worker_.at_turn_end(*client_);
}

void H2Stream::on_end() {
  bytes_.end_arrived();
  client_->wake(*this);
}

void H2Stream::on_closed(h2::ErrorCode) {
  closed_ = true;
  if (!bytes_.out_ends || !bytes_.out.empty()) bytes_.broken();  // else the answer went out whole
  client_->wake(*this);
}

void H2Stream::on_taken(std::size_t bytes) {
  bytes_.delivered += bytes;
  client_->wake(*this);
}

void H2Stream::write_head(const codec::ResponseHead& head, const codec::ResponsePlan& plan,
                          const codec::RequestFacts& request, const codec::ResponseRewrite& rewrite) {
  codec::Buffer& text = worker_.head_space();
  text.clear();
  codec::write_response_head(text, head, plan, request, rewrite);
  if (plan.kind == codec::ResponseKind::kInterimForward) return client_->session().interim(id_, text.view());
  const bool ended = plan.kind == codec::ResponseKind::kFinal && !plan.in.has_bytes();
  client_->session().respond(id_, text.view(), ended);
}

void H2Stream::write_own_text(const codec::OwnResponse& response,
                              void (*write)(codec::Buffer& out, const codec::OwnResponse& response)) {
  codec::Buffer& text = worker_.head_space();
  text.clear();
  write(text, response);
  const std::string_view all = text.view();
  const std::size_t head = all.find("\r\n\r\n") + 4;
  client_->session().respond(id_, all.substr(0, head), head == all.size());
  bytes_.out.append(all.substr(head));
}

void H2Stream::write_own(const codec::OwnResponse& response) {
  write_own_text(response, codec::write_own_response);
}

void H2Stream::write_status_page(const codec::OwnResponse& response) {
  write_own_text(response, codec::write_status_page);
}

bool H2Stream::write_continue() {
  client_->session().interim(id_, codec::kContinue);
  return true;
}

void H2Stream::let_go_of_exchange() {
  worker_.recycle(*exchange_);
  exchange_ = nullptr;
  client_->exchange_ended();
}

void H2Stream::write_trailers(std::string_view lines) { client_->session().trailers(id_, lines); }

void H2Stream::end_response() {
  bytes_.out_ends = true;
  client_->session().resume(id_);
}

void H2Stream::on_served(Served) {
  let_go_of_exchange();
  if (!closed_) bytes_.discard(worker_.buffers());
  client_->wake(*this);
}

void H2Stream::on_broken(EndedBy by, Cut cut) {
  let_go_of_exchange();
  // A tunnel whose ends were passed on both ways has ended well.
  const bool both_ended = cut == Cut::kPlain && bytes_.out_ends && bytes_.ended;
  if (!closed_ && !both_ended)
    client_->session().reset(id_, by == EndedBy::kClient ? h2::ErrorCode::kCancel : h2::ErrorCode::kInternal);
  client_->wake(*this);
  if (!client_->pumping()) worker_.at_turn_end(*client_);  // a timer's doing
}

shared::Result<std::unique_ptr<H2Client>> H2Client::create(Worker& worker, H2Host& host) {
  std::unique_ptr<H2Client> client(new H2Client(worker, host));
  auto session = h2::Session::create(h2::Session::Role::kServer, *client);
  if (!session) return session.error();
  client->session_ = std::move(*session);
  return client;
}

H2Client::~H2Client() {
  cut({});
  worker_.forget(*this);
}

h2::StreamEvents* H2Client::on_stream(std::int32_t id) {
  if (streams_.size() >= h2::kMaxStreams) return nullptr;  // those reset count while their exchange goes on
  H2Stream& stream = worker_.new_h2_stream();
  stream.start(*this, id);
  streams_.push_back(&stream);
  return &stream;
}

// 16 bytes in base64, of which the last group has two.
std::string_view H2Client::websocket_key() {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::size_t kDigitsOfKey = 21;
  websocket_key_.clear();
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < kDigitsOfKey; ++i) {
    if (i % 10 == 0) bits = worker_.random().next();
    websocket_key_ += kDigits[bits & 63];
    bits >>= 6;
  }
  websocket_key_ += "w==";  // two bits of it
  return websocket_key_;
}

void H2Client::wake(H2Stream& stream) {
  if (stream.waits) return;
  stream.waits = true;
  waiting_.push_back(&stream);
}

void H2Client::serve_waiting() {
  while (!waiting_.empty()) {
    serving_.swap(waiting_);
    for (H2Stream* stream : serving_) {
      stream->waits = false;
      stream->step();
    }
    serving_.clear();
    bury();
  }
}

// Streams that are over on both sides.
void H2Client::bury() {
  std::erase_if(streams_, [](H2Stream* stream) {
    if (!stream->over() || stream->waits) return false;
    stream->forget();
    return true;
  });
}

// Serves and writes until nothing moves, or the others on this worker have their turn.
void H2Client::pump() {
  if (pumping_ || ended_) return;
  pumping_ = true;
  TransportStream& below = host_.transport_stream();
  bool moves = true;
  for (int round = 0; moves; ++round) {
    if (round == kRoundsPerTurn) {
      host_.continue_h2_later();
      break;
    }
    serve_waiting();
    const std::size_t before = below.out.size();
    if (before < kMaxOut) {
      worker_.buffers().take(below.out);
      if (!session_->send(below.out, kMaxOut)) receiving_over_ = true;
    }
    const std::size_t held = below.out.size();
    if (!below.flush()) {
      pumping_ = false;
      ended_ = true;
      return host_.on_h2_broken(EndedBy::kClient);
    }
    // Not empty: until the client reads.
    moves = !waiting_.empty() || (held != 0 && below.out.empty());
  }
  bury();
  pumping_ = false;
  if (check_end()) return;
  host_.on_h2_turn();
  if (below.out.empty() && below.in.empty() && idle()) below.release_buffers(worker_.buffers());
}

// Whether the connection has nothing more to do: tells the host.
bool H2Client::check_end() {
  if (!session_->going_away() &&
      (!host_.may_open_streams() || session_->streams_total() >= kMaxRequestsPerH2Connection))
    go_away();
  if (ended_) return true;
  TransportStream& below = host_.transport_stream();
  if (!below.out.empty()) return false;
  const bool done = receiving_over_ || session_->over() || (session_->left() && streams_.empty() && idle());
  if (!done) return false;
  ended_ = true;
  host_.on_h2_over(session_->problem().empty() ? EndedBy::kNobody : EndedBy::kClient);
  return true;
}

void H2Client::go_away() {
  if (session_->going_away()) return;
  session_->go_away();
  pump();
}

bool H2Client::leave_if_idle() {
  TransportStream& below = host_.transport_stream();
  if (pumping_ || ended_ || !idle() || !streams_.empty() || requests() == 0 || in_header_block())
    return false;
  if (!below.in.empty() || below.has_pending_input()) return false;
  if (!below.out.empty()) return true;  // it does not read
  session_->leave_now();
  worker_.buffers().take(below.out);
  if (session_->send(below.out, kMaxOut)) (void)below.flush();
  return true;
}

bool H2Client::read() {
  TransportStream& below = host_.transport_stream();
  if (!below.in.empty()) {
    if (!session_->receive(below.in.view(), worker_.loop().now())) receiving_over_ = true;
    below.in.clear();
    return true;
  }
  switch (below.fill(worker_.buffers(), kBufferSize)) {
    case Filled::kBytes:
      return true;
    case Filled::kBlocked:
    case Filled::kFull:
      return false;
    case Filled::kEnded:
    case Filled::kFailed:
      break;
  }
  ended_ = true;
  host_.on_h2_broken(EndedBy::kClient);
  return false;
}

bool H2Client::run() {
  TransportStream& below = host_.transport_stream();
  pump();
  int reads = 0;
  while (reads < kReadsPerTurn && !receiving_over_ && !ended_) {
    // Who does not read is not read from: answers to what it says would pile up. It is read from again when
    // it has taken what waits, which is an edge of its own.
    if (below.out.size() >= kMaxOut || !read()) break;
    if (!below.in.empty()) continue;
    pump();
    ++reads;
  }
  return !ended_ && reads >= kReadsPerTurn;
}

void H2Client::cut(std::string_view reason) {
  ended_ = true;
  for (H2Stream* stream : streams_) {
    stream->cut(reason);
    stream->waits = false;
    stream->forget();
  }
  streams_.clear();
  waiting_.clear();
}

}  // namespace balancer::proxy
