#include "agent/runtime/oci/store/archive.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "agent/runtime/oci/files/files.h"
#include "shared/base/unique_fd.h"
#include "shared/crypto/hash.h"
#include "shared/json/reader.h"

namespace agent::runtime::oci {
namespace {

namespace fs = std::filesystem;
using shared::Error;
using shared::Result;
using shared::UniqueFd;
using shared::json::Reader;

constexpr std::size_t kPiece = 256 * 1024;

// A folder that goes when this does.
struct Scratch {
  fs::path path;
  ~Scratch() { files::remove_tree(path); }
};

Result<std::string> hash_file(const UniqueFd& fd) {
  shared::crypto::Sha256 hash;
  std::string piece(kPiece, '\0');
  for (off_t at = 0;;) {
    const ssize_t got = ::pread(fd.get(), piece.data(), piece.size(), at);
    if (got < 0) return files::system_error("read a member", errno);
    if (got == 0) return "sha256:" + hash.hex();
    hash.update({piece.data(), static_cast<std::size_t>(got)});
    at += got;
  }
}

class Loader {
 public:
  Loader(ImageStore& store, int folder) : store_(store), folder_(folder) {}

  Result<std::string> text(const std::string& name, std::size_t most) const {
    return files::read_in_root(folder_, name, most);
  }
  // The layers' members in order, bottom first.
  Result<std::string> add(const std::string& config_text, const std::vector<std::string>& members,
                          const std::string& manifest_text) {
    auto config = parse_config(config_text);
    if (!config) return config.error();
    if (config->os != "linux") return Error("malformed", "an image for '" + config->os + "'");
    if (config->diff_ids.size() != members.size())
      return Error("malformed", "the configuration has " + std::to_string(config->diff_ids.size()) +
                                    " layers, the manifest " + std::to_string(members.size()));
    for (std::size_t i = 0; i < members.size(); ++i) {
      const UniqueFd fd = files::open_in_root(folder_, members[i], O_RDONLY);
      if (!fd) return Error("malformed", "the archive lacks " + members[i]);
      const std::string path = "/proc/self/fd/" + std::to_string(fd.get());
      if (auto added = store_.add_layer(config->diff_ids, i, path); !added)
        return added.error().within(members[i]);
    }
    if (auto kept = store_.add_blob(config_text); !kept) return kept.error();
    return store_.add_blob(manifest_text);
  }
  Result<Descriptor> described(const std::string& member) const {
    const UniqueFd fd = files::open_in_root(folder_, member, O_RDONLY);
    struct stat is {};
    if (!fd || ::fstat(fd.get(), &is) != 0) return Error("malformed", "the archive lacks " + member);
    auto digest = hash_file(fd);
    if (!digest) return digest.error();
    return Descriptor{"application/vnd.docker.image.rootfs.diff.tar", *digest, is.st_size};
  }
  Result<std::string> blob(const std::string& digest, std::size_t most) const {
    auto bytes = text("blobs/sha256/" + hex_of(digest), most);
    if (bytes && "sha256:" + shared::crypto::sha256_hex(*bytes) != digest)
      return Error("malformed", "the archive's blob " + digest + " is not what its name says");
    return bytes;
  }

