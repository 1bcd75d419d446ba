// One header line, shared by the request and the response parser. Internal to this folder.
#pragma once
#include <cstdint>
#include <string_view>

#include "balancer/codec/fields.h"
#include "balancer/codec/head.h"

namespace balancer::codec {

// What is odd about a header line. How bad that is, the caller decides.
enum LineOddity : std::uint8_t {
  kNoColon = 1,
  kEmptyName = 2,
  kNameNotToken = 4,
  kNameWithNulOrCr = 8,
  kSpaceAfterName = 16,
  kValueWithControl = 32,
  kValueWithNulOrCr = 64,
  kLooksLikeFraming = 128,
};

struct FieldLine {
  Field field;  // not meaningful with kNoColon or kEmptyName
  std::uint8_t oddities = 0;
  LookAlike look_alike = LookAlike::kNone;
};

// `line` lies at `offset` of the head and has no line end.
FieldLine parse_field_line(std::string_view line, std::size_t offset);
// Appends a continuation line (obs-fold) to `field`. Returns oddities of the value.
std::uint8_t fold_field_line(Field& field, std::string_view line, std::size_t offset);

// What Transfer-Encoding says, all its fields together.
enum class Codings : std::uint8_t {
  kAbsent,
  kChunked,     // chunked and nothing else
  kIdentity,    // identity and nothing else
  kKnownOther,  // gzip, compress, deflate, alone or before chunked
  kUnknown,     // a token nobody knows
  kChunkedTwice,
  kChunkedNotLast,
  kMalformed  // not a list of tokens, chunked with a parameter, or identity beside another
};
Codings read_codings(const MessageHead& head);

// What Content-Length says, all its fields together.
enum class Length : std::uint8_t { kAbsent, kOne, kSameTwice, kDifferent, kMalformed };
Length read_length(const MessageHead& head, std::uint64_t& length);

// Sets the connection_* members. Returns how many options there are.
std::size_t read_connection(MessageHead& head);
// Any element of the list fields of that kind equals `lowered`.
bool lists(const MessageHead& head, FieldId id, std::string_view lowered);

}  // namespace balancer::codec
