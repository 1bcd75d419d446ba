#include "agent/schedule/zone.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>

namespace agent::schedule {

using shared::Result;

namespace {

constexpr const char* kZoneFiles = "/usr/share/zoneinfo/";
constexpr std::size_t kMostName = 64;
constexpr std::size_t kMostFile = 64 * 1024;
constexpr std::size_t kMostKnown = 700;  // there are fewer names
constexpr std::int64_t kDay = 86'400;

shared::Error bad_zone(std::string text) {
  return shared::Error("zone", std::move(text), shared::Blame::kClient);
}

// Of the big-endian numbers of the file; past its end they are 0, which the counts below exclude.
std::int64_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value = value << 8U | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
  if (size == 4) return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
  return static_cast<std::int64_t>(value);
}

bool is_name(const std::string& name) {
  if (name.empty() || name.size() > kMostName || name[0] == '/' || name.find("..") != std::string::npos)
    return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '-' || c == '+';
  });
}

// Reads texts of the footer from the left.
struct Reading {
  std::string_view rest;
  bool ok = true;

  char peek() const { return rest.empty() ? '\0' : rest[0]; }
  bool take(char c) {
    if (peek() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  int number() {
    int value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc()) ok = false;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return value;
  }
  void skip_name() {
    if (take('<')) {
      while (!rest.empty() && !take('>')) rest.remove_prefix(1);
      return;
    }
    while (std::isalpha(static_cast<unsigned char>(peek())) != 0) rest.remove_prefix(1);
  }
  std::int64_t time() {  // "[+-]h[:m[:s]]"
    const bool minus = take('-');
    if (!minus) take('+');
    std::int64_t seconds = std::int64_t{number()} * 3'600;
    if (take(':')) seconds += std::int64_t{number()} * 60;
    if (take(':')) seconds += number();
    return minus ? -seconds : seconds;
  }
};

int year_of(std::int64_t seconds) {
  const auto day =
      std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(seconds)));
  return static_cast<int>(std::chrono::year_month_day(day).year());
}

}  // namespace

std::shared_ptr<const Zone> Zone::utc() {
  static const auto zone = std::make_shared<const Zone>();
  return zone;
}

Result<std::shared_ptr<const Zone>> Zone::named(const std::string& name) {
  if (name.empty() || name == "UTC" || name == "GMT" || name == "Etc/UTC") return utc();
  if (!is_name(name)) return bad_zone("'" + name.substr(0, kMostName) + "' is no name of a time zone");
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const Zone>> known;
  const std::lock_guard lock(mutex);
  if (const auto found = known.find(name); found != known.end()) return found->second;
  std::ifstream file(kZoneFiles + name, std::ios::binary);
  std::string bytes;
  if (file) bytes.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  if (bytes.empty()) return bad_zone("this host knows no time zone '" + name + "'");
  auto zone = parse(bytes);
  if (zone && known.size() < kMostKnown) known[name] = *zone;
  return zone;
}

