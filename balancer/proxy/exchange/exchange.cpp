#include "balancer/proxy/exchange/exchange.h"

#include <algorithm>

#include "balancer/codec/chars.h"
#include "balancer/codec/trace_context.h"
#include "balancer/proxy/target/h2_target.h"
#include "balancer/proxy/target/target_connection.h"
#include "balancer/proxy/worker/token_keys.h"
#include "balancer/proxy/worker/worker.h"
#include "balancer/routing/action.h"

namespace balancer::proxy {

using codec::ParseState;

namespace {

// ALB's words for the access log.
std::string_view transform_status(std::string_view reason) {
  if (reason.ends_with("too_long")) return "TransformBufferTooSmall";
  return reason.starts_with("host") ? "TransformInvalidHost" : "TransformInvalidPath";
}

// RFC 9110 section 9.2.2; TRACE is refused before.
bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE";
}

}  // namespace

Exchange::Exchange(Worker& worker) : worker_(worker) {
  timer_.bind(this, [](void* self) { static_cast<Exchange*>(self)->on_timeout(); });
}

Exchange::~Exchange() { worker_.loop().timers().remove(timer_); }

void Exchange::touch() {
  const CompiledListener* listener = client_->listener().current;
  worker_.loop().arm(timer_, listener != nullptr ? listener->options.idle_timeout : kIdleWithoutListener);
}

bool Exchange::out_of_turn() {
  if (reads_left_-- > 0) return false;
  worker_.continue_later(*client_);
  return true;
}

void Exchange::start(ClientSide& client, const std::shared_ptr<ListenerStats>& stats) {
  client_ = &client;
  in_ = &client.stream();
  stats_ = stats;
  counters_ = &stats->per_worker[worker_.index()];
  phase_ = Phase::kRequest;
  config_ = &worker_.current();
  ++config_->users;
  now_ = client.listener().current;
  answer_ = Answer::kAwaited;
  target_ = nullptr;
  tries_ = 0;
  reads_left_ = kReadsPerTurn;
  interims_seen_ = false;
  action_ = nullptr;
  traffic_ = nullptr;
  kept_.reset();
  outcome_counted_ = dispatched_once_ = false;
  turn_limit_ = {};
  repeats_ = 0;
  fresh_only_ = close_after_ = close_client_ = upload_broken_ = keep_ = client_shut_ = target_shut_ = false;
  last_failure_ = ConnectFailure::kRefused;
  received_before_ = in_->received - in_->in.size();
  sent_before_ = in_->delivered;
  record_.wanted = worker_.logs_access() && now_ != nullptr && now_->options.access_log;
  record_.reason = {};
  record_.ended_by = EndedBy::kNobody;
  counters_->in_flight.add();
  touch();
}

bool Exchange::begin(ClientSide& client, const std::shared_ptr<ListenerStats>& stats, ParseState parsed,
                     codec::BodyFraming body) {
  start(client, stats);
  using shared::lbconfig::DesyncMode;
  const codec::Judgement judgement =
      codec::judge(head, now_ != nullptr ? now_->options.desync : DesyncMode::kDefensive);
  TrafficCounters& counters = *counters_;
  if (judgement.tier == codec::Tier::kAcceptable) counters.desync_acceptable.add();
  if (judgement.tier == codec::Tier::kAmbiguous) counters.desync_ambiguous.add();
  if (judgement.tier == codec::Tier::kSevere) counters.desync_severe.add();
  facts_ = codec::facts_of(head);
  method_ = counted_method(head.method());
  if (record_.wanted) note_request(judgement);

  if (judgement.verdict == codec::Verdict::kRefuse || parsed == ParseState::kError) {
    request_body_.start({});
    upload_done_ = false;  // what follows a refused head is never read as a request
    answer_refusal(judgement);
    return false;
  }
  close_after_ = judgement.verdict == codec::Verdict::kPassAndClose;
  close_client_ = close_after_ && !judgement.client_may_stay;
  request_body_.start(body);
  if (now_ != nullptr) request_body_.leave_out(now_->tls_names);
  upload_done_ = request_body_.done();
  pace_.start();
  paced_ = !upload_done_ && !head.value(codec::FieldId::kContentType).starts_with("application/grpc");
  request_form_ = head.body.kind == codec::BodyFraming::Kind::kChunked ? codec::BodyForm::kChunked
                                                                       : codec::BodyForm::kPlain;
  replayable_ = upload_done_ && is_idempotent(head.method());
  if (now_ == nullptr) {
    answer_status(503, "listener_removed", EndedBy::kBalancer);
  } else if (worker_.too_many_requests()) {
    close_client_ = true;
    answer_status(503, "memory_short", EndedBy::kBalancer);
  } else {
    route();
  }
  return true;
}

