#include "balancer/codec/field_line.h"

#include <cstring>

#include "balancer/codec/chars.h"

namespace balancer::codec {

namespace {

// Any byte of `value` is a control character, TAB too; eight at a time (below 0x20, or 0x7f).
bool has_control(std::string_view value) {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  constexpr std::uint64_t kHigh = kEach * 0x80;
  while (value.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, value.data(), sizeof word);
    const std::uint64_t of_delete = word ^ (kEach * 0x7f);
    if ((((word - kEach * 0x20) & ~word) | ((of_delete - kEach) & ~of_delete)) & kHigh) return true;
    value.remove_prefix(sizeof word);
  }
  for (const char c : value) {
    if (is(c, kControlChar)) return true;
  }
  return false;
}

std::uint8_t value_oddities(std::string_view value) {
  std::uint8_t oddities = 0;
  if (!has_control(value)) return oddities;
  for (const char c : value) {
    if (!is(c, kControlChar) || c == '\t') continue;
    oddities |= c == '\0' || c == '\r' ? kValueWithNulOrCr : kValueWithControl;
  }
  return oddities;
}

std::uint8_t name_oddities(std::string_view name) {
  std::uint8_t oddities = kNameNotToken;
  if (name.find_first_of(std::string_view("\0\r", 2)) != std::string_view::npos) oddities |= kNameWithNulOrCr;
  if (is_space(name.back())) oddities |= kSpaceAfterName;
  return oddities;
}

std::string_view trim_spaces(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

Slice slice_of(std::string_view part, std::string_view line, std::size_t offset) {
  return {static_cast<std::uint32_t>(offset + static_cast<std::size_t>(part.data() - line.data())),
          static_cast<std::uint32_t>(part.size())};
}

bool coding_is_known(std::string_view coding) {
  for (const std::string_view known : {"gzip", "x-gzip", "deflate", "compress", "x-compress"}) {
    if (equals_lowered(coding, known)) return true;
  }
  return false;
}

bool parse_length(std::string_view text, std::uint64_t& length) {
  if (text.empty()) return false;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is(c, kDigitChar) || value > kMaxBodyLength / 10) return false;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  length = value;
  return value <= kMaxBodyLength;
}

}  // namespace

FieldLine parse_field_line(std::string_view line, std::size_t offset) {
  FieldLine result;
  const char* at = line.data();
  const char* const end = at + line.size();
  while (at != end && is(*at, kTokenChar)) ++at;
  auto colon = static_cast<std::size_t>(at - line.data());
  const bool token = colon < line.size() && line[colon] == ':';
  if (!token) colon = line.find(':', colon);
  if (colon == std::string_view::npos) {
    result.oddities = kNoColon;
    return result;
  }
  const std::string_view name = line.substr(0, colon);
  if (name.empty() || (!token && trim_spaces(name).empty())) {
    result.oddities = kEmptyName;
    return result;
  }
  const std::string_view value = trim_spaces(line.substr(colon + 1));
  result.field.name = slice_of(name, line, offset);
  result.field.value = slice_of(value, line, offset);
  if (!token) {
    result.oddities |= name_oddities(name);
    result.field.flags |= kBadName;
  } else {
    result.field.id = field_id(name);
  }
  if (result.field.id == FieldId::kOther) result.look_alike = look_alike(name);
  if (result.look_alike != LookAlike::kNone) {
    result.oddities |= kLooksLikeFraming;
    result.field.flags |= kSuspicious;
  }
  const std::uint8_t value_bits = value_oddities(value);
  if ((value_bits & kValueWithNulOrCr) != 0) result.field.flags |= kBadValue;
  result.oddities |= value_bits;
  return result;
}

