#include "balancer/tls/server_context.h"

#include "balancer/tls/client_certificate.h"
#include "balancer/tls/openssl.h"
#include "balancer/tls/policy.h"
#include "balancer/tls/server_contexts.h"
#include "tests/unit/balancer/tls/harness.h"

namespace balancer::tls {
namespace {

using namespace testing;  // NOLINT

std::string shown_to(const std::shared_ptr<const ServerContext>& context, const std::string& host) {
  Meeting meeting(context);
  if (!meeting.meet(host)) return "failed: " + meeting.client->error;
  EXPECT_EQ(meeting.server->tls->facts().certificate, meeting.client->common_name());
  return meeting.client->common_name();
}

lb::Certificate named(const std::string& id, Wish wish) {
  wish.common_name = id;
  return part_of(id, make_certificate(wish));
}

TEST(ServerContext, TheHostDecidesWhichCertificateAClientGets) {
  ServerSettings settings = simple_settings();
  settings.certificates = {named("default", {.names = {"www.example.com"}}),
                           named("api", {.names = {"api.example.com", "API2.example.com"}}),
                           named("wild", {.names = {"*.example.com", "*.*.example.net"}}),
                           named("common.example.org", {})};
  const auto context = make_context(settings);
  EXPECT_EQ(shown_to(context, ""), "default");
  EXPECT_EQ(shown_to(context, "elsewhere.test"), "default");
  EXPECT_EQ(shown_to(context, "www.example.com"), "default");
  EXPECT_EQ(shown_to(context, "api.example.com"), "api");
  EXPECT_EQ(shown_to(context, "Api.EXAMPLE.com"), "api");
  EXPECT_EQ(shown_to(context, "api2.example.com"), "api");
  EXPECT_EQ(shown_to(context, "other.example.com"), "wild");
  EXPECT_EQ(shown_to(context, "a.b.example.com"), "default");  // a wildcard is one label
  EXPECT_EQ(shown_to(context, "example.com"), "default");
  EXPECT_EQ(shown_to(context, "a.b.example.net"), "default");
  EXPECT_EQ(shown_to(context, "common.example.org"), "common.example.org");
}

TEST(ServerContext, EcdsaIsPreferredWhereTheClientCanAndRsaIsThereForTheOthers) {
  ServerSettings settings = simple_settings();
  settings.tls.policy = "ELBSecurityPolicy-TLS13-1-2-2021-06";
  settings.certificates = {named("default", {}),
                           named("rsa", {.names = {"www.example.com"}, .kind = KeyKind::kRsa}),
                           named("ecdsa", {.names = {"www.example.com"}})};
  const auto context = make_context(settings);
  EXPECT_EQ(shown_to(context, "www.example.com"), "ecdsa");
  for (const char* signatures : {"RSA-PSS+SHA256:RSA+SHA256", "ECDSA+SHA256"}) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      Meeting meeting(context);
      SSL_CTX_set1_sigalgs_list(meeting.client->context, signatures);
      SSL_CTX_set_max_proto_version(meeting.client->context, version);
      ASSERT_TRUE(meeting.meet("www.example.com")) << signatures;
      EXPECT_EQ(meeting.client->common_name(), signatures[0] == 'R' ? "rsa" : "ecdsa") << version;
    }
  }
}

TEST(ServerContext, OfSeveralForOneHostTheBetterOneIsShown) {
  ServerSettings settings = simple_settings();
  const auto shown = [&](std::vector<lb::Certificate> certificates) {
    settings.certificates = {named("default", {})};
    for (auto& each : certificates) settings.certificates.emplace_back(std::move(each));
    return shown_to(make_context(settings), "h.test");
  };
  const auto with = [](const char* id, Wish wish) {
    wish.names = {"h.test"};
    return named(id, wish);
  };
  const Wish expired{.to_seconds = -60};
  EXPECT_EQ(shown({with("old", expired), with("new", {})}), "new");
  EXPECT_EQ(shown({with("new", {}), with("old", expired)}), "new");
  // An expired ECDSA one does not win over RSA; alone it is served, as ALB does.
  EXPECT_EQ(shown({with("old", expired), with("rsa", {.kind = KeyKind::kRsa})}), "rsa");
  EXPECT_EQ(shown({with("old", expired)}), "old");
  EXPECT_EQ(shown({with("short", {}), with("long", {.kind = KeyKind::kP384})}), "long");
  EXPECT_EQ(shown({with("sooner", {}), with("later", {.to_seconds = 90L * 24 * 3600})}), "later");
}

