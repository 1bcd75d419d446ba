// Logging as events: a name that never changes and fields that do.
//
//   log::info("target_unhealthy", {{"target", target}, {"reason", reason}, {"failures", 3}});
//
// One line per event: a JSON object in production, logfmt when a person watches (stderr is a terminal).
// Levels: error = a human must act; warn = degraded; info = lifecycle; debug = per request. Event and field
// names are constants in snake_case; identifiers go into fields. Not for access logs, not for metrics.
// Thread: any. A call writes before it returns, so that nothing is missing after a crash.
#pragma once
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "shared/base/error.h"

namespace shared::log {

enum class Level { kDebug, kInfo, kWarn, kError };
enum class Format { kAuto, kJson, kLogfmt };  // kAuto: logfmt if stderr is a terminal, else JSON

std::optional<Level> parse_level(std::string_view word);    // "debug", "info", "warn", "error"
std::optional<Format> parse_format(std::string_view word);  // "auto", "json", "logfmt"

// What a field holds. Text is not copied: build fields in the call itself.
class Value {
 public:
  template <class T>
  requires std::convertible_to<const T&, std::string_view> Value(const T& text)
      : data_(std::string_view(text)) {}  // NOLINT(runtime/explicit)
  template <class T>
  requires(std::integral<T> && !std::same_as<T, bool>) Value(T number) {  // NOLINT(runtime/explicit)
    if constexpr (std::is_signed_v<T>) {
      data_ = static_cast<std::int64_t>(number);
    } else {
      data_ = static_cast<std::uint64_t>(number);
    }
  }
  Value(std::floating_point auto number) : data_(static_cast<double>(number)) {}  // NOLINT(runtime/explicit)
  Value(std::same_as<bool> auto flag) : data_(flag) {}                            // NOLINT(runtime/explicit)

  using Data = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;
  const Data& data() const { return data_; }

 private:
  Data data_;
};

struct Field {
  std::string_view name;
  Value value;
};
using Fields = std::initializer_list<Field>;

void debug(std::string_view event, Fields fields = {});
void info(std::string_view event, Fields fields = {});
void warn(std::string_view event, Fields fields = {});
void error(std::string_view event, Fields fields = {});
// The same with the error's code and text as the fields "code" and "error".
void warn(std::string_view event, const Error& why, Fields fields = {});
void error(std::string_view event, const Error& why, Fields fields = {});

// Whether lines of this level are written: to skip work that only prepares fields.
bool enabled(Level level);

struct Options {
  Level level = Level::kInfo;
  Format format = Format::kAuto;
  // When set, gets every line (without its newline) in place of stderr; called under the logger's lock.
  std::function<void(std::string_view line)> output;
};
// Replaces what was configured before. Without any call the defaults hold. Safe beside running log calls.
void configure(Options options);
void set_level(Level level);

}  // namespace shared::log
