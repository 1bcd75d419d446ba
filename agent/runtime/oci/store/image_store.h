// Images on this host, addressed by what they contain. In `root`:
//
//   blobs/sha256/<hex>   manifests and configurations
//   layers/<20 hex>/     one unpacked layer on top of those below it: fs/, and ok (written last) with its
//   chainID ingest/              what is being fetched or unpacked; emptied of half layers at start refs.json
//   name of an image -> its manifest
//
// A layer is published by rename once it is whole, verified and synced, so a crash leaves nothing that looks
// whole and is not. Blocking; any thread.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/runtime/oci/images/manifest.h"
#include "agent/runtime/oci/images/reference.h"
#include "shared/base/result.h"
#include "shared/base/time.h"

namespace agent::runtime::oci {

struct UnpackSettings {
  std::string program;  // berth-unpack
  std::int64_t max_layer_bytes = std::int64_t{32} * 1024 * 1024 * 1024;
  std::int64_t max_layer_entries = 1'000'000;
  shared::Millis timeout{30 * 60'000};
};

struct Image {
  std::string id;      // of the configuration
  std::string digest;  // of the manifest as the registry has it; empty for an image of no registry
  std::string manifest;
  ImageConfig config;
  std::vector<std::filesystem::path> layers;  // folders, bottom first
};

class ImageStore {
 public:
  static shared::Result<std::unique_ptr<ImageStore>> open(const std::filesystem::path& root,
                                                          UnpackSettings unpack);

  // "not_found", or what is broken.
  shared::Result<Image> find(const Reference& reference) const;
  shared::Result<Image> of_manifest(const std::string& digest) const;  // as a container remembers it
  // Durable when it returns. `registry_digest` may be empty.
  shared::Result<void> set_reference(const Reference& reference, const std::string& manifest,
                                     const std::string& registry_digest);

  bool has_blob(const std::string& digest) const;
  shared::Result<std::string> read_blob(const std::string& digest) const;
  shared::Result<std::string> add_blob(std::string_view bytes);  // its digest
  // Where a download goes on from after a crash; the caller verifies it and removes it.
  std::filesystem::path ingest_path(const std::string& digest) const;
  std::filesystem::path scratch() const;  // a new folder's name in ingest/

  bool has_layer(const std::string& chain_id) const;
  // Unpacks the blob of layer `index` on top of those below it, which are there, unless it is there already.
  // Errors "layer": what is wrong with it, in the helper's words; the diffID must be what the configuration
  // says. Of several callers one works, the others wait.
  shared::Result<void> add_layer(const std::vector<std::string>& diff_ids, std::size_t index,
                                 const std::filesystem::path& blob);
  // Unpacks a tar of any origin into `folder`, confined likewise; returns its diffID.
  shared::Result<std::string> unpack(const std::filesystem::path& blob, const std::filesystem::path& folder,
                                     bool plain, const std::vector<std::string>& lowers) const;
  std::filesystem::path layers_folder() const { return root_ / "layers"; }
  static std::string layer_name(const std::string& chain_id);  // in layers/

  // Removes what neither a reference nor one of these manifests leads to. While nothing is pulled.
  void collect(const std::set<std::string>& manifests_in_use);

 private:
  struct Ref {
    std::string manifest;
    std::string registry_digest;
  };
  ImageStore(std::filesystem::path root, UnpackSettings unpack)
      : root_(std::move(root)), unpack_(std::move(unpack)) {}
  std::filesystem::path blob_path(const std::string& digest) const {
    return root_ / "blobs/sha256" / hex_of(digest);
  }
  std::filesystem::path layer_path(const std::string& chain_id) const {
    return layers_folder() / layer_name(chain_id);
  }
  shared::Result<void> load_references();
  shared::Result<void> save_references() const;  // with the lock
  shared::Result<void> unpack_layer(const std::vector<std::string>& chain, std::size_t index,
                                    const std::string& diff_id, const std::filesystem::path& blob);

  std::filesystem::path root_;
  UnpackSettings unpack_;
  mutable std::mutex mutex_;
  std::condition_variable unpacked_;
  std::set<std::string> unpacking_;  // chainIDs
  std::map<std::string, Ref> references_;
  mutable std::uint64_t scratches_ = 0;
};

}  // namespace agent::runtime::oci
