// Texts against patterns with stars, however a pattern is kept and whatever fits besides. Thread: any.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

namespace shared {

// A pattern of `size` places, of which those that `is_star(place)` stand for any characters, also none; at
// the others `fits(place, character)` says what may stand there. Greedy with one place to come back to, the
// last star: no more than size times the text's length.
template <class IsStar, class Fits>
bool fits_pattern(std::size_t size, IsStar is_star, Fits fits, std::string_view text) {
  std::size_t place = 0;
  std::size_t at = 0;
  std::optional<std::size_t> star;
  std::size_t star_at = 0;
  while (at < text.size()) {
    if (place < size && is_star(place)) {
      star = place++;
      star_at = at;
    } else if (place < size && fits(place, text[at])) {
      ++place;
      ++at;
    } else if (star) {
      place = *star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (place < size && is_star(place)) ++place;
  return place == size;
}

}  // namespace shared
