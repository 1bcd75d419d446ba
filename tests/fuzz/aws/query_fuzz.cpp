// Query forms: parsing and every kind of read end without a crash, and errors are errors of the caller.
#include <array>
#include <cstdint>
#include <string_view>

#include "agent/aws/query.h"
#include "shared/base/check.h"

using agent::aws::Query;
using agent::aws::QueryReader;

namespace {

constexpr std::array<std::string_view, 8> kNames{"Action", "Names", "Tags", "Actions",
                                                 "Port",   "Key",   "",     "member"};
constexpr std::array<std::string_view, 2> kWords{"forward", "redirect"};
constexpr int kLevels = 4;

void read_all(const QueryReader& in, int level) {
  for (const std::string_view name : kNames) {
    const auto text = in.text(name);
    const auto string = in.string(name);
    if (string) BERTH_CHECK(text == string && !string->empty(), "string() must agree with text()");
    if (const auto list = in.strings(name)) BERTH_CHECK(in.has(name), "a list must be present to be read");
    BERTH_CHECK(in.integer<int>(name, -5, 5).value_or(0) <= 5, "a range must hold");
    (void)in.boolean(name);
    (void)in.word(name, kWords);
    (void)in.string_map(name);
    if (level == 0) continue;
    for (const QueryReader& child : in.children(name)) read_all(child, level - 1);
    if (const auto child = in.child(name)) read_all(*child, level - 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto query = Query::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!query) {
    BERTH_CHECK(query.error().code() == "MalformedQueryString", "the only code of parse");
    return 0;
  }
  // The first error stops a run of reads, so that each name also gets a run of its own.
  read_all(query->root(), kLevels);
  for (const std::string_view name : kNames) {
    auto again = Query::parse(std::string_view(reinterpret_cast<const char*>(data), size));
    for (const QueryReader& child : again->root().children(name)) read_all(child, 1);
    if (!again->result())
      BERTH_CHECK(again->result().error().blame() == shared::Blame::kClient, "input is the client's");
  }
  return 0;
}
