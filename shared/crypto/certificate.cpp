#include "shared/crypto/certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <climits>
#include <ctime>
#include <optional>

#include "shared/base/check.h"
#include "shared/base/text.h"
#include "shared/crypto/hash.h"

namespace shared::crypto {

namespace {

constexpr std::size_t kMaxPemBytes = 8 * 1024 * 1024;
constexpr std::size_t kMaxCrlsInOneText = 1'000;

Error bad(std::string text) { return Error("InvalidCertificate", std::move(text), Blame::kClient); }

// OpenSSL's word for what happened last in this thread.
std::string reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* text = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return text != nullptr ? text : "unknown";
}

template <auto Free>
struct ReleasedBy {
  template <class T>
  void operator()(T* held) const {
    Free(held);
  }
};
void free_text(char* text) { OPENSSL_free(text); }
using BioPtr = std::unique_ptr<BIO, ReleasedBy<BIO_free_all>>;

BioPtr reader_of(std::string_view text) {
  BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  BERTH_CHECK(bio != nullptr, "no memory");
  return bio;
}

struct Block {
  std::string name;
  std::string der;
};

// Text between the blocks is passed over, as OpenSSL does (bundles have comments).
Result<std::vector<Block>> blocks_of(std::string_view pem, std::size_t most) {
  if (pem.size() > kMaxPemBytes) return bad("is longer than 8 MiB");
  ERR_clear_error();
  const BioPtr bio = reader_of(pem);
  std::vector<Block> out;
  for (;;) {
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    if (PEM_read_bio(bio.get(), &name, &header, &data, &size) != 1) {
      const unsigned long code = ERR_peek_last_error();
      const bool end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
      const std::string why = reason();
      if (end) return out;
      return bad("block " + std::to_string(out.size() + 1) + " is not PEM (" + why + ")");
    }
    const std::unique_ptr<char, ReleasedBy<free_text>> name_owner(name), header_owner(header);
    out.push_back({name, std::string(reinterpret_cast<char*>(data), static_cast<std::size_t>(size))});
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
    if (out.size() > most) return bad("holds more than " + std::to_string(most) + " blocks");
  }
}

bool is_certificate(const std::string& name) {
  return name == PEM_STRING_X509 || name == PEM_STRING_X509_OLD;
}

Result<std::vector<std::shared_ptr<X509>>> certificates_of(std::string_view pem, std::size_t most) {
  auto blocks = blocks_of(pem, most);
  if (!blocks) return blocks.error();
  std::vector<std::shared_ptr<X509>> out;
  for (const Block& block : *blocks) {
    const std::string which = "block " + std::to_string(out.size() + 1);
    if (!is_certificate(block.name)) return bad(which + " is no certificate but '" + block.name + "'");
    const auto* at = reinterpret_cast<const unsigned char*>(block.der.data());
    const unsigned char* const end = at + block.der.size();
    std::shared_ptr<X509> held(d2i_X509(nullptr, &at, static_cast<long>(block.der.size())), X509_free);
    if (!held) return bad(which + " is no X.509 certificate (" + reason() + ")");
    if (at != end) return bad(which + " has bytes after its certificate");
    out.push_back(std::move(held));
  }
  if (out.empty()) return bad("holds no certificate in PEM");
  return out;
}

Result<KeyFacts> facts_of_key(const EVP_PKEY* key) {
  KeyFacts out;
  if (key == nullptr) return bad("has a key that cannot be read");
  out.bits = EVP_PKEY_get_bits(key);
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      out.type = KeyType::kRsa;
      out.algorithm = "RSA-" + std::to_string(out.bits);
      if (out.bits < kMinCertificateRsaBits || out.bits > kMaxRsaBits)
        return bad("has an RSA key of " + std::to_string(out.bits) + " bits; 2048 to 8192 are offered");
      return out;
    case EVP_PKEY_EC: {
      out.type = KeyType::kEcdsa;
      std::array<char, 64> name{};
      std::size_t size = 0;
      if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1) {
        ERR_clear_error();
        return bad("has a key on an unnamed curve; P-256, P-384 and P-521 are offered");
      }
      const std::string curve(name.data(), size);
      if (curve != "prime256v1" && curve != "secp384r1" && curve != "secp521r1")
        return bad("has a key on the curve " + curve + "; P-256, P-384 and P-521 are offered");
      out.algorithm = "EC-" + curve;
      return out;
    }
    default:
      return bad("has a key that is neither RSA nor ECDSA");
  }
}