void Exchange::begin_unread(ClientSide& client, const std::shared_ptr<ListenerStats>& stats, int status,
                            std::string_view reason) {
  start(client, stats);
  facts_ = codec::RequestFacts{};
  facts_.keep_alive = upload_done_ = false;
  request_body_.start({});
  if (record_.wanted) note_request(codec::Judgement{});  // what has arrived of it
  answer_status(status, reason, EndedBy::kClient);
}

bool Exchange::step() {
  switch (phase_) {
    case Phase::kUnused:
      return false;
    case Phase::kRequest:
      return run();
    case Phase::kTunnel:
      return run_tunnel();
  }
  return false;
}

void Exchange::route() {
  if (now_->options.maintenance) return answer_maintenance(*now_->options.maintenance);
  if (now_->rate_limiter != nullptr && !within_rate()) return;
  const Peer& peer = client_->peer();
  codec::RequestRewrite rewrite;
  rewrite.scheme = peer.scheme;
  rewrite.listener_port = now_->port;
  rewrite.client_address = peer.ip;
  rewrite.client_port = peer.port;
  rewrite.default_host = default_host();
  rewrite.xff = now_->options.xff;
  rewrite.xff_client_port = now_->options.xff_client_port;
  rewrite.preserve_host = now_->options.preserve_host;
  rewrite.drop_invalid_headers = now_->options.drop_invalid_headers;
  if (peer.tls != nullptr) rewrite.extra_fields = peer.tls->request_fields;
  rewrite.reserved = now_->tls_names;
  rewrite.target = close_after_ ? codec::Persist::kClose : codec::Persist::kKeepAlive;

  routing::RequestFacts facts;
  facts.host = codec::routing_authority(head, rewrite);
  facts.path = head.path();
  facts.query = head.query();
  facts.method = head.method();
  facts.head = &head;
  facts.source = peer.source;
  if (config_->acme != nullptr && answer_acme(facts)) return;
  const routing::Match match = now_->routes.match(facts, worker_.scratch());
  if (record_.wanted) record_.rule_priority = match.priority;
  if (match.action->jwt && !passes(*match.action->jwt)) return;
  switch (match.action->type) {
    case shared::lbconfig::ActionType::kForward:
      forward(match, facts, rewrite);
      break;
    case shared::lbconfig::ActionType::kFixedResponse:
      answer_fixed(match.action->fixed_response);
      break;
    case shared::lbconfig::ActionType::kRedirect:
      answer_redirect(match.action->redirect);
      break;
  }
}

// Which of the action's target groups: the one that the client's cookie names, else by weight.
std::optional<std::size_t> Exchange::choose_group(const shared::lbconfig::ForwardAction& action) {
  if (action.sticky && action.target_groups.size() > 1) {
    sticky::Wanted wanted;
    wanted.group = true;
    const sticky::Said said = sticky::read(head, worker_.sealer(), wanted, worker_.loop().wall_now());
    if (said.group_unreadable) record_.error_reason = "AWSALBTGCookieInvalid";
    for (std::size_t i = 0; said.group && i < action.target_groups.size(); ++i) {
      if (*said.group == sticky::group_mark(action.target_groups[i].target_group)) return i;
    }
  }
  return routing::choose_target_group(action, worker_.random().next());
}

// ALB's table of what clients and protocol versions of target groups go together.
bool Exchange::speaks(shared::lbconfig::ProtocolVersion version) const {
  using shared::lbconfig::ProtocolVersion;
  const bool h2 = client_->frames_bodies();
  const bool grpc = head.value(codec::FieldId::kContentType).starts_with("application/grpc");
  if (version == ProtocolVersion::kHttp1) return !(h2 && grpc);
  if (version == ProtocolVersion::kGrpc) return h2 && (grpc || head.method() == "POST");
  return h2;
}

