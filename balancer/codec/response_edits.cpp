#include "balancer/codec/response_edits.h"

#include <algorithm>

#include "balancer/codec/chars.h"

namespace balancer::codec {

ResponseEdits::ResponseEdits(const std::vector<shared::lbconfig::ResponseHeader>& headers) {
  for (const auto& [name, value] : headers) {
    std::string& lowered = names_.emplace_back(name);
    for (char& c : lowered) c = lower(c);
    if (name.size() < 64) {
      sizes_ |= std::uint64_t{1} << name.size();
    } else {
      long_names_ = true;
    }
    if (value.empty()) continue;
    lines_ += name;
    lines_ += ": ";
    lines_ += value;
    lines_ += "\r\n";
  }
}

bool ResponseEdits::listed(std::string_view name) const {
  return std::any_of(names_.begin(), names_.end(),
                     [name](const std::string& lowered) { return equals_lowered(name, lowered); });
}

}  // namespace balancer::codec
