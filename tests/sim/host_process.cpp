#include "tests/sim/host_process.h"

#include "shared/base/check.h"

namespace sim {

using shared::Error;
using shared::Result;

class HostProcess::Link final : public agent::link::ControlLink {
 public:
  explicit Link(HostProcess& host) : host_(host) {}

  void call(const std::string& operation, std::string body, std::function<void(Result<std::string>)> done) override {
    ControlProcess& control = host_.control_;
    host_.network_.call(
        host_.process_, control.process(), control.up(),
        [&control, operation, body = std::move(body)](Network::Answer answer) {
          if (control.up()) control.serve("ecs", operation, body, std::move(answer));
        },
        std::move(done));
  }

  void open_acs(const std::string&, const std::string& instance, const std::string&, agent::link::SessionHandlers handlers) override {
    HostProcess& host = host_;
    host.process_.deliver(host.network_.delay(), [&host, instance, handlers = std::move(handlers)] {
      if (!host.control_.up() || !host.network_.reachable(host.process_, host.control_.process())) {
        return handlers.on_close(Error("connect", "simulated refusal", shared::Blame::kTarget));
      }
      const auto end = host.control_.accept_agent(host.process_, instance);
      end->on_text = handlers.on_text;
      end->on_close = [on_close = handlers.on_close](const std::string& reason) {
        on_close(Error("closed", reason, shared::Blame::kTarget));
      };
      handlers.on_open(end);
    });
  }

  // Containers of the simulation have no health checks, so a node never has telemetry to send.
  void open_telemetry(const std::string&, const std::string&, const std::string&,
                      agent::link::SessionHandlers) override {
    BERTH_CHECK(false, "no simulated container has a health check");
  }

 private:
  HostProcess& host_;
};

HostProcess::HostProcess(World& world, Network& network, ControlProcess& control, std::string name, std::string address,
                         agent::node::NodeSettings settings)
    : world_(world),
      network_(network),
      control_(control),
      process_(world, std::move(name)),
      machine_(world, address),
      settings_(std::move(settings)) {
  settings_.address = std::move(address);
  boot();
}

HostProcess::~HostProcess() = default;

void HostProcess::boot() {
  link_ = std::make_unique<Link>(*this);
  runtime_ = std::make_unique<MachineRuntime>(machine_, process_);
  node_ = std::make_unique<agent::node::Node>(
      agent::node::Node::Parts{process_, world_.random(), *link_, *runtime_, *cgroups_, *store_}, settings_);
  const auto started = node_->start();
  BERTH_CHECK(started.has_value(), "a node must start on what it has written");
}

void HostProcess::crash() {
  process_.crash();
  node_.reset();
  runtime_.reset();
  link_.reset();
  store_ = std::make_unique<agent::store::MemoryStore>(*store_);
  network_.crashed(process_);
}

}  // namespace sim
