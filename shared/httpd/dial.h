// Dial: finds an endpoint's addresses and connects to the first that answers. For the .cpp files of this
// folder only.
#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/httpd/deadline.h"
#include "shared/httpd/socket.h"

namespace shared::httpd {

class Dial : public std::enable_shared_from_this<Dial> {
 public:
  using Done = std::function<void(Result<Socket>)>;
  // `timeout` covers names and all addresses. `done` is never called from within start(), nor after cancel().
  // Errors: "connect" (blame target, retry yes).
  static std::shared_ptr<Dial> start(IoLoop& loop, const net::Endpoint& to, Millis timeout, Done done);

  Dial(IoLoop& loop, net::Endpoint to, Millis timeout, Done done);  // for start()
  void cancel();

 private:
  void resolve();
  void try_next();
  void on_connected(ErrorCode error);
  void finish(Result<Socket> result);
  Error failure(const std::string& why) const;

  net::Endpoint to_;
  Millis timeout_;
  Done done_;
  asio::ip::tcp::resolver resolver_;
  Socket socket_;
  std::vector<Protocol::endpoint> addresses_;
  std::size_t next_ = 0;
  std::string last_error_;
  Deadline deadline_;
};

}  // namespace shared::httpd
