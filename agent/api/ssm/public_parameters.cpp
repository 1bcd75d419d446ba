#include "agent/api/ssm/public_parameters.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "shared/json/reader.h"

namespace agent::api::ssm {
namespace {

struct EcsImage {
  std::string_view path;  // below /aws/service/ecs/optimized-ami/
  std::string_view id;
  std::string_view name;
  std::string_view os;
};
constexpr auto kEcsImages = std::to_array<EcsImage>({
    {"amazon-linux-2023/recommended", "ami-0be57000000000001",
     "al2023-ami-ecs-hvm-2023.0.20260101-kernel-6.1-x86_64", "Amazon Linux 2023"},
    {"amazon-linux-2023/arm64/recommended", "ami-0be57000000000002",
     "al2023-ami-ecs-hvm-2023.0.20260101-kernel-6.1-arm64", "Amazon Linux 2023"},
    {"amazon-linux-2/recommended", "ami-0be57000000000003", "amzn2-ami-ecs-hvm-2.0.20260101-x86_64-ebs",
     "Amazon Linux 2"},
    {"amazon-linux-2/arm64/recommended", "ami-0be57000000000004", "amzn2-ami-ecs-hvm-2.0.20260101-arm64-ebs",
     "Amazon Linux 2"},
});
constexpr std::string_view kEcs = "/aws/service/ecs/optimized-ami/";
constexpr std::string_view kImageVersion = "20260101";

constexpr auto kLatest = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64", "ami-0be57000000000005"},
    {"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64", "ami-0be57000000000006"},
    {"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-x86_64", "ami-0be57000000000005"},
    {"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-arm64", "ami-0be57000000000006"},
});

}  // namespace

std::optional<std::string> public_parameter(std::string_view name) {
  for (const auto& [known, id] : kLatest) {
    if (known == name) return std::string(id);
  }
  if (!name.starts_with(kEcs)) return std::nullopt;
  const std::string_view path = name.substr(kEcs.size());
  for (const EcsImage& image : kEcsImages) {
    if (path == std::string(image.path) + "/image_id") return std::string(image.id);
    if (path == std::string(image.path) + "/image_name") return std::string(image.name);
    if (path == std::string(image.path) + "/image_version") return std::string(kImageVersion);
    if (path != image.path) continue;
    // A text that holds JSON, as AWS has it.
    return shared::json::to_text({{"schema_version", 1},
                                  {"image_id", image.id},
                                  {"image_name", image.name},
                                  {"image_version", kImageVersion},
                                  {"os", image.os},
                                  {"ecs_agent_version", "1.90.0"},
                                  {"ecs_runtime_version", "Docker version 25.0.8"},
                                  {"source_image_name", image.name}});
  }
  return std::nullopt;
}

}  // namespace agent::api::ssm
