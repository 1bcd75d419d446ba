// Which status codes a health check accepts: ELBv2 Matcher.HttpCode ("200", "200,202", "200-299"). Pure.
#pragma once
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/result.h"

namespace balancer::targets {

class Matcher {
 public:
  // Codes are 200..599: what lbconfig lets through (ELBv2 itself stops at 499 for HTTP). Errors name the
  // wrong part.
  enum class Of { kHttp, kGrpc };  // status codes of HTTP, or of gRPC (0 to 99)
  static shared::Result<Matcher> parse(std::string_view text, Of codes = Of::kHttp);
  bool matches(int status) const;

 private:
  std::vector<std::pair<int, int>> ranges_;  // inclusive
};

}  // namespace balancer::targets
