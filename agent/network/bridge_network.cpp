#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "agent/network/network.h"
#include "agent/network/port_holder.h"

namespace agent::network {
namespace {

namespace fs = std::filesystem;
using shared::Error;
using shared::Result;
using shared::UniqueFd;

constexpr const char* kCode = "network";
constexpr std::string_view kVeth = "bv";
constexpr std::size_t kVethDigits = 11;  // IFNAMSIZ is 16 with its end
constexpr int kLoopback = 1;             // index of lo in every namespace
constexpr int kDockerEvery = 12;         // repairs
constexpr int kSmallest = 29;            // prefixes above leave no room
constexpr int kLargest = 12;

bool put(const std::string& path, const std::string& value) {
  std::ofstream out(path);
  out << value;
  out.flush();
  return out.good();
}

std::string mac_of(std::uint32_t address) {
  char text[18];
  std::snprintf(text, sizeof text, "02:42:%02x:%02x:%02x:%02x", address >> 24U, (address >> 16U) & 255U,
                (address >> 8U) & 255U, address & 255U);
  return text;
}

std::optional<std::uint32_t> address_of(const std::string& text) {
  in_addr parsed{};
  if (::inet_pton(AF_INET, text.c_str(), &parsed) != 1) return std::nullopt;
  return ntohl(parsed.s_addr);
}

std::uint32_t mask_of(int prefix) {
  return prefix == 0 ? 0 : ~std::uint32_t{0} << (32U - static_cast<unsigned>(prefix));
}

}  // namespace

std::string address_text(std::uint32_t address) {
  char text[INET_ADDRSTRLEN];
  const in_addr raw{htonl(address)};
  ::inet_ntop(AF_INET, &raw, text, sizeof text);
  return text;
}

Result<std::unique_ptr<Network>> BridgeNetwork::open(BridgeSettings settings) {
  std::unique_ptr<BridgeNetwork> network(new BridgeNetwork(std::move(settings)));
  if (auto begun = network->begin(); !begun) return begun.error();
  return std::unique_ptr<Network>(std::move(network));
}

Result<void> BridgeNetwork::begin() {
  const auto slash = settings_.subnet.find('/');
  const auto base = address_of(settings_.subnet.substr(0, slash));
  const char* const end = settings_.subnet.data() + settings_.subnet.size();
  if (slash == std::string::npos || !base ||
      std::from_chars(settings_.subnet.data() + slash + 1, end, prefix_).ptr != end || prefix_ < kLargest ||
      prefix_ > kSmallest || (*base & ~mask_of(prefix_)) != 0)
    return Error(
        kCode, "the subnet '" + settings_.subnet + "' is not an IPv4 network with a prefix from /12 to /29");
  if (settings_.bridge.empty() || settings_.bridge.size() > 15 ||
      settings_.bridge.find_first_of("/\" ") != std::string::npos)
    return Error(kCode, "'" + settings_.bridge + "' is no name of a network device");
  subnet_ = *base;
  last_ = subnet_ + 1;
  std::error_code error;
  fs::create_directories(settings_.state, error);
  if (error) return Error(kCode, settings_.state + ": " + error.message());
  auto netlink = Netlink::open();
  if (!netlink) return netlink.error();
  netlink_ = *std::move(netlink);
  auto rules = Rules::open();
  if (!rules) return rules.error();
  rules_ = *std::move(rules);
  return make_bridge();
}

// What is routed elsewhere already would be cut off.
Result<void> BridgeNetwork::check_routes() const {
  std::ifstream in("/proc/net/route");
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string device;
    std::string destination;
    std::string skipped;
    std::string mask_text;
    words >> device >> destination >> skipped >> skipped >> skipped >> skipped >> skipped >> mask_text;
    std::uint32_t net = 0;
    std::uint32_t mask = 0;
    std::from_chars(destination.data(), destination.data() + destination.size(), net, 16);
    std::from_chars(mask_text.data(), mask_text.data() + mask_text.size(), mask, 16);
    net = ntohl(net);
    mask = ntohl(mask);
    const std::uint32_t both = mask & mask_of(prefix_);
    if (mask != 0 && device != settings_.bridge && (net & both) == (subnet_ & both))
      return Error(kCode, "the subnet " + settings_.subnet + " overlaps a route of this host (" +
                              address_text(net) + " through " + device + "); set another one");
  }
  return {};
}

