// Texts of tests.
#pragma once
#include <string>

namespace tests {

// `text` with the first `what` replaced, or as it is without one.
inline std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

}  // namespace tests
