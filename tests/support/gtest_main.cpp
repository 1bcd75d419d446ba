// main() of every GoogleTest program. Prints each skip with its reason at the end; with BERTH_NO_SKIP=1 (CI, where every
// engine and kernel feature is present) a skip is a failure.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

class SkipListener final : public testing::EmptyTestEventListener {
 public:
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (result.skipped()) reason_ = result.message();
  }
  void OnTestEnd(const testing::TestInfo& info) override {
    if (info.result()->Skipped()) {
      skips_.push_back(std::string(info.test_suite_name()) + "." + info.name() + ": " + reason_);
    }
    reason_.clear();
  }
  const std::vector<std::string>& skips() const { return skips_; }

 private:
  std::string reason_;
  std::vector<std::string> skips_;
};

}  // namespace

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
// Debian's clang finds no symbolizer of its own without the package llvm; binutils, which it needs anyway, has one.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allow_addr2line=1"; }
#endif
#endif

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  auto* listener = new SkipListener;  // owned by GoogleTest
  testing::UnitTest::GetInstance()->listeners().Append(listener);
  const int result = RUN_ALL_TESTS();
  for (const std::string& skip : listener->skips()) std::printf("SKIPPED %s\n", skip.c_str());
  const char* no_skip = std::getenv("BERTH_NO_SKIP");
  if (result == 0 && !listener->skips().empty() && no_skip != nullptr && std::string(no_skip) == "1") {
    std::printf("BERTH_NO_SKIP=1: %zu skipped tests count as failures\n", listener->skips().size());
    return 1;
  }
  return result;
}
