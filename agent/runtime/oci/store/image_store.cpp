#include "agent/runtime/oci/store/image_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "agent/runtime/oci/files/files.h"
#include "agent/runtime/oci/process/run.h"
#include "shared/base/unique_fd.h"
#include "shared/crypto/hash.h"
#include "shared/json/reader.h"
#include "shared/log/log.h"

namespace agent::runtime::oci {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using shared::Error;
using shared::Result;

// Short, so that the options of an overlay of many layers fit into the kernel's one page.
constexpr std::size_t kLayerName = 20;

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

Result<std::unique_ptr<ImageStore>> ImageStore::open(const fs::path& root, UnpackSettings unpack) {
  std::unique_ptr<ImageStore> store(new ImageStore(root, std::move(unpack)));
  for (const fs::path& folder : {root, root / "blobs/sha256", root / "layers", root / "ingest"}) {
    if (auto made = files::make_directory(folder); !made) return made.error();
  }
  std::error_code ignored;
  for (const auto& each : fs::directory_iterator(root / "ingest", ignored)) {
    if (each.is_directory(ignored)) files::remove_tree(each.path());  // half a layer; parts of blobs go on
  }
  if (auto loaded = store->load_references(); !loaded) return loaded.error();
  return store;
}

Result<void> ImageStore::load_references() {
  auto text = files::read(root_ / "refs.json");
  if (!text) return text.error().code() == "not_found" ? Result<void>() : text.error();
  auto document = shared::json::Document::parse(*text, "file");
  if (!document) return document.error().within((root_ / "refs.json").string());
  for (const auto& [name, in] : document->root().child_map("refs"))
    references_[name] = {in.required_string("manifest"), in.string_or("digest", "")};
  return document->result();
}

Result<void> ImageStore::save_references() const {
  json refs = json::object();
  for (const auto& [name, ref] : references_)
    refs[name] = {{"manifest", ref.manifest}, {"digest", ref.registry_digest}};
  return files::write_durably(root_ / "refs.json", shared::json::to_text(json{{"refs", refs}}));
}

Result<Image> ImageStore::find(const Reference& reference) const {
  Ref ref;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = references_.find(reference.name());
    if (found == references_.end()) return Error("not_found", "no such image: " + reference.name());
    ref = found->second;
  }
  auto image = of_manifest(ref.manifest);
  if (image) image->digest = ref.registry_digest;
  return image;
}

Result<Image> ImageStore::of_manifest(const std::string& digest) const {
  auto text = read_blob(digest);
  if (!text) return text.error();
  auto document = parse_manifest(*text, "", host_platform());
  if (!document) return document.error();
  if (!document->manifest) return Error("not_found", "no image but an index: " + digest);
  Image image;
  image.manifest = digest;
  image.id = document->manifest->config.digest;
  auto config_text = read_blob(image.id);
  if (!config_text) return config_text.error();
  auto config = parse_config(*config_text);
  if (!config) return config.error();
  image.config = *std::move(config);
  for (const std::string& chain : chain_ids(image.config.diff_ids)) {
    if (!has_layer(chain)) return Error("not_found", "image " + digest + " lacks a layer");
    image.layers.push_back(layer_path(chain) / "fs");
  }
  return image;
}

Result<void> ImageStore::set_reference(const Reference& reference, const std::string& manifest,
                                       const std::string& registry_digest) {
  const std::scoped_lock lock(mutex_);
  const Ref wanted{manifest, registry_digest};
  const auto found = references_.find(reference.name());
  if (found != references_.end() && found->second.manifest == manifest &&
      found->second.registry_digest == registry_digest)
    return {};
  const auto before = references_;
  references_[reference.name()] = wanted;
  if (!registry_digest.empty())
    references_.insert_or_assign(reference.repository() + "@" + registry_digest, wanted);
  auto saved = save_references();
  if (!saved) references_ = before;
  return saved;
}

bool ImageStore::has_blob(const std::string& digest) const {
  std::error_code ignored;
  return fs::exists(blob_path(digest), ignored);
}

Result<std::string> ImageStore::read_blob(const std::string& digest) const {
  if (!is_digest(digest)) return Error("malformed", "'" + digest + "' is no digest");
  auto bytes = files::read(blob_path(digest), kMaxConfig);
  if (!bytes) return bytes;
  if ("sha256:" + shared::crypto::sha256_hex(*bytes) != digest)
    return Error("file", blob_path(digest).string() + " is not what its name says");
  return bytes;
}

Result<std::string> ImageStore::add_blob(std::string_view bytes) {
  const std::string digest = "sha256:" + shared::crypto::sha256_hex(bytes);
  if (has_blob(digest)) return digest;
  const fs::path part = scratch();
  if (auto wrote = files::write_durably(part, bytes); !wrote) return wrote.error();
  if (::rename(part.c_str(), blob_path(digest).c_str()) != 0)
    return files::system_error("rename " + part.string(), errno);
  if (auto synced = files::sync_directory(blob_path(digest).parent_path()); !synced) return synced.error();
  return digest;
}

