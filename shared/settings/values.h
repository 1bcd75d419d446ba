// One value: from text, from JSON, checked, and back to text. Internal to shared/settings.
#pragma once
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/json/reader.h"
#include "shared/settings/settings.h"

namespace shared::settings {

inline Error wrong(std::string text) { return Error("setting", std::move(text), Blame::kClient); }

// Both check ranges and choices; the error's text says what is wrong without naming the source.
Result<Value> value_from_text(const Option& option, std::string_view text);
// `in` is the settings file; nullopt when the member is absent. Type errors go to the reader's sink.
std::optional<Result<Value>> value_from_json(const Option& option, const json::Reader& in);
std::string value_text(const Value& value);

}  // namespace shared::settings
