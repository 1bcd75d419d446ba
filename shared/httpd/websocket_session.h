// Starts websockets on connected sockets. Their session keeps itself alive until on_close has been called;
// the WebSocket that handlers get is only a weak handle. For the .cpp files of this folder only.
#pragma once
#include <memory>

#include "shared/http/message.h"
#include "shared/httpd/io_loop.h"
#include "shared/httpd/socket.h"
#include "shared/httpd/websocket.h"

namespace shared::httpd {

class WebSocketControl {
 public:
  virtual ~WebSocketControl() = default;
  // Neither calls a handler, now or later. go_away says goodbye with 1001; abandon closes at once, unless the
  // socket is open already: then it does nothing.
  virtual void go_away() = 0;
  virtual void abandon() = 0;
};

// Answers `request`, whose upgrade has been granted. `slot` is dropped with the connection.
std::shared_ptr<WebSocketControl> accept_websocket(IoLoop& loop, Socket socket, const http::Request& request,
                                                   WebSocketHandlers handlers, std::shared_ptr<void> slot);
// Sends `request` as an upgrade. `peer` names the other side in errors.
std::shared_ptr<WebSocketControl> connect_websocket(IoLoop& loop, Socket socket, const http::Request& request,
                                                    std::string peer, WebSocketHandlers handlers);

}  // namespace shared::httpd
