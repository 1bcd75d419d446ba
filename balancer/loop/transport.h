// Bytes both ways in order between us and one peer, whatever carries them: a TCP socket, TLS over one, or
// memory in tests, where every partial read and write, edge and reset can be played. Non-blocking;
// edge-triggered: what open() reports is reported once, and the owner remembers it until a read or a write
// says kBlocked. Not a buffer and not a protocol. Thread: its loop's.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "balancer/loop/loop.h"
#include "balancer/loop/socket.h"
#include "shared/base/result.h"
#include "shared/base/unique_fd.h"

namespace balancer::loop {

class Transport {
 public:
  using OnReady = FdWatch::Callback;

  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  // Begins to report. `on_ready` is never called before open() has returned. Error: out of memory or
  // descriptors.
  virtual shared::Result<void> open(Loop& loop, void* owner, OnReady on_ready) = 0;
  // kDone with at least one byte; a byte count below the space means that nothing more is there now, unless
  // keeps_more(). kEnded: the peer's end, in order.
  virtual IoResult read(std::span<char> into) = 0;
  // kDone may be short: the rest waits for the next report of writable.
  virtual IoResult write(std::span<const iovec> parts) = 0;
  // What was written is followed by our end.
  virtual void shutdown_write() = 0;
  // Bytes or an end wait to be read: a connection that should be quiet is not. Reads nothing.
  virtual bool has_pending_input() = 0;
  // The peer cannot take close() for an orderly end.
  virtual void reset_on_close() = 0;
  // Nothing is reported any more; without reset_on_close() the peer sees our end.
  virtual void close() = 0;

  // After the first report: 0 where the connection was made, else why it was not.
  virtual int connect_error() { return 0; }
  // A short read does not mean that nothing is left (TLS reads record by record).
  virtual bool keeps_more() const { return false; }
  // Reading waits until something can be written or the other way round (a TLS handshake): any report then
  // wakes both directions.
  virtual bool crossed() const { return false; }
  // The socket that carries it and nothing else, for calls that move bytes inside the kernel; -1 where bytes
  // are changed on their way or there is none.
  virtual int plain_descriptor() const { return -1; }
  // Where the peer reached us, or we dialled from.
  virtual Address local_address() const { return {}; }
};

// A connected or connecting TCP socket. Reusable: adopt() again after close().
class SocketTransport final : public Transport {
 public:
  SocketTransport() = default;
  explicit SocketTransport(shared::UniqueFd fd) : fd_(std::move(fd)) {}
  void adopt(shared::UniqueFd fd) { fd_ = std::move(fd); }

  shared::Result<void> open(Loop& loop, void* owner, OnReady on_ready) override;
  IoResult read(std::span<char> into) override { return read_some(fd_.get(), into); }
  IoResult write(std::span<const iovec> parts) override { return write_some(fd_.get(), parts); }
  void shutdown_write() override { loop::shutdown_write(fd_.get()); }
  bool has_pending_input() override { return loop::has_pending_input(fd_.get()); }
  void reset_on_close() override { loop::reset_on_close(fd_.get()); }
  void close() override;
  int connect_error() override { return loop::connect_error(fd_.get()); }
  int plain_descriptor() const override { return fd_.get(); }
  Address local_address() const override { return loop::local_address(fd_.get()); }

 private:
  shared::UniqueFd fd_;
  FdWatch watch_;
};

// Another transport whose first bytes are given: what is written goes behind them.
class PrefacedTransport final : public Transport {
 public:
  PrefacedTransport(std::unique_ptr<Transport> inner, std::string preface)
      : inner_(std::move(inner)), preface_(std::move(preface)) {}

  shared::Result<void> open(Loop& loop, void* owner, OnReady on_ready) override {
    return inner_->open(loop, owner, on_ready);
  }
  IoResult read(std::span<char> into) override { return inner_->read(into); }
  IoResult write(std::span<const iovec> parts) override;
  void shutdown_write() override { inner_->shutdown_write(); }
  bool has_pending_input() override { return inner_->has_pending_input(); }
  void reset_on_close() override { inner_->reset_on_close(); }
  void close() override { inner_->close(); }
  int connect_error() override { return inner_->connect_error(); }
  bool keeps_more() const override { return inner_->keeps_more(); }
  Address local_address() const override { return inner_->local_address(); }

 private:
  std::unique_ptr<Transport> inner_;
  std::string preface_;  // what is left of it
};

}  // namespace balancer::loop
