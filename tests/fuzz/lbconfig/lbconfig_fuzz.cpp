// Any text is a configuration or a feed message, or an error with a text; what was accepted is written and
// read back as the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shared/base/check.h"
#include "shared/lbconfig/feed.h"
#include "shared/lbconfig/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto config = shared::lbconfig::config_from_json(text)) {
    const auto again = shared::lbconfig::config_from_json(shared::lbconfig::config_to_json(*config));
    BERTH_CHECK(again.has_value() && *again == *config, "a written configuration is another one");
  } else {
    BERTH_CHECK(!config.error().text().empty(), "an error without a text");
  }
  if (const auto message = shared::lbconfig::feed_from_json(text)) {
    const std::string written = shared::lbconfig::feed_to_json(*message);
    const auto again = shared::lbconfig::feed_from_json(written);
    BERTH_CHECK(again.has_value() && shared::lbconfig::feed_to_json(*again) == written,
                "a written message is another one");
  }
  return 0;
}
