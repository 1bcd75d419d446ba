// The client's address as proxies before us have written it down.
#pragma once
#include <string_view>

#include "balancer/codec/head.h"

namespace balancer::codec {

// The `hops`-th address of X-Forwarded-For from its end, without a port and brackets: what the outermost of
// `hops` proxies that we trust has said of who came to it. What is before it anybody may have written. Empty:
// there are not so many. The text is not looked at otherwise.
std::string_view forwarded_for(const RequestHead& head, int hops);

}  // namespace balancer::codec
