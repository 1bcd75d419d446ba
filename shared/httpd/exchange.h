// Exchange: one request of a Client and its answer, over a kept or a fresh connection. It owns socket, buffer
// and parser until the last handler has come home; an abandoned call only asks it to stop. For the .cpp files
// of this folder only.
#pragma once
#include <boost/beast/core/flat_buffer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/httpd/client.h"
#include "shared/httpd/deadline.h"
#include "shared/httpd/dial.h"
#include "shared/httpd/parse.h"
#include "shared/httpd/socket.h"

namespace shared::httpd {

// The kept connections of one client. Outlives the Client while calls are running.
class ConnectionPool : public std::enable_shared_from_this<ConnectionPool> {
 public:
  ConnectionPool(IoLoop& on, net::Endpoint dials) : loop(on), to(std::move(dials)) {}

  std::optional<Socket> take();
  void give(Socket socket);
  void close();  // gives nothing back any more

  IoLoop& loop;
  const net::Endpoint to;

 private:
  struct Idle;
  void drop(const std::shared_ptr<Idle>& idle);

  std::vector<std::shared_ptr<Idle>> idle_;  // the most recently used is last
  bool closed_ = false;
};

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  using Done = std::function<void(Result<http::Response>)>;
  Exchange(std::shared_ptr<ConnectionPool> pool, http::Request request, CallOptions options, Done done);
  void start();  // from the loop, not from the caller's call
  void abandon();

 private:
  struct Connection {
    explicit Connection(Socket with) : socket(std::move(with)) {}
    Socket socket;
    beast::flat_buffer in;
    bool writing = true;
  };
  enum class Source { kKeptOrFresh, kFresh };

  void connect(Source source);
  void send(Socket socket);
  void read_some();
  void on_read(ErrorCode error, std::size_t size);
  void on_eof();
  void feed();
  bool on_progress();
  bool take_body();
  void complete();
  void fail(Error error);
  void lost(const std::string& why);
  void finish(Result<http::Response> result);
  void disconnect();
  std::string what() const;

  std::shared_ptr<ConnectionPool> pool_;
  http::Request request_;
  std::string head_;
  std::shared_ptr<const CallOptions> options_;  // null once finished or abandoned
  Done done_;
  std::weak_ptr<Dial> dial_;  // weak: a pending dial owns us
  std::shared_ptr<Connection> connection_;
  std::optional<ResponseParser> parser_;
  http::Response response_;
  bool head_seen_ = false;
  bool streaming_ = false;
  bool got_bytes_ = false;
  bool reused_ = false;
  Deadline deadline_;
};

}  // namespace shared::httpd
