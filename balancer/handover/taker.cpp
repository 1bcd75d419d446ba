#include "balancer/handover/taker.h"

#include <charconv>

namespace balancer::handover {

using shared::Error;
using shared::Millis;
using shared::Result;

namespace {
constexpr Millis kOfferLimit{30'000};

void read_tickets(const std::string& text, Offer& offer) {
  const auto blank = text.find(' ');
  long long age = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + std::min(blank, text.size()), age);
  if (blank == std::string::npos || error != std::errc() || end != text.data() + blank || age < 0) return;
  offer.tickets_age = Millis(age);
  offer.tickets = text.substr(blank + 1);
}
}  // namespace

Result<std::unique_ptr<Taker>> Taker::take(const std::string& path, Offer& offer) {
  auto channel = Channel::connect(path);
  if (!channel) return channel.error();
  std::unique_ptr<Taker> taker(new Taker(std::move(channel).value()));
  const std::string who = "the balancer that runs (pid " + std::to_string(taker->older()) + ")";
  if (!taker->channel_.peer_is_ours()) return Error("handover", who + " belongs to another user");
  // One that refuses may have said so, and left, before it is asked.
  const auto asked = taker->channel_.send("take-over 1");
  for (;;) {
    auto packet = taker->channel_.wait(kOfferLimit);
    if (!packet) return (asked ? packet.error() : asked.error()).within(who);
    if (packet->word == "offered") return taker;
    if (packet->word == "refused") return Error("handover", who + " refuses: " + packet->rest);
    if (packet->word == "tickets") read_tickets(packet->rest, offer);
    if (!packet->descriptor) continue;
    if (packet->word == "listener") offer.listeners[packet->rest].push_back(std::move(packet->descriptor));
    if (packet->word == "lock") offer.lock = std::move(packet->descriptor);
  }
}

void Taker::serving(shared::httpd::IoLoop& loop, std::function<void()> yours, std::function<void()> ended) {
  yours_ = std::move(yours);
  ended_ = std::move(ended);
  watch_ = loop.watch_readable(channel_.fd(), [this] { on_channel(); });
  (void)channel_.send("serving");  // where it has ended meanwhile, that is heard
}

void Taker::on_channel() {
  const Channel::Heard heard = channel_.receive();
  const bool told = heard.packet && heard.packet->word == "yours";
  if (!told && !heard.over) return;
  if (heard.over) {
    watch_.cancel();
    channel_.close();
  }
  if (const auto yours = std::exchange(yours_, nullptr)) yours();
  if (!heard.over) return;
  if (const auto ended = std::exchange(ended_, nullptr)) ended();
}

}  // namespace balancer::handover
