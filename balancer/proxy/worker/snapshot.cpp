#include "balancer/proxy/worker/snapshot.h"

#include <algorithm>

namespace balancer::proxy {

using shared::Error;
using shared::Result;

std::shared_ptr<ListenerStats> StatsRegistry::of(const shared::lbconfig::Listener& listener) {
  auto& entry = listeners_[listener.id];
  if (!entry) entry = std::make_shared<ListenerStats>(listener.id, listener.load_balancer, workers_);
  return entry;
}

Result<std::shared_ptr<const CompiledListener>> ListenerCompiler::compile_one(
    const shared::lbconfig::Listener& source, const GroupIndex& groups,
    std::shared_ptr<const tls::ServerContext> tls) {
  const std::string context = "listener '" + source.id + "'";
  auto address = loop::make_address(listen_address_.empty() ? source.address : listen_address_, source.port);
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
  std::shared_ptr<RateLimiter> rate_limiter;
  if (source.options.rate_limit) {
    auto& known = rate_limiters_[source.id];
    if (known == nullptr) known = std::make_shared<RateLimiter>(random_.next());
    rate_limiter = known;
  }
  auto listener = std::make_shared<CompiledListener>(
      CompiledListener{source.id, source.load_balancer, source.dns_name, *address, source.port,
                       source.options, std::move(routes).value(), std::move(action_groups), stats_.of(source),
                       std::move(tls), codec::ResponseEdits(source.options.response_headers)});
  listener->rate_limiter = std::move(rate_limiter);
  listener->protocol = source.protocol;
  for (const auto& header : shared::lbconfig::kTlsHeaders) {
    const std::string& own = source.options.tls_header_names.*header.own;
    if (!own.empty()) listener->tls_names.push_back(own);
  }
  for (const std::string& range : source.options.proxy_protocol_from) {
    if (const auto cidr = routing::parse_cidr(range)) listener->proxy_from.push_back(*cidr);
  }
  listener->plain = !shared::lbconfig::is_stream(source.protocol) && listener->proxy_from.empty();
  return std::shared_ptr<const CompiledListener>(std::move(listener));
}

Result<std::vector<std::shared_ptr<const CompiledListener>>> ListenerCompiler::compile(
    const shared::lbconfig::Config& config, shared::WallTime now) {
  auto contexts = contexts_.make(config, true, now);
  if (!contexts) return contexts.error();
  GroupIndex groups;
  for (std::size_t i = 0; i < config.target_groups.size(); ++i) groups[config.target_groups[i]->id] = i;
  const bool same_groups =
      std::equal(config.target_groups.begin(), config.target_groups.end(), groups_.begin(), groups_.end(),
                 [](const auto& group, const std::string& id) { return group->id == id; });
  std::map<std::string_view, const std::pair<Source, std::shared_ptr<const CompiledListener>>*> known;
  if (same_groups) {
    for (const auto& each : known_) known.emplace(each.first->id, &each);
  }
  std::vector<std::pair<Source, std::shared_ptr<const CompiledListener>>> next;
  std::vector<std::shared_ptr<const CompiledListener>> out;
  for (const Source& source : config.listeners) {
    const auto same = known.find(source->id);
    std::shared_ptr<const CompiledListener> listener;
    const auto secured = contexts->find(source->id);
    std::shared_ptr<const tls::ServerContext> context;
    if (secured != contexts->end()) context = secured->second;
    if (same != known.end() && same->second->first.is(source) && same->second->second->tls == context) {
      listener = same->second->second;
    } else {
      auto compiled = compile_one(*source, groups, std::move(context));
      if (!compiled) return compiled.error();
      listener = std::move(compiled).value();
    }
    out.push_back(listener);
    next.emplace_back(source, std::move(listener));
  }
  known_ = std::move(next);
  std::erase_if(rate_limiters_, [&out](const auto& each) {
    return std::none_of(out.begin(), out.end(), [&each](const auto& listener) {
      return listener->id == each.first && listener->rate_limiter != nullptr;
    });
  });
  groups_.clear();
  for (const auto& group : config.target_groups) groups_.push_back(group->id);
  return out;
}

}  // namespace balancer::proxy
