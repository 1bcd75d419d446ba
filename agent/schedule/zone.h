// Time zones by their IANA names, from the host's zoneinfo files (RFC 8536). Thread: any.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace agent::schedule {

// Seconds since the epoch on the clock on the wall there, as if it were UTC.
using LocalSeconds = std::int64_t;

class Zone {
 public:
  static std::shared_ptr<const Zone> utc();
  // "Europe/Berlin". Error "zone": no such name, or the host has no such file.
  static shared::Result<std::shared_ptr<const Zone>> named(const std::string& name);
  // The bytes of a zoneinfo file. Error "zone".
  static shared::Result<std::shared_ptr<const Zone>> parse(std::string_view file);

  std::int64_t offset_at(std::int64_t utc) const;
  LocalSeconds local(std::int64_t utc) const { return utc + offset_at(utc); }
  // When the clock there shows that, at first; nothing shows an hour that is left out: -1 then.
  std::int64_t utc_of(LocalSeconds local) const;

 private:
  struct Change {
    std::int64_t at;
    std::int64_t offset;
  };
  // What the file's last line says of the years after its list: "CET-1CEST,M3.5.0,M10.5.0/3".
  struct Rule {
    int month = 0;  // 0: there is no summer time
    int week = 0;
    int day = 0;
    std::int64_t time = 7'200;
  };
  bool read_footer(std::string_view text);
  std::int64_t change_in(int year, const Rule& rule, std::int64_t offset_before) const;
  std::int64_t by_footer(std::int64_t utc) const;

  std::int64_t first_offset_ = 0;
  std::vector<Change> changes_;
  std::int64_t standard_ = 0;
  std::int64_t summer_ = 0;
  Rule begins_;
  Rule ends_;
  bool has_footer_ = false;
};

}  // namespace agent::schedule
