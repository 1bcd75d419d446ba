#include "agent/network/netlink.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace agent::network {
namespace {

using shared::Error;
using shared::Result;

constexpr std::size_t kBuffer = 16 * 1024;
using Buffer = std::array<char, kBuffer>;

Error refused(const std::string& doing, int number) {
  const char* const code = number == EEXIST                                          ? "exists"
                           : number == ENODEV || number == ENOENT || number == ESRCH ? "not_found"
                                                                                     : "network";
  return Error(code, doing + ": " + std::strerror(number));
}

nlmsghdr* begin(Buffer& buffer, std::uint16_t type, std::uint16_t flags) {
  nlmsghdr* const header = mnl_nlmsg_put_header(buffer.data());
  header->nlmsg_type = type;
  header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  return header;
}

template <class T>
T* body(nlmsghdr* header) {
  return static_cast<T*>(mnl_nlmsg_put_extra_header(header, sizeof(T)));
}

int read_link(const nlmsghdr* header, void* out) {
  const auto* const info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(header));
  Link link;
  link.index = info->ifi_index;
  const char* const end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(header));
  for (const auto* attribute =
           static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(header, sizeof(*info)));
       mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
       attribute = mnl_attr_next(attribute)) {
    const int type = mnl_attr_get_type(attribute);
    if (type == IFLA_IFNAME) link.name = mnl_attr_get_str(attribute);
    if (type == IFLA_MASTER) link.master = static_cast<int>(mnl_attr_get_u32(attribute));
    if (type == IFLA_MTU) link.mtu = static_cast<int>(mnl_attr_get_u32(attribute));
  }
  static_cast<std::vector<Link>*>(out)->push_back(std::move(link));
  return MNL_CB_OK;
}

}  // namespace

Result<std::unique_ptr<Netlink>> Netlink::open() {
  mnl_socket* const socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
  if (socket == nullptr) return refused("open a netlink socket", errno);
  std::unique_ptr<Netlink> out(new Netlink(socket));
  if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) return refused("bind a netlink socket", errno);
  return out;
}

Netlink::~Netlink() { mnl_socket_close(socket_); }

Result<void> Netlink::talk(void* message, const std::string& doing) {
  auto* const header = static_cast<nlmsghdr*>(message);
  header->nlmsg_seq = ++sequence_;
  if (mnl_socket_sendto(socket_, header, header->nlmsg_len) < 0) return refused(doing, errno);
  Buffer answer;
  for (;;) {
    const ssize_t got = mnl_socket_recvfrom(socket_, answer.data(), answer.size());
    if (got < 0) return refused(doing, errno);
    const int result = mnl_cb_run(answer.data(), static_cast<std::size_t>(got), sequence_,
                                  mnl_socket_get_portid(socket_), nullptr, nullptr);
    if (result < 0) return refused(doing, errno);
    if (result == MNL_CB_STOP) return {};
  }
}

