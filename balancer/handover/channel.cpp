#include "balancer/handover/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "balancer/handover/attachment.h"

namespace balancer::handover {

using shared::Error;
using shared::Millis;
using shared::Result;
using shared::UniqueFd;

namespace {

constexpr timeval kSendLimit{5, 0};
constexpr mode_t kOwnerOnly = 0600;

Error channel_error(const std::string& what) { return Error("handover", what + ": " + std::strerror(errno)); }

// A unix address holds 107 bytes. So the directory is opened and named by its descriptor.
struct Place {
  UniqueFd directory;
  sockaddr_un address{};
};

Result<Place> place_of(const std::string& path) {
  const std::filesystem::path whole(path);
  const std::string parent = whole.has_parent_path() ? whole.parent_path().string() : ".";
  Place place;
  place.directory.reset(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place.directory) return channel_error("open " + parent);
  const std::string name =
      "/proc/self/fd/" + std::to_string(place.directory.get()) + "/" + whole.filename().string();
  if (name.size() >= sizeof place.address.sun_path) return Error("handover", path + ": the name is too long");
  place.address.sun_family = AF_UNIX;
  std::memcpy(place.address.sun_path, name.c_str(), name.size() + 1);
  return place;
}

const sockaddr* raw(const Place& place) { return reinterpret_cast<const sockaddr*>(&place.address); }

UniqueFd packet_socket() { return UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)); }

ucred credentials(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {0, static_cast<uid_t>(-1), 0};
  return peer;
}

}  // namespace

Packet parse_packet(std::string_view text) {
  Packet packet;
  const auto blank = text.find(' ');
  packet.word = text.substr(0, blank);
  if (blank != std::string_view::npos) packet.rest = text.substr(blank + 1);
  return packet;
}

Channel::Channel(UniqueFd fd) : fd_(std::move(fd)) {
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendLimit, sizeof kSendLimit);
}

Result<Channel> Channel::connect(const std::string& path) {
  auto place = place_of(path);
  if (!place) return place.error();
  UniqueFd fd = packet_socket();
  if (!fd) return channel_error("socket");
  if (::connect(fd.get(), raw(*place), sizeof place->address) != 0) {
    const bool nobody = errno == ENOENT || errno == ECONNREFUSED;
    return Error(nobody ? "nobody" : "handover", "connect " + path + ": " + std::strerror(errno));
  }
  return Channel(std::move(fd));
}

Result<void> Channel::send(const std::string& text, int descriptor) const {
  OutgoingMessage message(text, descriptor);
  while (::sendmsg(fd_.get(), &message.native(), MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return channel_error("send");
  }
  return {};
}

Channel::Heard Channel::receive() const {
  std::array<char, kMaxPacket> text{};
  iovec part{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    // The other one left without reading all of ours, which is told once, before what it said itself.
  } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
  Heard heard;
  if (got < 0) {
    heard.over = errno != EAGAIN && errno != EWOULDBLOCK;
    return heard;
  }
  UniqueFd descriptor;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    descriptor.reset(fd);
  }
  heard.over = got == 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  if (heard.over) return heard;
  heard.packet = parse_packet(std::string_view(text.data(), static_cast<std::size_t>(got)));
  heard.packet->descriptor = std::move(descriptor);
  return heard;
}

Result<Packet> Channel::wait(Millis limit) const {
  pollfd wanted{fd_.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&wanted, 1, static_cast<int>(limit.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return channel_error("poll");
  if (ready == 0) return Error("handover", "no answer for " + std::to_string(limit.count()) + " ms");
  Heard heard = receive();
  if (!heard.packet) return Error("handover", "it has ended");
  return std::move(*heard.packet);
}

int Channel::peer_pid() const { return credentials(fd_.get()).pid; }

bool Channel::peer_is_ours() const {
  const uid_t uid = credentials(fd_.get()).uid;
  return uid == ::geteuid() || uid == 0;
}

Result<UniqueFd> listen_at(const std::string& path) {
  auto place = place_of(path);
  if (!place) return place.error();
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return channel_error("socket");
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return channel_error("remove " + path);
  if (::bind(fd.get(), raw(*place), sizeof place->address) != 0 || ::chmod(path.c_str(), kOwnerOnly) != 0 ||
      ::listen(fd.get(), 1) != 0)
    return channel_error("listen at " + path);
  return fd;
}

}  // namespace balancer::handover
