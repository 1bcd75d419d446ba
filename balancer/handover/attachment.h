// One message of a unix socket, with at most one descriptor beside its bytes (SCM_RIGHTS). The bytes stay the
// caller's. For the .cpp files of this folder only.
#pragma once
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <string>

namespace balancer::handover {

class OutgoingMessage {
 public:
  OutgoingMessage(const std::string& text, int descriptor)
      : part_{const_cast<char*>(text.data()), text.size()} {  // sendmsg does not write through it
    message_.msg_iov = &part_;
    message_.msg_iovlen = 1;
    if (descriptor < 0) return;
    message_.msg_control = control_.data();
    message_.msg_controllen = control_.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message_);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  OutgoingMessage(const OutgoingMessage&) = delete;
  OutgoingMessage& operator=(const OutgoingMessage&) = delete;

  msghdr& native() { return message_; }

 private:
  iovec part_;
  msghdr message_{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control_{};
};

}  // namespace balancer::handover