Result<void> BridgeNetwork::make_bridge() {
  if (auto free = check_routes(); !free) return free;
  if (auto made = netlink_->add_bridge(settings_.bridge); !made && made.error().code() != "exists")
    return made;
  auto link = netlink_->link(settings_.bridge);
  if (!link) return link.error();
  index_ = link->index;
  if (auto added = netlink_->add_address(index_, subnet_ + 1, prefix_);
      !added && added.error().code() != "exists")
    return added;
  if (auto up = netlink_->set_up(index_); !up) return up;
  mtu_ = settings_.mtu > 0 ? settings_.mtu : 1500;
  if (auto applied = apply_table(); !applied) return applied;
  if (!put("/proc/sys/net/ipv4/ip_forward", "1")) return Error(kCode, "net.ipv4.ip_forward cannot be set");
  // Only now, as the table's guard is there.
  if (!put("/proc/sys/net/ipv4/conf/" + settings_.bridge + "/route_localnet", "1"))
    return Error(kCode, "route_localnet of " + settings_.bridge + " cannot be set");
  tell_docker(true);
  return {};
}

// Docker's FORWARD chain drops what it does not know; this chain of it is there for others to say otherwise.
// What may come to our bridge our own table decides.
void BridgeNetwork::tell_docker(bool wanted) {
  if (!settings_.run || settings_.run({"iptables", "-w", "-n", "-L", "DOCKER-USER"}) != 0) return;
  for (const char* direction : {"-i", "-o"}) {
    const auto rule = [&](const char* what) {
      return std::vector<std::string>{"iptables",       "-w", what,    "DOCKER-USER", direction,
                                      settings_.bridge, "-j", "ACCEPT"};
    };
    const bool there = settings_.run(rule("-C")) == 0;
    if (wanted && !there) settings_.run(rule("-I"));
    if (!wanted && there) settings_.run(rule("-D"));
  }
}

Result<void> BridgeNetwork::apply_table() {
  std::vector<Published> all;
  for (const auto& [id, ports] : ports_) all.insert(all.end(), ports.begin(), ports.end());
  return rules_->apply(
      table_text(settings_.bridge, address_text(subnet_) + "/" + std::to_string(prefix_), all));
}

Result<void> BridgeNetwork::adopt(const std::vector<Owner>& owners) {
  const std::scoped_lock lock(mutex_);
  addresses_.clear();
  ports_.clear();
  std::set<std::string> veths;
  for (const Owner& each : owners) {
    veths.insert(veth_of(each.id));
    if (const auto address = address_of(each.address)) addresses_[each.id] = *address;
    if (!each.ports.empty()) ports_[each.id] = each.ports;
  }
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(settings_.state, ignored)) {
    std::string id;
    std::ifstream(file.path()) >> id;
    if (!addresses_.contains(id)) fs::remove(file.path(), ignored);
  }
  auto links = netlink_->links();
  if (!links) return links.error();
  for (const Link& each : *links) {
    if (each.master == index_ && each.name.starts_with(kVeth) && !veths.contains(each.name))
      (void)netlink_->remove_link(each.name);
  }
  return apply_table();
}

std::string BridgeNetwork::veth_of(const std::string& id) const {
  return std::string(kVeth) + id.substr(0, kVethDigits);
}

// The next after the one given last, so that an address rests before it is somebody else's.
Result<std::uint32_t> BridgeNetwork::take_address(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  std::set<std::uint32_t> taken;
  for (const auto& [owner, address] : addresses_) taken.insert(address);
  const std::uint32_t first = subnet_ + 2;
  const std::uint32_t last = (subnet_ | ~mask_of(prefix_)) - 1;
  std::uint32_t next = last_;
  do {
    next = next >= last || next < first ? first : next + 1;
    if (taken.contains(next)) continue;
    if (!put(settings_.state + "/" + address_text(next), id + "\n"))
      return Error(kCode, settings_.state + " cannot be written: " + std::strerror(errno));
    addresses_[id] = next;
    last_ = next;
    return next;
  } while (next != last_);
  return Error(kCode, "no free address is left in " + settings_.subnet);
}

void BridgeNetwork::give_back(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  const auto found = addresses_.find(id);
  if (found == addresses_.end()) return;
  std::error_code ignored;
  fs::remove(settings_.state + "/" + address_text(found->second), ignored);
  addresses_.erase(found);
}

