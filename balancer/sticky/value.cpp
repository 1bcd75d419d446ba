#include "balancer/sticky/value.h"

#include <algorithm>
#include <span>
#include <string>

#include "shared/base/check.h"
#include "shared/crypto/hash.h"

namespace balancer::sticky {

using shared::WallTime;
using shared::crypto::kAeadNonceBytes;
using shared::crypto::kAeadTagBytes;

namespace {

constexpr char kVersion = 1;
constexpr std::size_t kIdAt = 1;
constexpr std::size_t kNonceAt = kIdAt + 4;
constexpr std::size_t kSealedAt = kNonceAt + kAeadNonceBytes;
constexpr std::size_t kExpiryBytes = 8;
constexpr std::size_t kPlainBytes = sizeof(Mark::bytes) + kExpiryBytes;
constexpr std::size_t kRawBytes = kSealedAt + kPlainBytes + kAeadTagBytes;
static_assert(kRawBytes % 3 == 0 && kRawBytes / 3 * 4 == kValueChars, "no padding");

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::array<std::int8_t, 256> make_sextets() {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  }
  return table;
}
constexpr auto kSextets = make_sextets();

using Raw = std::array<char, kRawBytes>;

Value encode(const Raw& raw) {
  Value value;
  for (std::size_t i = 0, o = 0; i < raw.size(); i += 3, o += 4) {
    const auto byte = [&](std::size_t k) {
      return static_cast<std::uint32_t>(static_cast<unsigned char>(raw[i + k]));
    };
    const std::uint32_t bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (std::size_t k = 0; k < 4; ++k) value.chars[o + k] = kAlphabet[bits >> (18 - 6 * k) & 63U];
  }
  return value;
}

bool decode(std::string_view text, Raw& raw) {
  if (text.size() != kValueChars) return false;
  for (std::size_t i = 0, o = 0; i < text.size(); i += 4, o += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const int sextet = kSextets[static_cast<unsigned char>(text[i + k])];
      if (sextet < 0) return false;
      bits = bits << 6 | static_cast<std::uint32_t>(sextet);
    }
    for (std::size_t k = 0; k < 3; ++k) raw[o + k] = static_cast<char>(bits >> (16 - 8 * k) & 255U);
  }
  return true;
}

template <class T>
void put(char* at, T number) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    at[i] = static_cast<char>(number >> (8 * (sizeof(T) - 1 - i)) & 255U);
}
template <class T>
T get_number(const char* at) {
  T number = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    number = static_cast<T>(number << 8 | static_cast<unsigned char>(at[i]));
  return number;
}

// What is authenticated beside the sealed part: version, key and kind.
struct Context {
  std::array<char, 6> bytes{};
  std::string_view view() const { return {bytes.data(), bytes.size()}; }
};
Context context_of(const Raw& raw, Kind kind) {
  Context context;
  std::copy_n(raw.begin(), kNonceAt, context.bytes.begin());
  context.bytes[kNonceAt] = static_cast<char>(kind);
  return context;
}

Mark mark_of(std::string_view what) {
  Mark mark;
  const std::string hex = shared::crypto::sha256_hex(what);
  const auto digit = [&](std::size_t i) { return hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10; };
  for (std::size_t i = 0; i < mark.bytes.size(); ++i)
    mark.bytes[i] = static_cast<char>(digit(2 * i) * 16 + digit(2 * i + 1));
  return mark;
}

std::uint64_t seconds_of(WallTime time) {
  const auto count = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

}  // namespace

Mark target_mark(std::string_view group_id, std::string_view registration) {
  // The length keeps ("ab", "c") apart from ("a", "bc").
  std::string text = "target " + std::to_string(group_id.size()) + ' ';
  text.append(group_id);
  text.append(registration);
  return mark_of(text);
}

Mark group_mark(std::string_view group_id) { return mark_of("group " + std::string(group_id)); }

Sealer::Sealer(const std::vector<shared::lbconfig::CookieKey>& keys) {
  for (const auto& key : keys) {
    if (keys_.size() == kMaxKeys || key.secret.size() != shared::crypto::kAeadKeyBytes) continue;
    keys_.push_back({key.id, shared::crypto::Aead(key.secret)});
  }
}

Value Sealer::seal(Kind kind, const Mark& mark, WallTime expires) {
  BERTH_CHECK(can_seal(), "no key to seal with");
  Raw raw{};
  raw[0] = kVersion;
  put(raw.data() + kIdAt, keys_.front().id);
  const std::span<char> nonce(raw.data() + kNonceAt, kAeadNonceBytes);
  shared::crypto::fill_random(nonce);
  std::array<char, kPlainBytes> plain{};
  std::copy(mark.bytes.begin(), mark.bytes.end(), plain.begin());
  put(plain.data() + mark.bytes.size(), seconds_of(expires));
  keys_.front().aead.seal({nonce.data(), nonce.size()}, context_of(raw, kind).view(),
                          {plain.data(), plain.size()}, std::span<char>(raw).subspan(kSealedAt));
  return encode(raw);
}

std::optional<Mark> Sealer::open(Kind kind, std::string_view value, WallTime now) {
  Raw raw{};
  if (!decode(value, raw) || raw[0] != kVersion) return std::nullopt;
  const auto id = get_number<std::uint32_t>(raw.data() + kIdAt);
  for (Keyed& key : keys_) {
    if (key.id != id) continue;
    std::array<char, kPlainBytes> plain{};
    const std::string_view sealed(raw.data() + kSealedAt, raw.size() - kSealedAt);
    if (!key.aead.open({raw.data() + kNonceAt, kAeadNonceBytes}, context_of(raw, kind).view(), sealed, plain))
      continue;
    Mark mark;
    std::copy_n(plain.begin(), mark.bytes.size(), mark.bytes.begin());
    if (get_number<std::uint64_t>(plain.data() + mark.bytes.size()) <= seconds_of(now)) return std::nullopt;
    return mark;
  }
  return std::nullopt;
}

}  // namespace balancer::sticky
