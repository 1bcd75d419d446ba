#include "balancer/proxy/tcp/relay.h"

#include "balancer/proxy/worker/worker.h"

namespace balancer::proxy {

namespace {

// Less at a time is cheaper to copy than to take and fill a pipe for.
constexpr std::size_t kBulk = kBufferSize;

}  // namespace

void Relay::reset(PipePool& pipes) {
  pipes.give(std::move(pipe_));
  bulk_ = moved_ = over_ = false;
}

Relay::Result Relay::finish(Result result) {
  over_ = true;
  return result;
}

Relay::Result Relay::end(Stream& to) {
  to.shutdown_write();
  return finish(Result::kEnded);
}

bool Relay::may_splice(const Stream& from, const Stream& to) const {
  return bulk_ && from.in.empty() && to.out.empty() && from.plain_descriptor() >= 0 &&
         to.plain_descriptor() >= 0;
}

Relay::Result Relay::run(Worker& worker, Stream& from, Stream& to, int& reads_left) {
  moved_ = false;
  for (;;) {
    if (pipe_ == nullptr && may_splice(from, to) && from.readable) {
      pipe_ = worker.pipes().take();
      if (pipe_ == nullptr) bulk_ = false;  // out of descriptors
    }
    const bool spliced = pipe_ != nullptr;
    const Result result = spliced ? splice(worker, from, to, reads_left) : copy(worker, from, to, reads_left);
    // One way of moving bytes may have given way to the other one.
    const bool changed = spliced ? pipe_ == nullptr : may_splice(from, to);
    if (over_ || result != Result::kBlocked || !changed || !from.readable) return result;
  }
}

// The pipe is filled when it is empty only, so that "would block" always means the socket.
Relay::Result Relay::splice(Worker& worker, Stream& from, Stream& to, int& reads_left) {
  for (;;) {
    if (pipe_->held == 0) {
      if (!from.readable || !bulk_) {
        worker.pipes().give(std::move(pipe_));
        return Result::kBlocked;
      }
      if (reads_left-- <= 0) return Result::kTurn;
      const loop::IoResult got =
          loop::splice_some(from.plain_descriptor(), pipe_->write_end.get(), kPipeBytes);
      if (got.state == loop::Io::kBlocked) {
        from.readable = false;
        continue;
      }
      if (got.state == loop::Io::kEnded) {
        from.ended = true;
        worker.pipes().give(std::move(pipe_));
        return end(to);
      }
      if (got.state == loop::Io::kFailed) {
        from.failed = true;
        return finish(Result::kSourceFailed);
      }
      pipe_->held = got.bytes;
      from.received += got.bytes;
      bulk_ = got.bytes >= kBulk;
    }
    if (!to.writable) return Result::kBlocked;
    const loop::IoResult gave = loop::splice_some(pipe_->read_end.get(), to.plain_descriptor(), pipe_->held);
    if (gave.state == loop::Io::kBlocked) {
      to.writable = false;
      return Result::kBlocked;
    }
    if (gave.state != loop::Io::kDone) return finish(Result::kSinkFailed);
    pipe_->held -= gave.bytes;
    to.delivered += gave.bytes;
    moved_ = true;
  }
}

Relay::Result Relay::copy(Worker& worker, Stream& from, Stream& to, int& reads_left) {
  for (;;) {
    if (!from.in.empty() && to.unsent() < kMaxOut) {
      if (to.out.empty()) {
        to.out.swap(from.in);
      } else {
        to.out.append(from.in.view());
        from.in.clear();
      }
    }
    const std::uint64_t delivered = to.delivered;
    const bool flushed = to.flush();
    moved_ |= to.delivered != delivered;
    if (!flushed) return finish(Result::kSinkFailed);
    if (from.failed && from.in.empty()) return finish(Result::kSourceFailed);
    if (from.ended && from.in.empty()) {
      if (to.unsent() != 0) return Result::kBlocked;
      return end(to);
    }
    if (to.unsent() >= kMaxOut || !from.in.empty()) return Result::kBlocked;
    if (may_splice(from, to)) return Result::kBlocked;
    if (from.readable && reads_left-- <= 0) return Result::kTurn;
    switch (from.fill(worker.buffers(), kBufferSize)) {
      case Filled::kBytes:
        bulk_ = from.in.size() == from.in.capacity();
        moved_ = true;
        continue;
      case Filled::kFailed:
      case Filled::kEnded:
        continue;
      case Filled::kFull:
      case Filled::kBlocked:
        // An idle flow costs no buffers.
        if (from.in.empty()) worker.buffers().give(from.in);
        if (to.out.empty()) worker.buffers().give(to.out);
        return Result::kBlocked;
    }
  }
}

}  // namespace balancer::proxy
