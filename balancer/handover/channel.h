// What two processes of one balancer say to each other when the newer one takes over: packets of one text
// line with at most one descriptor each, over a unix socket that keeps their borders. A first word says what
// it is, words that are not known are passed over:
//
//   newer                     older
//   take-over 1
//                             listener ADDRESS  with a listening socket, for each worker's
//                             lock              with what holds the state directory
//                             tickets AGE_MS HEX
//                             offered           that was all; it serves on
//   serving                                     every worker of ours accepts
//                             yours             it accepts nothing more, writes nothing more
//   (end: the older one goes on)                (end: its last request has ended)
//
// or "refused REASON" in the place of an offer. Thread: any.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/base/unique_fd.h"

namespace balancer::handover {

inline constexpr std::size_t kMaxPacket = 4096;

struct Packet {
  std::string word;
  std::string rest;  // behind the first blank
  shared::UniqueFd descriptor;
};

// Pure. An empty word: nothing that anybody would say.
Packet parse_packet(std::string_view text);

class Channel {
 public:
  Channel() = default;
  explicit Channel(shared::UniqueFd fd);  // connected
  // `path` may be longer than a unix address holds. Error code "nobody": nobody listens there.
  static shared::Result<Channel> connect(const std::string& path);

  // Blocks for five seconds at most.
  shared::Result<void> send(const std::string& text, int descriptor = -1) const;
  struct Heard {
    std::optional<Packet> packet;
    bool over = false;  // the other one has ended; neither: nothing is there now
  };
  Heard receive() const;  // at once
  // The other one's end is an error, so is its silence for `limit`.
  shared::Result<Packet> wait(shared::Millis limit) const;
  int fd() const { return fd_.get(); }
  bool open() const { return fd_.valid(); }
  void close() { fd_.reset(); }
  // Of the process at the other end, when it connected; 0 where the kernel does not say.
  int peer_pid() const;
  bool peer_is_ours() const;  // the same user, or root

 private:
  shared::UniqueFd fd_;
};

// Listens at `path`, in the place of whoever did before.
shared::Result<shared::UniqueFd> listen_at(const std::string& path);

}  // namespace balancer::handover
