// The header fields that a listener sets on every response, whatever its status and whoever made it (ELBv2
// listener attributes routing.http.response.NAME.header_value): a field of the target with that name is
// replaced, else it is added; with an empty value the target's field is removed. Compiled once for each
// configuration of a listener; immutable, so that any number of threads may read it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/lbconfig/traffic.h"

namespace balancer::codec {

class ResponseEdits {
 public:
  ResponseEdits() = default;
  explicit ResponseEdits(const std::vector<shared::lbconfig::ResponseHeader>& headers);

  bool empty() const { return names_.empty(); }
  std::string_view lines() const { return lines_; }  // complete, with CRLF
  // A field of this name, in any case, is set or removed here: nobody else may send it.
  bool sets(std::string_view name) const {
    const auto size = static_cast<unsigned>(name.size());
    return size < 64 ? (sizes_ >> size & 1U) != 0 && listed(name) : long_names_ && listed(name);
  }

 private:
  bool listed(std::string_view name) const;

  std::string lines_;
  std::vector<std::string> names_;  // lower case
  std::uint64_t sizes_ = 0;         // a bit for each length of a name below 64
  bool long_names_ = false;
};

}  // namespace balancer::codec
