// Two ends of a connection in memory, for playing every partial read and write, delay, end and reset without
// a socket. Bytes that were written are on their way until the wire delivers them, and only so many fit: a
// write beyond it is short, then blocked, and is reported writable once there is room. Reports come from
// MemoryWire alone, never inside a read or a write, each edge once, as a socket in edge-triggered mode does.
//
//   MemoryWire wire(MemoryWire::Options{.capacity = 4096});
//   auto [a, b] = wire.ends();            // unique_ptr<loop::Transport>; the wire outlives both
//   wire.deliver(MemoryWire::kToB, 1);    // one byte arrives at b
//   wire.step(random);                    // some bytes arrive somewhere, as the seed has it
//   wire.settle();                        // all that is on its way arrives, until nothing more happens
#pragma once
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "balancer/loop/transport.h"
#include "shared/env/random.h"

namespace tests::support {

class MemoryWire {
 public:
  enum Direction { kToA = 0, kToB = 1 };
  struct Options {
    std::size_t capacity = 64 * 1024;  // bytes written and not read, each way
    // A read gives no more, though there may be more, as TLS does with its records. 0: as much as there is.
    std::size_t record = 0;
  };
  using Ends =
      std::pair<std::unique_ptr<balancer::loop::Transport>, std::unique_ptr<balancer::loop::Transport>>;

  MemoryWire() : MemoryWire(Options{}) {}
  explicit MemoryWire(Options options) : options_(options) {}
  MemoryWire(const MemoryWire&) = delete;
  MemoryWire& operator=(const MemoryWire&) = delete;

  Ends ends() { return {std::make_unique<End>(*this, kToA), std::make_unique<End>(*this, kToB)}; }

  // At most `most` bytes arrive, and the end behind the last one. Reports what that changed, and that the
  // writer has room again. Gives whether anything happened.
  bool deliver(Direction to, std::size_t most = std::numeric_limits<std::size_t>::max()) {
    arrive(to, most);
    return tell(to);
  }
  // The first half of deliver(): what arrives can be read or noticed by whoever looks, but nobody was told
  // yet, as between two calls of epoll.
  void arrive(Direction to, std::size_t most = std::numeric_limits<std::size_t>::max()) {
    Pipe& pipe = pipes_[to];
    balancer::loop::Ready& arrived = pipe.untold;
    const std::size_t bytes = std::min(most, pipe.under_way.size());
    if (bytes > 0 && pipe.reader_gone) {  // as the kernel answers what nobody will read
      pipe.under_way.clear();
      Fin& answer = pipes_[to == kToA ? kToB : kToA].reset;
      if (answer == Fin::kNone) answer = Fin::kUnderWay;
    } else if (bytes > 0) {
      pipe.here.append(pipe.under_way, 0, bytes);
      pipe.under_way.erase(0, bytes);
      pipe.arrived_total += bytes;
      arrived.readable = true;
    }
    if (pipe.under_way.empty() && pipe.fin == Fin::kUnderWay) {
      pipe.fin = Fin::kHere;
      arrived.readable = arrived.ended = true;
    }
    if (pipe.reset == Fin::kUnderWay) {
      pipe.reset = Fin::kHere;
      arrived.readable = arrived.ended = arrived.writable = true;
    }
  }
  // The second half. Gives whether there was anything to tell.
  bool tell(Direction to) {
    Pipe& pipe = pipes_[to];
    bool happened = false;
    if (pipe.untold.readable) {
      happened = true;
      report(to, std::exchange(pipe.untold, {}));
    }
    if (pipe.writer_blocked && room(pipe) > 0) {
      pipe.writer_blocked = false;
      happened = true;
      balancer::loop::Ready ready;
      ready.writable = true;
      report(to == kToA ? kToB : kToA, ready);
    }
    return happened;
  }
  bool deliver_both(std::size_t most = std::numeric_limits<std::size_t>::max()) {
    const bool to_b = deliver(kToB, most);
    return deliver(kToA, most) || to_b;
  }
  // A random number of bytes one way; now and then nothing, now and then all.
  bool step(shared::env::Random& random) {
    const auto to = random.below(2) == 0 ? kToA : kToB;
    switch (random.below(4)) {
      case 0:
        return deliver(to, 1);
      case 1:
        return deliver(to);
      default:
        return deliver(to, static_cast<std::size_t>(1 + random.below(700)));
    }
  }
  void settle() {
    while (deliver_both()) {
    }
  }
  // Both ends are told that they can be written, as of a connection that was just made.
  void connected() {
    made_ = true;
    balancer::loop::Ready ready;
    ready.writable = true;
    report(kToA, ready);
    report(kToB, ready);
  }
  // An end that dialled learns that there is no connection.
  void refuse(Direction to) {
    balancer::loop::Ready ready;
    ready.writable = ready.ended = true;
    report(to, ready);
  }
  // On its way, or arrived and not read.
  std::size_t unread(Direction to) const { return pipes_[to].under_way.size() + pipes_[to].here.size(); }
  std::size_t under_way(Direction to) const { return pipes_[to].under_way.size(); }
  std::size_t arrived_total(Direction to) const { return pipes_[to].arrived_total; }
  bool ended(Direction to) const { return pipes_[to].fin != Fin::kNone; }
  bool was_reset(Direction to) const { return pipes_[to].reset != Fin::kNone; }
  // What is on its way, to be changed by an attacker.
  std::string& tamper(Direction to) { return pipes_[to].under_way; }
  // Bytes that the peer's transport did not write.
  void inject(Direction to, std::string_view bytes) { pipes_[to].under_way += bytes; }
  // The end without a word of the layer above.
  void cut(Direction to) {
    if (pipes_[to].fin == Fin::kNone) pipes_[to].fin = Fin::kUnderWay;
  }
  void reset(Direction to) {
    pipes_[to].under_way.clear();
    pipes_[to].reset = Fin::kUnderWay;
  }

