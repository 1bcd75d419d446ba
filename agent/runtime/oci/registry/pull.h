// A pull: from a name to an image whose layers are unpacked. Three layers are fetched at a time; each is
// unpacked once those below it are. Blocking; any thread, several at once.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>

#include "agent/runtime/oci/registry/registry.h"
#include "agent/runtime/oci/store/image_store.h"

namespace agent::runtime::oci {

inline constexpr int kLayersAtOnce = 3;

class Puller {
 public:
  Puller(ImageStore& store, RegistrySettings settings) : store_(store), settings_(std::move(settings)) {}

  // Ends soon after `stop` was set. Error code "pull".
  shared::Result<Image> pull(const Reference& reference, const std::atomic<bool>& stop);

 private:
  shared::Result<void> fetch_layer(Registry& registry, const Descriptor& layer,
                                   const std::atomic<bool>& stop);
  shared::Result<void> bring_layers(const Reference& reference, const Manifest& manifest,
                                    const ImageConfig& config, const std::atomic<bool>& stop);

  ImageStore& store_;
  const RegistrySettings settings_;
  std::mutex mutex_;
  std::condition_variable fetched_;
  std::set<std::string> fetching_;  // digests: one download of each, whoever wants it
};

}  // namespace agent::runtime::oci
