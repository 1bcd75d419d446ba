#include "balancer/app/memory_watch.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace balancer::app {

namespace {

constexpr std::uint64_t kMebibyte = 1024 * 1024;
// v1 writes a number near the end of 63 bits where there is no limit.
constexpr std::uint64_t kNoMemoryHas = std::uint64_t{1} << 60;

std::string read_all(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void add_with_parents(std::vector<std::string>& files, const std::string& mount, std::string path,
                      const char* file) {
  while (true) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    files.push_back(mount + path + "/" + file);
    if (path.empty()) return;
    path.erase(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

bool names_memory(std::string_view controllers) {
  while (!controllers.empty()) {
    const auto comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == "memory") return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

std::uint64_t share(std::uint64_t used, std::uint64_t limit) { return limit == 0 ? 100 : used * 100 / limit; }

}  // namespace

std::vector<std::string> memory_limit_files(std::string_view groups, const std::string& root) {
  std::vector<std::string> files;
  while (!groups.empty()) {
    const auto end = std::min(groups.find('\n'), groups.size());
    const std::string_view line = groups.substr(0, end);
    groups.remove_prefix(std::min(end + 1, groups.size()));
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    if (line.substr(0, first) == "0" && controllers.empty())
      add_with_parents(files, root, path, "memory.max");
    if (names_memory(controllers)) add_with_parents(files, root + "/memory", path, "memory.limit_in_bytes");
  }
  return files;
}

std::optional<std::uint64_t> parse_memory_limit(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  std::uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || bytes >= kNoMemoryHas)
    return std::nullopt;
  return bytes;
}

std::uint64_t parse_statm(std::string_view text, std::uint64_t page_bytes) {
  std::uint64_t pages = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), pages);
  return pages * page_bytes;
}

std::uint64_t memory_stat(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.size() <= name.size() || line.substr(0, name.size()) != name || line[name.size()] != ' ')
      continue;
    std::uint64_t bytes = 0;
    (void)std::from_chars(line.data() + name.size() + 1, line.data() + line.size(), bytes);
    return bytes;
  }
  return 0;
}

MemoryGauge::Advice MemoryGauge::look(const MemoryUse& use) {
  use_ = use;
  const std::uint64_t most =
      std::max(limits_.group ? share(use.group, *limits_.group) : 0,
               limits_.address_space ? share(use.address_space, *limits_.address_space) : 0);
  if (told_ != 0 && most < kEnoughBelow) {
    told_ = 0;
    return Advice::kMore;
  }
  if (most < (told_ == 0 ? kShortAbove : told_ + kStep)) return Advice::kNone;
  told_ = most;
  return Advice::kLess;
}

std::string MemoryGauge::text() const {
  std::string out;
  const auto add = [&out](std::uint64_t used, std::uint64_t limit, const char* of) {
    out += (out.empty() ? "" : ", ") + std::to_string(used / kMebibyte) + " of " +
           std::to_string(limit / kMebibyte) + " MiB of its " + of;
  };
  if (limits_.group) add(use_.group, *limits_.group, "control group");
  if (limits_.address_space) add(use_.address_space, *limits_.address_space, "address space");
  return out;
}

MemoryLimits memory_limits_of_this_process() {
  MemoryLimits limits;
  for (std::string& file : memory_limit_files(read_all("/proc/self/cgroup"), "/sys/fs/cgroup")) {
    const auto limit = parse_memory_limit(read_all(file));
    if (!limit || (limits.group && *limits.group <= *limit)) continue;
    limits.group = limit;
    limits.group_file = std::move(file);
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    limits.address_space = limit.rlim_cur;
  return limits;
}

MemoryUse memory_use_of_this_process(const MemoryLimits& limits) {
  MemoryUse use;
  if (limits.address_space)
    use.address_space =
        parse_statm(read_all("/proc/self/statm"), static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  if (!limits.group) return use;
  const std::string group = limits.group_file.substr(0, limits.group_file.rfind('/'));
  const bool v2 = limits.group_file.ends_with("memory.max");
  use.group =
      parse_memory_limit(read_all(group + (v2 ? "/memory.current" : "/memory.usage_in_bytes"))).value_or(0);
  // Reading what it is made of costs more, and is needed only where all of it would be too much.
  if (share(use.group, *limits.group) < kEnoughBelow) return use;
  const std::uint64_t files =
      memory_stat(read_all(group + "/memory.stat"), v2 ? "inactive_file" : "total_inactive_file");
  use.group -= std::min(use.group, files);
  return use;
}

}  // namespace balancer::app
