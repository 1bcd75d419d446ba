// Why a token was taken or not: ALB's words of the access log, and the status that the client gets.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace balancer::jwt {

enum class Reason : std::uint8_t {
  kValid,
  kHeaderNotPresent,
  kRequestFormatInvalid,
  kKeysTimeout,
  kKeysTooLarge,
  kKeysFailed,
  kKeysInvalid,
  kSignature,
  kClaimNotPresent,
  kClaimFormatInvalid,
  kClaimValueInvalid,
  kInternal,
};

struct ReasonRow {
  Reason reason;
  std::string_view word;
  int status;  // 401 the token, 500 the keys cannot be had, 562 the keys are not what they must be
};
inline constexpr std::array<ReasonRow, 12> kReasons{{
    {Reason::kValid, "-", 200},
    {Reason::kHeaderNotPresent, "JWTHeaderNotPresent", 401},
    {Reason::kRequestFormatInvalid, "JWTRequestFormatInvalid", 401},
    {Reason::kKeysTimeout, "JWKSRequestTimeout", 500},
    {Reason::kKeysTooLarge, "JWKSResponseSizeExceeded", 562},
    {Reason::kKeysFailed, "JWKSRequestFailed", 500},
    {Reason::kKeysInvalid, "JWKSResponseInvalid", 562},
    {Reason::kSignature, "JWTSignatureValidationFailed", 401},
    {Reason::kClaimNotPresent, "JWTClaimNotPresent", 401},
    {Reason::kClaimFormatInvalid, "JWTClaimFormatInvalid", 401},
    {Reason::kClaimValueInvalid, "JWTClaimValueInvalid", 401},
    {Reason::kInternal, "JWTValidationInternalError", 500},
}};
constexpr const ReasonRow& row_of(Reason reason) { return kReasons[static_cast<std::size_t>(reason)]; }

}  // namespace balancer::jwt
