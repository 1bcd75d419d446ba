// Which known name a mistyped one was probably meant to be: for errors about unknown members and settings. No
// I/O.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace shared::json {

// The known name with the smallest edit distance, when that is small enough for a typing mistake; case is
// ignored.
std::optional<std::string_view> nearest_name(std::string_view name, std::span<const std::string_view> known);

// "unknown member 'lisener' (did you mean 'listener'?)" with `what` = "member".
std::string unknown_name(std::string_view what, std::string_view name,
                         std::span<const std::string_view> known);

}  // namespace shared::json
