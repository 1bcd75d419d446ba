// What keys of others may be, so that nobody can make us compute for long.
#pragma once

namespace shared::crypto {

inline constexpr int kMaxRsaBits = 8'192;  // a verification costs the square of the length

}  // namespace shared::crypto
