#include "shared/httpd/dial.h"

#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

namespace shared::httpd {

std::shared_ptr<Dial> Dial::start(IoLoop& loop, const net::Endpoint& to, Millis timeout, Done done) {
  auto dial = std::make_shared<Dial>(loop, to, timeout, std::move(done));
  asio::post(loop.impl().context, [dial] {
    if (dial->done_) dial->resolve();
  });
  return dial;
}

Dial::Dial(IoLoop& loop, net::Endpoint to, Millis timeout, Done done)
    : to_(std::move(to)),
      timeout_(timeout),
      done_(std::move(done)),
      resolver_(loop.impl().context),
      socket_(loop.impl().context),
      deadline_(loop, [this] {
        finish(failure("no connection within " + std::to_string(timeout_.count()) + " ms"));
      }) {}

void Dial::cancel() {
  const Done dropped = std::exchange(done_, nullptr);
  deadline_.clear();
  resolver_.cancel();
  ErrorCode ignored;
  socket_.close(ignored);
}

void Dial::resolve() {
  deadline_.set(timeout_);
  if (to_.is_unix() || net::is_ip_address(to_.address)) {
    auto address = native_endpoint(to_);
    if (!address) return finish(failure(address.error().text()));
    addresses_.push_back(*address);
    return try_next();
  }
  resolver_.async_resolve(
      to_.address, std::to_string(to_.port), asio::ip::tcp::resolver::numeric_service,
      [self = shared_from_this()](ErrorCode error, asio::ip::tcp::resolver::results_type found) {
        if (!self->done_) return;
        if (error) return self->finish(self->failure("its name cannot be resolved: " + error.message()));
        for (const auto& entry : found) self->addresses_.emplace_back(entry.endpoint());
        self->try_next();
      });
}

void Dial::try_next() {
  ErrorCode error;
  while (next_ < addresses_.size()) {
    const Protocol::endpoint& address = addresses_[next_++];
    UniqueFd fd = open_for(address);
    if (!fd) {
      last_error_ = errno_text(errno);
      continue;
    }
    adopt(socket_, std::move(fd), address.data()->sa_family, error);
    if (error) {
      last_error_ = error.message();
      continue;
    }
    socket_.async_connect(address,
                          [self = shared_from_this()](ErrorCode result) { self->on_connected(result); });
    return;
  }
  finish(failure(last_error_.empty() ? "no address" : last_error_));
}

void Dial::on_connected(ErrorCode error) {
  if (!done_) return;
  if (!error) return finish(std::move(socket_));
  last_error_ = error.message();
  ErrorCode ignored;
  socket_.close(ignored);
  try_next();
}

void Dial::finish(Result<Socket> result) {
  const auto self = shared_from_this();
  const Done done = std::exchange(done_, nullptr);
  cancel();
  if (done) done(std::move(result));
}

Error Dial::failure(const std::string& why) const {
  return Error("connect", "connect to " + net::to_string(to_) + ": " + why, Blame::kTarget, Retry::kYes);
}

}  // namespace shared::httpd
