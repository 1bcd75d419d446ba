#include "agent/runtime/oci/registry/pull.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <vector>

namespace agent::runtime::oci {
namespace {

using shared::Error;
using shared::Result;

constexpr const char* kPull = "pull";

}  // namespace

Result<void> Puller::fetch_layer(Registry& registry, const Descriptor& layer, const std::atomic<bool>& stop) {
  {
    std::unique_lock lock(mutex_);
    fetched_.wait(lock, [&] { return !fetching_.contains(layer.digest); });
    if (stop) return Error("cancelled", "the agent is stopping");
    fetching_.insert(layer.digest);
  }
  auto done = registry.download(layer, store_.ingest_path(layer.digest));
  const std::scoped_lock lock(mutex_);
  fetching_.erase(layer.digest);
  fetched_.notify_all();
  return done;
}

Result<void> Puller::bring_layers(const Reference& reference, const Manifest& manifest,
                                  const ImageConfig& config, const std::atomic<bool>& stop) {
  const auto chain = chain_ids(config.diff_ids);
  std::size_t first = 0;
  while (first < chain.size() && store_.has_layer(chain[first])) ++first;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::optional<Result<void>>> fetched(chain.size());
  std::atomic<bool> give_up = false;
  std::size_t next = first;
  const auto worker = [&] {
    Fetcher fetcher([&] { return stop || give_up; }, settings_.ca_file);
    Registry registry(fetcher, settings_, reference);
    for (;;) {
      std::size_t mine = 0;
      {
        const std::scoped_lock lock(mutex);
        if (next == chain.size() || give_up) return;
        mine = next++;
      }
      auto done = fetch_layer(registry, manifest.layers[mine], stop);
      const std::scoped_lock lock(mutex);
      fetched[mine].emplace(std::move(done));
      changed.notify_all();
    }
  };
  std::vector<std::thread> workers;
  const std::size_t count = std::min<std::size_t>(kLayersAtOnce, chain.size() - first);
  for (std::size_t i = 0; i < count; ++i) workers.emplace_back(worker);
  Result<void> result;
  for (std::size_t i = first; i < chain.size() && result; ++i) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return fetched[i].has_value(); });
    result = *fetched[i];
    lock.unlock();
    if (result) result = store_.add_layer(config.diff_ids, i, store_.ingest_path(manifest.layers[i].digest));
  }
  give_up = true;
  for (std::thread& each : workers) each.join();
  std::error_code ignored;
  if (result)
    for (std::size_t i = first; i < chain.size(); ++i)
      std::filesystem::remove(store_.ingest_path(manifest.layers[i].digest), ignored);
  return result;
}

Result<Image> Puller::pull(const Reference& reference, const std::atomic<bool>& stop) {
  Fetcher fetcher([&] { return stop.load(); }, settings_.ca_file);
  Registry registry(fetcher, settings_, reference);
  std::string wanted = reference.wanted();
  std::string top;
  for (int depth = 0;; ++depth) {
    if (depth > kMaxIndexDepth) return Error(kPull, "indexes in indexes");
    auto fetched = registry.manifest(wanted);
    if (!fetched) return fetched.error();
    if (top.empty()) top = fetched->digest;
    auto document = parse_manifest(fetched->bytes, fetched->content_type, host_platform());
    if (!document) return Error(kPull, document.error().text());
    if (document->chosen) {
      wanted = document->chosen->digest;
      continue;
    }
    const Manifest& manifest = *document->manifest;
    auto config_text = registry.blob(manifest.config, kMaxConfig);
    if (!config_text) return config_text.error();
    auto config = parse_config(*config_text);
    if (!config) return Error(kPull, config.error().text());
    if (config->os != "linux") return Error(kPull, "the image is for '" + config->os + "'");
    if (config->diff_ids.size() != manifest.layers.size())
      return Error(kPull, "manifest and configuration differ in their number of layers");
    if (auto brought = bring_layers(reference, manifest, *config, stop); !brought)
      return Error(kPull, brought.error().text());
    for (const std::string* each : {&*config_text, &fetched->bytes})
      if (auto kept = store_.add_blob(*each); !kept) return Error(kPull, kept.error().text());
    if (auto set = store_.set_reference(reference, fetched->digest, top); !set)
      return Error(kPull, set.error().text());
    return store_.find(reference);
  }
}

}  // namespace agent::runtime::oci
