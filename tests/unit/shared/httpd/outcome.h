// What became of a call of a client.
#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <utility>

#include "shared/base/result.h"
#include "shared/http/message.h"
#include "tests/unit/shared/httpd/raw_peer.h"

namespace shared::httpd {

using Outcome = std::optional<Result<http::Response>>;

inline std::function<void(Result<http::Response>)> into(Outcome& outcome) {
  return [&outcome](Result<http::Response> result) {
    ASSERT_FALSE(outcome) << "called twice";
    outcome.emplace(std::move(result));
  };
}

inline bool wait(IoLoop& loop, const Outcome& outcome) {
  return loop.run_until([&] { return outcome.has_value(); }, kPatience);
}

}  // namespace shared::httpd
