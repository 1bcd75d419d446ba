#include "agent/cli/output/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace agent::cli {

TerminalFacts terminal_facts() {
  TerminalFacts facts;
  facts.output = ::isatty(STDOUT_FILENO) == 1;
  facts.errors = ::isatty(STDERR_FILENO) == 1;
  if (!facts.output) return facts;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) facts.width = size.ws_col;
  if (const char* columns = std::getenv("COLUMNS"); columns != nullptr) {
    const std::string_view text = columns;
    std::size_t width = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), width).ec == std::errc() && width > 0)
      facts.width = width;
  }
  return facts;
}

Colour colour_for(std::string_view choice, bool terminal,
                  const std::map<std::string, std::string>& environment) {
  if (choice == "always") return Colour::kOn;
  if (choice == "never" || !terminal) return Colour::kOff;
  const auto no_colour = environment.find("NO_COLOR");
  if (no_colour != environment.end() && !no_colour->second.empty()) return Colour::kOff;
  const auto term = environment.find("TERM");
  return term == environment.end() || term->second == "dumb" ? Colour::kOff : Colour::kOn;
}

bool Terminal::print(std::string_view text) {
  clear_progress();
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return std::fflush(stdout) == 0 && written;
}

void Terminal::note(std::string_view text) {
  clear_progress();
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

void Terminal::progress(std::string_view text) {
  if (!progress_) return;
  const std::string shown = look_.width == 0 ? std::string(text) : shortened_to(text, look_.width - 1);
  std::fprintf(stderr, "\r\033[K%s", shown.c_str());
  std::fflush(stderr);
  progress_there_ = true;
}

void Terminal::clear_progress() {
  if (!progress_there_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  progress_there_ = false;
}

}  // namespace agent::cli
