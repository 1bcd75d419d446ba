// The exchanges of one worker whose requests wait for an issuer's keys. The source is asked once for all that
// wait for an endpoint. Thread: the worker's.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "balancer/jwt/key_set.h"
#include "balancer/loop/loop.h"
#include "balancer/proxy/list.h"
#include "shared/base/time.h"

namespace balancer::proxy {

class Exchange;

// A source that says nothing does not hold a request for longer; a little more than a fetch may take.
inline constexpr shared::Millis kKeyWaitLimit = jwt::kKeyFetchLimit + shared::Millis(500);

struct TokenWait : ListHook<TokenWait> {
  explicit TokenWait(Exchange& waiting) : exchange(waiting) {}
  Exchange& exchange;
  std::string head;                        // of the request: its bytes do not stay where they were read
  std::optional<jwt::KeyAnswer> answer{};  // once it is there
  bool asked_anew = false;                 // for a key that was not among the first ones
  List<TokenWait>* list = nullptr;         // where it waits
};

class TokenKeys {
 public:
  // Without a source no keys can be had (kInternal).
  TokenKeys(loop::Loop& loop, jwt::KeySource* source) : loop_(loop), source_(source) {}

  // As the source has them; nothing: wait().
  std::optional<jwt::KeyAnswer> look_up(const std::string& endpoint);
  std::optional<jwt::KeyAnswer> look_up_newer(const std::string& endpoint, const jwt::KeySet& seen);
  // Exchange::on_keys() is called in a later turn.
  void wait(TokenWait& waiting, const std::string& endpoint);
  void forget(TokenWait& waiting);

 private:
  void came(const std::string& endpoint, const jwt::KeyAnswer& answer);

  loop::Loop& loop_;
  jwt::KeySource* source_;
  std::map<std::string, List<TokenWait>>
      waiting_;  // by endpoint; the list is there while the source is asked
  List<TokenWait> answering_;
};

}  // namespace balancer::proxy
