// OciRuntime: images and volumes.
#include <algorithm>

#include "agent/runtime/oci/files/files.h"
#include "agent/runtime/oci/oci_runtime.h"
#include "agent/runtime/oci/store/archive.h"

namespace agent::runtime::oci {
namespace {

namespace fs = std::filesystem;
using shared::Error;
using shared::Result;

ImageInfo info_of_image(const Image& image) { return {image.id, image.digest}; }

}  // namespace

void OciRuntime::pull(const std::string& image, Done<ImageInfo> done) {
  off(
      *pulls_, "",
      [this, image]() -> Result<ImageInfo> {
        auto reference = parse_reference(image);
        if (!reference) return Error("CannotPullContainerError", reference.error().text());
        auto pulled = puller_->pull(*reference, stopping_);
        if (!pulled) return Error("CannotPullContainerError", pulled.error().text());
        return info_of_image(*pulled);
      },
      std::move(done));
}

void OciRuntime::find_image(const std::string& image, Done<ImageInfo> done) {
  off(
      *workers_, "",
      [this, image]() -> Result<ImageInfo> {
        auto reference = parse_reference(image);
        if (!reference) return Error("not_found", reference.error().text());
        auto found = images_->find(*reference);
        if (found) return info_of_image(*found);
        return found.error().code() == "not_found"
                   ? found.error()
                   : Error("CannotInspectContainerError", found.error().text());
      },
      std::move(done));
}

void OciRuntime::import_image(const std::string& image, std::string tree, Done<ImageInfo> done) {
  off(
      *pulls_, "import " + image,
      [this, image, tree = std::move(tree)]() -> Result<ImageInfo> {
        const auto refused = [](const Error& error) { return Error("CannotImportImageError", error.text()); };
        auto reference = parse_reference(image);
        if (!reference) return refused(reference.error());
        const fs::path tar = images_->scratch();
        if (auto wrote = files::write(tar, tree, 0600); !wrote) return refused(wrote.error());
        auto imported = import_tree(*images_, *reference, tar);
        std::error_code ignored;
        fs::remove(tar, ignored);
        if (!imported) return refused(imported.error());
        return info_of_image(*imported);
      },
      std::move(done));
}

void OciRuntime::load_images(const std::string& archive, Done<std::vector<std::string>> done) {
  off(
      *pulls_, "", [this, archive] { return load_archive(*images_, archive, ""); },
      [done = std::move(done)](Result<std::vector<std::string>> result) {
        done(result ? std::move(result) : Error("CannotImportImageError", result.error().text()));
      });
}

void OciRuntime::create_volume(const VolumeSpec& spec, Done<VolumeInfo> done) {
  off(
      *workers_, "volume " + spec.name, [this, spec] { return volumes_->create(spec); }, std::move(done));
}

void OciRuntime::find_volume(const std::string& name, Done<VolumeInfo> done) {
  off(
      *workers_, "volume " + name, [this, name] { return volumes_->find(name); }, std::move(done));
}

void OciRuntime::labelled_volumes(const std::string& label, const std::string& value,
                                  Done<std::vector<VolumeInfo>> done) {
  off(
      *workers_, "", [this, label, value] { return volumes_->labelled(label, value); }, std::move(done));
}

void OciRuntime::remove_volume(const std::string& name, Done<bool> done) {
  for (const auto& [id, box] : boxes_)
    if (std::any_of(box->record->mounts.begin(), box->record->mounts.end(),
                    [&](const VolumeMount& each) { return each.volume == name; }))
      return later<bool>(std::move(done), Error("CannotRemoveVolumeError",
                                                "remove " + name + ": volume is in use - [" + id + "]"));
  off(
      *workers_, "volume " + name, [this, name] { return volumes_->remove(name); }, std::move(done));
}

}  // namespace agent::runtime::oci