// On a thread of its own, as a namespace is a thread's.
Result<BridgeNetwork::Space> BridgeNetwork::new_space() const {
  std::optional<Result<Space>> made;
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) != 0) {
      made.emplace(Error(kCode, std::string("make a network namespace: ") + std::strerror(errno)));
      return;
    }
    Space space;
    space.space.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    auto inside = Netlink::open();
    if (!space.space || !inside) {
      made.emplace(Error(kCode, "open a network namespace"));
      return;
    }
    if (auto up = (*inside)->set_up(kLoopback); !up) {
      made.emplace(up.error());
      return;
    }
    space.inside = *std::move(inside);
    made.emplace(std::move(space));
  }).join();
  return std::move(*made);
}

Result<Attachment> BridgeNetwork::isolated() {
  auto space = new_space();
  if (!space) return space.error();
  return Attachment{std::move(space->space), "", ""};
}

Result<Attachment> BridgeNetwork::attach(const std::string& id) {
  auto space = new_space();
  if (!space) return space.error();
  auto address = take_address(id);
  if (!address) return address.error();
  const std::string mac = mac_of(*address);
  const auto connect = [&]() -> Result<void> {
    auto outside = Netlink::open();
    if (!outside) return outside.error();
    const std::string veth = veth_of(id);
    auto made = (*outside)->add_veth(veth, "eth0", mac, space->space.get(), index_, mtu_);
    if (!made && made.error().code() == "exists") {  // of a start that a crash cut off
      (void)(*outside)->remove_link(veth);
      made = (*outside)->add_veth(veth, "eth0", mac, space->space.get(), index_, mtu_);
    }
    if (!made) return made;
    // A container that asks for its own published port is answered through the port it asks by.
    put("/sys/class/net/" + veth + "/brport/hairpin_mode", "1");
    auto link = space->inside->link("eth0");
    if (!link) return link.error();
    if (auto added = space->inside->add_address(link->index, *address, prefix_); !added) return added;
    if (auto up = space->inside->set_up(link->index); !up) return up;
    return space->inside->add_default_route(subnet_ + 1);
  };
  if (auto connected = connect(); !connected) {
    give_back(id);
    return connected.error();
  }
  return Attachment{std::move(space->space), address_text(*address), mac};
}

Result<Holding> BridgeNetwork::publish(const std::string& id, const std::string& address,
                                       const std::vector<PortWish>& wishes) {
  Holding out;
  std::string elements;
  for (const PortWish& wish : wishes) {
    auto held = hold_port(wish);
    if (!held) return held.error();
    Published port{wish.bind_ip, held->port, wish.protocol, address, wish.container_port};
    elements += element_text(settings_.bridge, "add", port);
    out.ports.push_back(std::move(port));
    out.held.push_back(std::move(held->socket));
  }
  if (elements.empty()) return out;
  const std::scoped_lock lock(mutex_);
  if (auto applied = rules_->apply(elements); !applied) {
    // The table may be gone: once more with all of it.
    ports_[id] = out.ports;
    if (auto again = apply_table(); !again) {
      ports_.erase(id);
      return again.error();
    }
  }
  ports_[id] = out.ports;
  return out;
}

void BridgeNetwork::release(const std::string& id) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = ports_.find(id);
    if (found != ports_.end()) {
      std::string elements;
      for (const Published& each : found->second) elements += element_text(settings_.bridge, "delete", each);
      (void)rules_->apply(elements);
      ports_.erase(found);
    }
    if (!addresses_.contains(id)) return;
    (void)netlink_->remove_link(veth_of(id));  // the kernel may have done so with the namespace
  }
  give_back(id);
}

std::string BridgeNetwork::gateway() const { return address_text(subnet_ + 1); }

bool BridgeNetwork::repair() {
  const std::scoped_lock lock(mutex_);
  // That one costs programs, and goes only when Docker is started anew.
  if (++repairs_ % kDockerEvery == 0) tell_docker(true);
  if (rules_->has_table(settings_.bridge)) return false;
  (void)apply_table();
  return true;
}

void BridgeNetwork::close() {
  const std::scoped_lock lock(mutex_);
  if (!addresses_.empty()) return;
  tell_docker(false);
  (void)netlink_->remove_link(settings_.bridge);  // before the guard goes
  (void)rules_->apply("delete table ip " + table_name(settings_.bridge) + "\n");
}

}  // namespace agent::network
