// Rows of certificates and trust stores as the store keeps them; see elb.h. They hold private keys: the
// database is readable for its owner only (agent/store). Pure; thread: any.
#pragma once
#include <string>
#include <string_view>

#include "agent/model/acme.h"
#include "agent/model/certificate.h"

namespace agent::control {

std::string encode_certificate(const model::Certificate&);
bool decode_certificate(std::string_view, model::Certificate&);
std::string encode_trust_store(const model::TrustStore&);
bool decode_trust_store(std::string_view, model::TrustStore&);
std::string encode_acme_account(const model::AcmeAccount&);
bool decode_acme_account(std::string_view, model::AcmeAccount&);
std::string encode_acme_order(const model::AcmeOrder&);
bool decode_acme_order(std::string_view, model::AcmeOrder&);

}  // namespace agent::control
