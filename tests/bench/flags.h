// Flags of the benches: each "--name N" with N a number above 0.
#pragma once
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <string_view>
#include <system_error>

namespace bench {

struct Flag {
  std::string_view name;
  int& value;
};

// False: the command line is not made of these.
inline bool read_flags(int argc, char** argv, std::initializer_list<Flag> flags) {
  for (int i = 1; i < argc; i += 2) {
    bool taken = false;
    for (const Flag& flag : flags) {
      if (flag.name != argv[i] || i + 1 >= argc) continue;
      const char* end = argv[i + 1] + std::strlen(argv[i + 1]);
      const auto [at, error] = std::from_chars(argv[i + 1], end, flag.value);
      taken = error == std::errc() && at == end && flag.value > 0;
    }
    if (!taken) return false;
  }
  return true;
}

}  // namespace bench
