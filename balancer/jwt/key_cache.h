// Which key sets are known and which are to be fetched: the decisions of a KeySource. Pure, time comes in;
// the HTTPS client is the caller's. Thread: any one at a time.
#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "balancer/jwt/key_set.h"
#include "shared/base/time.h"

namespace balancer::jwt {

inline constexpr shared::Millis kKeysFresh{300'000};   // then they are fetched anew, and used meanwhile
inline constexpr shared::Millis kKeysKept{3'600'000};  // used for so long when they cannot be fetched anew
inline constexpr shared::Millis kFetchAgainAfter{10'000};  // after a failure, which is the answer until then
inline constexpr shared::Millis kUnknownKeyAfter{30'000};  // between fetches for keys that tokens name
inline constexpr std::size_t kMaxEndpoints = 256;  // the one that was asked for longest ago is forgotten

class KeyCache {
 public:
  struct Lookup {
    bool known = false;  // `answer` holds; else wait for the fetch
    bool fetch = false;  // start one now, GET endpoint within kKeyFetchLimit, and tell its outcome below
    KeyAnswer answer{};
  };
  Lookup look_up(const std::string& endpoint, shared::SteadyTime now);

  // For a token that names a key which is not in `seen`. The answer may be `seen` again: there is nothing
  // newer, and it is too soon to ask.
  Lookup look_up_newer(const std::string& endpoint, const KeySet& seen, shared::SteadyTime now);
  bool fetching(const std::string& endpoint) const;

  // What a response brings, read without the cache. `body` is cut at kMaxKeySetBytes + 1 bytes at the
  // earliest. Another status than 200 is kKeysFailed.
  static KeyAnswer read(int status, std::string_view body);
  // The outcome of a fetch: of read(), or kKeysTimeout, kKeysFailed, kKeysTooLarge without keys. The answer
  // for those who wait: old keys, where the new ones cannot be had.
  KeyAnswer on_fetched(const std::string& endpoint, KeyAnswer outcome, shared::SteadyTime now);

 private:
  struct Entry {
    std::shared_ptr<const KeySet> keys;
    Reason failure = Reason::kValid;  // of the last fetch
    bool fetching = false;
    shared::SteadyTime keys_since{};  // with keys
    shared::SteadyTime ended_at{};    // of the last fetch
    shared::SteadyTime asked_at{};
    std::optional<shared::SteadyTime> unknown_at{};  // when one was last fetched for an unknown key
  };
  static KeyAnswer answer_of(const Entry& entry, shared::SteadyTime now);
  Entry& entry_of(const std::string& endpoint, shared::SteadyTime now);
  std::map<std::string, Entry> entries_;
};

}  // namespace balancer::jwt
