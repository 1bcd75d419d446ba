// DockerRuntime: named volumes.
#include <nlohmann/json.hpp>

#include "agent/runtime/docker/docker_runtime.h"
#include "agent/runtime/docker/values.h"
#include "shared/json/reader.h"

namespace agent::runtime::docker {
namespace {

using shared::Error;
using shared::Result;
using shared::http::Response;
using shared::http::Slash;

std::string volume_path(const std::string& name) {
  return "/volumes/" + shared::http::percent_encode(name, Slash::kEncode);
}

}  // namespace

// The engine itself takes an existing volume of that name, and refuses one with another driver.
void DockerRuntime::create_volume(const VolumeSpec& spec, Done<VolumeInfo> done) {
  const nlohmann::json body = {{"Name", spec.name},
                               {"Driver", spec.driver},
                               {"DriverOpts", nlohmann::json(spec.options)},
                               {"Labels", nlohmann::json(spec.labels)}};
  send("POST", "/volumes/create", shared::json::to_text(body), settings_.volume_timeout,
       [this, name = spec.name, done](Result<Response> r) {
         if (!r) return done(failed(r.error(), settings_.volume_timeout, "create volume " + name));
         if (!good(*r)) return done(refused("CannotCreateVolumeError", *r));
         auto info = volume_from_inspect(r->body);
         if (!info) return done(Error("CannotCreateVolumeError", info.error().text()));
         done(std::move(*info));
       });
}

void DockerRuntime::find_volume(const std::string& name, Done<VolumeInfo> done) {
  send("GET", volume_path(name), "", settings_.volume_timeout, [this, name, done](Result<Response> r) {
    if (!r) return done(failed(r.error(), settings_.volume_timeout, "inspect volume " + name));
    if (r->status == kNotFound) return done(Error("not_found", "no such volume: " + name));
    if (!good(*r)) return done(refused("CannotInspectVolumeError", *r));
    auto info = volume_from_inspect(r->body);
    if (!info) return done(Error("CannotInspectVolumeError", info.error().text()));
    done(std::move(*info));
  });
}

void DockerRuntime::labelled_volumes(const std::string& label, const std::string& value,
                                     Done<std::vector<VolumeInfo>> done) {
  send("GET", "/volumes?filters=" + filters({{"label", {label + "=" + value}}}), "", settings_.volume_timeout,
       [this, done](Result<Response> r) {
         if (!r) return done(failed(r.error(), settings_.volume_timeout, "list volumes"));
         if (!good(*r)) return done(refused("CannotListVolumesError", *r));
         auto volumes = volumes_from_list(r->body);
         if (!volumes) return done(Error("CannotListVolumesError", volumes.error().text()));
         done(std::move(*volumes));
       });
}

void DockerRuntime::remove_volume(const std::string& name, Done<bool> done) {
  send("DELETE", volume_path(name), "", settings_.volume_timeout, [this, name, done](Result<Response> r) {
    if (!r) return done(failed(r.error(), settings_.volume_timeout, "remove volume " + name));
    if (good(*r) || r->status == kNotFound) return done(true);
    done(refused("CannotRemoveVolumeError", *r));
  });
}

}  // namespace agent::runtime::docker