TEST(ServerContext, SaysWhatAnOperatorShouldKnow) {
  ServerSettings settings = simple_settings();
  settings.tls.policy = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09";
  settings.certificates = {named("old", {.to_seconds = -60}), named("early", {.from_seconds = 3600})};
  const auto context = make_context(settings);
  std::vector<std::string> expected{"certificate 'old': has expired",
                                    "certificate 'early': is not valid yet"};
  if (!has_post_quantum_groups())
    expected.insert(expected.begin(),
                    "policy ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09: this OpenSSL has no post-quantum "
                    "groups; the classical ones are offered");
  EXPECT_EQ(context->notes(), expected);
}

TEST(ServerContext, ErrorsNameThePartTheMemberAndTheReason) {
  const auto problem = [](const ServerSettings& settings) {
    auto made = ServerContext::make(settings, std::make_shared<TicketKeys>(), now());
    return made ? std::string("none") : made.error().text();
  };
  ServerSettings settings = simple_settings();
  lb::Certificate certificate = *settings.certificates[0];
  certificate.key = make_certificate({.key_number = 1}).key;
  settings.certificates = {certificate};
  EXPECT_EQ(problem(settings), "certificate 'default': key: does not belong to the certificate");
  certificate.key = "nonsense";
  settings.certificates = {certificate};
  EXPECT_EQ(problem(settings), "certificate 'default': key: holds no private key in PEM (unsupported)");
  certificate.chain = "";
  settings.certificates = {certificate};
  EXPECT_EQ(problem(settings), "certificate 'default': chain: holds no certificate in PEM");
  settings = simple_settings();
  settings.tls.client = {lb::ClientCertificates::kVerify, "people", false, false};
  settings.trust_store = lb::TrustStore{"people", "-----BEGIN", {}, "", {}};
  EXPECT_EQ(problem(settings), "trust store 'people': ca_bundle: holds no certificate in PEM");
  settings.trust_store = lb::TrustStore{"people", make_certificate({.ca = true}).certificate, {"x"}, "", {}};
  EXPECT_EQ(problem(settings), "trust store 'people': crls[0]: holds no revocation list in PEM");
}

// Each policy with a client of each one version: met or refused as its name says, and the server's order of
// ciphers counts although the client prefers the reverse.
TEST(ServerContext, EveryPolicyOffersItsVersionsAndItsCiphersInTheServersOrder) {
  const std::pair<lb::TlsVersion, int> versions[] = {{lb::TlsVersion::k10, TLS1_VERSION},
                                                     {lb::TlsVersion::k11, TLS1_1_VERSION},
                                                     {lb::TlsVersion::k12, TLS1_2_VERSION},
                                                     {lb::TlsVersion::k13, TLS1_3_VERSION}};
  for (const lb::TlsPolicy& policy : lb::tls_policies()) {
    ServerSettings settings = simple_settings();
    settings.tls.policy = policy.name;
    settings.certificates = {named("rsa", {.kind = KeyKind::kRsa})};
    const auto context = make_context(settings);
    ASSERT_TRUE(context);
    std::string reversed;
    std::string reversed13;
    for (const std::string_view cipher : lb::ciphers_of(policy)) {
      std::string& list = cipher.starts_with("TLS_") ? reversed13 : reversed;
      list = std::string(cipher) + (list.empty() ? "" : ":") + list;
    }
    for (const auto& [version, number] : versions) {
      Meeting meeting(context);
      SSL_CTX_set_min_proto_version(meeting.client->context, number);
      SSL_CTX_set_max_proto_version(meeting.client->context, number);
      const bool offered = policy.least <= version && version <= policy.most;
      if (offered && !reversed.empty()) SSL_CTX_set_cipher_list(meeting.client->context, reversed.c_str());
      if (offered && !reversed13.empty())
        SSL_CTX_set_ciphersuites(meeting.client->context, reversed13.c_str());
      const bool met = meeting.meet();
      EXPECT_EQ(met, offered) << policy.name << " " << to_string(version) << " " << meeting.client->error
                              << meeting.server->tls->failure_text();
      if (!offered) {
        EXPECT_EQ(meeting.server->tls->failure(), Failure::kVersion) << policy.name;
        EXPECT_EQ(meeting.client->error, "tlsv1 alert protocol version");
      } else {
        EXPECT_EQ(meeting.server->tls->facts().version, to_string(version));
        EXPECT_EQ(meeting.server->tls->facts().cipher,
                  version == lb::TlsVersion::k13   ? "TLS_AES_128_GCM_SHA256"
                  : version == lb::TlsVersion::k12 ? "ECDHE-RSA-AES128-GCM-SHA256"
                                                   : "ECDHE-RSA-AES128-SHA")
            << policy.name;
      }
    }
  }
}

