#include "agent/dns/message.h"

#include <arpa/nameser.h>
#include <resolv.h>

#include <algorithm>

#include "shared/base/text.h"

namespace agent::dns {

namespace {

constexpr std::size_t kOptBytes = 11;
constexpr std::uint16_t kResponse = 0x8000, kAuthoritative = 0x0400, kTruncated = 0x0200, kRecursion = 0x0100;
constexpr std::size_t kMostOffset = 0x3FFF;

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// In one form for one name, whatever it was read from.
std::optional<std::string> presented(const unsigned char* wire) {
  std::array<char, NS_MAXDNAME> text{};
  if (ns_name_ntop(wire, text.data(), text.size()) < 0) return std::nullopt;
  std::string out = text.data();
  if (out == ".") out.clear();
  return shared::lower_case(std::move(out));
}

// The name in the question, which points nowhere: a pointer there could only lead into the header.
bool is_plain(std::string_view bytes) {
  for (std::size_t at = kHeaderBytes; at < bytes.size();) {
    const auto length = static_cast<unsigned char>(bytes[at]);
    if (length == 0) return true;
    if (length > NS_MAXLABEL) return false;
    at += 1 + length;
  }
  return false;
}

}  // namespace

std::optional<std::string> normal(std::string_view name) {
  std::array<unsigned char, NS_MAXCDNAME> wire{};
  const std::string text(name);
  if (text.find('\0') != std::string::npos || ns_name_pton(text.c_str(), wire.data(), wire.size()) < 0)
    return std::nullopt;
  return presented(wire.data());
}

bool is_within(std::string_view name, std::string_view zone) {
  if (!name.ends_with(zone)) return false;
  if (name.size() == zone.size() || zone.empty()) return true;
  const std::string_view front = name.substr(0, name.size() - zone.size());
  if (front.back() != '.') return false;
  // A dot that is part of a label has a backslash before it, which itself has none.
  std::size_t slashes = 0;
  while (slashes + 2 <= front.size() && front[front.size() - 2 - slashes] == '\\') ++slashes;
  return slashes % 2 == 0;
}

Read read_query(std::string_view bytes) {
  using Verdict = Read::Verdict;
  Read out;
  if (bytes.size() < kHeaderBytes || bytes.size() > kMostTcpBytes) return out;
  const auto word = [&](std::size_t at) {
    return static_cast<std::uint16_t>(raw(bytes)[at] << 8 | raw(bytes)[at + 1]);
  };
  const std::uint16_t flags = word(2);
  if ((flags & kResponse) != 0) return out;
  Query& query = out.query;
  query.id = word(0);
  query.opcode = static_cast<std::uint8_t>(flags >> 11 & 0xF);
  query.recursion_desired = (flags & kRecursion) != 0;
  out.verdict = Verdict::kMalformed;
  if (query.opcode != 0) {  // other messages may look otherwise
    out.verdict = Verdict::kQuery;
    return out;
  }
  ns_msg message;
  if (word(4) != 1 || word(6) != 0 || word(8) != 0 || !is_plain(bytes) ||
      ns_initparse(raw(bytes), static_cast<int>(bytes.size()), &message) < 0)
    return out;
  ns_rr record;
  if (ns_parserr(&message, ns_s_qd, 0, &record) < 0) return out;
  query.type = static_cast<std::uint16_t>(ns_rr_type(record));
  query.klass = static_cast<std::uint16_t>(ns_rr_class(record));
  const auto name = presented(raw(bytes) + kHeaderBytes);
  if (!name) return out;
  query.name = *name;
  std::size_t end = kHeaderBytes;
  while (bytes[end] != 0) end += 1 + static_cast<unsigned char>(bytes[end]);
  query.question = std::string(bytes.substr(kHeaderBytes, end + 5 - kHeaderBytes));
  for (int i = 0; i < ns_msg_count(message, ns_s_ar); ++i) {
    if (ns_parserr(&message, ns_s_ar, i, &record) < 0) return out;
    if (ns_rr_type(record) != static_cast<int>(Type::kOpt)) continue;
    if (query.edns || std::string_view(ns_rr_name(record)) != ".") return out;  // one, and of the root
    query.edns = true;
    query.edns_version = static_cast<std::uint8_t>(ns_rr_ttl(record) >> 16 & 0xFF);
    query.udp_bytes = static_cast<std::uint16_t>(
        std::clamp<std::size_t>(ns_rr_class(record), kPlainUdpBytes, kMostUdpBytes));
  }
  out.verdict = Verdict::kQuery;
  return out;
}

Writer::Writer(const Query& query, std::size_t most_bytes, bool authoritative)
    : most_(most_bytes), edns_(query.edns) {
  put16(query.id);
  put16(static_cast<std::uint16_t>(kResponse | query.opcode << 11 | (authoritative ? kAuthoritative : 0) |
                                   (query.recursion_desired ? kRecursion : 0)));
  put16(query.question.empty() ? 0 : 1);
  for (int i = 0; i < 3; ++i) put16(0);
  if (!query.question.empty()) offsets_[query.name] = kHeaderBytes;
  out_ += query.question;
  question_end_ = out_.size();
}

void Writer::put16(std::uint16_t value) {
  out_ += static_cast<char>(value >> 8);
  out_ += static_cast<char>(value & 0xFF);
}
void Writer::put32(std::uint32_t value) {
  put16(static_cast<std::uint16_t>(value >> 16));
  put16(static_cast<std::uint16_t>(value & 0xFFFF));
}

std::size_t Writer::room() const { return most_ - (edns_ ? kOptBytes : 0); }

// A name that is there as a whole is pointed to; the others are short enough as they are.
void Writer::put_name(const std::string& name) {
  const auto known = offsets_.find(name);
  if (known != offsets_.end()) return put16(static_cast<std::uint16_t>(0xC000 | known->second));
  std::array<unsigned char, NS_MAXCDNAME> wire{};
  if (ns_name_pton(name.c_str(), wire.data(), wire.size()) < 0) {
    failed_ = true;
    return;
  }
  std::size_t length = 0;
  while (wire[length] != 0) length += 1 + wire[length];
  if (!name.empty() && out_.size() <= kMostOffset) offsets_[name] = static_cast<std::uint16_t>(out_.size());
  out_.append(reinterpret_cast<const char*>(wire.data()), length + 1);
}

bool Writer::begin(Section section, const std::string& name, Type type, std::uint32_t ttl) {
  if (truncated_ || (section == Section::kAdditional && failed_)) return false;
  failed_ = false;
  record_begin_ = out_.size();
  put_name(name);
  put16(static_cast<std::uint16_t>(type));
  put16(1);  // IN
  put32(std::min<std::uint32_t>(ttl, 0x7FFFFFFF));
  put16(0);
  data_begin_ = out_.size();
  return true;
}

void Writer::end(Section section) {
  if (failed_ || out_.size() > room()) {
    failed_ = true;
    out_.resize(record_begin_);
    std::erase_if(offsets_, [this](const auto& each) { return each.second >= record_begin_; });
    if (section != Section::kAdditional) truncated_ = true;
    return;
  }
  const std::size_t length = out_.size() - data_begin_;
  out_[data_begin_ - 2] = static_cast<char>(length >> 8);
  out_[data_begin_ - 1] = static_cast<char>(length & 0xFF);
  ++counts_[static_cast<std::size_t>(section)];
}

void Writer::a(Section section, const std::string& name, std::uint32_t ttl,
               const std::array<std::uint8_t, 4>& address) {
  if (!begin(section, name, Type::kA, ttl)) return;
  out_.append(reinterpret_cast<const char*>(address.data()), address.size());
  end(section);
}
void Writer::aaaa(Section section, const std::string& name, std::uint32_t ttl,
                  const std::array<std::uint8_t, 16>& address) {
  if (!begin(section, name, Type::kAaaa, ttl)) return;
  out_.append(reinterpret_cast<const char*>(address.data()), address.size());
  end(section);
}
// Targets of SRV records are never compressed (RFC 2782), but may be pointed to.
void Writer::srv(Section section, const std::string& name, std::uint32_t ttl, std::uint16_t port,
                 const std::string& target) {
  if (!begin(section, name, Type::kSrv, ttl)) return;
  put16(1);
  put16(1);
  put16(port);
  const auto known = offsets_.extract(target);
  put_name(target);
  if (!known.empty()) offsets_[target] = known.mapped();
  end(section);
}
void Writer::cname(Section section, const std::string& name, std::uint32_t ttl, const std::string& target) {
  if (!begin(section, name, Type::kCname, ttl)) return;
  put_name(target);
  end(section);
}
void Writer::ns(Section section, const std::string& name, std::uint32_t ttl, const std::string& server) {
  if (!begin(section, name, Type::kNs, ttl)) return;
  put_name(server);
  end(section);
}
void Writer::soa(Section section, const std::string& name, std::uint32_t ttl, const std::string& server,
                 const std::string& mailbox, std::uint32_t serial, std::uint32_t negative_ttl) {
  if (!begin(section, name, Type::kSoa, ttl)) return;
  put_name(server);
  put_name(mailbox);
  put32(serial);
  constexpr std::uint32_t kRefresh = 7'200, kRetry = 900, kExpire = 1'209'600;  // Route 53's
  put32(kRefresh);
  put32(kRetry);
  put32(kExpire);
  put32(negative_ttl);
  end(section);
}

std::string Writer::finish(Code code) {
  if (truncated_) {
    out_.resize(question_end_);
    counts_ = {};
  }
  if (edns_) {
    out_ += '\0';
    put16(static_cast<std::uint16_t>(Type::kOpt));
    put16(kMostUdpBytes);
    put32(static_cast<std::uint32_t>(code) >> 4 << 24);
    put16(0);
    ++counts_[static_cast<std::size_t>(Section::kAdditional)];
  }
  if (truncated_) out_[2] = static_cast<char>(out_[2] | (kTruncated >> 8));
  out_[3] = static_cast<char>(static_cast<std::uint8_t>(code) & 0xF);
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    out_[6 + 2 * i] = static_cast<char>(counts_[i] >> 8);
    out_[7 + 2 * i] = static_cast<char>(counts_[i] & 0xFF);
  }
  return std::move(out_);
}

}  // namespace agent::dns