 private:
  ImageStore& store_;
  int folder_;
};

// manifest.json: [{"Config", "RepoTags", "Layers"}]
Result<std::vector<std::string>> load_saved(ImageStore& store, Loader& loader, const std::string& list,
                                            const std::string& otherwise) {
  auto document = shared::json::Document::parse("{\"images\":" + list + "}", "malformed");
  if (!document) return document.error().within("manifest.json");
  std::vector<std::string> names;
  for (const Reader& in : document->root().children("images")) {
    const std::string config_name = in.required_string("Config");
    const auto members = in.strings_or_empty("Layers");
    auto tags = in.strings_or_empty("RepoTags");
    if (!in.ok()) return in.error();
    auto config = loader.text(config_name, kMaxConfig);
    if (!config) return config.error();
    std::vector<Descriptor> layers;
    for (const std::string& each : members) {
      auto layer = loader.described(each);
      if (!layer) return layer.error();
      layers.push_back(*layer);
    }
    const Descriptor of_config{"", "sha256:" + shared::crypto::sha256_hex(*config),
                               static_cast<std::int64_t>(config->size())};
    auto manifest = loader.add(*config, members, plain_manifest(of_config, layers));
    if (!manifest) return manifest.error();
    if (tags.empty() && !otherwise.empty()) tags = {otherwise};
    for (const std::string& tag : tags) {
      auto reference = parse_reference(tag);
      if (!reference) return reference.error();
      if (auto set = store.set_reference(*reference, *manifest, ""); !set) return set.error();
      names.push_back(tag);
    }
  }
  return names;
}

Result<std::vector<std::string>> load_layout(ImageStore& store, Loader& loader, const std::string& index,
                                             const std::string& otherwise) {
  auto document = shared::json::Document::parse(index, "malformed");
  if (!document) return document.error().within("index.json");
  std::vector<std::string> names;
  for (const Reader& in : document->root().children("manifests")) {
    const auto annotations = in.string_map_or_empty("annotations");
    const auto annotation = [&](const char* name) {
      const auto found = annotations.find(name);
      return found == annotations.end() ? std::string() : found->second;
    };
    std::string name = annotation("io.containerd.image.name");
    if (name.empty()) name = annotation("org.opencontainers.image.ref.name");
    if (name.find_first_of("/:") == std::string::npos && !otherwise.empty()) name = otherwise;
    std::string digest = in.required_string("digest");
    if (!in.ok()) return in.error();
    if (name.empty()) return Error("malformed", "index.json names no image, and no name is given for it");
    auto reference = parse_reference(name);
    if (!reference) return reference.error();
    std::string type = in.string_or("mediaType", "");
    for (int depth = 0;; ++depth) {
      if (!is_digest(digest)) return Error("malformed", "'" + digest + "' is no digest");
      if (depth > kMaxIndexDepth) return Error("malformed", "indexes in indexes");
      auto manifest_text = loader.blob(digest, kMaxManifest);
      if (!manifest_text) return manifest_text.error();
      auto parsed = parse_manifest(*manifest_text, type, host_platform());
      if (!parsed) return parsed.error();
      if (parsed->chosen) {
        digest = parsed->chosen->digest;
        type = parsed->chosen->media_type;
        continue;
      }
      auto config = loader.blob(parsed->manifest->config.digest, kMaxConfig);
      if (!config) return config.error();
      std::vector<std::string> members;
      for (const Descriptor& each : parsed->manifest->layers)
        members.push_back("blobs/sha256/" + hex_of(each.digest));
      auto manifest = loader.add(*config, members, *manifest_text);
      if (!manifest) return manifest.error();
      if (auto set = store.set_reference(*reference, *manifest, ""); !set) return set.error();
      names.push_back(name);
      break;
    }
  }
  return names;
}

}  // namespace

Result<std::vector<std::string>> load_archive(ImageStore& store, const fs::path& archive,
                                              const std::string& otherwise) {
  const Scratch scratch{store.scratch()};
  if (auto made = files::make_directory(scratch.path); !made) return made.error();
  if (auto unpacked = store.unpack(archive, scratch.path, true, {}); !unpacked)
    return unpacked.error().within(archive.string());
  const UniqueFd folder(::open(scratch.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return files::system_error("open " + scratch.path.string(), errno);
  Loader loader(store, folder.get());
  if (auto saved = loader.text("manifest.json", kMaxManifest))
    return load_saved(store, loader, *saved, otherwise);
  auto index = loader.text("index.json", kMaxManifest);
  if (!index)
    return Error("malformed",
                 archive.string() + " has neither manifest.json nor index.json: it is no archive of images");
  return load_layout(store, loader, *index, otherwise);
}

Result<Image> import_tree(ImageStore& store, const Reference& reference, const fs::path& tar) {
  // Its diffID is known only once it was read; so it is read twice, the first time to nowhere but a scratch.
  const Scratch scratch{store.scratch()};
  if (auto made = files::make_directory(scratch.path); !made) return made.error();
  auto diff_id = store.unpack(tar, scratch.path, false, {});
  if (!diff_id) return diff_id.error();
  std::error_code ignored;
  if (fs::is_empty(scratch.path, ignored)) return Error("malformed", "the archive has no entries");
  if (auto added = store.add_layer({*diff_id}, 0, tar); !added) return added.error();
  const std::string config_text = plain_config(*diff_id, host_platform());
  auto config = store.add_blob(config_text);
  if (!config) return config.error();
  const Descriptor layer{"application/vnd.docker.image.rootfs.diff.tar", *diff_id,
                         static_cast<std::int64_t>(fs::file_size(tar, ignored))};
  auto manifest =
      store.add_blob(plain_manifest({"", *config, static_cast<std::int64_t>(config_text.size())}, {layer}));
  if (!manifest) return manifest.error();
  if (auto set = store.set_reference(reference, *manifest, ""); !set) return set.error();
  return store.find(reference);
}

}  // namespace agent::runtime::oci
