#include "tests/unit/shared/httpd/raw_peer.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace shared::httpd {
namespace {

UniqueFd connect_to(const net::Endpoint& to) {
  if (to.is_unix()) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    to.unix_path.copy(un.sun_path, sizeof un.sun_path - 1);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&un), sizeof un), 0);
    return fd;
  }
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(to.port);
  ::inet_pton(AF_INET, to.address.c_str(), &in.sin_addr);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&in), sizeof in), 0);
  return fd;
}

}  // namespace

RawPeer::RawPeer(IoLoop& loop, const net::Endpoint& to) : RawPeer(loop, connect_to(to)) {}

RawPeer::RawPeer(IoLoop& loop, UniqueFd connected) : loop_(loop), fd_(std::move(connected)) { watch(); }

void RawPeer::watch() {
  watch_ = loop_.watch_readable(fd_.get(), [this] { read(); });
}

void RawPeer::read() {
  char buffer[65536];
  const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (got > 0) {
    received_.append(buffer, static_cast<std::size_t>(got));
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    closed_ = true;
    int after_the_end = 0;
    socklen_t size = sizeof after_the_end;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &after_the_end, &size);
    was_reset_ = got < 0 || after_the_end != 0;
    watch_.cancel();
  }
}

void RawPeer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      bool ran = false;  // the other side lives on this loop: let it read
      loop_.post([&ran] { ran = true; });
      ASSERT_TRUE(loop_.run_until([&ran] { return ran; }, kPatience));
    } else {
      return;  // the other side has closed; the test looks at what it said
    }
  }
}

bool RawPeer::wait_for(std::string_view text) {
  return loop_.run_until([&] { return received_.find(text) != std::string::npos; }, kPatience);
}

bool RawPeer::wait_for_close() {
  return loop_.run_until([&] { return closed_; }, kPatience);
}

void RawPeer::half_close() { ::shutdown(fd_.get(), SHUT_WR); }

void RawPeer::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

void RawPeer::close() {
  watch_.cancel();
  fd_.reset();
  closed_ = true;
}

std::string RawPeer::take() { return std::exchange(received_, {}); }

RawListener::RawListener(IoLoop& loop)
    : loop_(loop), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof in;
  EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&in), sizeof in), 0);
  EXPECT_EQ(::listen(fd_.get(), 16), 0);
  EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&in), &size), 0);
  endpoint_.address = "127.0.0.1";
  endpoint_.port = ntohs(in.sin_port);
}

RawPeer& RawListener::next() {
  UniqueFd accepted;
  const env::Timer watch = loop_.watch_readable(fd_.get(), [&] {
    if (!accepted) accepted.reset(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  });
  EXPECT_TRUE(loop_.run_until([&] { return accepted.valid(); }, kPatience));
  peers_.push_back(std::make_unique<RawPeer>(loop_, std::move(accepted)));
  return *peers_.back();
}

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "berth-httpd-XXXXXX").string();
  EXPECT_NE(::mkdtemp(name.data()), nullptr);
  dir_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
}

}  // namespace shared::httpd
