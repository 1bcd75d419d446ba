// One call of `berth`, from its words to its exit code. Thread: main.
#pragma once
#include <string>
#include <vector>

namespace agent::cli {

int run(const std::vector<std::string>& words);

}  // namespace agent::cli
