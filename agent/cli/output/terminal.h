// Standard output and standard error as a command uses them: whether there is a terminal, how wide it is,
// whether it wants colours, and one line of progress. Thread: main.
#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/cli/output/table.h"

namespace agent::cli {

enum class Format { kTable, kWide, kJson };

struct TerminalFacts {
  bool output = false;  // standard output is a terminal
  bool errors = false;  // standard error is one
  std::size_t width = 0;
};
TerminalFacts terminal_facts();

// "auto", "always", "never". Automatic: on a terminal that can do so and unless NO_COLOR is set to anything
// (https://no-color.org).
Colour colour_for(std::string_view choice, bool terminal,
                  const std::map<std::string, std::string>& environment);

class Terminal {
 public:
  Terminal(Format format, TableLook look, bool progress)
      : format_(format), look_(look), progress_(progress) {}
  ~Terminal() { clear_progress(); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  Format format() const { return format_; }
  bool json() const { return format_ == Format::kJson; }
  Colour colour() const { return look_.colour; }
  std::size_t width() const { return look_.width; }
  const TableLook& look() const { return look_; }
  std::string painted(std::string_view text, Style style) const { return paint(text, style, look_.colour); }

  // To standard output, at once: others may follow what is written. False: nobody reads any more.
  bool print(std::string_view text);
  bool line(std::string_view text) { return print(std::string(text) + "\n"); }
  bool show(const Table& table) { return print(table.render(look_)); }
  // To standard error: what happens, not the result.
  void note(std::string_view text);
  // One line on a terminal's standard error that the next one replaces; nothing elsewhere.
  void progress(std::string_view text);
  void clear_progress();

 private:
  Format format_;
  TableLook look_;
  bool progress_;
  bool progress_there_ = false;
};

}  // namespace agent::cli
