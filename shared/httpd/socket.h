// Sockets of both families under one type, opened close-on-exec: children that we start must not inherit
// them. For the .cpp files of this folder only.
#pragma once
#include <boost/asio/generic/stream_protocol.hpp>
#include <string>

#include "shared/base/result.h"
#include "shared/base/unique_fd.h"
#include "shared/httpd/io_loop_impl.h"
#include "shared/net/endpoint.h"

namespace shared::httpd {

using Protocol = asio::generic::stream_protocol;
using Socket = Protocol::socket;

// For a numeric address or a unix socket; error "malformed" for a host name.
Result<Protocol::endpoint> native_endpoint(const net::Endpoint& endpoint);

// A listening, non-blocking socket. Errors as Server::listen has them. A unix socket file that nobody listens
// on is replaced.
Result<UniqueFd> open_listener(const net::Endpoint& at);
// The bound address, with the port that the kernel chose.
net::Endpoint local_endpoint(int fd);
net::Endpoint peer_endpoint(int fd);

// A non-blocking socket for dialling `to`; invalid when the process is out of descriptors (errno says so).
UniqueFd open_for(const Protocol::endpoint& to);
// Takes `fd` over; TCP gets TCP_NODELAY, since we write whole messages.
void adopt(Socket& socket, UniqueFd fd, int family, ErrorCode& error);
// False if the peer has closed an idle connection or has sent something unasked.
bool is_quiet(int fd);

std::string errno_text(int error);

}  // namespace shared::httpd
