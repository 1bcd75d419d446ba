// Network: how containers get one. BridgeNetwork has a bridge of its own, a veth pair and an address for each
// container, and host ports through nftables. It knows no containers, only ids and addresses. A namespace is
// a descriptor: it lives as long as somebody has it open or runs in it, and its veth pair with it, so a crash
// leaves nothing behind that the kernel does not take away. Blocking; any thread.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/network/netlink.h"
#include "agent/network/rules.h"
#include "shared/base/result.h"
#include "shared/base/unique_fd.h"

namespace agent::network {

struct Attachment {
  shared::UniqueFd space;  // the network namespace
  std::string address;     // empty: it has only loopback
  std::string mac;
};

struct PortWish {
  int container_port = 0;
  int host_port = 0;  // 0: chosen, from the range where there is one
  std::string protocol = "tcp";
  std::string bind_ip = "0.0.0.0";
  int choose_first = 0;
  int choose_last = 0;
};
struct Holding {
  std::vector<Published> ports;
  // Sockets bound to the ports, so that nobody else takes them; whoever keeps the container keeps these.
  std::vector<shared::UniqueFd> held;
};

// What runs already when an agent starts.
struct Owner {
  std::string id;
  std::string address;
  std::vector<Published> ports;
};

class Network {
 public:
  virtual ~Network() = default;
  // Removes what belongs to nobody, and brings the rules to what these need.
  virtual shared::Result<void> adopt(const std::vector<Owner>& owners) = 0;
  virtual shared::Result<Attachment> attach(const std::string& id) = 0;
  virtual shared::Result<Attachment> isolated() = 0;  // loopback only
  // Error "port_taken" names address and port.
  virtual shared::Result<Holding> publish(const std::string& id, const std::string& address,
                                          const std::vector<PortWish>& wishes) = 0;
  // Ports and address are free again. Success also when nothing was there.
  virtual void release(const std::string& id) = 0;
  virtual std::string gateway() const = 0;
  // Puts back what somebody took away (`nft flush ruleset`, a restarted firewall). True if something was
  // missing.
  virtual bool repair() = 0;
  // Takes away the bridge and the table, if nobody is attached.
  virtual void close() = 0;
};

struct BridgeSettings {
  std::string bridge = "berth0";
  std::string subnet = "172.29.0.0/16";
  std::string state;  // a folder that a reboot empties: which address is whose
  int mtu = 0;        // 0: that of the default route's device
  // Runs a program; its exit code. For iptables, where Docker's chain must be told of us.
  std::function<int(const std::vector<std::string>&)> run;
};

class BridgeNetwork final : public Network {
 public:
  // Makes the bridge and the table. Error "network": the subnet overlaps a route of this host, no rights, ...
  static shared::Result<std::unique_ptr<Network>> open(BridgeSettings settings);

  shared::Result<void> adopt(const std::vector<Owner>& owners) override;
  shared::Result<Attachment> attach(const std::string& id) override;
  shared::Result<Attachment> isolated() override;
  shared::Result<Holding> publish(const std::string& id, const std::string& address,
                                  const std::vector<PortWish>& wishes) override;
  void release(const std::string& id) override;
  std::string gateway() const override;
  bool repair() override;
  void close() override;

 private:
  struct Space {
    shared::UniqueFd space;
    std::unique_ptr<Netlink> inside;
  };
  explicit BridgeNetwork(BridgeSettings settings) : settings_(std::move(settings)) {}
  shared::Result<void> begin();
  shared::Result<void> make_bridge();
  shared::Result<void> check_routes() const;
  shared::Result<Space> new_space() const;
  shared::Result<std::uint32_t> take_address(const std::string& id);
  void give_back(const std::string& id);  // the address
  std::string veth_of(const std::string& id) const;
  shared::Result<void> apply_table();
  void tell_docker(bool wanted);

  BridgeSettings settings_;
  std::uint32_t subnet_ = 0;
  int prefix_ = 0;
  int index_ = 0;
  int mtu_ = 1500;
  std::unique_ptr<Netlink> netlink_;
  std::unique_ptr<Rules> rules_;
  std::mutex mutex_;
  int repairs_ = 0;
  std::uint32_t last_ = 0;                               // address given last
  std::map<std::string, std::uint32_t> addresses_;       // by id
  std::map<std::string, std::vector<Published>> ports_;  // by id
};

std::string address_text(std::uint32_t address);

}  // namespace agent::network
