#include "shared/crypto/aead.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "shared/base/check.h"

namespace shared::crypto {
namespace {

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* raw(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

}  // namespace

struct Aead::Contexts {
  Cipher seal{EVP_CIPHER_CTX_new()};
  Cipher open{EVP_CIPHER_CTX_new()};
};

Aead::Aead(std::string_view key) : contexts_(std::make_unique<Contexts>()) {
  BERTH_CHECK(key.size() == kAeadKeyBytes, "a key of another size");
  const bool ok =
      contexts_->seal && contexts_->open &&
      EVP_EncryptInit_ex(contexts_->seal.get(), EVP_aes_256_gcm(), nullptr, raw(key), nullptr) == 1 &&
      EVP_DecryptInit_ex(contexts_->open.get(), EVP_aes_256_gcm(), nullptr, raw(key), nullptr) == 1;
  BERTH_CHECK(ok, "AES-256-GCM is missing");
}

Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;
Aead::~Aead() = default;

void Aead::seal(std::string_view nonce, std::string_view context, std::string_view plain,
                std::span<char> out) {
  BERTH_CHECK(nonce.size() == kAeadNonceBytes && out.size() == plain.size() + kAeadTagBytes,
              "a buffer of another size");
  EVP_CIPHER_CTX* cipher = contexts_->seal.get();
  int size = 0;
  int rest = 0;
  const bool ok =
      EVP_EncryptInit_ex(cipher, nullptr, nullptr, nullptr, raw(nonce)) == 1 &&
      EVP_EncryptUpdate(cipher, nullptr, &size, raw(context), static_cast<int>(context.size())) == 1 &&
      EVP_EncryptUpdate(cipher, raw(out.data()), &size, raw(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher, raw(out.data()) + size, &rest) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kAeadTagBytes),
                          out.data() + plain.size()) == 1;
  BERTH_CHECK(ok, "AES-256-GCM failed");
}

bool Aead::open(std::string_view nonce, std::string_view context, std::string_view sealed,
                std::span<char> out) {
  if (nonce.size() != kAeadNonceBytes || sealed.size() < kAeadTagBytes ||
      out.size() != sealed.size() - kAeadTagBytes) {
    return false;
  }
  EVP_CIPHER_CTX* cipher = contexts_->open.get();
  char* tag = const_cast<char*>(sealed.data() + out.size());  // only read
  int size = 0;
  int rest = 0;
  return EVP_DecryptInit_ex(cipher, nullptr, nullptr, nullptr, raw(nonce)) == 1 &&
         EVP_DecryptUpdate(cipher, nullptr, &size, raw(context), static_cast<int>(context.size())) == 1 &&
         EVP_DecryptUpdate(cipher, raw(out.data()), &size, raw(sealed), static_cast<int>(out.size())) == 1 &&
         EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kAeadTagBytes), tag) == 1 &&
         EVP_DecryptFinal_ex(cipher, raw(out.data()) + size, &rest) == 1;
}

void fill_random(std::span<char> out) {
  BERTH_CHECK(RAND_bytes(raw(out.data()), static_cast<int>(out.size())) == 1, "no randomness");
}

}  // namespace shared::crypto
