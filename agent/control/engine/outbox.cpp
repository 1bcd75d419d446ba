#include "agent/control/engine/outbox.h"

#include <utility>

namespace agent::control {

void Outbox::send(std::shared_ptr<link::Channel> channel, std::string text, std::function<void()> take_back) {
  held_.push_back({std::move(channel), std::move(text), std::move(take_back)});
}

void Outbox::run(std::function<void()> deliver, std::function<void()> take_back) {
  held_.push_back({nullptr, {}, std::move(take_back), std::move(deliver)});
}

void Outbox::close(std::shared_ptr<link::Channel> channel, std::string reason) {
  held_.push_back({std::move(channel), std::move(reason), nullptr});
}

void Outbox::append(Outbox&& other) {
  for (Held& each : std::exchange(other.held_, {})) held_.push_back(std::move(each));
}

void Outbox::deliver() {
  for (Held& each : std::exchange(held_, {})) {
    if (each.run) {
      each.run();
    } else if (each.take_back) {
      each.channel->send(std::move(each.text));
    } else {
      each.channel->close(each.text);
    }
  }
}

void Outbox::take_back() {
  auto held = std::exchange(held_, {});
  for (auto it = held.rbegin(); it != held.rend(); ++it) {
    if (it->take_back) {
      it->take_back();
    } else {
      it->channel->close("why this session ends could not be saved; come back");
    }
  }
}

}  // namespace agent::control
