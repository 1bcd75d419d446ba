#include "agent/metadata/address.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "shared/base/unique_fd.h"

namespace agent::metadata {

using shared::Error;
using shared::Result;

namespace {

constexpr unsigned char kHostPrefix = 32;

struct Request {
  nlmsghdr header;
  ifaddrmsg body;
  struct {
    rtattr head;
    in_addr value;
  } local, address;
};

Error failed(const std::string& address, int reason) {
  return Error("address", "put " + address + " on the loopback interface: " + std::strerror(reason));
}

}  // namespace

Result<void> add_local_address(const std::string& address) {
  Request request{};
  if (::inet_pton(AF_INET, address.c_str(), &request.local.value) != 1)
    return Error("address", "'" + address + "' is not an IPv4 address");
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_NEWADDR;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  request.body.ifa_family = AF_INET;
  request.body.ifa_prefixlen = kHostPrefix;
  request.body.ifa_scope = RT_SCOPE_LINK;
  request.body.ifa_index = ::if_nametoindex("lo");
  request.local.head = {RTA_LENGTH(sizeof(in_addr)), IFA_LOCAL};
  request.address.head = {RTA_LENGTH(sizeof(in_addr)), IFA_ADDRESS};
  request.address.value = request.local.value;

  const shared::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd || ::send(fd.get(), &request, sizeof request, 0) < 0) return failed(address, errno);
  alignas(nlmsghdr) std::array<char, 1024> answer{};
  const ssize_t got = ::recv(fd.get(), answer.data(), answer.size(), 0);
  if (got < 0) return failed(address, errno);
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());
  if (!NLMSG_OK(header, static_cast<unsigned>(got)) || header->nlmsg_type != NLMSG_ERROR)
    return failed(address, EPROTO);
  const int error = -static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
  if (error != 0 && error != EEXIST) return failed(address, error);
  return {};
}

}  // namespace agent::metadata
