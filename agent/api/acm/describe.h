// Rows of certificates as the structures of the API. Internal to agent/api/acm.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

#include "agent/model/acme.h"
#include "agent/model/certificate.h"

namespace agent::api::acm {

std::string status_of(const model::Certificate& row, shared::WallTime now);  // "ISSUED", "EXPIRED", ...
std::string key_algorithm_of(const model::Certificate& row);                 // "RSA_2048"

// CertificateDetail and CertificateSummary; `users` are ARNs of load balancers.
// `order`: what is under way for it, or null.
nlohmann::json detail_of(const model::Certificate& row, const model::AcmeOrder* order,
                         const std::set<std::string>& users, const std::string& account,
                         shared::WallTime now);
nlohmann::json summary_of(const model::Certificate& row, bool in_use, shared::WallTime now);
nlohmann::json tags_of(const model::Certificate& row);

}  // namespace agent::api::acm
