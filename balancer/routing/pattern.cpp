#include "balancer/routing/pattern.h"

#include "balancer/codec/chars.h"

namespace balancer::routing {

namespace {
constexpr std::size_t kWordBits = 64;
}

shared::Result<Pattern> Pattern::compile(std::string_view text, Case letters, Escapes escapes) {
  if (text.size() > kMaxPattern) {
    return shared::Error("InvalidPattern",
                         "pattern is longer than " + std::to_string(kMaxPattern) + " bytes");
  }
  Pattern pattern;
  pattern.fold_ = letters == Case::kInsensitive;
  Run run;
  bool star = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool literal = false;
    if (c == '\\' && escapes == Escapes::kBackslash && i + 1 < text.size()) {
      const char next = text[i + 1];
      if (next == '*' || next == '?' || next == '\\') {
        literal = true;
        c = next;
        ++i;
      }
    }
    star = c == '*' && !literal;
    if (star) {
      if (pattern.runs_.empty() && run.bytes.empty()) pattern.open_start_ = true;
      if (!run.bytes.empty()) pattern.runs_.push_back(std::move(run));
      run = Run();
      continue;
    }
    const bool any = c == '?' && !literal;
    run.bytes.push_back(pattern.fold_ ? codec::lower(c) : c);
    run.any.push_back(any);
    run.has_any = run.has_any || any;
  }
  pattern.open_end_ = star;
  if (!run.bytes.empty()) pattern.runs_.push_back(std::move(run));
  pattern.prepare_searches();
  return pattern;
}

// Only runs with a star on both sides are searched for; the others have a fixed place.
void Pattern::prepare_searches() {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    if ((i == 0 && !open_start_) || (i + 1 == runs_.size() && !open_end_)) continue;
    run.rows.assign(256, {});
    for (std::size_t c = 0; c < run.rows.size(); ++c) {
      const char byte = fold_ ? codec::lower(static_cast<char>(c)) : static_cast<char>(c);
      for (std::size_t at = 0; at < run.bytes.size(); ++at) {
        if (run.any[at] || run.bytes[at] == byte) {
          run.rows[c][at / kWordBits] |= std::uint64_t{1} << (at % kWordBits);
        }
      }
    }
  }
}

bool Pattern::equal(std::string_view text, const Run& run) const {
  if (!fold_ && !run.has_any) return text == run.bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = fold_ ? codec::lower(text[i]) : text[i];
    if (c != run.bytes[i] && !run.any[i]) return false;
  }
  return true;
}

// Shift-and: bit i of the state says that the last i + 1 bytes read are the first i + 1 of the run. One step
// for each byte of the text, whatever the run. Returns the end of the first match, npos without one.
std::size_t Pattern::search(std::string_view text, const Run& run) {
  const std::size_t last = run.bytes.size() - 1;
  const std::uint64_t done = std::uint64_t{1} << (last % kWordBits);
  std::uint64_t low = 0, high = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto& row = run.rows[static_cast<unsigned char>(text[i])];
    high = (high << 1 | low >> (kWordBits - 1)) & row[1];
    low = (low << 1 | 1U) & row[0];
    if (((last < kWordBits ? low : high) & done) != 0) return i + 1;
  }
  return std::string_view::npos;
}

// Runs between stars are found leftmost first, which never spoils a match: a later start leaves less text for
// the rest.
bool Pattern::matches(std::string_view text) const {
  if (runs_.empty()) return open_start_ || text.empty();
  std::size_t first = 0;
  std::size_t last = runs_.size();
  if (!open_start_) {
    const std::size_t size = runs_.front().bytes.size();
    if (text.size() < size || !equal(text.substr(0, size), runs_.front())) return false;
    text.remove_prefix(size);
    first = 1;
    if (last == 1) return open_end_ || text.empty();
  }
  if (!open_end_) {
    const std::size_t size = runs_.back().bytes.size();
    if (text.size() < size || !equal(text.substr(text.size() - size), runs_.back())) return false;
    text.remove_suffix(size);
    --last;
  }
  for (std::size_t i = first; i < last; ++i) {
    const std::size_t end = search(text, runs_[i]);
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end);
  }
  return true;
}

}  // namespace balancer::routing
