#include "agent/control/engine/input_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "shared/base/check.h"

namespace agent::control {

using shared::Result;

namespace {

constexpr const char* kTooMuchWaits = "control is behind: too much that was said waits for its turn";

void move_some(std::deque<Input>& from, std::size_t most, std::vector<Input>& to) {
  const auto end = from.begin() + static_cast<std::ptrdiff_t>(std::min(most, from.size()));
  std::move(from.begin(), end, std::back_inserter(to));
  from.erase(from.begin(), end);
}

}  // namespace

bool InputQueue::call(std::function<Result<void>(Step&)> apply, std::function<void(Result<void>)> done) {
  if (calls_.size() >= kMaxWaitingCalls) return false;
  calls_.push_back({std::move(apply), std::move(done)});
  return true;
}

std::uint64_t InputQueue::open(const std::shared_ptr<link::Channel>& channel,
                               std::function<void(Step&, std::uint64_t session)> apply) {
  const std::uint64_t session = ++last_session_;
  if (waiting_ >= kMaxWaitingOfSessions) {
    channel->close(kTooMuchWaits);
    return session;
  }
  sessions_[session].channel = channel;
  push(session, 0, [apply = std::move(apply), session](Step& step) { apply(step, session); });
  return session;
}

void InputQueue::say(std::uint64_t session, std::size_t bytes, std::function<void(Step&)> apply) {
  const auto it = sessions_.find(session);
  if (it == sessions_.end() || it->second.told_to_go) return;
  Session& mine = it->second;
  if (mine.waiting >= kMaxWaitingOfSession || waiting_ >= kMaxWaitingOfSessions ||
      waiting_bytes_ + bytes > kMaxWaitingBytes) {
    mine.told_to_go = true;
    return mine.channel->close(kTooMuchWaits);
  }
  push(session, bytes, std::move(apply));
}

void InputQueue::close(std::uint64_t session, std::function<void(Step&)> apply) {
  const auto it = sessions_.find(session);
  if (it == sessions_.end() || !it->second.channel) return;
  it->second.channel.reset();
  it->second.told_to_go = true;
  push(session, 0, std::move(apply));
}

void InputQueue::push(std::uint64_t session, std::size_t bytes, std::function<void(Step&)> apply) {
  ++waiting_;
  waiting_bytes_ += bytes;
  ++sessions_.at(session).waiting;
  said_.push_back({[apply = std::move(apply)](Step& step) -> Result<void> {
                     apply(step);
                     return {};
                   },
                   nullptr, session, bytes});
}

std::vector<Input> InputQueue::take_calls(std::size_t most) {
  std::vector<Input> batch;
  move_some(calls_, most, batch);
  return batch;
}

std::vector<Input> InputQueue::take(std::size_t most_of_sessions, std::size_t most_calls) {
  std::vector<Input> batch = std::exchange(kept_, {});
  move_some(said_, most_of_sessions, batch);
  move_some(calls_, most_calls, batch);
  return batch;
}

void InputQueue::finished(const Input& input) {
  if (input.session == 0) return;
  const auto it = sessions_.find(input.session);
  BERTH_CHECK(it != sessions_.end() && it->second.waiting > 0 && waiting_ > 0, "a session's input ends once");
  --waiting_;
  waiting_bytes_ -= input.bytes;
  if (--it->second.waiting == 0 && !it->second.channel) sessions_.erase(it);
}

}  // namespace agent::control
