#include "balancer/tls/client_certificate.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace balancer::tls {

namespace {

std::string utc_text(shared::WallTime time) {
  const std::time_t seconds = static_cast<std::time_t>(shared::epoch_millis(time) / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> out{};
  const std::size_t size = std::strftime(out.data(), out.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {out.data(), size};
}

template <class Plain>
std::string escaped(std::string_view text, Plain plain) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (plain(byte)) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

}  // namespace

std::string validity_text(const shared::crypto::CertificateFacts& facts) {
  return "NotBefore=" + utc_text(facts.not_before) + ";NotAfter=" + utc_text(facts.not_after);
}

std::string header_text_of_pem(std::string_view pem) {
  return escaped(pem, [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-._~+=/").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

std::string header_text_of_name(std::string_view name) {
  return escaped(name, [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace balancer::tls
