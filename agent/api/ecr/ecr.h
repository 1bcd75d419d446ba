// ECR (AWS JSON 1.1, AmazonEC2ContainerRegistry_V20150921): repositories in a registry that the operator
// runs, and the password for it. Runs inside a control step; what the registry itself is asked is fetched
// before (images.h).
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "agent/api/call.h"
#include "agent/api/ecr/images.h"
#include "agent/api/offer.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::api::ecr {

struct Registry {
  std::string url;       // "http://127.0.0.1:5000"; empty: there is none, and every call is refused
  std::string host;      // "127.0.0.1:5000", what names of images begin with
  std::string password;  // of user AWS; what a registry without authentication does not look at
};

// The JSON answer. `found`: of a call that wants images, what the registry said.
shared::Result<std::string> handle(control::Step& step, const Call& call, const Registry& registry,
                                   const std::optional<shared::Result<Images>>& found);
// The repository whose images the call is about; empty: it needs none.
std::string wants_images(const Call& call);

// Every operation that it knows.
Offers offers();

}  // namespace agent::api::ecr