fs::path ImageStore::ingest_path(const std::string& digest) const {
  return root_ / "ingest" / (hex_of(digest) + ".part");
}

fs::path ImageStore::scratch() const {
  const std::scoped_lock lock(mutex_);
  return root_ / "ingest" / ("new-" + std::to_string(::getpid()) + "-" + std::to_string(++scratches_));
}

std::string ImageStore::layer_name(const std::string& chain_id) {
  return hex_of(chain_id).substr(0, kLayerName);
}

bool ImageStore::has_layer(const std::string& chain_id) const {
  const auto ok = files::read(layer_path(chain_id) / "ok");
  return ok && *ok == chain_id;
}

Result<std::string> ImageStore::unpack(const fs::path& blob, const fs::path& folder, bool plain,
                                       const std::vector<std::string>& lowers) const {
  const shared::UniqueFd input(::open(blob.c_str(), O_RDONLY | O_CLOEXEC));
  if (!input) return files::system_error("open " + blob.string(), errno);
  std::vector<std::string> arguments{unpack_.program, folder.string(),
                                     std::to_string(unpack_.max_layer_bytes),
                                     std::to_string(unpack_.max_layer_entries), plain ? "plain" : "layer"};
  arguments.insert(arguments.end(), lowers.begin(), lowers.end());
  RunOptions options;
  options.input = input.get();
  options.timeout = unpack_.timeout;
  auto ran = run(arguments, options);
  if (!ran) return ran.error();
  if (ran->timed_out)
    return Error("layer",
                 "unpacking took longer than " + std::to_string(unpack_.timeout.count() / 1000) + " s");
  const std::string said = trimmed(ran->status == 0 ? ran->out : ran->err);
  if (ran->status != 0)
    return Error("layer", said.empty() ? "the unpacker ended with " + std::to_string(ran->status) : said);
  if (!is_digest(said)) return Error("layer", "the unpacker answers '" + said + "'");
  return said;
}

Result<void> ImageStore::add_layer(const std::vector<std::string>& diff_ids, std::size_t index,
                                   const fs::path& blob) {
  const std::vector<std::string> chain = chain_ids(diff_ids);
  {
    std::unique_lock lock(mutex_);
    unpacked_.wait(lock, [&] { return !unpacking_.contains(chain[index]); });
    if (has_layer(chain[index])) return {};
    unpacking_.insert(chain[index]);
  }
  auto done = unpack_layer(chain, index, diff_ids[index], blob);
  const std::scoped_lock lock(mutex_);
  unpacking_.erase(chain[index]);
  unpacked_.notify_all();
  return done;
}

Result<void> ImageStore::unpack_layer(const std::vector<std::string>& chain, std::size_t index,
                                      const std::string& diff_id, const fs::path& blob) {
  const fs::path folder = scratch();
  if (auto made = files::make_directory(folder / "fs", 0755); !made) return made;
  std::vector<std::string> lowers;
  for (std::size_t below = index; below > 0; --below)
    lowers.push_back((layer_path(chain[below - 1]) / "fs").string());
  const auto give_up = [&](const Error& error) -> Result<void> {
    files::remove_tree(folder);
    return error;
  };
  auto digest = unpack(blob, folder / "fs", false, lowers);
  if (!digest) return give_up(digest.error());
  if (*digest != diff_id)
    return give_up(
        Error("layer", "its contents are " + *digest + ", the image's configuration says " + diff_id));
  if (auto wrote = files::write(folder / "ok", chain[index]); !wrote) return give_up(wrote.error());
  if (auto synced = files::sync_file_system(folder); !synced) return give_up(synced.error());
  const fs::path place = layer_path(chain[index]);
  files::remove_tree(place);  // of a crash, or what was damaged
  if (::rename(folder.c_str(), place.c_str()) != 0)
    return give_up(files::system_error("rename " + folder.string(), errno));
  return files::sync_directory(place.parent_path());
}

void ImageStore::collect(const std::set<std::string>& manifests_in_use) {
  std::set<std::string> manifests = manifests_in_use;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, ref] : references_) manifests.insert(ref.manifest);
  }
  std::set<std::string> blobs;
  std::set<std::string> layers;
  for (const std::string& manifest : manifests) {
    const auto image = of_manifest(manifest);
    if (!image) continue;
    blobs.insert(hex_of(manifest));
    blobs.insert(hex_of(image->id));
    for (const fs::path& each : image->layers) layers.insert(each.parent_path().filename().string());
  }
  std::error_code ignored;
  for (const auto& each : fs::directory_iterator(root_ / "blobs/sha256", ignored))
    if (!blobs.contains(each.path().filename().string())) fs::remove(each.path(), ignored);
  for (const auto& each : fs::directory_iterator(layers_folder(), ignored)) {
    if (layers.contains(each.path().filename().string())) continue;
    fs::remove(each.path() / "ok", ignored);  // first, so that half of it is never taken for all
    files::remove_tree(each.path());
  }
}

}  // namespace agent::runtime::oci