std::string name_text(const X509_NAME* name) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  BERTH_CHECK(out != nullptr, "no memory");
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

std::string serial_text(const X509& certificate) {
  const std::unique_ptr<BIGNUM, ReleasedBy<BN_free>> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(&certificate), nullptr));
  if (!number) return "";
  char* text = BN_bn2hex(number.get());
  std::string out = text != nullptr ? text : "";
  OPENSSL_free(text);
  return out;
}

std::optional<WallTime> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return from_epoch_millis(static_cast<long long>(::timegm(&parts)) * 1000);
}

// Nothing for a name that no host can have: an embedded zero byte has fooled others.
std::optional<std::string> host_text(const ASN1_STRING* text) {
  const int size = ASN1_STRING_length(text);
  std::string out(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                  size > 0 ? static_cast<std::size_t>(size) : 0);
  for (char& c : out) {
    c = lower_case(c);
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f) return std::nullopt;
  }
  if (out.empty()) return std::nullopt;
  return out;
}

std::vector<std::string> names_of(const X509& certificate) {
  std::vector<std::string> out;
  const std::unique_ptr<GENERAL_NAMES, ReleasedBy<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  bool has_dns = false;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
    if (type != GEN_DNS) continue;
    has_dns = true;
    if (auto name = host_text(static_cast<const ASN1_STRING*>(value))) out.push_back(*std::move(name));
  }
  if (has_dns) return out;
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return out;
  const ASN1_STRING* common = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  if (auto name = host_text(common)) out.push_back(*std::move(name));
  return out;
}

std::string der_of(const X509& certificate) {
  unsigned char* data = nullptr;
  const int size = i2d_X509(&certificate, &data);
  if (size <= 0) return "";
  std::string out(reinterpret_cast<char*>(data), static_cast<std::size_t>(size));
  OPENSSL_free(data);
  return out;
}

}  // namespace

Result<CertificateFacts> facts_of(const x509_st& certificate) {
  ERR_clear_error();
  CertificateFacts out;
  auto key = facts_of_key(X509_get0_pubkey(&certificate));
  if (!key) return key.error();
  out.key = std::move(key).value();
  const auto from = time_of(X509_get0_notBefore(&certificate));
  const auto to = time_of(X509_get0_notAfter(&certificate));
  if (!from || !to) return bad("has a validity that cannot be read");
  out.not_before = *from;
  out.not_after = *to;
  out.subject = name_text(X509_get_subject_name(&certificate));
  out.issuer = name_text(X509_get_issuer_name(&certificate));
  out.serial = serial_text(certificate);
  out.names = names_of(certificate);
  // Both keep what they compute in the certificate, behind its lock.
  auto& cached = const_cast<X509&>(certificate);
  out.ca = X509_check_ca(&cached) == 1;
  X509_get_signature_info(&cached, nullptr, nullptr, &out.signature_bits, nullptr);
  const char* algorithm = OBJ_nid2ln(X509_get_signature_nid(&certificate));
  out.signature_algorithm = algorithm != nullptr ? algorithm : "unknown";
  out.fingerprint = sha256_hex(der_of(certificate));
  ERR_clear_error();
  return out;
}

std::string to_pem(const x509_st& certificate) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  BERTH_CHECK(out != nullptr, "no memory");
  PEM_write_bio_X509(out.get(), &certificate);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

Result<Certificates> Certificates::parse_chain(std::string_view pem) {
  auto held = certificates_of(pem, kMaxChainCertificates);
  if (!held) return held.error();
  for (std::size_t i = 0; i + 1 < held->size(); ++i) {
    const int why = X509_check_issued((*held)[i + 1].get(), (*held)[i].get());
    ERR_clear_error();
    if (why != X509_V_OK)
      return bad("block " + std::to_string(i + 2) + " is not the issuer of the one before it (" +
                 X509_verify_cert_error_string(why) + ")");
  }
  auto leaf = facts_of(*held->front());
  if (!leaf) return leaf.error();
  Certificates out;
  out.held_ = std::make_shared<const std::vector<std::shared_ptr<x509_st>>>(std::move(held).value());
  out.leaf_ = std::make_shared<const CertificateFacts>(std::move(leaf).value());
  return out;
}

