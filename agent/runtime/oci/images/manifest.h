// Manifests, indexes and configurations of images (OCI image specification 1.0; Docker's version 2, schema
// 2): text in, values out. Pure.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace agent::runtime::oci {

inline constexpr std::size_t kMaxManifest = 4 * 1024 * 1024;
inline constexpr std::size_t kMaxConfig = 8 * 1024 * 1024;
inline constexpr std::size_t kMaxLayers = 127;  // as Docker has it; the kernel takes 500
inline constexpr int kMaxIndexDepth = 3;
// What a manifest request accepts: without Docker's own types old registries answer with schema 1.
inline constexpr std::string_view kAcceptManifests =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

struct Descriptor {
  std::string media_type;
  std::string digest;
  std::int64_t size = 0;
};

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // bottom first
};

// Either member: what the document is.
struct Document {
  std::optional<Manifest> manifest;
  std::optional<Descriptor> chosen;  // of an index: the one for this platform
};

struct Platform {
  std::string os = "linux";
  std::string architecture;
};
Platform host_platform();

// `content_type` is the answer's header, which decides where the document does not say itself. Errors, code
// "malformed": schema 1, no image (an artifact), both an index and a manifest, foreign layers, a size or a
// digest that is none. "no_platform": an index without an image for this host.
shared::Result<Document> parse_manifest(std::string_view text, std::string_view content_type,
                                        const Platform& platform);

struct HealthCheck {
  std::vector<std::string> test;
  std::int64_t interval_ns = 0;
  std::int64_t timeout_ns = 0;
  std::int64_t start_period_ns = 0;
  std::int64_t retries = 0;
};

struct ImageConfig {
  std::string os;
  std::string architecture;
  std::vector<std::string> diff_ids;  // bottom first
  std::vector<std::string> environment;
  std::vector<std::string> entry_point;
  std::vector<std::string> command;
  std::string user;
  std::string working_directory;
  std::string stop_signal;
  std::map<std::string, std::string> labels;
  std::vector<std::string> volumes;
  std::vector<std::string> exposed_ports;
  std::vector<std::string> shell;
  std::optional<HealthCheck> health_check;
};
shared::Result<ImageConfig> parse_config(std::string_view text);
// A configuration of an image of one layer that says nothing else.
std::string plain_config(const std::string& diff_id, const Platform& platform);
std::string plain_manifest(const Descriptor& config, const std::vector<Descriptor>& layers);

// The identity of each layer on top of those below it (OCI image specification, "Layer ChainID").
std::vector<std::string> chain_ids(const std::vector<std::string>& diff_ids);

}  // namespace agent::runtime::oci
