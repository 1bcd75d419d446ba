// Runs a fuzz entry over its stored corpus, and over seeded mutations of it, as an ordinary test.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "shared/env/random.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int kMutationsPerFile = 400;
constexpr std::uint64_t kSeed = 20241106;
// Bytes that parsers look at; a mutation that hits one of them is worth more.
constexpr std::string_view kTokens[] = {"%", "&",  "=", ".", ";",   ",",    "\n", "\r\n", " ", "/",
                                        "+", "\"", "{", "[", "%00", "\xff", ":",  "0",    "-1"};

std::vector<std::string> corpus() {
  std::vector<std::string> inputs;
  for (const auto& entry : std::filesystem::directory_iterator(BERTH_CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string mutated(const std::string& input, const std::string& other, shared::env::Random& random) {
  std::string out = input;
  for (std::uint64_t i = 1 + random.below(4); i > 0; --i) {
    const std::size_t at = static_cast<std::size_t>(random.below(out.size() + 1));
    switch (random.below(5)) {
      case 0:
        if (at < out.size()) out[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        out.insert(at, kTokens[random.below(std::size(kTokens))]);
        break;
      case 2:
        out.erase(at, static_cast<std::size_t>(random.below(8)));
        break;
      case 3:
        out = out.substr(0, at) +
              other.substr(std::min(other.size(), static_cast<std::size_t>(random.below(other.size() + 1))));
        break;
      default:
        out.insert(at, out.substr(at, static_cast<std::size_t>(random.below(32))));
    }
  }
  return out;
}

TEST(Fuzz, CorpusAndItsMutationsKeepEveryPromise) {
  const std::vector<std::string> inputs = corpus();
  ASSERT_FALSE(inputs.empty()) << BERTH_CORPUS;
  shared::env::SeededRandom random(kSeed);
  for (const std::string& input : inputs) {
    run(input);
    for (int i = 0; i < kMutationsPerFile; ++i) {
      run(mutated(input, inputs[static_cast<std::size_t>(random.below(inputs.size()))], random));
    }
  }
}

}  // namespace
