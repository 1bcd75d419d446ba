#include "agent/node/task/volumes.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/node/task/container_spec.h"
#include "shared/json/reader.h"

namespace agent::node {
namespace {

using shared::Error;
using shared::Result;
using shared::json::Reader;

// Engine volumes are directories: NAME_MAX of Linux file systems.
constexpr std::size_t kMaxVolumeName = 255;
// What of a family or a volume's name is kept when all would be too long.
constexpr std::size_t kShortened = 80;

// "ecs-<family>-<revision>-<volume>-<task id>", as ECS hosts have them, with the task in place of a random
// part: whose it is can be seen, and an agent that lost its memory finds the same name again.
std::string engine_volume(const Task& task, const std::string& volume, std::size_t index) {
  std::string name = volume;
  std::erase_if(name, [](char c) {
    return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
             c == '_' || c == '.');
  });
  const auto joined = [&](const std::string& family, const std::string& middle) {
    return "ecs-" + family + "-" + task.payload.version + "-" + middle + "-" + task.id();
  };
  std::string whole = joined(task.payload.family, name);
  if (whole.size() <= kMaxVolumeName) return whole;
  return joined(task.payload.family.substr(0, kShortened),
                name.substr(0, kShortened) + "-" + std::to_string(index));
}

Volume docker_volume(const Reader& in, Volume v) {
  const auto config = in.child("dockerVolumeConfiguration");
  v.kind = VolumeKind::kTask;
  if (!config) return v;
  const std::string driver = config->string_or("driver", "");
  if (!driver.empty()) v.spec.driver = driver;
  v.spec.options = config->string_map_or_empty("driverOpts");
  v.spec.labels = config->string_map_or_empty("labels");
  const std::string scope = config->string_or("scope", "");
  if (scope == "shared") {
    v.kind = config->boolean_or("autoprovision", false) ? VolumeKind::kShared : VolumeKind::kExisting;
  } else if (!scope.empty() && scope != "task") {
    config->fail("scope", "expected task or shared, got '" + scope + "'");
  }
  return v;
}

Volume read_volume(const Reader& in) {
  Volume v;
  v.name = in.required_string("name");
  const std::string type = in.string_or("type", "host");
  if (type == "docker") return docker_volume(in, std::move(v));
  if (type != "host") {
    in.fail("type", "'" + type + "' is not supported");
  } else if (const auto host = in.child("host")) {
    v.source = host->string_or("sourcePath", "");
  }
  v.kind = v.source.empty() ? VolumeKind::kTask : VolumeKind::kHostPath;
  return v;
}

}  // namespace

Result<std::vector<Volume>> volumes_of(const Task& task, const std::string& instance_id) {
  std::vector<Volume> volumes;
  const auto list = shared::json::parse(task.payload.volumes);
  if (!list || !list->is_array()) return volumes;
  for (const auto& item : *list) {
    shared::json::ErrorSink sink("InvalidVolumeError");
    const Reader in(item, sink);
    Volume v = read_volume(in);
    if (!sink.ok()) return sink.error().within("volume '" + v.name + "'");
    if (v.kind == VolumeKind::kTask) {
      v.source = engine_volume(task, v.name, volumes.size());
      v.spec.labels[kInstanceLabel] = instance_id;
      v.spec.labels[kTaskArnLabel] = task.arn();
    } else if (v.kind != VolumeKind::kHostPath) {
      v.source = v.name;
    }
    v.spec.name = v.source;
    volumes.push_back(std::move(v));
  }
  return volumes;
}

std::vector<std::string> task_volumes(const Task& task) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  if (const auto volumes = volumes_of(task, "")) {
    for (const Volume& v : *volumes) {
      if (v.kind == VolumeKind::kTask) add(v.source);
    }
  }
  const std::string older = "berth-" + task.id() + "-";
  for (const Container& c : task.containers) {
    const auto host = shared::json::Document::parse(c.spec.docker_host_config, "malformed");
    if (!host) continue;
    for (const std::string& bind : host->root().strings_or_empty("Binds")) {
      if (bind.starts_with(older)) add(bind.substr(0, bind.find(':')));
    }
  }
  return names;
}

}  // namespace agent::node
