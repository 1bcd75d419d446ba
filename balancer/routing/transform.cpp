#include "balancer/routing/transform.h"

#include <algorithm>

#include "balancer/codec/rewrite.h"
#include "balancer/routing/condition.h"

namespace balancer::routing {

namespace {

using shared::regex::Rewritten;

constexpr Transformed failed(std::string_view reason) {
  Transformed out;
  out.result = TransformResult::kFailed;
  out.reason = reason;
  return out;
}

// Behind a host that has none; "host:" is one without.
void add_port(std::string& authority, std::string_view port) {
  const auto made = codec::split_authority(authority);
  if (port.empty() || made.host.empty() || !made.port.empty()) return;
  authority.resize(made.host.size());
  authority.append(":").append(port);
}

bool valid_target(std::string_view target) {
  return target.starts_with('/') &&
         std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

}  // namespace

Transformed transform(const RouteTable& table, const Match& match, const RequestFacts& facts, bool has_query,
                      TransformSpace& space) {
  const Transforms& wanted = table.transforms(match.index);
  Transformed out;
  if (wanted.host) {
    const std::string_view before = prepare_host(facts.host, space.before);
    switch (wanted.host->apply(before, kMaxRewrittenHost, space.host)) {
      case Rewritten::kNoMatch:
        break;
      case Rewritten::kTooLong:
        return failed("host_rewrite_too_long");
      case Rewritten::kDone:
        add_port(space.host, codec::split_authority(facts.host).port);
        if (space.host.size() > kMaxRewrittenHost) return failed("host_rewrite_too_long");
        if (!codec::valid_authority(space.host)) return failed("host_rewrite_invalid");
        out.host = space.host;
        out.host_changed = true;
        break;
    }
  }
  // "*" of OPTIONS is no path.
  if (wanted.url && facts.path.starts_with('/')) {
    std::string_view before = normalise_path(facts.path, space.path);
    if (has_query) {
      space.before.assign(before).append("?").append(facts.query);
      before = space.before;
    }
    switch (wanted.url->apply(before, kMaxRewrittenTarget, space.target)) {
      case Rewritten::kNoMatch:
        break;
      case Rewritten::kTooLong:
        return failed("url_rewrite_too_long");
      case Rewritten::kDone:
        if (!valid_target(space.target)) return failed("url_rewrite_invalid");
        out.target = space.target;
        out.target_changed = true;
        break;
    }
  }
  if (out.target_changed) {
    const std::size_t mark = out.target.find('?');
    out.has_query = mark != std::string_view::npos;
    out.path = out.target.substr(0, mark);
    out.query = out.has_query ? out.target.substr(mark + 1) : std::string_view();
  }
  if (out.host_changed || out.target_changed) out.result = TransformResult::kTransformed;
  return out;
}

}  // namespace balancer::routing
