// How a client's certificate is told to targets (ALB's X-Amzn-Mtls-Clientcert headers) and to logs. Pure.
#pragma once
#include <string>
#include <string_view>

#include "shared/crypto/certificate.h"

namespace balancer::tls {

// "NotBefore=2023-09-21T01:50:17Z;NotAfter=2024-09-20T01:50:17Z"
std::string validity_text(const shared::crypto::CertificateFacts& facts);
// PEM for a header: percent-encoded but for unreserved characters and "+=/".
std::string header_text_of_pem(std::string_view pem);
// A subject or issuer for a header: printable ASCII as it is, anything else percent-encoded, so that no name
// can end the line.
std::string header_text_of_name(std::string_view name);

}  // namespace balancer::tls