Result<std::shared_ptr<const Zone>> Zone::parse(std::string_view file) {
  constexpr std::size_t kHead = 44;
  constexpr std::size_t kType = 6;
  struct Counts {
    std::size_t utc, standard, leaps, times, types, chars;
    std::size_t body(std::size_t width) const {
      return times * width + times + types * kType + chars + leaps * (width + 4) + standard + utc;
    }
  };
  const auto counts_at = [&](std::size_t at) {
    const auto count = [&](std::size_t i) {
      return static_cast<std::size_t>(static_cast<std::uint32_t>(number_at(file, at + 20 + 4 * i, 4)));
    };
    return Counts{count(0), count(1), count(2), count(3), count(4), count(5)};
  };
  if (file.size() > kMostFile || file.size() < kHead || !file.starts_with("TZif") || file[4] < '2')
    return bad_zone("the file of the time zone cannot be read");
  const std::size_t second = kHead + counts_at(0).body(4);
  if (second + kHead > file.size()) return bad_zone("the file of the time zone ends too early");
  const Counts counts = counts_at(second);
  const std::size_t times = second + kHead;
  const std::size_t end = times + counts.body(8);
  if (counts.types == 0 || end > file.size() || counts.times > kMostFile)
    return bad_zone("the file of the time zone ends too early");
  const std::size_t kinds = times + counts.times * 8;
  const std::size_t types = kinds + counts.times;
  const auto offset_of = [&](std::size_t type) {
    return number_at(file, types + std::min(type, counts.types - 1) * kType, 4);
  };
  auto zone = std::make_shared<Zone>();
  zone->first_offset_ = offset_of(0);
  for (std::size_t i = 0; i < counts.times; ++i)
    zone->changes_.push_back(
        {number_at(file, times + 8 * i, 8), offset_of(static_cast<unsigned char>(file[kinds + i]))});
  std::string_view footer = file.substr(end);
  if (footer.starts_with('\n')) footer.remove_prefix(1);
  zone->has_footer_ = zone->read_footer(footer.substr(0, footer.find('\n')));
  return std::shared_ptr<const Zone>(std::move(zone));
}

// What says more than a standard time and days of months ("Mm.w.d") is not read: the last change stays.
bool Zone::read_footer(std::string_view text) {
  Reading in{text};
  if (text.empty()) return false;
  in.skip_name();
  standard_ = -in.time();
  summer_ = standard_;
  if (in.rest.empty()) return in.ok;
  in.skip_name();
  summer_ = standard_ + 3'600;
  if (in.peek() != ',') summer_ = -in.time();
  for (Rule* rule : {&begins_, &ends_}) {
    if (!in.take(',') || !in.take('M')) return false;
    rule->month = in.number();
    in.ok = in.take('.') && in.ok;
    rule->week = in.number();
    in.ok = in.take('.') && in.ok;
    rule->day = in.number();
    if (in.take('/')) rule->time = in.time();
  }
  const auto sane = [](const Rule& rule) {
    return rule.month >= 1 && rule.month <= 12 && rule.week >= 1 && rule.week <= 5 && rule.day >= 0 &&
           rule.day <= 6;
  };
  return in.ok && in.rest.empty() && sane(begins_) && sane(ends_);
}

std::int64_t Zone::change_in(int year, const Rule& rule, std::int64_t offset_before) const {
  namespace chrono = std::chrono;
  const auto month = std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(rule.month));
  const auto weekday = std::chrono::weekday(static_cast<unsigned>(rule.day));
  const chrono::sys_days day = rule.week == 5
                                   ? chrono::sys_days(month / weekday[chrono::last])
                                   : chrono::sys_days(month / weekday[static_cast<unsigned>(rule.week)]);
  return std::int64_t{day.time_since_epoch().count()} * kDay + rule.time - offset_before;
}

std::int64_t Zone::by_footer(std::int64_t utc) const {
  if (begins_.month == 0) return standard_;
  const int year = year_of(utc + standard_);
  const std::int64_t begin = change_in(year, begins_, standard_);
  const std::int64_t end = change_in(year, ends_, summer_);
  const bool summer = begin < end ? utc >= begin && utc < end : utc >= begin || utc < end;
  return summer ? summer_ : standard_;
}

std::int64_t Zone::offset_at(std::int64_t utc) const {
  const auto after = std::upper_bound(changes_.begin(), changes_.end(), utc,
                                      [](std::int64_t at, const Change& change) { return at < change.at; });
  if (after == changes_.end() && has_footer_) return by_footer(utc);
  return after == changes_.begin() ? first_offset_ : std::prev(after)->offset;
}

std::int64_t Zone::utc_of(LocalSeconds local) const {
  // The larger offset is the earlier moment.
  const std::int64_t before = offset_at(local - kDay);
  const std::int64_t after = offset_at(local + kDay);
  for (const std::int64_t offset : {std::max(before, after), std::min(before, after)}) {
    if (offset_at(local - offset) == offset) return local - offset;
  }
  return -1;
}

}  // namespace agent::schedule
