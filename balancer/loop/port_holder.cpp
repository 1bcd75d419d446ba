#include "balancer/loop/port_holder.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace balancer::loop {

namespace {

constexpr std::string_view kListenState = "0A";
constexpr std::size_t kV4Digits = 8;
constexpr std::size_t kV6Digits = 32;

// As the kernel prints them: words of 32 bits in the host's order.
std::string hex_of(const Address& at) {
  const unsigned char* bytes = nullptr;
  std::size_t words = 1;
  if (at.storage.ss_family == AF_INET) {
    bytes =
        reinterpret_cast<const unsigned char*>(&reinterpret_cast<const sockaddr_in*>(&at.storage)->sin_addr);
  } else {
    bytes = reinterpret_cast<const sockaddr_in6*>(&at.storage)->sin6_addr.s6_addr;
    words = 4;
  }
  std::string out;
  for (std::size_t i = 0; i < words; ++i) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes + i * sizeof word, sizeof word);
    std::array<char, 9> text{};
    std::snprintf(text.data(), text.size(), "%08X", word);
    out += text.data();
  }
  return out;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const auto start = line.find_first_not_of(' ');
    if (start == std::string_view::npos) return words;
    line.remove_prefix(start);
    const auto end = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

template <class T>
bool read_number(std::string_view text, T& out, int base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

bool is_wildcard(std::string_view hex) { return hex.find_first_not_of('0') == std::string_view::npos; }

// An IPv6 wildcard is in the way of IPv4 too, and the other way round only of the same port.
bool in_the_way(std::string_view listening, std::string_view wanted) {
  if (is_wildcard(listening) || is_wildcard(wanted)) return true;
  return listening == wanted;
}

std::string read_all(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// "nginx (pid 4711)" of the process that has the socket; empty: none that we may look into.
std::string process_of(std::uint64_t inode) {
  const std::string wanted = "socket:[" + std::to_string(inode) + "]";
  std::error_code error;
  for (const auto& process : std::filesystem::directory_iterator("/proc", error)) {
    const std::string pid = process.path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code unreadable;
    std::filesystem::directory_iterator descriptors(process.path() / "fd", unreadable);
    for (; !unreadable && descriptors != std::filesystem::directory_iterator();
         descriptors.increment(unreadable)) {
      std::error_code gone;
      if (std::filesystem::read_symlink(descriptors->path(), gone) != wanted || gone) continue;
      std::string name = read_all(process.path() / "comm");
      while (!name.empty() && name.back() == '\n') name.pop_back();
      return (name.empty() ? "a process" : name) + " (pid " + pid + ")";
    }
  }
  return {};
}

}  // namespace

std::vector<ListeningSocket> listening_at(std::string_view table, const Address& at) {
  std::vector<ListeningSocket> found;
  const std::string wanted = hex_of(at);
  while (!table.empty()) {
    const auto end = std::min(table.find('\n'), table.size());
    const auto words = words_of(table.substr(0, end));
    table.remove_prefix(std::min(end + 1, table.size()));
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
    if (words.size() < 10 || words[3] != kListenState) continue;
    const auto colon = words[1].find(':');
    if (colon != kV4Digits && colon != kV6Digits) continue;
    std::uint16_t port = 0;
    ListeningSocket socket;
    if (!read_number(words[1].substr(colon + 1), port, 16) || !read_number(words[7], socket.uid, 10) ||
        !read_number(words[9], socket.inode, 10))
      continue;
    if (port == at.port() && in_the_way(words[1].substr(0, colon), wanted)) found.push_back(socket);
  }
  return found;
}

std::string describe_holder(const Address& at) {
  std::vector<ListeningSocket> sockets;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    const auto some = listening_at(read_all(table), at);
    sockets.insert(sockets.end(), some.begin(), some.end());
  }
  if (sockets.empty()) return {};
  for (const ListeningSocket& socket : sockets) {
    const std::string process = process_of(socket.inode);
    if (!process.empty()) return "held by " + process;
  }
  return "held by a process of user " + std::to_string(sockets.front().uid);
}

}  // namespace balancer::loop
