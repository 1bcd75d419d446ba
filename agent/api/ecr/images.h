// The images of a repository, as the registry tells them (OCI distribution, /v2/): asked one after the other,
// bounded. No state. Thread: the caller's.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/http/message.h"

namespace agent::api::ecr {

inline constexpr std::size_t kMostTags = 200;  // of a repository that are looked at

struct Image {
  std::string digest;
  std::vector<std::string> tags;
  std::int64_t bytes = 0;  // of its layers and its configuration
  std::string media_type;
};
using Images = std::vector<Image>;

// A request to the registry; `done` later, on the same thread.
using Fetch = std::function<void(shared::http::Request request,
                                 std::function<void(shared::Result<shared::http::Response>)> done)>;

// A repository that the registry does not know has no images. Errors: that it cannot be reached, and what it
// said otherwise.
void fetch_images(const Fetch& fetch, const std::string& repository,
                  std::function<void(shared::Result<Images>)> done);

}  // namespace agent::api::ecr
