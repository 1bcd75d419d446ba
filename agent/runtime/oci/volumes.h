// Named volumes: folders of this host, in volumes/<name>/_data, with what they are in volume.json. Blocking;
// any thread.
#pragma once
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "agent/runtime/runtime.h"

namespace agent::runtime::oci {

class Volumes {
 public:
  explicit Volumes(std::filesystem::path root) : root_(std::move(root)) {}

  // As Runtime's; errors have its codes.
  shared::Result<VolumeInfo> create(const VolumeSpec& spec);
  shared::Result<VolumeInfo> find(const std::string& name) const;
  shared::Result<std::vector<VolumeInfo>> labelled(const std::string& label, const std::string& value) const;
  shared::Result<bool> remove(const std::string& name);  // whoever calls knows that nobody mounts it
  std::filesystem::path folder(const std::string& name) const { return root_ / name / "_data"; }

 private:
  std::filesystem::path root_;
  std::mutex mutex_;
};

}  // namespace agent::runtime::oci
