#include "balancer/jwt/key_set.h"

#include <algorithm>
#include <optional>

#include "shared/json/reader.h"

namespace balancer::jwt {

namespace {

using shared::json::Reader;

constexpr std::size_t kMaxKeySetDepth = 16;

// Whether we verify tokens with it; what is not named may be anything.
bool is_ours(const Reader& key) {
  if (key.string_or("kty", "") != "RSA" || key.string_or("use", "sig") != "sig" ||
      key.string_or("alg", "RS256") != "RS256") {
    return false;
  }
  const auto operations = key.strings("key_ops");
  return !operations || std::find(operations->begin(), operations->end(), "verify") != operations->end();
}

}  // namespace

std::variant<KeySet, Reason> KeySet::parse(std::string_view document) {
  if (document.size() > kMaxKeySetBytes) return Reason::kKeysTooLarge;
  const auto parsed = shared::json::Document::parse(document, "jwks", {kMaxKeySetDepth});
  if (!parsed) return Reason::kKeysInvalid;
  const Reader root = parsed->root();
  const auto members = root.children("keys");
  if (!root.ok()) return Reason::kKeysInvalid;
  if (members.size() > kMaxKeys) return Reason::kKeysTooLarge;
  KeySet out;
  for (const Reader& member : members) {
    if (!is_ours(member)) {
      if (!root.ok()) return Reason::kKeysInvalid;
      continue;
    }
    const auto modulus = shared::crypto::base64url_decode(member.string_or("n", ""));
    const auto exponent = shared::crypto::base64url_decode(member.string_or("e", ""));
    std::string id = member.string_or("kid", "");
    if (!root.ok() || !modulus || !exponent) return Reason::kKeysInvalid;
    auto key = shared::crypto::RsaPublicKey::make(*modulus, *exponent);
    if (!key) return Reason::kKeysInvalid;
    if (key->bits() < kLeastKeyBits) continue;
    const auto same = [&](const Key& other) { return !id.empty() && other.id == id; };
    if (std::any_of(out.keys_.begin(), out.keys_.end(), same)) return Reason::kKeysInvalid;
    out.keys_.push_back({std::move(id), *std::move(key)});
  }
  if (out.keys_.empty()) return Reason::kKeysInvalid;
  return out;
}

}  // namespace balancer::jwt
