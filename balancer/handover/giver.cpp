#include "balancer/handover/giver.h"

#include <sys/socket.h>

namespace balancer::handover {

using shared::Result;

Result<std::unique_ptr<Giver>> Giver::listen(shared::httpd::IoLoop& loop, const std::string& path,
                                             GiverEvents events) {
  auto fd = listen_at(path);
  if (!fd) return fd.error();
  std::unique_ptr<Giver> giver(new Giver(loop, std::move(events)));
  giver->listener_ = std::move(fd).value();
  giver->watch_listener_ =
      loop.watch_readable(giver->listener_.get(), [raw = giver.get()] { raw->on_listener(); });
  return giver;
}

void Giver::on_listener() {
  Channel channel(shared::UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  if (!channel.open()) return;
  if (!channel.peer_is_ours()) return;
  if (taker_.open()) {
    (void)channel.send("refused process " + std::to_string(taker_.peer_pid()) + " takes over already");
    return;
  }
  taker_ = std::move(channel);
  wished_ = serving_ = false;
  watch_taker_ = loop_.watch_readable(taker_.fd(), [this] { on_channel(); });
  limit_ = loop_.after(kTakeOverLimit, [this] {
    lost("it did not serve within " + std::to_string(kTakeOverLimit.count()) + " ms");
  });
}

void Giver::on_channel() {
  Channel::Heard heard = taker_.receive();
  if (heard.over) return serving_ ? watch_taker_.cancel() : lost("it has ended");
  if (!heard.packet) return;
  if (heard.packet->word == "take-over" && !wished_) {
    wished_ = true;
    events_.wished();
  } else if (heard.packet->word == "serving" && wished_ && !serving_) {
    serving_ = true;
    limit_.cancel();
    events_.serving(taker_.peer_pid());
  }
}

void Giver::lost(const std::string& why) {
  limit_.cancel();
  watch_taker_.cancel();
  taker_.close();
  if (std::exchange(wished_, false)) events_.gone(why);
}

void Giver::offer(const std::string& text, int descriptor) {
  if (!taker_.open()) return;
  if (auto sent = taker_.send(text, descriptor); !sent) lost(sent.error().text());
}

void Giver::refuse(const std::string& reason) {
  if (taker_.open()) (void)taker_.send("refused " + reason);
  wished_ = false;
  lost({});
}

void Giver::yours() {
  watch_listener_.cancel();
  listener_.reset();
  watch_taker_.cancel();
  if (taker_.open()) (void)taker_.send("yours");
}

}  // namespace balancer::handover
