#include "agent/aws/arn.h"

#include <array>

namespace agent::aws {

// Longer texts are no ARN; the longest one in use has about 400 characters.
constexpr std::size_t kMaxArnLength = 2048;

bool looks_like_arn(std::string_view text) { return text.starts_with("arn:"); }

std::optional<Arn> parse_arn(std::string_view text) {
  if (!looks_like_arn(text) || text.size() > kMaxArnLength) return std::nullopt;
  text.remove_prefix(4);
  std::array<std::string, 4> parts;
  for (std::string& part : parts) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (parts[0].empty() || parts[1].empty() || text.empty()) return std::nullopt;
  return Arn{std::move(parts[0]), std::move(parts[1]), std::move(parts[2]), std::move(parts[3]),
             std::string(text)};
}

std::string to_string(const Arn& arn) {
  std::string out = "arn";
  for (const std::string* part : {&arn.partition, &arn.service, &arn.region, &arn.account, &arn.resource}) {
    out.append(":").append(*part);
  }
  return out;
}

namespace {
constexpr std::string_view kCertificateService = "acm";
constexpr std::string_view kCertificateWord = "certificate/";
}  // namespace

std::string certificate_arn(const Realm& realm, std::string_view id) {
  return to_string({realm.partition, std::string(kCertificateService), realm.region, realm.account,
                    std::string(kCertificateWord).append(id)});
}

bool is_certificate_arn(const Realm& realm, std::string_view text) {
  const auto arn = parse_arn(text);
  return arn && arn->service == kCertificateService && arn->partition == realm.partition &&
         arn->region == realm.region && arn->account == realm.account &&
         arn->resource.size() > kCertificateWord.size() && arn->resource.starts_with(kCertificateWord);
}

}  // namespace agent::aws