// Every cipher suite of every policy is one that this OpenSSL has.
TEST(ServerContext, EveryCipherOfAPolicyCanBeHad) {
  const lb::TlsPolicy& widest = *lb::find_tls_policy("ELBSecurityPolicy-TLS13-1-0-2021-06");
  ServerSettings settings = simple_settings();
  settings.tls.policy = widest.name;
  for (const std::string_view cipher : lb::ciphers_of(widest)) {
    const bool ecdsa = cipher.find("ECDSA") != std::string_view::npos;
    settings.certificates = {named("c", {.kind = ecdsa ? KeyKind::kP256 : KeyKind::kRsa})};
    Meeting meeting(make_context(settings));
    const std::string name(cipher);
    if (name.starts_with("TLS_")) {
      SSL_CTX_set_ciphersuites(meeting.client->context, name.c_str());
    } else {
      SSL_CTX_set_max_proto_version(meeting.client->context, TLS1_2_VERSION);
      ASSERT_EQ(SSL_CTX_set_cipher_list(meeting.client->context, name.c_str()), 1) << name;
    }
    ASSERT_TRUE(meeting.meet()) << name << ": " << meeting.server->tls->failure_text();
    EXPECT_EQ(meeting.server->tls->facts().cipher, cipher);
  }
}

TEST(ServerContext, AClientWithoutACipherOfThePolicyIsRefused) {
  ServerSettings settings = simple_settings();
  settings.tls.policy = "ELBSecurityPolicy-FS-1-2-Res-2020-10";
  settings.certificates = {named("rsa", {.kind = KeyKind::kRsa})};
  for (const char* cipher : {"AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256"}) {
    Meeting meeting(make_context(settings));
    SSL_CTX_set_cipher_list(meeting.client->context, cipher);
    EXPECT_FALSE(meeting.meet()) << cipher;
    EXPECT_EQ(meeting.server->tls->failure(), Failure::kCipher);
    EXPECT_EQ(meeting.client->error, "sslv3 alert handshake failure");
  }
}

std::string protocol_for(bool http2, const std::string& offer) {
  ServerSettings settings = simple_settings();
  settings.http2 = http2;
  Meeting meeting(make_context(settings));
  if (!offer.empty())
    SSL_CTX_set_alpn_protos(meeting.client->context, reinterpret_cast<const unsigned char*>(offer.data()),
                            static_cast<unsigned>(offer.size()));
  if (meeting.meet()) return std::string(meeting.server->tls->facts().application);
  EXPECT_EQ(meeting.server->tls->failure(), Failure::kApplication);
  return meeting.client->error;
}

TEST(ServerContext, H2IsChosenWhereItIsServedAndOffered) {
  EXPECT_EQ(protocol_for(true, "\x08http/1.1\x02h2"), "h2");
  EXPECT_EQ(protocol_for(false, "\x08http/1.1\x02h2"), "http/1.1");
  EXPECT_EQ(protocol_for(true, "\x08http/1.1"), "http/1.1");
  EXPECT_EQ(protocol_for(true, ""), "");
  EXPECT_EQ(protocol_for(false, "\x02h2"), "tlsv1 alert no application protocol");
}

