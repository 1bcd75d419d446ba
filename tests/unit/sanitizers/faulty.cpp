// Does one thing that must not be done, named by its argument, so that a test sees the sanitizers of this
// build find it. Built with the flags of the libraries.
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

namespace {

// What the optimiser must not see through.
template <class T>
T hidden(T value) {
  volatile T copy = value;
  return copy;
}

int use_after_free() {
  auto owner = std::make_unique<int>(1);
  int* const kept = hidden(owner.get());
  owner.reset();
  return *kept;
}

int heap_overflow() {
  std::vector<int> values(4, 1);
  return values.data()[hidden(4)];
}

int null_read() { return *hidden(static_cast<int*>(nullptr)); }

int signed_overflow() { return hidden(std::numeric_limits<int>::max()) + 1; }

int leak() {
  hidden(new int(1));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view fault = argc > 1 ? argv[1] : "";
  int result = 0;
  if (fault == "use-after-free") {
    result = use_after_free();
  } else if (fault == "heap-overflow") {
    result = heap_overflow();
  } else if (fault == "null-read") {
    result = null_read();
  } else if (fault == "signed-overflow") {
    result = signed_overflow();
  } else if (fault == "leak") {
    result = leak();
  } else {
    return std::fputs("usage: faulty use-after-free|heap-overflow|null-read|signed-overflow|leak\n", stderr);
  }
  std::printf("nobody noticed: %d\n", result);
  return 0;
}