Result<Certificates> Certificates::parse_bundle(std::string_view pem) {
  auto held = certificates_of(pem, kMaxBundleCertificates);
  if (!held) return held.error();
  Certificates out;
  out.held_ = std::make_shared<const std::vector<std::shared_ptr<x509_st>>>(std::move(held).value());
  return out;
}

Result<PrivateKey> PrivateKey::parse(std::string_view pem) {
  if (pem.size() > kMaxPemBytes) return bad("is longer than 8 MiB");
  ERR_clear_error();
  const BioPtr bio = reader_of(pem);
  bool encrypted = false;
  const auto refuse = [](char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
  };
  PrivateKey out;
  out.held_.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse, &encrypted), EVP_PKEY_free);
  if (!out.held_) {
    const std::string why = reason();
    if (encrypted) return bad("is encrypted; give it without a passphrase");
    return bad("holds no private key in PEM (" + why + ")");
  }
  auto facts = facts_of_key(out.held_.get());
  if (!facts) return facts.error();
  out.facts_ = std::move(facts).value();
  return out;
}

Result<void> check_pair(const Certificates& chain, const PrivateKey& key) {
  ERR_clear_error();
  if (X509_check_private_key(chain.native(0), key.native()) != 1) {
    ERR_clear_error();
    return bad("does not belong to the certificate");
  }
  // Equal public halves say nothing of the private one.
  constexpr std::string_view kWords = "a key that signs";
  const auto* words = reinterpret_cast<const unsigned char*>(kWords.data());
  const std::unique_ptr<EVP_MD_CTX, ReleasedBy<EVP_MD_CTX_free>> sign(EVP_MD_CTX_new()),
      verify(EVP_MD_CTX_new());
  std::array<unsigned char, kMaxRsaBits / CHAR_BIT> signature{};
  std::size_t size = signature.size();
  const bool signs =
      sign && verify && EVP_DigestSignInit(sign.get(), nullptr, EVP_sha256(), nullptr, key.native()) == 1 &&
      EVP_DigestSign(sign.get(), signature.data(), &size, words, kWords.size()) == 1 &&
      EVP_DigestVerifyInit(verify.get(), nullptr, EVP_sha256(), nullptr, X509_get0_pubkey(chain.native(0))) ==
          1 &&
      EVP_DigestVerify(verify.get(), signature.data(), size, words, kWords.size()) == 1;
  ERR_clear_error();
  if (!signs) return bad("does not sign what the certificate verifies");
  return {};
}

Result<std::vector<RevocationList>> RevocationList::parse(std::string_view pem) {
  auto blocks = blocks_of(pem, kMaxCrlsInOneText);
  if (!blocks) return blocks.error();
  std::vector<RevocationList> out;
  for (const Block& block : *blocks) {
    const std::string which = "block " + std::to_string(out.size() + 1);
    if (block.name != PEM_STRING_X509_CRL)
      return bad(which + " is no revocation list but '" + block.name + "'");
    const auto* at = reinterpret_cast<const unsigned char*>(block.der.data());
    const unsigned char* const end = at + block.der.size();
    RevocationList list;
    list.held_.reset(d2i_X509_CRL(nullptr, &at, static_cast<long>(block.der.size())), X509_CRL_free);
    if (!list.held_) return bad(which + " is no revocation list (" + reason() + ")");
    if (at != end) return bad(which + " has bytes after its revocation list");
    out.push_back(std::move(list));
  }
  if (out.empty()) return bad("holds no revocation list in PEM");
  return out;
}

std::size_t RevocationList::entries() const {
  const STACK_OF(X509_REVOKED)* revoked = X509_CRL_get_REVOKED(held_.get());
  return revoked == nullptr ? 0 : static_cast<std::size_t>(sk_X509_REVOKED_num(revoked));
}

}  // namespace shared::crypto
