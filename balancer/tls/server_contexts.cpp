#include "balancer/tls/server_contexts.h"

namespace balancer::tls {

using shared::Result;

Result<ServerContexts::ByListener> ServerContexts::make(const shared::lbconfig::Config& config, bool http2,
                                                        shared::WallTime now) {
  ByListener next;
  for (const auto& listener : config.listeners) {
    if (!shared::lbconfig::has_tls(listener->protocol)) continue;
    ServerSettings settings = settings_of(*listener, config, http2);
    const auto former = made_.find(listener->id);
    if (former != made_.end() && former->second->settings() == settings) {
      next.emplace(listener->id, former->second);
      continue;
    }
    auto context = ServerContext::make(std::move(settings), tickets_, now);
    if (!context) return context.error().within("listener '" + listener->id + "'");
    next.emplace(listener->id, *context);
  }
  made_ = next;
  return next;
}

}  // namespace balancer::tls
