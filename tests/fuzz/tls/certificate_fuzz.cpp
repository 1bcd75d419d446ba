// Any text is a chain, a key, a bundle or a revocation list, or an error with a text; what was taken for a
// chain reads back as the same, and a pair that was found to match makes a context that can be served. A text
// is split at its last private key, so that one input can be a chain and its key.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "balancer/tls/client_certificate.h"
#include "balancer/tls/server_context.h"
#include "shared/base/check.h"
#include "shared/crypto/certificate.h"

namespace {

namespace crypto = shared::crypto;
namespace lb = shared::lbconfig;

template <class T>
bool taken(const shared::Result<T>& result) {
  if (result) return true;
  BERTH_CHECK(!result.error().text().empty(), "an error without a text");
  return false;
}

void check_facts(const crypto::CertificateFacts& facts) {
  for (const std::string& text :
       {balancer::tls::header_text_of_name(facts.subject), balancer::tls::header_text_of_name(facts.issuer),
        balancer::tls::validity_text(facts)}) {
    for (const char c : text) BERTH_CHECK(c >= 0x20 && c < 0x7f, "a header that can be broken out of");
  }
  for (const std::string& name : facts.names) {
    for (const char c : name) BERTH_CHECK(c > 0x20 && c < 0x7f, "a name that is no host");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)taken(crypto::RevocationList::parse(text));
  const auto bundle = crypto::Certificates::parse_bundle(text);
  (void)taken(bundle);
  std::size_t split = text.rfind("PRIVATE KEY-----");
  if (split != std::string_view::npos) split = text.rfind("-----BEGIN", text.rfind("-----BEGIN", split));
  const std::string_view chain_text = text.substr(0, split);
  const std::string_view key_text = split == std::string_view::npos ? text : text.substr(split);
  const auto key = crypto::PrivateKey::parse(key_text);
  (void)taken(key);
  const auto chain = crypto::Certificates::parse_chain(chain_text);
  if (!taken(chain)) return 0;
  check_facts(chain->leaf());
  std::string again;
  for (std::size_t i = 0; i < chain->size(); ++i) again += crypto::to_pem(*chain->native(i));
  const auto second = crypto::Certificates::parse_chain(again);
  BERTH_CHECK(second.has_value() && second->leaf().fingerprint == chain->leaf().fingerprint,
              "a written chain is another one");
  if (!key || !taken(crypto::check_pair(*chain, *key))) return 0;
  balancer::tls::ServerSettings settings;
  settings.listener = "fuzz";
  settings.certificates = {lb::Certificate{"c", std::string(chain_text), std::string(key_text), "", ""}};
  const auto context = balancer::tls::ServerContext::make(
      settings, std::make_shared<balancer::tls::TicketKeys>(), shared::from_epoch_millis(0));
  (void)taken(context);
  return 0;
}
