// Enums in records are kept as the API's words (agent/model/words.h).
#pragma once
#include <string>

#include "agent/model/words.h"
#include "shared/json/reader.h"

namespace agent::control {

template <class Enum>
std::string word_text(Enum value) {
  return std::string(model::word(value));
}

// `into` stays as it is where there is no such member; a word that nobody knows is a fault of the record.
template <class Enum>
void read_word(const shared::json::Reader& in, const char* name, Enum& into) {
  const auto word = in.string(name);
  if (!word) return;
  if (const auto value = model::from_word<Enum>(*word)) {
    into = *value;
  } else {
    in.fail(name, "unknown word");
  }
}

}  // namespace agent::control
