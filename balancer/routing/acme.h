// The HTTP challenges of ACME (RFC 8555 section 8.3) that this configuration answers. Immutable; shared by
// all workers.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "shared/lbconfig/acme.h"

namespace balancer::routing {

class AcmeAnswers {
 public:
  explicit AcmeAnswers(const shared::lbconfig::AcmeChallenges& challenges);
  // The body for a request of this host (an authority as received) and path; empty where it is no challenge
  // of ours. `space` is for the host in lower case.
  std::string_view find(std::string_view authority, std::string_view path, std::string& space) const;

 private:
  std::map<std::pair<std::string, std::string>, std::string> by_host_and_token_;
};

}  // namespace balancer::routing
