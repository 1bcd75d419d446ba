// Images out of files: what `docker save` writes, an OCI layout as a tar, and a bare tree as a tar (what
// `docker import` takes). Verified as a pull is. Blocking.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "agent/runtime/oci/store/image_store.h"

namespace agent::runtime::oci {

// Names of the images that it brought. `otherwise`: the name for an image that the archive has none for (OCI
// layouts often have a tag only); may be empty. Errors say which member is missing or wrong.
shared::Result<std::vector<std::string>> load_archive(ImageStore& store, const std::filesystem::path& archive,
                                                      const std::string& otherwise);
// One layer, no configuration.
shared::Result<Image> import_tree(ImageStore& store, const Reference& reference,
                                  const std::filesystem::path& tar);

}  // namespace agent::runtime::oci
