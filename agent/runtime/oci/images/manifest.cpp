#include "agent/runtime/oci/images/manifest.h"

#include <sys/utsname.h>

#include <nlohmann/json.hpp>

#include "agent/runtime/oci/images/reference.h"
#include "shared/crypto/hash.h"
#include "shared/json/reader.h"

namespace agent::runtime::oci {
namespace {

using nlohmann::json;
using shared::Error;
using shared::Result;
using shared::json::Reader;

constexpr const char* kMalformed = "malformed";
constexpr std::int64_t kMaxBlob = std::int64_t{1} << 40;
constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";

Descriptor read_descriptor(const Reader& in) {
  Descriptor out;
  out.media_type = in.string_or("mediaType", "");
  out.digest = in.required_string("digest");
  out.size = in.required_integer<std::int64_t>("size", 0, kMaxBlob);
  if (in.ok() && !is_digest(out.digest)) in.fail("digest", "expected sha256: and 64 hexadecimal digits");
  return out;
}

bool fits(const Reader& platform, const Platform& wanted) {
  if (platform.string_or("os", "") != wanted.os ||
      platform.string_or("architecture", "") != wanted.architecture)
    return false;
  const std::string variant = platform.string_or("variant", "");
  if (wanted.architecture == "amd64") return variant.empty() || variant == "v1" || variant == "v2";
  return wanted.architecture != "arm64" || variant.empty() || variant == "v8";
}

Result<Document> read_index(const Reader& in, const Platform& platform) {
  Document out;
  std::optional<Descriptor> plain;
  for (const Reader& each : in.children("manifests")) {
    const auto of = each.child("platform");
    if (!of && !plain) plain = read_descriptor(each);
    if (!of || !fits(*of, platform)) continue;
    out.chosen = read_descriptor(each);
    break;
  }
  if (!out.chosen) out.chosen = plain;  // OCI layouts of one image name no platform
  if (!in.ok()) return in.error();
  if (!out.chosen)
    return Error("no_platform", "no matching manifest for " + platform.os + "/" + platform.architecture +
                                    " in the manifest list entries");
  return out;
}

Result<Document> read_manifest(const Reader& in) {
  if (in.has("artifactType")) return Error(kMalformed, "it is an artifact, not an image");
  Manifest manifest;
  const auto config = in.required_child("config");
  if (config) manifest.config = read_descriptor(*config);
  for (const Reader& each : in.children("layers")) {
    manifest.layers.push_back(read_descriptor(each));
    const std::string& type = manifest.layers.back().media_type;
    if (type.find("foreign") != std::string::npos || type.find("nondistributable") != std::string::npos)
      each.fail("mediaType", "layers that are fetched from elsewhere ('" + type + "') are not supported");
  }
  if (manifest.layers.size() > kMaxLayers)
    in.fail("layers", "more than " + std::to_string(kMaxLayers) + " layers");
  if (!in.ok()) return in.error();
  Document out;
  out.manifest = std::move(manifest);
  return out;
}

HealthCheck read_health_check(const Reader& in) {
  return {in.strings_or_empty("Test"), in.integer_or<std::int64_t>("Interval", 0),
          in.integer_or<std::int64_t>("Timeout", 0), in.integer_or<std::int64_t>("StartPeriod", 0),
          in.integer_or<std::int64_t>("Retries", 0)};
}

}  // namespace

Platform host_platform() {
  utsname name{};
  ::uname(&name);
  const std::string machine = name.machine;
  return {"linux", machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine};
}

Result<Document> parse_manifest(std::string_view text, std::string_view content_type,
                                const Platform& platform) {
  if (text.size() > kMaxManifest) return Error(kMalformed, "the manifest is too long");
  auto document = shared::json::Document::parse(text, kMalformed);
  if (!document) return document.error();
  const Reader in = document->root();
  if (!in.ok()) return in.error();
  const std::string type = in.string_or("mediaType", std::string(content_type));
  if (in.integer_or<int>("schemaVersion", 2) == 1 || type.find("manifest.v1+prettyjws") != std::string::npos)
    return Error(kMalformed,
                 "the registry answers with a manifest of schema 1, which is no longer supported");
  const bool index = in.has("manifests");
  const bool manifest = in.has("layers") || in.has("config");
  if (index && manifest) return Error(kMalformed, "the document is both an index and a manifest");
  if (index) return read_index(in, platform);
  if (manifest) return read_manifest(in);
  return Error(kMalformed, "the document ('" + type + "') is neither an index nor a manifest");
}

Result<ImageConfig> parse_config(std::string_view text) {
  auto document = shared::json::Document::parse(text, kMalformed);
  if (!document) return document.error();
  const Reader root = document->root();
  ImageConfig out;
  out.os = root.string_or("os", "linux");
  out.architecture = root.string_or("architecture", "");
  if (const auto rootfs = root.required_child("rootfs")) out.diff_ids = rootfs->strings_or_empty("diff_ids");
  if (const auto in = root.child("config")) {
    out.environment = in->strings_or_empty("Env");
    out.entry_point = in->strings_or_empty("Entrypoint");
    out.command = in->strings_or_empty("Cmd");
    out.user = in->string_or("User", "");
    out.working_directory = in->string_or("WorkingDir", "");
    out.stop_signal = in->string_or("StopSignal", "");
    out.labels = in->string_map_or_empty("Labels");
    out.shell = in->strings_or_empty("Shell");
    for (const auto& [path, ignored] : in->child_map("Volumes")) out.volumes.push_back(path);
    for (const auto& [port, ignored] : in->child_map("ExposedPorts")) out.exposed_ports.push_back(port);
    if (const auto check = in->child("Healthcheck")) out.health_check = read_health_check(*check);
  }
  if (!root.ok()) return root.error();
  for (const std::string& each : out.diff_ids)
    if (!is_digest(each)) return Error(kMalformed, "rootfs.diff_ids: '" + each + "' is no sha256 digest");
  return out;
}

std::string plain_config(const std::string& diff_id, const Platform& platform) {
  return shared::json::to_text({{"architecture", platform.architecture},
                                {"os", platform.os},
                                {"config", json::object()},
                                {"rootfs", {{"type", "layers"}, {"diff_ids", json::array({diff_id})}}}});
}

std::string plain_manifest(const Descriptor& config, const std::vector<Descriptor>& layers) {
  json out = {{"schemaVersion", 2},
              {"mediaType", kDockerManifest},
              {"config", {{"mediaType", kDockerConfig}, {"digest", config.digest}, {"size", config.size}}},
              {"layers", json::array()}};
  for (const Descriptor& each : layers)
    out["layers"].push_back(
        json{{"mediaType", each.media_type}, {"digest", each.digest}, {"size", each.size}});
  return shared::json::to_text(out);
}

std::vector<std::string> chain_ids(const std::vector<std::string>& diff_ids) {
  std::vector<std::string> out;
  for (const std::string& diff : diff_ids)
    out.push_back(out.empty() ? diff : "sha256:" + shared::crypto::sha256_hex(out.back() + " " + diff));
  return out;
}

}  // namespace agent::runtime::oci
