#include "shared/log/log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <cmath>
#include <mutex>

namespace shared::log {
namespace {

constexpr std::array<std::string_view, 4> kLevelWords{"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 3> kFormatWords{"auto", "json", "logfmt"};
constexpr std::array kSpdlogLevels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                   spdlog::level::err};
// spdlog writes the time, we write everything after it. UTC, milliseconds.
constexpr char kJsonPattern[] = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})";
constexpr char kLogfmtPattern[] = "time=%Y-%m-%dT%H:%M:%S.%eZ %v";

class CallbackSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit CallbackSink(std::function<void(std::string_view)> output) : output_(std::move(output)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    std::string_view text(line.data(), line.size());
    if (text.ends_with('\n')) text.remove_suffix(1);
    output_(text);
  }
  void flush_() override {}

  std::function<void(std::string_view)> output_;
};

struct Backend {
  std::shared_ptr<spdlog::logger> logger;
  Format format = Format::kJson;
};

std::shared_ptr<const Backend> make_backend(Options options) {
  auto backend = std::make_shared<Backend>();
  backend->format = options.format;
  if (options.format == Format::kAuto)
    backend->format = ::isatty(STDERR_FILENO) ? Format::kLogfmt : Format::kJson;
  spdlog::sink_ptr sink;
  if (options.output) {
    sink = std::make_shared<CallbackSink>(std::move(options.output));
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  }
  backend->logger = std::make_shared<spdlog::logger>("berth", std::move(sink));
  backend->logger->set_level(spdlog::level::debug);  // levels are decided before spdlog sees a line
  backend->logger->set_pattern(backend->format == Format::kJson ? kJsonPattern : kLogfmtPattern,
                               spdlog::pattern_time_type::utc);
  return backend;
}

// Shared, so that a line being written keeps its backend alive while configure() swaps it.
struct Current {
  std::mutex mutex;
  std::shared_ptr<const Backend> backend = make_backend({});
  std::atomic<Level> level = Level::kInfo;
};

// Never destroyed: destructors of other static objects may still log.
Current& current() {
  static Current* const instance = new Current;
  return *instance;
}

constexpr char kHexDigits[] = "0123456789abcdef";

// The inside of a JSON string. Bytes from 0x80 on pass as they are; control characters are escaped.
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out.push_back(kHexDigits[byte >> 4]);
      out.push_back(kHexDigits[byte & 15U]);
    } else {
      out.push_back(c);
    }
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  append_escaped(out, text);
  out.push_back('"');
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return true;
  }
  return false;
}

template <class T>
void append_number(std::string& out, T number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_value(std::string& out, const Value& value, Format format) {
  std::visit(
      [&](const auto& data) {
        using T = std::decay_t<decltype(data)>;
        if constexpr (std::is_same_v<T, std::string_view>) {
          if (format == Format::kJson || needs_quotes(data)) return append_quoted(out, data);
          out += data;
        } else if constexpr (std::is_same_v<T, bool>) {
          out += data ? "true" : "false";
        } else if constexpr (std::is_same_v<T, double>) {
          if (std::isfinite(data)) return append_number(out, data);
          out += format == Format::kJson ? "null" : "nan";
        } else {
          append_number(out, data);
        }
      },
      value.data());
}

void append_field(std::string& out, std::string_view name, const Value& value, Format format) {
  if (format == Format::kJson) {
    if (!out.empty()) out.push_back(',');
    append_quoted(out, name);
    out.push_back(':');
  } else {
    if (!out.empty()) out.push_back(' ');
    out += name;
    out.push_back('=');
  }
  append_value(out, value, format);
}

void write(Level level, std::string_view event, const Error* why, Fields fields) {
  if (!enabled(level)) return;
  std::shared_ptr<const Backend> backend;
  {
    const std::lock_guard lock(current().mutex);
    backend = current().backend;
  }
  std::string line;
  append_field(line, "level", kLevelWords[static_cast<std::size_t>(level)], backend->format);
  append_field(line, "event", event, backend->format);
  for (const Field& field : fields) append_field(line, field.name, field.value, backend->format);
  if (why != nullptr) {
    append_field(line, "code", why->code(), backend->format);
    append_field(line, "error", why->text(), backend->format);
  }
  backend->logger->log(kSpdlogLevels[static_cast<std::size_t>(level)],
                       spdlog::string_view_t(line.data(), line.size()));
}

template <class E, std::size_t N>
std::optional<E> parse_word(std::string_view word, const std::array<std::string_view, N>& words) {
  for (std::size_t i = 0; i < N; ++i) {
    if (word == words[i]) return static_cast<E>(i);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Level> parse_level(std::string_view word) { return parse_word<Level>(word, kLevelWords); }
std::optional<Format> parse_format(std::string_view word) { return parse_word<Format>(word, kFormatWords); }

void debug(std::string_view event, Fields fields) { write(Level::kDebug, event, nullptr, fields); }
void info(std::string_view event, Fields fields) { write(Level::kInfo, event, nullptr, fields); }
void warn(std::string_view event, Fields fields) { write(Level::kWarn, event, nullptr, fields); }
void error(std::string_view event, Fields fields) { write(Level::kError, event, nullptr, fields); }
void warn(std::string_view event, const Error& why, Fields fields) {
  write(Level::kWarn, event, &why, fields);
}
void error(std::string_view event, const Error& why, Fields fields) {
  write(Level::kError, event, &why, fields);
}

bool enabled(Level level) { return level >= current().level.load(std::memory_order_relaxed); }

void configure(Options options) {
  set_level(options.level);
  auto backend = make_backend(std::move(options));
  const std::lock_guard lock(current().mutex);
  current().backend = std::move(backend);
}

void set_level(Level level) { current().level.store(level, std::memory_order_relaxed); }

}  // namespace shared::log
