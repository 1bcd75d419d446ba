#include "agent/control/elb/acme_challenges.h"

#include <algorithm>

namespace agent::control {
namespace {

bool shows_challenges(const model::AcmeOrder& order) {
  return order.phase == model::AcmePhase::kPublish || order.phase == model::AcmePhase::kRespond ||
         order.phase == model::AcmePhase::kPoll;
}

}  // namespace

void give_acme_challenges(const State& state, lb::Config& config) {
  config.acme_challenges.clear();
  for (const auto& [arn, order] : state.acme_orders.rows()) {
    const model::AcmeAccount* account = state.acme_accounts.find(order.directory);
    if (account == nullptr || !shows_challenges(order)) continue;
    for (const auto& each : order.authorizations) {
      if (each.valid || config.acme_challenges.size() >= lb::kMaxAcmeChallenges) continue;
      lb::AcmeChallenge challenge{each.host, each.token, each.token + "." + account->thumbprint};
      const bool there = std::find(config.acme_challenges.begin(), config.acme_challenges.end(), challenge) !=
                         config.acme_challenges.end();
      if (!there) config.acme_challenges.push_back(std::move(challenge));
    }
  }
}

void mark_acme_orders(State& state) {
  std::vector<std::string> waiting;
  for (const auto& [arn, order] : state.acme_orders.rows()) {
    if (order.phase != model::AcmePhase::kPublish || order.publish_version != 0) continue;
    const bool there =
        std::all_of(order.authorizations.begin(), order.authorizations.end(), [&](const auto& wanted) {
          return wanted.valid || std::any_of(state.published->acme_challenges.begin(),
                                             state.published->acme_challenges.end(), [&](const auto& each) {
                                               return each.token == wanted.token && each.host == wanted.host;
                                             });
        });
    if (there) waiting.push_back(arn);
  }
  for (const std::string& arn : waiting) {
    state.acme_orders.edit(arn, [&](auto& order) { order.publish_version = state.published->version; });
  }
}

bool challenges_are_answered(const State& state, const model::AcmeOrder& order) {
  if (order.publish_version == 0 || state.balancers.rows().empty()) return false;
  return std::all_of(state.balancers.rows().begin(), state.balancers.rows().end(), [&](const auto& row) {
    const auto view = state.live.balancers.find(row.first);
    return view != state.live.balancers.end() && view->second.acked_version >= order.publish_version;
  });
}

bool has_http_listener(const State& state, std::uint16_t port) {
  return std::any_of(state.listeners.rows().begin(), state.listeners.rows().end(), [&](const auto& row) {
    return row.second.protocol == "HTTP" && (port == 0 || row.second.port == port);
  });
}

}  // namespace agent::control