Result<void> Netlink::add_bridge(const std::string& name) {
  Buffer buffer{};
  nlmsghdr* const header = begin(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  body<ifinfomsg>(header)->ifi_family = AF_UNSPEC;
  mnl_attr_put_strz(header, IFLA_IFNAME, name.c_str());
  nlattr* const info = mnl_attr_nest_start(header, IFLA_LINKINFO);
  mnl_attr_put_strz(header, IFLA_INFO_KIND, "bridge");
  mnl_attr_nest_end(header, info);
  return talk(header, "make the bridge " + name);
}

Result<void> Netlink::add_veth(const std::string& name, const std::string& peer, const std::string& peer_mac,
                               int peer_namespace, int master, int mtu) {
  Buffer buffer{};
  nlmsghdr* const header = begin(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  auto* const own = body<ifinfomsg>(header);
  own->ifi_flags = IFF_UP;
  own->ifi_change = IFF_UP;
  mnl_attr_put_strz(header, IFLA_IFNAME, name.c_str());
  mnl_attr_put_u32(header, IFLA_MASTER, static_cast<std::uint32_t>(master));
  mnl_attr_put_u32(header, IFLA_MTU, static_cast<std::uint32_t>(mtu));
  nlattr* const info = mnl_attr_nest_start(header, IFLA_LINKINFO);
  mnl_attr_put_strz(header, IFLA_INFO_KIND, "veth");
  nlattr* const data = mnl_attr_nest_start(header, IFLA_INFO_DATA);
  nlattr* const other = mnl_attr_nest_start(header, VETH_INFO_PEER);
  body<ifinfomsg>(header)->ifi_family = AF_UNSPEC;
  mnl_attr_put_strz(header, IFLA_IFNAME, peer.c_str());
  mnl_attr_put_u32(header, IFLA_MTU, static_cast<std::uint32_t>(mtu));
  mnl_attr_put_u32(header, IFLA_NET_NS_FD, static_cast<std::uint32_t>(peer_namespace));
  std::array<unsigned, 6> bytes{};
  if (std::sscanf(peer_mac.c_str(), "%x:%x:%x:%x:%x:%x", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
                  &bytes[4], &bytes[5]) == 6) {
    std::array<unsigned char, 6> mac;
    for (std::size_t i = 0; i < mac.size(); ++i) mac[i] = static_cast<unsigned char>(bytes[i]);
    mnl_attr_put(header, IFLA_ADDRESS, mac.size(), mac.data());
  }
  mnl_attr_nest_end(header, other);
  mnl_attr_nest_end(header, data);
  mnl_attr_nest_end(header, info);
  return talk(header, "make the veth pair " + name);
}

Result<void> Netlink::set_up(int index) {
  Buffer buffer{};
  nlmsghdr* const header = begin(buffer, RTM_NEWLINK, 0);
  auto* const info = body<ifinfomsg>(header);
  info->ifi_index = index;
  info->ifi_flags = IFF_UP;
  info->ifi_change = IFF_UP;
  return talk(header, "bring up device " + std::to_string(index));
}

Result<void> Netlink::add_address(int index, std::uint32_t address, int prefix) {
  Buffer buffer{};
  nlmsghdr* const header = begin(buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  auto* const info = body<ifaddrmsg>(header);
  info->ifa_family = AF_INET;
  info->ifa_prefixlen = static_cast<unsigned char>(prefix);
  info->ifa_index = static_cast<std::uint32_t>(index);
  const std::uint32_t host = prefix == 32 ? 0 : (1U << (32U - static_cast<unsigned>(prefix))) - 1;
  mnl_attr_put_u32(header, IFA_LOCAL, htonl(address));
  mnl_attr_put_u32(header, IFA_ADDRESS, htonl(address));
  mnl_attr_put_u32(header, IFA_BROADCAST, htonl(address | host));
  return talk(header, "add an address to device " + std::to_string(index));
}

Result<void> Netlink::add_default_route(std::uint32_t gateway) {
  Buffer buffer{};
  nlmsghdr* const header = begin(buffer, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  auto* const info = body<rtmsg>(header);
  info->rtm_family = AF_INET;
  info->rtm_table = RT_TABLE_MAIN;
  info->rtm_protocol = RTPROT_BOOT;
  info->rtm_scope = RT_SCOPE_UNIVERSE;
  info->rtm_type = RTN_UNICAST;
  mnl_attr_put_u32(header, RTA_GATEWAY, htonl(gateway));
  return talk(header, "add the default route");
}

Result<void> Netlink::remove_link(const std::string& name) {
  Buffer buffer{};
  nlmsghdr* const header = begin(buffer, RTM_DELLINK, 0);
  body<ifinfomsg>(header)->ifi_family = AF_UNSPEC;
  mnl_attr_put_strz(header, IFLA_IFNAME, name.c_str());
  return talk(header, "remove the device " + name);
}

Result<std::vector<Link>> Netlink::links() {
  Buffer buffer{};
  nlmsghdr* const header = begin(buffer, RTM_GETLINK, NLM_F_DUMP);
  body<ifinfomsg>(header)->ifi_family = AF_PACKET;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  header->nlmsg_seq = ++sequence_;
  if (mnl_socket_sendto(socket_, header, header->nlmsg_len) < 0) return refused("list devices", errno);
  std::vector<Link> out;
  std::vector<char> answer(64 * 1024);
  for (;;) {
    const ssize_t got = mnl_socket_recvfrom(socket_, answer.data(), answer.size());
    if (got < 0) return refused("list devices", errno);
    const int result = mnl_cb_run(answer.data(), static_cast<std::size_t>(got), sequence_,
                                  mnl_socket_get_portid(socket_), &read_link, &out);
    if (result < 0) return refused("list devices", errno);
    if (result == MNL_CB_STOP) return out;
  }
}

Result<Link> Netlink::link(const std::string& name) {
  auto all = links();
  if (!all) return all.error();
  for (const Link& each : *all)
    if (each.name == name) return each;
  return Error("not_found", "no device " + name);
}

}  // namespace agent::network