std::uint8_t fold_field_line(Field& field, std::string_view line, std::size_t offset) {
  const std::string_view part = trim_spaces(line);
  const std::uint8_t oddities = value_oddities(part);
  if ((oddities & kValueWithNulOrCr) != 0) field.flags |= kBadValue;
  field.flags |= kFolded;
  if (part.empty()) return oddities;
  const Slice slice = slice_of(part, line, offset);
  if (field.value.size == 0) {
    field.value = slice;
  } else {
    field.value.size = slice.offset + slice.size - field.value.offset;
  }
  return oddities;
}

Codings read_codings(const MessageHead& head) {
  if (!head.has(FieldId::kTransferEncoding)) return Codings::kAbsent;
  bool known_other = false, unknown = false, malformed = false, ends_chunked = false;
  int chunked = 0, total = 0;
  for (const Field& field : head.fields) {
    if (field.id != FieldId::kTransferEncoding) continue;
    std::string_view rest = head.value(field);
    if ((field.flags & (kFolded | kBadValue)) != 0 || rest.empty()) malformed = true;
    std::string_view element;
    while (next_element(rest, element)) {
      const std::string_view coding = trim(element.substr(0, element.find(';')));
      ++total;
      ends_chunked = equals_lowered(coding, "chunked");
      // Chunked has no parameters, and one is an error (RFC 9112 section 7.1): some server will not know it.
      if (coding.empty() || !all(coding, kTokenChar) || (ends_chunked && coding.size() != element.size()))
        malformed = true;
      else if (ends_chunked)
        ++chunked;
      else if (coding_is_known(coding))
        known_other = true;
      else if (!equals_lowered(coding, "identity"))
        unknown = true;
    }
  }
  if (malformed) return Codings::kMalformed;
  if (chunked == 1 && !ends_chunked) return Codings::kChunkedNotLast;
  if (unknown) return Codings::kUnknown;
  if (chunked > 1) return Codings::kChunkedTwice;
  if (known_other) return Codings::kKnownOther;
  if (total == 1) return chunked == 1 ? Codings::kChunked : Codings::kIdentity;
  return Codings::kMalformed;  // identity beside something else
}

Length read_length(const MessageHead& head, std::uint64_t& length) {
  const Field* first = head.find(FieldId::kContentLength);
  if (first == nullptr) return Length::kAbsent;
  if (!head.is_repeated(FieldId::kContentLength)) {
    const bool good = (first->flags & (kFolded | kBadValue)) == 0 && parse_length(head.value(*first), length);
    return good ? Length::kOne : Length::kMalformed;
  }
  Length result = Length::kSameTwice;
  for (const Field& field : head.fields) {
    if (field.id != FieldId::kContentLength) continue;
    std::uint64_t value = 0;
    if ((field.flags & (kFolded | kBadValue)) != 0 || !parse_length(head.value(field), value)) {
      return Length::kMalformed;
    }
    if (head.value(field) != head.value(*first)) result = Length::kDifferent;
    length = value;
  }
  return result;
}

std::size_t read_connection(MessageHead& head) {
  std::size_t options = 0;
  if (!head.has(FieldId::kConnection)) return options;
  for (const Field& field : head.fields) {
    if (field.id != FieldId::kConnection) continue;
    std::string_view rest = head.value(field);
    std::string_view option;
    while (next_element(rest, option)) {
      if (option.empty()) continue;
      if (++options > kMaxConnectionOptions) return options;
      if (equals_lowered(option, "close"))
        head.connection_close = true;
      else if (equals_lowered(option, "keep-alive"))
        head.connection_keep_alive = true;
      else if (equals_lowered(option, "upgrade"))
        head.connection_upgrade = true;
      else if (field_id(option) == FieldId::kOther)
        head.connection_names_fields = true;
    }
  }
  return options;
}

bool lists(const MessageHead& head, FieldId id, std::string_view lowered) {
  for (const Field& field : head.fields) {
    if (field.id != id) continue;
    std::string_view rest = head.value(field);
    std::string_view element;
    while (next_element(rest, element)) {
      if (equals_lowered(element, lowered)) return true;
    }
  }
  return false;
}

}  // namespace balancer::codec
