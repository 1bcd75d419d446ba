// Writes tar archives (ustar) entry by entry, as a hostile hand would: nothing is checked.
#pragma once
#include <cstdio>
#include <string>
#include <string_view>

namespace tests {

class TarBuilder {
 public:
  TarBuilder& file(const std::string& name, const std::string& text, int mode = 0644, int uid = 0) {
    return entry(name, '0', text, "", mode, uid);
  }
  TarBuilder& directory(const std::string& name, int mode = 0755, int uid = 0) {
    return entry(name, '5', "", "", mode, uid);
  }
  TarBuilder& symlink(const std::string& name, const std::string& target) {
    return entry(name, '2', "", target, 0777, 0);
  }
  TarBuilder& hard_link(const std::string& name, const std::string& target) {
    return entry(name, '1', "", target, 0644, 0);
  }
  TarBuilder& device(const std::string& name, int major, int minor) {
    entry(name, '3', "", "", 0666, 0);
    char text[8];
    const std::size_t header = out_.size() - kBlock;
    std::snprintf(text, sizeof text, "%07o", static_cast<unsigned>(major));
    out_.replace(header + 329, 7, text, 7);
    std::snprintf(text, sizeof text, "%07o", static_cast<unsigned>(minor));
    out_.replace(header + 337, 7, text, 7);
    sum(header);
    return *this;
  }
  // A pax header with these records, for the entry that follows.
  TarBuilder& pax(const std::string& name, const std::string& value) {
    std::size_t size = name.size() + value.size() + 3;
    while (std::to_string(size).size() + name.size() + value.size() + 3 != size)
      size = std::to_string(size).size() + name.size() + value.size() + 3;
    return entry("PaxHeader", 'x', std::to_string(size) + " " + name + "=" + value + "\n", "", 0644, 0);
  }
  std::string finish() const { return out_ + std::string(2 * kBlock, '\0'); }

 private:
  static constexpr std::size_t kBlock = 512;

  TarBuilder& entry(const std::string& name, char type, const std::string& text, const std::string& target,
                    int mode, int uid) {
    std::string header(kBlock, '\0');
    const auto put = [&](std::size_t at, std::string_view what) { header.replace(at, what.size(), what); };
    char number[16];
    put(0, name.substr(0, 100));
    std::snprintf(number, sizeof number, "%07o", static_cast<unsigned>(mode));
    put(100, number);
    std::snprintf(number, sizeof number, "%07o", static_cast<unsigned>(uid));
    put(108, number);
    put(116, number);
    std::snprintf(number, sizeof number, "%011zo", text.size());
    put(124, number);
    put(136, "00000000000");
    header[156] = type;
    put(157, target.substr(0, 100));
    put(257, std::string_view("ustar\0"
                              "00",
                              8));
    const std::size_t at = out_.size();
    out_ += header;
    sum(at);
    out_ += text;
    out_.append((kBlock - text.size() % kBlock) % kBlock, '\0');
    return *this;
  }
  void sum(std::size_t header) {
    out_.replace(header + 148, 8, "        ");
    unsigned total = 0;
    for (std::size_t i = 0; i < kBlock; ++i) total += static_cast<unsigned char>(out_[header + i]);
    char text[8];
    std::snprintf(text, sizeof text, "%06o", total);
    out_.replace(header + 148, 7, text, 7);
  }

  std::string out_;
};

}  // namespace tests
