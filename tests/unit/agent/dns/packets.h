// Queries and answers of DNS as bytes, made and read by hand, so that the code under test does neither.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agent::dns::test {

inline std::string u16(unsigned value) {
  return {static_cast<char>(value >> 8 & 0xFF), static_cast<char>(value & 0xFF)};
}

// "a.b" as labels.
inline std::string wire_name(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const auto dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    out += static_cast<char>(label.size());
    out += label;
    name = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
  }
  return out + '\0';
}

inline std::string query(std::string_view name, unsigned type, unsigned flags = 0x0100,
                         const std::string& additional = "") {
  return u16(0x1234) + u16(flags) + u16(1) + u16(0) + u16(0) + u16(additional.empty() ? 0 : 1) +
         wire_name(name) + u16(type) + u16(1) + additional;
}

inline std::string edns(unsigned bytes, unsigned version = 0) {
  return std::string(1, '\0') + u16(41) + u16(bytes) + u16(version) + u16(0) + u16(0);
}

inline unsigned number(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]) * 256U + static_cast<unsigned char>(bytes[at + 1]);
}
inline unsigned code_of(std::string_view reply) { return static_cast<unsigned char>(reply[3]) & 0xF; }
inline bool truncated(std::string_view reply) { return (static_cast<unsigned char>(reply[2]) & 2) != 0; }
inline bool authoritative(std::string_view reply) { return (static_cast<unsigned char>(reply[2]) & 4) != 0; }

struct Record {
  std::string name;
  unsigned type = 0;
  unsigned ttl = 0;
  std::string data;  // "10.0.0.1", "1 1 8080 target", else bytes
};

inline std::string name_at(std::string_view bytes, std::size_t& at) {
  std::string out;
  std::size_t here = at;
  bool jumped = false;
  for (int i = 0; i < 128; ++i) {
    const auto length = static_cast<unsigned char>(bytes.at(here));
    if (length == 0) {
      if (!jumped) at = here + 1;
      return out;
    }
    if (length >= 0xC0) {
      if (!jumped) at = here + 2;
      jumped = true;
      here = number(bytes, here) & 0x3FFF;
      continue;
    }
    out += (out.empty() ? "" : ".") + std::string(bytes.substr(here + 1, length));
    here += 1 + length;
  }
  return "a loop";
}

// All records, section by section.
inline std::vector<std::vector<Record>> sections(std::string_view reply) {
  std::vector<std::vector<Record>> out(3);
  std::size_t at = 12;
  for (unsigned i = 0; i < number(reply, 4); ++i) {
    (void)name_at(reply, at);
    at += 4;
  }
  for (std::size_t section = 0; section < 3; ++section) {
    for (unsigned i = 0; i < number(reply, 6 + 2 * section); ++i) {
      Record record;
      record.name = name_at(reply, at);
      record.type = number(reply, at);
      record.ttl = number(reply, at + 4) << 16 | number(reply, at + 6);
      const std::size_t length = number(reply, at + 8);
      at += 10;
      const std::string_view data = reply.substr(at, length);
      if (record.type == 1) {
        for (unsigned char c : data) record.data += (record.data.empty() ? "" : ".") + std::to_string(c);
      } else if (record.type == 33) {
        std::size_t target = at + 6;
        record.data = std::to_string(number(data, 0)) + " " + std::to_string(number(data, 2)) + " " +
                      std::to_string(number(data, 4)) + " " + name_at(reply, target);
      } else {
        record.data = data;
      }
      at += length;
      out[section].push_back(record);
    }
  }
  return out;
}

}  // namespace agent::dns::test
