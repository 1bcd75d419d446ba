// One direction of a flow: what comes from one stream goes to another one, in order, with its end. Bounded:
// while `to` takes nothing, at most kMaxOut + kBufferSize bytes (or what a pipe holds) wait here and `from`
// is not read. Bulk between two plain sockets stays in the kernel (splice(2)): after a read that filled the
// buffer, for as long as much comes at a time. Thread: the worker's.
#pragma once
#include <memory>

#include "balancer/proxy/exchange/splice.h"
#include "balancer/proxy/stream.h"

namespace balancer::proxy {

class Worker;

class Relay {
 public:
  // kBlocked: nothing more can be done until one side reports. kTurn: others have their turn first.
  // kEnded: the end was passed on. kSourceFailed: `from` was reset (what came before it was passed on as far
  // as `to` took it). kSinkFailed: `to` takes nothing any more; bytes for it are lost.
  enum class Result { kBlocked, kTurn, kEnded, kSourceFailed, kSinkFailed };

  // Between two streams that nobody else reads from or writes to, in that direction.
  Result run(Worker& worker, Stream& from, Stream& to, int& reads_left);
  bool moved() const { return moved_; }  // bytes, in the last run
  bool over() const { return over_; }    // run() is not to be called any more
  void reset(PipePool& pipes);           // for other streams

 private:
  Result finish(Result result);
  bool may_splice(const Stream& from, const Stream& to) const;
  Result splice(Worker& worker, Stream& from, Stream& to, int& reads_left);
  Result copy(Worker& worker, Stream& from, Stream& to, int& reads_left);
  Result end(Stream& to);

  std::unique_ptr<SplicePipe> pipe_;  // while bytes go through it
  bool bulk_ = false;
  bool moved_ = false;
  bool over_ = false;
};

}  // namespace balancer::proxy
