// The URL of a lifecycle hook. A value; no I/O.
#pragma once
#include <string_view>

#include "shared/net/https_url.h"

namespace agent::hooks {

struct HookUrl {
  bool tls = false;
  shared::net::HttpsUrl at;  // host, port and target, of http too
};
// http or https, otherwise as shared::net::parse_https_url takes it.
shared::Result<HookUrl> parse_hook_url(std::string_view text);

}  // namespace agent::hooks