 private:
  enum class Fin { kNone, kUnderWay, kHere };
  // To one end, from the other.
  struct Pipe {
    std::string under_way;
    std::string here;
    std::size_t arrived_total = 0;
    Fin fin = Fin::kNone;
    Fin reset = Fin::kNone;
    bool writer_blocked = false;
    bool reader_gone = false;
    balancer::loop::Ready untold;
    void* owner = nullptr;  // of the end that reads
    balancer::loop::Transport::OnReady on_ready = nullptr;
  };

  class End final : public balancer::loop::Transport {
   public:
    End(MemoryWire& wire, Direction own) : wire_(wire), own_(own) {}
    ~End() override { End::close(); }

    shared::Result<void> open(balancer::loop::Loop&, void* owner, OnReady on_ready) override {
      in().owner = owner;
      in().on_ready = on_ready;
      return {};
    }
    balancer::loop::IoResult read(std::span<char> into) override {
      using balancer::loop::Io;
      if (closed_) return {Io::kFailed, 0, EBADF};
      if (in().reset == Fin::kHere) return {Io::kFailed, 0, ECONNRESET};
      if (in().here.empty()) return {in().fin == Fin::kHere ? Io::kEnded : Io::kBlocked, 0, 0};
      std::size_t bytes = std::min(into.size(), in().here.size());
      if (keeps_more()) bytes = std::min(bytes, wire_.options_.record);
      std::memcpy(into.data(), in().here.data(), bytes);
      in().here.erase(0, bytes);
      return {Io::kDone, bytes, 0};
    }
    balancer::loop::IoResult write(std::span<const iovec> parts) override {
      using balancer::loop::Io;
      if (closed_) return {Io::kFailed, 0, EBADF};
      if (in().reset == Fin::kHere) return {Io::kFailed, 0, EPIPE};
      if (out().fin != Fin::kNone) return {Io::kFailed, 0, EPIPE};
      if (out().reader_gone) {  // as the kernel answers what nobody will read
        in().reset = in().reset == Fin::kNone ? Fin::kUnderWay : in().reset;
        std::size_t lost = 0;
        for (const iovec& part : parts) lost += part.iov_len;
        return {Io::kDone, lost, 0};
      }
      std::size_t bytes = 0, asked = 0;
      for (const iovec& part : parts) {
        asked += part.iov_len;
        const std::size_t take = std::min(part.iov_len, wire_.room(out()));
        out().under_way.append(static_cast<const char*>(part.iov_base), take);
        bytes += take;
      }
      if (bytes < asked) out().writer_blocked = true;
      if (bytes == 0 && asked > 0) return {Io::kBlocked, 0, 0};
      return {Io::kDone, bytes, 0};
    }
    void shutdown_write() override {
      if (!closed_) wire_.cut(own_ == kToA ? kToB : kToA);
    }
    bool has_pending_input() override {
      return !in().here.empty() || in().fin == Fin::kHere || in().reset == Fin::kHere;
    }
    void reset_on_close() override { resets_ = true; }
    bool keeps_more() const override { return wire_.options_.record != 0; }
    int connect_error() override { return wire_.made_ ? 0 : ECONNREFUSED; }
    void close() override {
      if (closed_) return;
      closed_ = true;
      in().owner = nullptr;
      in().on_ready = nullptr;
      in().reader_gone = true;
      // As the kernel does with bytes that nobody has read.
      const bool unread = !in().here.empty();
      if (resets_ || unread) {
        wire_.reset(own_ == kToA ? kToB : kToA);
      } else {
        wire_.cut(own_ == kToA ? kToB : kToA);
      }
    }

   private:
    Pipe& in() { return wire_.pipes_[own_]; }
    Pipe& out() { return wire_.pipes_[own_ == kToA ? kToB : kToA]; }
    MemoryWire& wire_;
    const Direction own_;
    bool closed_ = false;
    bool resets_ = false;
  };

  std::size_t room(const Pipe& pipe) const {
    const std::size_t held = pipe.under_way.size() + pipe.here.size();
    return held < options_.capacity ? options_.capacity - held : 0;
  }
  void report(Direction to, balancer::loop::Ready ready) {
    const Pipe& pipe = pipes_[to];
    if (pipe.on_ready != nullptr) pipe.on_ready(pipe.owner, ready);
  }

  const Options options_;
  bool made_ = false;
  std::array<Pipe, 2> pipes_;
};

}  // namespace tests::support
