#include "shared/httpd/server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <utility>

#include "shared/base/exhaustion.h"
#include "shared/httpd/session.h"

namespace shared::httpd {
namespace {

// Connections taken per wake-up, so that a flood of them does not starve those that are open.
constexpr int kAcceptsPerTurn = 64;
// Pause when the process is out of descriptors or memory; the backlog waits.
constexpr Millis kAcceptPause{100};
// Read of what is turned away unheard, the size of a usual request.
constexpr std::size_t kTurnedAwayBytes = 16 * 1024;

class Accepting : public std::enable_shared_from_this<Accepting> {
 public:
  Accepting(std::shared_ptr<ServerCore> core, net::Endpoint at)
      : core_(std::move(core)),
        at_(std::move(at)),
        listener_(core_->loop.impl().context),
        pause_(core_->loop, [this] { wait(); }) {}

  void start(UniqueFd fd, ErrorCode& error) {
    listener_.assign(fd.get(), error);
    if (error) return;
    fd.release();
    wait();
  }

  void stop() {
    stopped_ = true;
    pause_.clear();
    ErrorCode ignored;
    listener_.close(ignored);
  }

 private:
  void wait() {
    listener_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [self = shared_from_this()](ErrorCode error) {
                           if (error || self->stopped_) return;
                           self->accept();
                         });
  }

  void accept() {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      UniqueFd fd(::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
      if (!fd && is_exhaustion(errno)) return pause_.set(kAcceptPause);
      if (!fd) continue;
      const bool full = *core_->open >= core_->limits.max_connections;
      if (full && *core_->unseated >= kMaxUnseated) {
        turn_away(fd.get());
      } else {
        take(std::move(fd), full ? Seat::kNone : Seat::kTaken);
      }
    }
    wait();
  }

  // The answer fits into the empty buffer of a new socket.
  void turn_away(int fd) const {
    const http::Response response = too_many(*core_, Full::kConnections, {});
    const std::string answer =
        response_head(response, {.keep_alive = KeepAlive::kNo}, core_->loop.wall_now()) + response.body;
    (void)::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(fd, SHUT_WR);
    // Closing with unread bytes would send a reset after the answer.
    std::array<char, kTurnedAwayBytes> unread;
    (void)::recv(fd, unread.data(), unread.size(), MSG_DONTWAIT);
  }

  void take(UniqueFd fd, Seat seat) {
    const net::Endpoint peer = at_.is_unix() ? at_ : peer_endpoint(fd.get());
    const int family = at_.is_unix() ? AF_UNIX : AF_INET;
    ErrorCode error;
    Socket socket(core_->loop.impl().context);
    adopt(socket, std::move(fd), family, error);
    if (!error) std::make_shared<Session>(core_, std::move(socket), peer, seat)->start();
  }

  std::shared_ptr<ServerCore> core_;
  net::Endpoint at_;
  asio::posix::stream_descriptor listener_;
  Deadline pause_;
  bool stopped_ = false;
};

class ServerImpl final : public Server {
 public:
  ServerImpl(std::shared_ptr<ServerCore> core, std::shared_ptr<Accepting> accepting, net::Endpoint endpoint)
      : core_(std::move(core)), accepting_(std::move(accepting)), endpoint_(std::move(endpoint)) {
    if (endpoint_.is_unix()) ::lstat(endpoint_.unix_path.c_str(), &file_);
  }

  ~ServerImpl() override {
    accepting_->stop();
    const auto handler = std::exchange(core_->handler, nullptr);
    const auto acceptor = std::exchange(core_->acceptor, nullptr);
    const auto refuser = std::exchange(core_->refuser, nullptr);
    for (const auto& session : std::exchange(core_->sessions, {})) session->abort();
    for (const auto& weak : std::exchange(core_->upgraded, {})) {
      if (const auto socket = weak.lock()) socket->go_away();
    }
    remove_file();
  }

  net::Endpoint endpoint() const override { return endpoint_; }

 private:
  // Only the file that is ours: a successor may already listen at the same path.
  void remove_file() const {
    struct stat now {};
    if (!endpoint_.is_unix() || ::lstat(endpoint_.unix_path.c_str(), &now) != 0) return;
    if (now.st_ino == file_.st_ino && now.st_dev == file_.st_dev) ::unlink(endpoint_.unix_path.c_str());
  }

  std::shared_ptr<ServerCore> core_;
  std::shared_ptr<Accepting> accepting_;
  net::Endpoint endpoint_;
  struct stat file_ {};
};

}  // namespace

Result<std::unique_ptr<Server>> Server::listen(IoLoop& loop, const net::Endpoint& at, ServerLimits limits,
                                               Handler handler, Acceptor acceptor, Refuser refuser) {
  auto fd = open_listener(at);
  if (!fd) return fd.error();
  const net::Endpoint endpoint = at.is_unix() ? at : local_endpoint(fd->get());
  auto core = std::make_shared<ServerCore>(loop, limits);
  core->handler = std::make_shared<const Handler>(std::move(handler));
  core->acceptor = std::make_shared<const Acceptor>(std::move(acceptor));
  core->refuser = std::make_shared<const Refuser>(std::move(refuser));
  auto accepting = std::make_shared<Accepting>(core, endpoint);
  ErrorCode error;
  accepting->start(std::move(*fd), error);
  if (error) return Error("listen", "listen " + net::to_string(at) + ": " + error.message());
  return std::unique_ptr<Server>(
      std::make_unique<ServerImpl>(std::move(core), std::move(accepting), endpoint));
}

}  // namespace shared::httpd
