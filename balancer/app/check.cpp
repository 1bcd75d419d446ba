#include "balancer/app/check.h"

#include "balancer/feed/named_files.h"
#include "balancer/feed/state_dir.h"
#include "balancer/proxy/worker/snapshot.h"
#include "balancer/targets/target.h"
#include "shared/lbconfig/json.h"

namespace balancer::app {

using shared::Result;

namespace {

std::string counted(std::size_t number, const std::string& what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

Result<std::string> check_content(const std::string& content, const std::string& path, shared::WallTime now) {
  auto config = shared::lbconfig::config_from_json(content);
  if (!config) return config.error();
  config = feed::with_named_files(std::move(config).value(), path);
  if (!config) return config.error();
  proxy::StatsRegistry stats(1);
  proxy::ListenerCompiler compiler("", stats);
  auto listeners = compiler.compile(*config, now);
  if (!listeners) return listeners.error();
  targets::DrainTracker drains;
  drains.on_config(*config, {});
  auto groups = targets::Registry(1).compile(*config, drains);
  if (!groups) return groups.error();

  std::string text = path + ": good: " + counted(config->listeners.size(), "listener") + ", " +
                     counted(config->target_groups.size(), "target group") + ", " +
                     counted(config->certificates.size(), "certificate") + "\n";
  for (const auto& listener : *listeners) {
    if (listener->tls == nullptr) continue;
    for (const std::string& note : listener->tls->notes())
      text += path + ": listener '" + listener->id + "': note: " + note + "\n";
  }
  return text;
}

}  // namespace

Result<std::string> check_file(const std::string& path, shared::WallTime now) {
  const auto content = feed::read_file(path);
  if (!content) return content.error();
  auto checked = check_content(*content, path, now);
  if (!checked) return checked.error().within(path);
  return checked;
}

}  // namespace balancer::app
