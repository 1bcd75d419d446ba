// Non-blocking TCP sockets as plain calls: errors are values, EAGAIN is a state and not an error. IPv4 and
// IPv6 numeric addresses only; nothing here resolves names. Thread: any.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/base/unique_fd.h"

namespace balancer::loop {

// A numeric address ready for the kernel.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  std::string ip() const;  // without brackets; an IPv4 address mapped into IPv6 is written as IPv4
  std::uint16_t port() const;
};

shared::Result<Address> make_address(std::string_view ip, std::uint16_t port);
std::string to_string(const Address& address);  // "10.0.0.7:80", "[::1]:80"

// kFirst: fails where anybody listens, whatever they would share; afterwards further ones may be opened with
// kPerWorker (SO_REUSEPORT, the kernel spreads connections). So two programs that open the same address at
// the same moment never share it.
enum class Sharing { kExclusive, kFirst, kPerWorker };

inline constexpr int kListenBacklog = 4096;  // the kernel cuts it to net.core.somaxconn

// Errors: "address_in_use", "bind" with "ADDRESS:PORT: errno text".
shared::Result<shared::UniqueFd> open_listener(const Address& at, Sharing sharing);
// Whether the address could be listened on by somebody who does not share it: finds another program's
// listener that SO_REUSEPORT would silently join. Errors as above.
shared::Result<void> probe_address(const Address& at);
Address local_address(int fd);
shared::UniqueFd duplicate(int fd);  // of the same socket; invalid: out of descriptors

struct Accepted {
  shared::UniqueFd fd;  // invalid: nothing to accept now, see error
  Address peer;
  int error = 0;  // 0 when the queue is empty; EMFILE and the like otherwise
};
Accepted accept_one(int listening_fd);

// Starts connecting; invalid with the reason in *error when it failed at once. Writable means: ask
// connect_error().
shared::UniqueFd start_connect(const Address& to, int* error);
int connect_error(int fd);  // 0: connected

enum class Io { kDone, kBlocked, kEnded, kFailed };
struct IoResult {
  Io state = Io::kBlocked;
  std::size_t bytes = 0;
  int error = 0;
};
IoResult read_some(int fd, std::span<char> into);
// The same, and leaves it there.
IoResult peek_some(int fd, std::span<char> into);
IoResult write_some(int fd, std::span<const iovec> parts);
void shutdown_write(int fd);
// Moves up to `most` bytes inside the kernel; one of both is a pipe. kBlocked: `from` has none, or `to` takes
// none.
IoResult splice_some(int from, int to, std::size_t most);
// Bytes (or an end) wait to be read: a connection that should be quiet is not.
bool has_pending_input(int fd);
// close() then sends RST instead of FIN: for cutting, so that the peer cannot take it for an orderly end.
void reset_on_close(int fd);

}  // namespace balancer::loop