class Resumption : public ::testing::TestWithParam<int> {
 protected:
  // A session that the first context gave.
  SSL_SESSION* session_from(const std::shared_ptr<const ServerContext>& context,
                            const std::string& host = "www.example.com") {
    Meeting meeting(context);
    SSL_CTX_set_max_proto_version(meeting.client->context, GetParam());
    EXPECT_TRUE(meeting.meet(host));
    SSL_SESSION* out = std::exchange(meeting.client->session, nullptr);
    if (out != nullptr) sessions_.emplace_back(out, SSL_SESSION_free);
    return out;
  }
  bool resumes(const std::shared_ptr<const ServerContext>& context, SSL_SESSION* session,
               const std::string& host = "www.example.com") {
    Meeting meeting(context);
    SSL_CTX_set_max_proto_version(meeting.client->context, GetParam());
    // A copy: OpenSSL's client uses each of TLS 1.3 once.
    const std::unique_ptr<SSL_SESSION, FreedBy<SSL_SESSION_free>> copy(SSL_SESSION_dup(session));
    EXPECT_TRUE(meeting.meet(host, copy.get())) << meeting.client->error;
    const Facts facts = meeting.server->tls->facts();
    EXPECT_EQ(facts.resumed, SSL_session_reused(meeting.client->ssl) == 1);
    EXPECT_EQ(facts.certificate.empty(), facts.resumed);
    const auto ticket = [](SSL_SESSION* of) {
      const unsigned char* bytes = nullptr;
      std::size_t size = 0;
      SSL_SESSION_get0_ticket(of, &bytes, &size);
      return std::string(reinterpret_cast<const char*>(bytes), size);
    };
    new_ticket_ =
        meeting.client->tickets > 0 || ticket(SSL_get_session(meeting.client->ssl)) != ticket(session);
    return facts.resumed;
  }
  std::shared_ptr<TicketKeys> keys_ = std::make_shared<TicketKeys>();
  std::vector<std::shared_ptr<SSL_SESSION>> sessions_;
  bool new_ticket_ = false;
};
INSTANTIATE_TEST_SUITE_P(Versions, Resumption, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& each) { return each.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(Resumption, GoesOnAtAnotherContextOfTheListenerAndAfterAnotherCertificate) {
  SSL_SESSION* session = session_from(make_context(simple_settings(), keys_));
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(SSL_SESSION_get_max_early_data(session), 0U);
  ServerSettings renewed = simple_settings();
  renewed.certificates = {
      part_of("renewed", make_certificate({.names = {"www.example.com"}, .key_number = 2}))};
  EXPECT_TRUE(resumes(make_context(renewed, keys_), session));
  EXPECT_TRUE(resumes(make_context(simple_settings(), keys_), session));
}

TEST_P(Resumption, EndsWithTheGenerationOfItsKey) {
  const auto context = make_context(simple_settings(), keys_);
  SSL_SESSION* session = session_from(context);
  for (std::size_t i = 1; i < kTicketGenerations; ++i) {
    keys_->rotate();
    EXPECT_TRUE(resumes(context, session)) << i;
    EXPECT_TRUE(new_ticket_);  // of the newest key
  }
  keys_->rotate();
  EXPECT_FALSE(resumes(context, session));
}

TEST_P(Resumption, GoesOnInAProcessThatTookTheKeysOver) {
  SSL_SESSION* session = session_from(make_context(simple_settings(), keys_));
  keys_->rotate();
  auto taken = std::make_shared<TicketKeys>();
  EXPECT_FALSE(taken->take_over(""));
  EXPECT_FALSE(taken->take_over("no keys"));
  EXPECT_FALSE(resumes(make_context(simple_settings(), taken), session));
  EXPECT_TRUE(taken->take_over(keys_->secret()));
  EXPECT_TRUE(resumes(make_context(simple_settings(), taken), session));
}

TEST_P(Resumption, DoesNotReachOtherListenersOrOtherKeys) {
  SSL_SESSION* session = session_from(make_context(simple_settings(), keys_));
  ServerSettings other = simple_settings();
  other.listener = "other";
  EXPECT_FALSE(resumes(make_context(other, keys_), session));
  EXPECT_FALSE(resumes(make_context(simple_settings()), session));
}

TEST_P(Resumption, OfOneHostIsNotTakenForAnother) {
  ServerSettings settings = simple_settings();
  settings.certificates.emplace_back(named("api", {.names = {"api.example.com"}}));
  const auto context = make_context(settings, keys_);
  SSL_SESSION* session = session_from(context, "www.example.com");
  EXPECT_TRUE(resumes(context, session, "www.example.com"));
  EXPECT_FALSE(resumes(context, session, "api.example.com"));
  EXPECT_FALSE(resumes(context, session, "elsewhere.test"));
  EXPECT_FALSE(resumes(context, session, ""));
  SSL_SESSION* of_default = session_from(context, "");
  EXPECT_TRUE(resumes(context, of_default, ""));
  EXPECT_FALSE(resumes(context, of_default, "api.example.com"));
}

TEST_P(Resumption, IsNotOfferedWhereClientCertificatesAreAskedFor) {
  ServerSettings settings = simple_settings();
  settings.tls.client.mode = lb::ClientCertificates::kPassthrough;
  const auto context = make_context(settings, keys_);
  SSL_SESSION* session = session_from(context);
  if (GetParam() == TLS1_3_VERSION) {
    EXPECT_EQ(session, nullptr);
  }
  if (session != nullptr) {
    EXPECT_FALSE(resumes(context, session));
  }
}

class Mtls : public ::testing::Test {
 protected:
  Mtls() {
    settings_.tls.client = {lb::ClientCertificates::kVerify, "people", false, false};
    store({});
  }
  void store(std::vector<std::string> crls) {
    settings_.trust_store = lb::TrustStore{"people", ca_.certificate, std::move(crls), "", {}};
  }
  // The verify status after a client with these came.
  std::string status(const Issued* shown, const std::string& rest = "", int version = TLS1_3_VERSION) {
    Meeting meeting(make_context(settings_));
    SSL_CTX_set_max_proto_version(meeting.client->context, version);
    if (shown != nullptr) use(meeting.client->context, *shown, rest);
    const bool met = meeting.meet();
    const std::string out(meeting.server->tls->verify_status());
    EXPECT_EQ(met, out == "Success" || out == "-") << out;
    if (!met) {
      EXPECT_EQ(meeting.server->tls->failure(), Failure::kCertificate) << meeting.server->tls->failure_text();
    }
    if (met) certificate_ = meeting.server->tls->client_certificate();
    return out;
  }
  static void use(SSL_CTX* context, const Issued& shown, const std::string& rest) {
    namespace d = ::tests::support::certificates_detail;
    X509* certificate = d::certificate_of(shown.certificate);
    EVP_PKEY* key = d::private_key_of(shown.key);
    ASSERT_EQ(SSL_CTX_use_certificate(context, certificate), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey(context, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    for (std::size_t at = 0; (at = rest.find("-----BEGIN", at)) != std::string::npos; ++at)
      SSL_CTX_add0_chain_cert(context, d::certificate_of(rest.substr(at)));
  }
  Issued client(Wish wish = {}) const {
    wish.common_name = "alice";
    if (wish.issuer == nullptr) wish.issuer = &ca_;
    wish.key_number = 5;
    return make_certificate(wish);
  }
  const Issued ca_ = make_certificate({.common_name = "people", .key_number = 9, .ca = true});
  ServerSettings settings_ = simple_settings();
  std::optional<ClientCertificate> certificate_;
};

TEST_F(Mtls, AGoodCertificateIsVerifiedAndTold) {
  const Issued good = client();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    certificate_.reset();
    EXPECT_EQ(status(&good, "", version), "Success");
    ASSERT_TRUE(certificate_);
    EXPECT_EQ(certificate_->facts.serial, "1234");
    EXPECT_EQ(certificate_->facts.subject, "CN=alice");
    EXPECT_EQ(certificate_->facts.issuer, "CN=people");
    EXPECT_EQ(certificate_->leaf, good.certificate);
    EXPECT_EQ(certificate_->chain, good.certificate);
  }
}

TEST_F(Mtls, EveryOtherOneIsRefusedWithItsReason) {
  EXPECT_EQ(status(nullptr), "Failed:ClientCertRejected");
  const Issued stranger = make_certificate({.common_name = "mallory", .key_number = 5});
  EXPECT_EQ(status(&stranger), "Failed:ClientCertUntrusted");
  const Issued other_ca = make_certificate({.common_name = "people", .key_number = 8, .ca = true});
  const Issued forged = client({.issuer = &other_ca});
  EXPECT_NE(status(&forged), "Success");
  const Issued expired = client({.to_seconds = -60});
  EXPECT_EQ(status(&expired), "Failed:ClientCertExpired");
  const Issued early = client({.from_seconds = 3600});
  EXPECT_EQ(status(&early), "Failed:ClientCertNotYetValid");
  const Issued server_only = client({.extended_usage = "serverAuth"});
  EXPECT_EQ(status(&server_only), "Failed:ClientCertPurposeInvalid");
  const Issued odd = client({.kind = KeyKind::kEd25519});
  EXPECT_EQ(status(&odd), "Failed:ClientCertTypeUnsupported");
  const Issued big = client({.extension = "nsComment=" + std::string(40'000, 'x')});
  EXPECT_EQ(status(&big), "Failed:ClientCertMaxSizeExceeded");
}

TEST_F(Mtls, ExpiryOfTheClientsOwnCertificateCanBeIgnored) {
  settings_.tls.client.ignore_expiry = true;
  const Issued expired = client({.to_seconds = -60});
  EXPECT_EQ(status(&expired), "Success");
  const Issued early = client({.from_seconds = 3600});
  EXPECT_EQ(status(&early), "Failed:ClientCertNotYetValid");
  const Issued old_ca = make_certificate(
      {.common_name = "old", .key_number = 3, .to_seconds = -60, .ca = true, .issuer = &ca_});
  const Issued below = client({.issuer = &old_ca});
  EXPECT_EQ(status(&below, old_ca.certificate), "Failed:ClientCertExpired");
}

TEST_F(Mtls, RevokedOnesAreRefusedAndAStaleListToo) {
  const Issued revoked = client({.serial = 77});
  const Issued good = client({.serial = 78});
  store({make_crl(ca_, {77})});
  EXPECT_EQ(status(&revoked), "Failed:ClientCertCrlHit");
  EXPECT_EQ(status(&good), "Success");
  store({make_crl(ca_, {}, -60)});
  EXPECT_EQ(status(&good), "Failed:ClientCertCrlProcessingError");
  // A list of another CA says nothing of this one.
  const Issued other = make_certificate({.common_name = "others", .key_number = 8, .ca = true});
  store({make_crl(other, {78})});
  EXPECT_EQ(status(&good), "Success");
}

TEST_F(Mtls, ChainsReachFourAboveTheCertificate) {
  std::vector<Issued> cas{ca_};
  std::string rest;
  for (int depth = 2; depth <= 5; ++depth) {
    cas.push_back(make_certificate({.common_name = "ca" + std::to_string(depth),
                                    .key_number = 10 + depth,
                                    .ca = true,
                                    .issuer = &cas.back()}));
    rest = cas.back().certificate + rest;
    const Issued below = client({.issuer = &cas.back()});
    EXPECT_EQ(status(&below, rest), depth <= 4 ? "Success" : "Failed:ClientCertMaxChainDepthExceeded")
        << depth;
  }
}

TEST_F(Mtls, PassthroughTakesAnyAndNoneAndTellsTheChain) {
  settings_.tls.client = {lb::ClientCertificates::kPassthrough, "", false, false};
  settings_.trust_store.reset();
  EXPECT_EQ(status(nullptr), "-");
  EXPECT_FALSE(certificate_);
  const Issued between =
      make_certificate({.common_name = "mid", .key_number = 3, .ca = true, .issuer = &ca_});
  const Issued expired = client({.to_seconds = -60, .issuer = &between});
  EXPECT_EQ(status(&expired, between.certificate), "-");
  ASSERT_TRUE(certificate_);
  EXPECT_EQ(certificate_->chain, expired.certificate + between.certificate);
}

TEST_F(Mtls, NamesOfTheCasAreToldWhereThatIsOn) {
  for (const bool told : {false, true}) {
    settings_.tls.client.advertise_ca_names = told;
    Meeting meeting(make_context(settings_));
    use(meeting.client->context, client(), "");
    ASSERT_TRUE(meeting.meet());
    EXPECT_EQ(std::max(0, sk_X509_NAME_num(SSL_get_client_CA_list(meeting.client->ssl))), told ? 1 : 0);
  }
}

TEST(ClientCertificateText, IsThatOfAlbsHeaders) {
  shared::crypto::CertificateFacts facts;
  facts.not_before = shared::from_epoch_millis(1695261017000);
  facts.not_after = shared::from_epoch_millis(1726797017000);
  EXPECT_EQ(validity_text(facts), "NotBefore=2023-09-21T01:50:17Z;NotAfter=2024-09-20T01:50:17Z");
  EXPECT_EQ(header_text_of_pem("-----BEGIN C-----\na+b/c=\n"), "-----BEGIN%20C-----%0Aa+b/c=%0A");
  EXPECT_EQ(header_text_of_name("CN=a\r\nX: y,O=\xc3\xbc"), "CN=a%0D%0AX: y,O=%C3%BC");
}

TEST(ServerSettings, HoldWhatAListenerNames) {
  lb::Config config;
  config.certificates = {lb::Certificate{"a", "A", "k", "", ""}, lb::Certificate{"b", "B", "k", "", ""}};
  config.trust_stores = {lb::TrustStore{"people", "CAS", {}, "", {}}};
  lb::Listener listener;
  listener.id = "web";
  listener.tls.certificates = {"b"};
  ServerSettings settings = settings_of(listener, config, true);
  EXPECT_EQ(settings.listener, "web");
  ASSERT_EQ(settings.certificates.size(), 1U);
  EXPECT_EQ(settings.certificates[0]->chain, "B");
  EXPECT_FALSE(settings.trust_store);
  EXPECT_TRUE(settings.http2);
  listener.options.http2 = false;
  listener.tls.client = {lb::ClientCertificates::kVerify, "people", false, false};
  settings = settings_of(listener, config, true);
  EXPECT_FALSE(settings.http2);
  ASSERT_TRUE(settings.trust_store);
  EXPECT_EQ((*settings.trust_store)->ca_bundle, "CAS");
  EXPECT_EQ(settings, settings_of(listener, config, true));
}

TEST(ServerContexts, ARenewedCertificateChangesThoseThatShowItOnly) {
  const auto listener = [](const std::string& id, const std::string& certificate) {
    lb::Listener out;
    out.id = id;
    out.protocol = lb::Protocol::kHttps;
    out.tls.certificates = {certificate};
    return out;
  };
  lb::Config config;
  config.listeners = {listener("one", "a"), listener("two", "b"), lb::Listener()};
  config.certificates = {named("a", {}), named("b", {})};
  ServerContexts contexts(std::make_shared<TicketKeys>());
  const auto before = contexts.make(config, true, now());
  ASSERT_TRUE(before) << before.error().text();
  EXPECT_EQ(before->size(), 2U);
  config.certificates[1] = named("b", {.key_number = 1});
  const auto after = contexts.make(config, true, now());
  ASSERT_TRUE(after);
  EXPECT_EQ(after->at("one"), before->at("one"));
  EXPECT_NE(after->at("two"), before->at("two"));
  // A connection that began with the former one goes on with it.
  EXPECT_EQ(shown_to(before->at("two"), ""), "b");

  lb::Certificate broken = *config.certificates[0];
  broken.key = config.certificates[1]->key;
  config.certificates[0] = broken;
  const auto refused = contexts.make(config, true, now());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(),
            "listener 'one': certificate 'a': key: does not belong to the certificate");
}

}  // namespace
}  // namespace balancer::tls