void Exchange::read_target_cookie() {
  const shared::lbconfig::Stickiness& stickiness = config_->groups[group_]->group->stickiness;
  if (!stickiness.enabled) return;
  sticky::Wanted wanted;
  if (stickiness.type == shared::lbconfig::StickinessType::kLbCookie) {
    wanted.target = true;
  } else {
    wanted.application_cookie = stickiness.app_cookie;
  }
  kept_ = sticky::read(head, worker_.sealer(), wanted, worker_.loop().wall_now()).target;
}

// What the client is to send next time, for the answer that is about to be said.
std::string_view Exchange::cookie_lines() {
  const WorkerGroup& group = *config_->groups[group_];
  const shared::lbconfig::Stickiness& stickiness = group.group->stickiness;
  const bool group_cookie = action_->sticky && action_->target_groups.size() > 1;
  if (!stickiness.enabled && !group_cookie) return {};
  const shared::WallTime now = worker_.loop().wall_now();
  std::string& lines = worker_.cookie_space();
  lines.clear();
  WorkerTarget& target = target_->target();
  if (stickiness.enabled && target.marked) {
    const auto lasts = std::chrono::seconds(stickiness.seconds);
    if (stickiness.type == shared::lbconfig::StickinessType::kLbCookie) {
      lines += target.lines.get(worker_.sealer(), sticky::Kind::kTarget, target.mark, lasts, now);
    } else if (sticky::sets_cookie(response_head_, stickiness.app_cookie) ||
               (kept_ && *kept_ != target.mark)) {
      lines += target.lines.get(worker_.sealer(), sticky::Kind::kApplication, target.mark, lasts, now);
    }
  }
  if (group_cookie) {
    lines += config_->groups[group_]->lines.get(worker_.sealer(), sticky::Kind::kGroup, group.mark,
                                                std::chrono::seconds(action_->sticky_seconds), now);
  }
  return lines;
}

// For the detection of targets that stand out by their failures.
void Exchange::count_outcome(bool failed) {
  if (outcome_counted_) return;
  outcome_counted_ = true;
  worker_.note_outcome(*config_->groups[group_]->group, target_->target(), failed);
}

void Exchange::forward(const routing::Match& match, const routing::RequestFacts& facts,
                       const codec::RequestRewrite& rewrite) {
  record_.action = "forward";
  action_ = &match.action->forward;
  const auto chosen = choose_group(*action_);
  if (!chosen) return answer_status(503, "no_target_group_weight", EndedBy::kBalancer);
  group_ = now_->action_groups[match.index][*chosen];
  const targets::Group& group = *config_->groups[group_]->group;
  if (record_.wanted) record_.target_group = group.id;
  if (group.maintenance) return answer_maintenance(*group.maintenance);

  if (!speaks(group.protocol_version)) return answer_status(464, "protocol_version", EndedBy::kBalancer);
  read_target_cookie();
  if (group.compression.enabled()) accepted_ = encode::accepted_coding(head, group.compression);

  codec::RequestRewrite options = rewrite;
  const routing::Transformed changed =
      routing::transform(now_->routes, match, facts, head.has_query, worker_.transform_space());
  if (changed.result == routing::TransformResult::kFailed) {
    record_.transform_status = transform_status(changed.reason);
    return answer_status(500, changed.reason, EndedBy::kBalancer);
  }
  if (changed.result == routing::TransformResult::kTransformed) {
    options.new_host = changed.host;
    options.new_target = changed.target;
    record_.action = "rewrite,forward";
    record_.transform_status = "TransformSuccess";
    if (record_.wanted) {
      record_.transformed_host.assign(changed.host);
      record_.transformed_uri.assign(changed.target);
    }
  }
  // A request that is logged has got one.
  if (!record_.wanted)
    trace_ =
        codec::make_trace_stamp(worker_.epoch_seconds(), worker_.random().next(), worker_.random().next());
  options.trace = trace_;
  codec::Traceparent traceparent;
  using shared::lbconfig::AddTraceparent;
  if (now_->options.add_traceparent != AddTraceparent::kOff && !codec::traceparent_of(head)) {
    traceparent = codec::make_traceparent(trace_, worker_.random().next(),
                                          now_->options.add_traceparent == AddTraceparent::kSampled);
    options.traceparent = traceparent.view();
    if (record_.wanted) record_.traceparent.assign(options.traceparent);
  }
  worker_.buffers().take(request_out_);
  codec::write_request_head(request_out_, head, options);
  deadline_connect_ = worker_.loop().now() + kConnectBudget;
  dispatched_ = worker_.loop().now();
  if (group.retry_budget) {
    std::lock_guard lock(group.runtime->mutex);
    group.runtime->budget.count_request(worker_.loop().now());
  }
  traffic_ = &group.runtime->traffic[worker_.index()];
  if (try_target()) note_dispatched();
}

