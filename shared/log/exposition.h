// Writes the Prometheus text exposition format, version 0.0.4. No I/O, no state beyond the text.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shared::log {

// Names and values of one series. Values must come from a bounded set.
using Labels = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view kExpositionContentType = "text/plain; version=0.0.4; charset=utf-8";

class Exposition {
 public:
  // Starts a family; all its samples follow before the next one. A family started again is an error of the
  // program.
  void family(std::string_view name, std::string_view type, std::string_view help);
  // `name` is the family's, or with the suffix its type asks for ("_bucket", "_sum", "_count").
  void sample(std::string_view name, const Labels& labels, double value);
  void sample(std::string_view name, const Labels& labels, std::uint64_t value);

  const std::string& text() const { return text_; }

 private:
  void head(std::string_view name, const Labels& labels);
  std::string text_;
  std::set<std::string, std::less<>> families_;
};

// "[a-zA-Z_:][a-zA-Z0-9_:]*"; labels the same without the colon.
bool is_metric_name(std::string_view name);
bool is_label_name(std::string_view name);
// As the format writes a float: shortest digits, "+Inf", "-Inf", "NaN".
std::string exposition_number(double value);

}  // namespace shared::log
