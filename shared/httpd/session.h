// Session: one connection that somebody made to our server, from accept to close or to its upgrade. One
// request at a time: what a client sends ahead waits in the buffer. For the .cpp files of this folder only.
#pragma once
#include <boost/beast/core/flat_buffer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "shared/httpd/deadline.h"
#include "shared/httpd/parse.h"
#include "shared/httpd/server.h"
#include "shared/httpd/socket.h"
#include "shared/httpd/websocket_session.h"
#include "shared/httpd/wire.h"

namespace shared::httpd {

class Session;

// kNone: let in beyond the limit of connections, for a websocket or for its 503.
enum class Seat { kTaken, kNone };

// What the sessions of one server share. Outlives the Server while handlers of closed sockets are still
// queued.
struct ServerCore {
  ServerCore(IoLoop& of, ServerLimits with) : loop(of), limits(with) {}

  IoLoop& loop;
  ServerLimits limits;
  // Shared, because a handler may destroy the server that is calling it.
  std::shared_ptr<const Server::Handler> handler;
  std::shared_ptr<const Server::Acceptor> acceptor;
  std::shared_ptr<const Server::Refuser> refuser;
  // Owned here: a session that waits for its answer has no operation pending that would hold it.
  std::unordered_set<std::shared_ptr<Session>> sessions;
  std::vector<std::weak_ptr<WebSocketControl>> upgraded;
  using Count = std::shared_ptr<std::size_t>;
  Count open = std::make_shared<std::size_t>(0);  // connections that have a seat
  Count unseated = std::make_shared<std::size_t>(0);
  Count websockets = std::make_shared<std::size_t>(0);
  SteadyTime next_complaint{};  // the log is not told of a full server before
};

enum class Full { kConnections, kWebSockets };
// The 503 of what is beyond a limit, with Retry-After.
http::Response too_many(ServerCore& core, Full full, const http::Request& head);

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<ServerCore> core, Socket socket, net::Endpoint peer, Seat seat);
  void start();
  // Closes at once and forgets the server.
  void abort();
  // Ignored unless a request is waiting for its answer.
  void respond(http::Response response);
  // Ignored, and closed at once, unless a request is waiting for its answer.
  void begin_stream(http::Response head, StreamHandlers handlers);
  void send_streamed(std::string bytes);
  std::size_t waiting() const { return state_ == State::kStreaming ? waiting_.size() + sending_.size() : 0; }
  void end_stream();

 private:
  enum class State { kReading, kHandling, kWriting, kStreaming, kLingering, kClosed };

  void begin_request();
  void feed();
  void read_some();
  void on_read(ErrorCode error, std::size_t size);
  void send_continue();
  void on_request();
  void offer_upgrade(std::shared_ptr<const Server::Acceptor> acceptor);
  void take_seat();
  void refuse(int status);
  void refuse_with(http::Response response);
  http::Response refusal(int status);
  Millis patience() const;
  void write(http::Response response);
  void write_streamed();
  void watch_client();
  void linger();
  void discard();
  void close();
  void on_deadline();
  bool wants_websocket();

  std::shared_ptr<ServerCore> core_;
  Socket socket_;
  net::Endpoint peer_;
  std::shared_ptr<void> slot_;  // counts the connection while it is open
  Seat seat_;
  State state_ = State::kReading;
  beast::flat_buffer in_;
  std::optional<RequestParser> parser_;
  bool request_begun_ = false;
  bool continue_sent_ = false;
  AnswerTo answer_to_;
  http::Response response_;
  std::string head_;
  StreamHandlers stream_;
  std::string waiting_;  // of a stream, behind what is being sent
  std::string sending_;
  bool ending_ = false;  // once all is sent
  std::size_t discarded_ = 0;
  Deadline deadline_;
};

}  // namespace shared::httpd
