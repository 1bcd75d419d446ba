#include "balancer/proxy/snapshot.h"

namespace balancer::proxy {

using shared::Error;
using shared::Result;

std::shared_ptr<ListenerStats> StatsRegistry::of(const shared::lbconfig::Listener& listener) {
  auto& entry = listeners_[listener.id];
  if (!entry) entry = std::make_shared<ListenerStats>(listener.id, listener.load_balancer, workers_);
  return entry;
}

Result<std::vector<std::unique_ptr<CompiledListener>>> compile_listeners(
    const shared::lbconfig::Config& config, const std::string& listen_address, StatsRegistry& stats) {
  std::map<std::string, std::size_t> groups;
  for (std::size_t i = 0; i < config.target_groups.size(); ++i) groups[config.target_groups[i].id] = i;

  std::vector<std::unique_ptr<CompiledListener>> out;
  for (const auto& source : config.listeners) {
    const std::string context = "listener '" + source.id + "'";
    auto address = loop::make_address(listen_address.empty() ? source.address : listen_address, source.port);
    if (!address) return address.error().within(context);
    auto routes = routing::RouteTable::compile(source);
    if (!routes) return routes.error().within(context);
    std::vector<std::vector<std::size_t>> action_groups(routes->action_count());
    for (std::size_t i = 0; i < routes->action_count(); ++i) {
      const auto& action = routes->action(i);
      if (action.type != shared::lbconfig::ActionType::kForward) continue;
      for (const auto& weighted : action.forward.target_groups) {
        const auto found = groups.find(weighted.target_group);
        if (found == groups.end())
          return Error("reference", context + ": no target group '" + weighted.target_group + "'");
        action_groups[i].push_back(found->second);
      }
    }
    out.push_back(std::make_unique<CompiledListener>(CompiledListener{
        source.id, source.load_balancer, source.dns_name, *address, source.port, source.options,
        std::move(routes).value(), std::move(action_groups), stats.of(source)}));
  }
  return out;
}

}  // namespace balancer::proxy
