#include "balancer/proxy/worker/token_keys.h"

#include "balancer/proxy/exchange/exchange.h"

namespace balancer::proxy {

std::optional<jwt::KeyAnswer> TokenKeys::look_up(const std::string& endpoint) {
  return source_ != nullptr ? source_->look_up(endpoint) : jwt::KeyAnswer{};
}

std::optional<jwt::KeyAnswer> TokenKeys::look_up_newer(const std::string& endpoint, const jwt::KeySet& seen) {
  return source_ != nullptr ? source_->look_up_newer(endpoint, seen) : jwt::KeyAnswer{};
}

void TokenKeys::wait(TokenWait& waiting, const std::string& endpoint) {
  const auto [entry, first] = waiting_.try_emplace(endpoint);
  waiting.list = &entry->second;
  waiting.list->push_front(waiting);
  if (!first) return;
  source_->await(endpoint, [this, endpoint](const jwt::KeyAnswer& answer) {
    loop_.post([this, endpoint, answer] { came(endpoint, answer); });
  });
}

void TokenKeys::forget(TokenWait& waiting) {
  if (waiting.list == nullptr) return;
  waiting.list->remove(waiting);
  waiting.list = nullptr;
}

void TokenKeys::came(const std::string& endpoint, const jwt::KeyAnswer& answer) {
  const auto found = waiting_.find(endpoint);
  if (found == waiting_.end()) return;
  while (TokenWait* each = found->second.front()) {
    found->second.remove(*each);
    answering_.push_front(*each);
    each->list = &answering_;
  }
  waiting_.erase(found);
  // One may end others, and may wait again.
  while (TokenWait* each = answering_.front()) {
    forget(*each);
    each->exchange.on_keys(answer);
  }
}

}  // namespace balancer::proxy
