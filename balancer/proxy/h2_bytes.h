// The bytes of one HTTP/2 stream, of a client or to a target: what the session has delivered and what it is
// to take. Thread: the worker's.
#pragma once
#include <cstdint>
#include <string_view>
#include <utility>

#include "balancer/proxy/stream.h"

namespace balancer::proxy {

class H2Bytes : public Stream {
 public:
  // From the session.
  void arrived(std::string_view bytes, BufferPool& buffers) {
    buffers.take(in);
    in.append(bytes);
    received += bytes.size();
    fresh_ = readable = true;
  }
  void end_arrived() { end_ = fin = readable = true; }
  void broken() { failed = readable = true; }
  bool out_ends = false;  // nothing is added to `out` any more

 protected:
  ~H2Bytes() = default;
  void start_anew() {
    forget_notes();
    acknowledged_ = 0;
    fresh_ = end_ = out_ends = false;
    writable = true;
  }
  // Whether bytes came since this was last asked.
  bool take_fresh() { return std::exchange(fresh_, false); }
  // What fill() says when no bytes are fresh.
  Filled nothing_fresh() {
    readable = false;
    if (!end_) return Filled::kBlocked;
    ended = true;
    return Filled::kEnded;
  }
  // How many more bytes nobody has to hold any more, of `taken` altogether.
  std::size_t newly_taken(std::uint64_t taken) {
    if (taken <= acknowledged_) return 0;
    return static_cast<std::size_t>(taken - std::exchange(acknowledged_, taken));
  }

 private:
  std::uint64_t acknowledged_ = 0;
  bool fresh_ = false;
  bool end_ = false;
};

}  // namespace balancer::proxy
