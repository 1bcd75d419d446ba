#include "shared/crypto/certificate.h"

#include <gtest/gtest.h>

#include <ctime>

#include "tests/support/certificates.h"

namespace shared::crypto {
namespace {

using tests::support::Issued;
using tests::support::KeyKind;
using tests::support::make_certificate;
using tests::support::make_crl;

WallTime in(long seconds) {
  return from_epoch_millis((static_cast<long long>(std::time(nullptr)) + seconds) * 1000);
}

std::string chain_problem(const std::string& pem) {
  const auto chain = Certificates::parse_chain(pem);
  return chain ? "none" : chain.error().text();
}

TEST(Certificate, TellsWhatIsInIt) {
  const Issued ca = make_certificate({.common_name = "root, \"one\"", .key_number = 1, .ca = true});
  const Issued issued = make_certificate(
      {.common_name = "www.example.com", .names = {"WWW.example.com", "*.example.com"}, .issuer = &ca});
  const auto chain = Certificates::parse_chain(issued.certificate + "\n# a comment\n" + ca.certificate);
  ASSERT_TRUE(chain) << chain.error().text();
  EXPECT_EQ(chain->size(), 2U);
  const CertificateFacts& facts = chain->leaf();
  EXPECT_EQ(facts.subject, "CN=www.example.com");
  EXPECT_EQ(facts.issuer, "CN=root\\, \\\"one\\\"");
  EXPECT_EQ(facts.serial, "1234");
  EXPECT_EQ(facts.names, (std::vector<std::string>{"www.example.com", "*.example.com"}));
  EXPECT_EQ(facts.key.algorithm, "EC-prime256v1");
  EXPECT_EQ(facts.key.type, KeyType::kEcdsa);
  EXPECT_EQ(facts.signature_algorithm, "ecdsa-with-SHA256");
  EXPECT_EQ(facts.fingerprint.size(), 64U);
  EXPECT_FALSE(facts.ca);
  EXPECT_TRUE(facts.valid_at(in(0)));
  EXPECT_FALSE(facts.valid_at(in(-2 * 3600)));
  EXPECT_FALSE(facts.valid_at(in(31 * 24 * 3600)));
  EXPECT_EQ(to_pem(*chain->native(0)), issued.certificate);
  EXPECT_TRUE(facts_of(*chain->native(1))->ca);
  const auto rsa = Certificates::parse_chain(make_certificate({.kind = KeyKind::kRsa}).certificate);
  ASSERT_TRUE(rsa);
  EXPECT_EQ(rsa->leaf().key.algorithm, "RSA-2048");
}

TEST(Certificate, NamesAreThoseOfTheExtensionAndOtherwiseTheCommonName) {
  const auto names = [](const Issued& issued) {
    return Certificates::parse_chain(issued.certificate)->leaf().names;
  };
  EXPECT_EQ(names(make_certificate({.common_name = "only.example.com"})),
            std::vector<std::string>{"only.example.com"});
  EXPECT_EQ(names(make_certificate({.common_name = "a.example.com", .names = {"b.example.com"}})),
            std::vector<std::string>{"b.example.com"});
  EXPECT_TRUE(names(make_certificate({.common_name = "Example Ltd"})).empty());
}

TEST(Certificate, ChainsThatCannotBeServedSayWhy) {
  const Issued ca = make_certificate({.common_name = "root", .key_number = 1, .ca = true});
  const Issued leaf = make_certificate({.issuer = &ca});
  EXPECT_EQ(chain_problem(""), "holds no certificate in PEM");
  EXPECT_EQ(chain_problem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "block 1 is no X.509 certificate (nested asn1 error)");
  EXPECT_EQ(chain_problem(leaf.certificate + leaf.key), "block 2 is no certificate but 'PRIVATE KEY'");
  EXPECT_EQ(chain_problem(leaf.certificate.substr(0, leaf.certificate.size() - 30)),
            "block 1 is not PEM (bad end line)");
  EXPECT_EQ(chain_problem(ca.certificate + leaf.certificate),
            "block 2 is not the issuer of the one before it (subject issuer mismatch)");
  std::string many;
  for (std::size_t i = 0; i <= kMaxChainCertificates; ++i) many += ca.certificate;
  EXPECT_EQ(chain_problem(many), "holds more than 10 blocks");
  EXPECT_EQ(chain_problem(make_certificate({.kind = KeyKind::kEd25519}).certificate),
            "has a key that is neither RSA nor ECDSA");
  EXPECT_EQ(chain_problem(make_certificate({.kind = KeyKind::kSecp256k1}).certificate),
            "has a key on the curve secp256k1; P-256, P-384 and P-521 are offered");
  EXPECT_EQ(chain_problem(make_certificate({.kind = KeyKind::kRsa, .rsa_bits = 1024}).certificate),
            "has an RSA key of 1024 bits; 2048 to 8192 are offered");
}

TEST(Certificate, KeysAreReadInEveryFormAndNotWhenEncrypted) {
  const Issued issued = make_certificate({});
  namespace d = tests::support::certificates_detail;
  EVP_PKEY* key = d::private_key_of(issued.key);
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey_traditional(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  const std::string traditional = d::text_of(bio);
  EXPECT_NE(traditional.find("BEGIN EC PRIVATE KEY"), std::string::npos);
  bio = BIO_new(BIO_s_mem());
  char word[] = "secret";
  PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), word, 6, nullptr, nullptr);
  const std::string encrypted = d::text_of(bio);
  EVP_PKEY_free(key);

  EXPECT_TRUE(PrivateKey::parse(issued.key));
  EXPECT_TRUE(PrivateKey::parse(traditional));
  const auto locked = PrivateKey::parse(encrypted);
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().text(), "is encrypted; give it without a passphrase");
  const auto none = PrivateKey::parse(issued.certificate);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().text().find("holds no private key in PEM"), 0U);
}

TEST(Certificate, AKeyBelongsToItsCertificateOnly) {
  for (const KeyKind kind : {KeyKind::kRsa, KeyKind::kP384}) {
    const Issued one = make_certificate({.kind = kind});
    const Issued other = make_certificate({.kind = kind, .key_number = 1});
    const auto chain = Certificates::parse_chain(one.certificate);
    ASSERT_TRUE(chain);
    EXPECT_TRUE(check_pair(*chain, *PrivateKey::parse(one.key)));
    const auto wrong = check_pair(*chain, *PrivateKey::parse(other.key));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().text(), "does not belong to the certificate");
  }
  const Issued rsa = make_certificate({.kind = KeyKind::kRsa});
  EXPECT_FALSE(
      check_pair(*Certificates::parse_chain(rsa.certificate), *PrivateKey::parse(make_certificate({}).key)));
}

TEST(RevocationLists, AreReadFromPemAndNothingElseIs) {
  const Issued ca = make_certificate({.ca = true});
  const std::string list = make_crl(ca, {1, 2});
  ASSERT_TRUE(RevocationList::parse(list + list));
  EXPECT_EQ(RevocationList::parse(list + list)->size(), 2U);
  const auto wrong = RevocationList::parse(ca.certificate);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().text(), "block 1 is no revocation list but 'CERTIFICATE'");
}

}  // namespace
}  // namespace shared::crypto
