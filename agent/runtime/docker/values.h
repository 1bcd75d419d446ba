// Docker Engine API values to ours and back: pure text in, values out.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/runtime/runtime.h"
#include "shared/base/result.h"
#include "shared/http/message.h"

namespace agent::runtime::docker {

inline constexpr int kNotFound = 404;  // HTTP status: no such container, image or volume
inline constexpr std::int64_t kMinCpuShares = 2;
inline constexpr std::int64_t kMaxCpuShares = 262'144;

// The body of POST /containers/create. engine_config and engine_host_config are laid over what the spec says:
// names match without case, objects merge, lists and scalars replace; our labels win. Error code
// "CannotCreateContainerError" names the part that is no JSON object.
shared::Result<std::string> create_body(const ContainerSpec& spec);

// What POST /images/create wants: a reference without a tag means "latest" (the engine would pull every tag).
struct ImageReference {
  std::string repository;
  std::string tag;  // or "sha256:..."
  bool operator==(const ImageReference&) const = default;
};
ImageReference split_reference(std::string_view image);

// Answers. Error code "malformed".
shared::Result<ContainerInfo> container_from_inspect(std::string_view text);
shared::Result<ImageInfo> image_from_inspect(std::string_view text, std::string_view image);
shared::Result<std::vector<std::string>> ids_from_list(std::string_view text);
shared::Result<VolumeInfo> volume_from_inspect(std::string_view text);
shared::Result<std::vector<VolumeInfo>> volumes_from_list(std::string_view text);
struct EngineVersion {
  std::string version;
  std::string api;      // newest it speaks, "1.43"
  std::string min_api;  // oldest
};
shared::Result<EngineVersion> version_from(std::string_view text);
// The API version to speak with this engine: kPreferredApi, or the nearest one it has.
inline constexpr std::string_view kPreferredApi = "1.41";
std::string choose_api(const EngineVersion& engine);
std::string cgroup_driver_from_info(std::string_view text);  // empty when it does not say

// One line of GET /events; nullopt for events we do not act on.
std::optional<Event> event_from(std::string_view line);

// A start that failed because somebody else listens on a host port.
bool is_port_in_use(const shared::http::Response& response);
// Whether the inspected container leaves the choice of a host port within a range to the engine.
bool chooses_ports(std::string_view inspected);

bool good(const shared::http::Response& response);  // done, or (304) nothing to do
// What the engine refused, in the words of the ECS agent: "Error response from daemon: ...".
shared::Error refused(const char* code, const shared::http::Response& response);
// The value of a query's `filters`, for a URL.
std::string filters(const nlohmann::json& value);
// {"message": "..."} of a refusal, or the text itself.
std::string message_of(std::string_view body);
// "2026-11-24T08:20:09.834538700Z"; nullopt for the engine's zero time.
std::optional<shared::WallTime> parse_time(std::string_view text);

}  // namespace agent::runtime::docker
