#include "shared/json/lines.h"

#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>

namespace shared::json {
namespace {

// Counts the line ends that the lexer has taken: it reads a name up to its closing quote and no further.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::size_t* line) : at_(at), line_(line) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    if (*at_++ == '\n') ++*line_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  std::size_t* line_;
};

class LineSax : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit LineSax(const std::size_t& line) : line_(line) {}
  std::map<std::string, std::size_t, std::less<>> take() { return std::move(lines_); }

  bool null() override { return !at_root(); }
  bool boolean(bool) override { return !at_root(); }
  bool number_integer(std::int64_t) override { return !at_root(); }
  bool number_unsigned(std::uint64_t) override { return !at_root(); }
  bool number_float(double, const std::string&) override { return !at_root(); }
  bool string(std::string&) override { return !at_root(); }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return ++depth_ > 0; }
  bool end_object() override { return --depth_ >= 0; }
  bool start_array(std::size_t) override { return depth_++ > 0; }
  bool end_array() override { return --depth_ >= 0; }
  bool key(std::string& name) override {
    if (depth_ == 1) lines_.insert_or_assign(name, line_);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  bool at_root() const { return depth_ == 0; }

  const std::size_t& line_;
  int depth_ = 0;
  std::map<std::string, std::size_t, std::less<>> lines_;
};

}  // namespace

std::map<std::string, std::size_t, std::less<>> member_lines(std::string_view text) {
  std::size_t line = 1;
  LineSax sax(line);
  nlohmann::json::sax_parse(CountingIterator(text.data(), &line),
                            CountingIterator(text.data() + text.size(), &line), &sax);
  return sax.take();
}

}  // namespace shared::json
