#include "balancer/routing/acme.h"

#include "balancer/routing/condition.h"

namespace balancer::routing {

AcmeAnswers::AcmeAnswers(const shared::lbconfig::AcmeChallenges& challenges) {
  for (const auto& each : challenges)
    by_host_and_token_.insert_or_assign({each.host, each.token}, each.key_authorization);
}

std::string_view AcmeAnswers::find(std::string_view authority, std::string_view path,
                                   std::string& space) const {
  if (!path.starts_with(shared::lbconfig::kAcmeChallengePath)) return {};
  path.remove_prefix(shared::lbconfig::kAcmeChallengePath.size());
  const auto found =
      by_host_and_token_.find({std::string(prepare_host(authority, space)), std::string(path)});
  return found == by_host_and_token_.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace balancer::routing
