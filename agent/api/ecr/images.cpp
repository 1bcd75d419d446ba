#include "agent/api/ecr/images.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "shared/crypto/hash.h"
#include "shared/json/reader.h"

namespace agent::api::ecr {

using nlohmann::json;
using shared::Error;
using shared::Result;
using shared::http::Request;
using shared::http::Response;

namespace {

constexpr const char* kManifests =
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json";

Error registry_error(const std::string& text) {
  return Error("ServerException", "The registry cannot tell the images: " + text, shared::Blame::kTarget);
}

std::int64_t bytes_in(const json& manifest) {
  std::int64_t sum = 0;
  if (manifest.contains("config") && manifest["config"].is_object())
    sum += manifest["config"].value("size", std::int64_t{0});
  if (manifest.contains("layers") && manifest["layers"].is_array()) {
    for (const json& each : manifest["layers"]) {
      if (each.is_object()) sum += each.value("size", std::int64_t{0});
    }
  }
  return sum;
}

// One listing: its tags, then the manifest of each.
class Listing : public std::enable_shared_from_this<Listing> {
 public:
  Listing(Fetch fetch, std::string repository, std::function<void(Result<Images>)> done)
      : fetch_(std::move(fetch)), repository_(std::move(repository)), done_(std::move(done)) {}

  void begin() {
    get("/v2/" + repository_ + "/tags/list?n=" + std::to_string(kMostTags), "application/json",
        [self = shared_from_this()](const Response& answer) { self->take_tags(answer); });
  }

 private:
  void get(const std::string& target, const char* accept, std::function<void(const Response&)> then) {
    Request request;
    request.method = "GET";
    request.target = target;
    request.headers.add("Accept", accept);
    fetch_(std::move(request),
           [self = shared_from_this(), then = std::move(then)](const Result<Response>& answer) {
             if (!answer) return self->done_(registry_error(answer.error().text()));
             then(*answer);
           });
  }
  void take_tags(const Response& answer) {
    if (answer.status == 404) return done_(Images());
    const auto body = shared::json::parse(answer.body);
    if (answer.status != 200 || !body || !body->is_object())
      return done_(registry_error("status " + std::to_string(answer.status)));
    if (body->contains("tags") && body->at("tags").is_array()) {
      for (const json& each : body->at("tags")) {
        if (each.is_string() && tags_.size() < kMostTags) tags_.push_back(each);
      }
    }
    next();
  }
  void next() {
    if (tags_.empty()) return done_(std::move(images_));
    const std::string tag = tags_.back();
    tags_.pop_back();
    get("/v2/" + repository_ + "/manifests/" + tag, kManifests,
        [self = shared_from_this(), tag](const Response& answer) { self->take_manifest(tag, answer); });
  }
  void take_manifest(const std::string& tag, const Response& answer) {
    if (answer.status == 200) {
      std::string digest(answer.headers.get("Docker-Content-Digest").value_or(""));
      auto same = std::find_if(images_.begin(), images_.end(),
                               [&](const Image& each) { return each.digest == digest; });
      if (same == images_.end()) {
        const auto manifest = shared::json::parse(answer.body);
        images_.push_back({digest,
                           {},
                           manifest ? bytes_in(*manifest) : 0,
                           std::string(answer.headers.get("Content-Type").value_or(""))});
        same = images_.end() - 1;
      }
      same->tags.insert(same->tags.begin(), tag);
    }
    next();  // one that is gone meanwhile is none
  }

  Fetch fetch_;
  std::string repository_;
  std::function<void(Result<Images>)> done_;
  std::vector<std::string> tags_;
  Images images_;
};

}  // namespace

void fetch_images(const Fetch& fetch, const std::string& repository,
                  std::function<void(Result<Images>)> done) {
  std::make_shared<Listing>(fetch, repository, std::move(done))->begin();
}

}  // namespace agent::api::ecr