// It is on its way to a target, the first one that was asked.
void Exchange::note_dispatched() {
  if (dispatched_once_) return;
  dispatched_once_ = true;
  counters_->requests[method_].add();
  if (head.expects_continue && facts_.http11 && !upload_done_) {
    worker_.buffers().take(in_->out);
    facts_.continued = client_->write_continue();
  }
}

// After a configuration change only the new one says who may get a request.
WorkerGroup* Exchange::group_in_force() {
  WorkerGroup* group = config_->groups[group_].get();
  return config_ == &worker_.current() ? group : worker_.find_group(group->group->id);
}

void Exchange::note_not_connected(WorkerTarget& target) {
  worker_.target_counters().connect_errors.add();
  worker_.note_outcome(*config_->groups[group_]->group, target, true);
  worker_.suspect(target);
  tried_[tries_++] = &target;
}

// A kept connection or a new one. Null: the kernel refused at once.
TargetSide* Exchange::open_side(WorkerTarget& target, shared::Millis limit) {
  if (target.runtime->version != shared::lbconfig::ProtocolVersion::kHttp1)
    return H2TargetStream::open(target, *this, h2_share(), limit, last_failure_);
  if (!fresh_only_) {
    const Replay replay = replayable_ ? Replay::kPossible : Replay::kNever;
    if (TargetSide* kept = TargetConnection::reuse(target, *this, replay)) return kept;
  }
  return TargetConnection::open(target, *this, limit, last_failure_);
}

H2Share Exchange::h2_share() const {
  if (fresh_only_) return H2Share::kUnserved;
  return replayable_ ? H2Share::kAny : H2Share::kQuiet;
}

bool Exchange::attach(WorkerTarget& target) {
  const shared::Millis left =
      std::chrono::duration_cast<shared::Millis>(deadline_connect_ - worker_.loop().now());
  const bool last = tries_ + 1 >= kMaxTries;
  const shared::Millis limit = std::max(shared::Millis(1), last ? left : std::min(left, kConnectTry));
  TargetSide* side = open_side(target, limit);
  if (side == nullptr) {
    if (gate_ != nullptr) leave_gate();
    return false;
  }
  target_ = side;
  if (side->frames_bodies()) request_form_ = codec::BodyForm::kPlain;
  const bool has_body = request_body_.framing().has_bytes();
  side->expect_body(has_body);
  target.runtime->opened(worker_.index());
  Stream& stream = side->stream();
  stream.out.swap(request_out_);
  worker_.buffers().give(request_out_);
  stream.sent = 0;
  stream.hold = replayable_;
  upload_broken_ = false;
  response_parser_.reset();
  response_head_.clear();
  if (record_.wanted) record_.target = loop::to_string(target.runtime->address);
  if (has_body && upload_done_) upload_ended();  // all of it waits for another connection than before
  return true;
}

void Exchange::detach() {
  target_->target().runtime->closed(worker_.index());
  target_ = nullptr;
  if (gate_ != nullptr) leave_gate();
}

void Exchange::drop_target() {
  if (target_ == nullptr) return;
  TargetSide& side = *target_;
  detach();
  side.close();
}

void Exchange::on_target_ready() { client_->advance(); }

void Exchange::on_connect_failed(ConnectFailure failure) {
  WorkerTarget& failed = target_->target();
  request_out_.swap(target_->stream().out);
  drop_target();
  note_not_connected(failed);
  last_failure_ = failure;
  // Nothing was sent, so any method may go to another target.
  if (try_target()) note_dispatched();
  client_->advance();
}

void Exchange::on_target_cut() {
  if (phase_ == Phase::kRequest && answer_ == Answer::kAwaited) {
    answer_status(502, "deregistration_delay", EndedBy::kBalancer);
    return client_->advance();
  }
  record_.reason = "deregistration_delay";
  break_off(EndedBy::kBalancer, phase_ == Phase::kRequest ? Cut::kIncomplete : Cut::kPlain);
}

}  // namespace balancer::proxy
