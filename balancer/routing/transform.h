// What a rule changes in the request that a target gets (ELBv2 Transforms): the host, the path and the query.
// Which rule it is was decided before. Pure.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "balancer/codec/head.h"
#include "balancer/routing/route_table.h"

namespace balancer::routing {

inline constexpr std::size_t kMaxRewrittenHost = 255;  // bytes, port included
inline constexpr std::size_t kMaxRewrittenTarget =
    codec::kMaxRequestLine - codec::kMaxMethod -
    std::string_view("  HTTP/1.1").size();  // bytes of path and query

// Owned by the worker and reused. Views of a Transformed point into it.
struct TransformSpace {
  std::string path;    // normalised
  std::string before;  // what an expression sees
  std::string host;
  std::string target;
};

enum class TransformResult : std::uint8_t {
  kUnchanged,  // the request is sent on as it came: the rule has no transform, or none of them matched
  kTransformed,
  kFailed,  // 500, with `reason`
};

struct Transformed {
  TransformResult result = TransformResult::kUnchanged;
  bool host_changed = false;    // `host` replaces the Host field; valid_authority
  bool target_changed = false;  // `target` replaces path and query: origin-form (RFC 9112 section 3.2.1)
  bool has_query = false;       // a '?' is there, even with nothing behind it
  std::string_view host{};
  std::string_view target{};  // path and query as one
  std::string_view path{};    // both parts of `target`; `query` is without '?'
  std::string_view query{};
  // kFailed: a word for the access log, "host_rewrite_too_long", "host_rewrite_invalid",
  // "url_rewrite_too_long", "url_rewrite_invalid".
  std::string_view reason{};
};

// `facts` as they were given to match(); `has_query`: the target had a '?'.
//
// Expressions see what conditions see. The host's: lower case, without port, which is kept behind the result
// unless that has one. The URL's: the normalised path and, where there was a '?', that and the query as it
// came. The first match is replaced. What comes out must be a host that we would take from a client, and a
// path that begins with '/' and holds visible ASCII only; '#' begins a fragment, which is no part of a
// target.
Transformed transform(const RouteTable& table, const Match& match, const RequestFacts& facts, bool has_query,
                      TransformSpace& space);

}  // namespace balancer::routing
