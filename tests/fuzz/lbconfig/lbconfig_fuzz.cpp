// Any text is a configuration or a feed message, or an error with a text; what was accepted is written and
// read back as the same. A delta leads from a valid configuration to a valid one, which another delta tells
// as well, or is refused with a text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shared/base/check.h"
#include "shared/lbconfig/feed.h"
#include "shared/lbconfig/json.h"

namespace {

namespace lb = shared::lbconfig;

// Two groups of three targets, and a listener that forwards to both.
lb::Config base() {
  lb::Config config;
  for (const char* id : {"a", "b"}) {
    lb::TargetGroup group;
    group.id = id;
    for (const char* registration : {"r1", "r2", "r3"}) {
      lb::Target target;
      target.id = target.registration = registration;
      target.address = "10.0.0.1";
      target.port = 80;
      group.targets.push_back(target);
    }
    config.target_groups.push_back(group);
  }
  lb::Listener listener;
  listener.id = "web";
  listener.port = 80;
  listener.default_action.forward.target_groups = {{"a", 1}, {"b", 1}};
  config.listeners.push_back(listener);
  return config;
}

void check_delta(const lb::Delta& delta) {
  lb::Config from = base();
  from.version = delta.from_version;
  const auto to = lb::apply(from, delta);
  if (!to) {
    BERTH_CHECK(!to.error().text().empty(), "an error without a text");
    return;
  }
  BERTH_CHECK(lb::validate(*to).has_value(), "a delta made an invalid configuration");
  const auto again = lb::apply(from, lb::diff(from, *to));
  BERTH_CHECK(again.has_value() && *again == *to, "the delta between two configurations is another one");
}

}  // namespace

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
    if (const auto* delta = std::get_if<lb::Delta>(&*message)) check_delta(*delta);
  }
  return 0;
}
