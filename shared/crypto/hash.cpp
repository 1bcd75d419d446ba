#include "shared/crypto/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <climits>
#include <memory>

#include "shared/base/check.h"

namespace shared::crypto {
namespace {

constexpr std::size_t kSha256Bytes = 32;
// A multiple of three: base64 of the pieces is base64 of the whole.
constexpr std::size_t kBase64Piece = 48 * 1024;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string sha256_hex(std::string_view data) {
  std::array<unsigned char, kSha256Bytes> out{};
  unsigned int size = 0;
  const int ok = EVP_Digest(data.data(), data.size(), out.data(), &size, EVP_sha256(), nullptr);
  BERTH_CHECK(ok == 1 && size == out.size(), "SHA-256 failed");
  return to_hex(std::string_view(reinterpret_cast<const char*>(out.data()), out.size()));
}

struct Sha256::State {
  struct Free {
    void operator()(EVP_MD_CTX* made) const { EVP_MD_CTX_free(made); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  BERTH_CHECK(
      state_->context != nullptr && EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1,
      "SHA-256 failed");
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::string_view data) {
  BERTH_CHECK(EVP_DigestUpdate(state_->context.get(), data.data(), data.size()) == 1, "SHA-256 failed");
}

std::string Sha256::hex() const {
  const State copy;
  std::array<unsigned char, kSha256Bytes> out{};
  unsigned int size = 0;
  const bool ok = copy.context != nullptr &&
                  EVP_MD_CTX_copy_ex(copy.context.get(), state_->context.get()) == 1 &&
                  EVP_DigestFinal_ex(copy.context.get(), out.data(), &size) == 1;
  BERTH_CHECK(ok && size == out.size(), "SHA-256 failed");
  return to_hex(std::string_view(reinterpret_cast<const char*>(out.data()), out.size()));
}

std::string hmac_sha256(std::string_view key, std::string_view data) {
  std::string out(kSha256Bytes, '\0');
  std::size_t size = 0;
  // OpenSSL takes a null key for "none given", which an empty string_view may be.
  const unsigned char none = 0;
  const unsigned char* key_bytes = key.empty() ? &none : bytes_of(key);
  const unsigned char* got =
      EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key_bytes, key.size(), bytes_of(data),
                data.size(), reinterpret_cast<unsigned char*>(out.data()), out.size(), &size);
  BERTH_CHECK(got != nullptr && size == out.size(), "HMAC-SHA-256 failed");
  return out;
}

std::string to_hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15U]);
  }
  return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::array<unsigned char, kBase64Piece / 3 * 4 + 1> piece{};  // EVP_EncodeBlock adds a zero byte
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), kBase64Piece);
    const int written = EVP_EncodeBlock(piece.data(), bytes_of(bytes), static_cast<int>(size));
    out.append(reinterpret_cast<const char*>(piece.data()), static_cast<std::size_t>(written));
    bytes.remove_prefix(size);
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.empty()) return std::string();
  if (text.size() % 4 != 0 || text.size() > INT_MAX) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(text),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  out.resize(static_cast<std::size_t>(size) - std::min(padding, static_cast<std::size_t>(size)));
  // EVP_DecodeBlock skips white space and ignores spare bits; two spellings of one value must not both pass.
  if (base64_encode(out) != text) return std::nullopt;
  return out;
}

std::string random_bytes(std::size_t size) {
  std::string out(size, '\0');
  BERTH_CHECK(size <= INT_MAX, "too many random bytes asked for");
  const int ok = RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(size));
  BERTH_CHECK(ok == 1, "the random generator failed");
  return out;
}

}  // namespace shared::crypto
