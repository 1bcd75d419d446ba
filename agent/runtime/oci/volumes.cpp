#include "agent/runtime/oci/volumes.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "agent/runtime/oci/files/files.h"
#include "shared/json/reader.h"

namespace agent::runtime::oci {
namespace {

namespace fs = std::filesystem;
using shared::Error;
using shared::Result;

constexpr std::size_t kMaxName = 255;

bool good_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxName && std::isalnum(static_cast<unsigned char>(name[0])) != 0 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
         });
}

}  // namespace

Result<VolumeInfo> Volumes::find(const std::string& name) const {
  if (!good_name(name)) return Error("not_found", "no such volume: " + name);
  auto text = files::read(root_ / name / "volume.json");
  if (!text)
    return text.error().code() == "not_found" ? Error("not_found", "no such volume: " + name)
                                              : Error("CannotInspectVolumeError", text.error().text());
  auto document = shared::json::Document::parse(*text, "CannotInspectVolumeError");
  if (!document) return document.error();
  const auto in = document->root();
  return VolumeInfo{name, in.string_or("driver", "local"), in.string_map_or_empty("labels")};
}

Result<VolumeInfo> Volumes::create(const VolumeSpec& spec) {
  const auto refused = [](const std::string& why) { return Error("CannotCreateVolumeError", why); };
  if (!good_name(spec.name))
    return refused("'" + spec.name + "' is no name of a volume: letters, digits, '_', '.', '-'");
  const std::scoped_lock lock(mutex_);
  if (auto found = find(spec.name)) {
    if (found->driver != spec.driver)
      return refused("the volume " + spec.name + " exists with the driver " + found->driver);
    return found;
  }
  if (spec.driver != "local")
    return refused("the volume driver '" + spec.driver +
                   "' is not 'local', which is all that this runtime has");
  if (!spec.options.empty())
    return refused("driverOpts: this runtime's volumes are folders, '" + spec.options.begin()->first +
                   "' is not supported");
  for (const fs::path& each : {root_ / spec.name, folder(spec.name)})
    if (auto made = files::make_directory(each, 0755); !made) return refused(made.error().text());
  const nlohmann::json text = {{"driver", spec.driver}, {"labels", spec.labels}};
  if (auto wrote = files::write_durably(root_ / spec.name / "volume.json", shared::json::to_text(text));
      !wrote)
    return refused(wrote.error().text());
  return VolumeInfo{spec.name, spec.driver, spec.labels};
}

Result<std::vector<VolumeInfo>> Volumes::labelled(const std::string& label, const std::string& value) const {
  std::vector<VolumeInfo> out;
  std::error_code error;
  for (const auto& each : fs::directory_iterator(root_, error)) {
    auto info = find(each.path().filename().string());
    if (!info) continue;
    const auto found = info->labels.find(label);
    if (found != info->labels.end() && found->second == value) out.push_back(*std::move(info));
  }
  if (error) return Error("CannotListVolumesError", root_.string() + ": " + error.message());
  return out;
}

Result<bool> Volumes::remove(const std::string& name) {
  if (!good_name(name)) return true;
  const std::scoped_lock lock(mutex_);
  std::error_code ignored;
  if (!fs::exists(root_ / name, ignored)) return true;
  fs::remove(root_ / name / "volume.json", ignored);  // first: half of it is no volume any more
  files::remove_tree(root_ / name);
  if (fs::exists(root_ / name, ignored))
    return Error("CannotRemoveVolumeError", name + " cannot be removed whole");
  return true;
}

}  // namespace agent::runtime::oci
