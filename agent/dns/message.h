// Messages of DNS (RFC 1035, EDNS of RFC 6891): reading a query, writing an answer. The wire format is read
// and names are compressed by the C library's resolver (<arpa/nameser.h>); what it lets pass and a server
// must not is refused here. No I/O; thread: any.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agent::dns {

inline constexpr std::size_t kHeaderBytes = 12;
inline constexpr std::size_t kPlainUdpBytes = 512;   // without EDNS
inline constexpr std::size_t kMostUdpBytes = 1'232;  // no fragments on any path
inline constexpr std::size_t kMostTcpBytes = 65'535;

enum class Type : std::uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kAaaa = 28,
  kSrv = 33,
  kOpt = 41,
  kAny = 255
};
enum class Code : std::uint8_t {
  kNoError = 0,
  kFormat = 1,
  kServer = 2,
  kNoName = 3,
  kNotImplemented = 4,
  kRefused = 5,
  kBadVersion = 16
};

struct Query {
  std::uint16_t id = 0;
  std::uint8_t opcode = 0;
  bool recursion_desired = false;
  std::string name;      // normal(); of the question
  std::string question;  // its bytes
  std::uint16_t type = 0;
  std::uint16_t klass = 0;
  bool edns = false;
  std::uint8_t edns_version = 0;
  std::uint16_t udp_bytes = kPlainUdpBytes;  // that the client takes
};

// What is to be done with what came: answer the query, say that it is malformed, or say nothing at all, as to
// an answer, which whoever forged it would have sent on.
struct Read {
  enum class Verdict { kQuery, kMalformed, kSilence } verdict = Verdict::kSilence;
  Query query{};
};
Read read_query(std::string_view bytes);

// In lower case, each odd character escaped in one way; nullopt: not a name (a label over 63 bytes, a name
// over 255).
std::optional<std::string> normal(std::string_view name);
bool is_within(std::string_view name, std::string_view zone);  // the zone's own name too

enum class Section { kAnswer, kAuthority, kAdditional };

// Records are added section by section, in the order of the sections. One that does not fit any more is left
// out, and the message says that it is truncated.
class Writer {
 public:
  Writer(const Query& query, std::size_t most_bytes, bool authoritative);

  void a(Section section, const std::string& name, std::uint32_t ttl,
         const std::array<std::uint8_t, 4>& address);
  void aaaa(Section section, const std::string& name, std::uint32_t ttl,
            const std::array<std::uint8_t, 16>& address);
  void srv(Section section, const std::string& name, std::uint32_t ttl, std::uint16_t port,
           const std::string& target);  // priority and weight 1
  void cname(Section section, const std::string& name, std::uint32_t ttl, const std::string& target);
  void ns(Section section, const std::string& name, std::uint32_t ttl, const std::string& server);
  void soa(Section section, const std::string& name, std::uint32_t ttl, const std::string& server,
           const std::string& mailbox, std::uint32_t serial, std::uint32_t negative_ttl);

  // An answer without all of its records is cut to the question (RFC 2181, 9); additional records are not
  // missed.
  std::string finish(Code code);

 private:
  bool begin(Section section, const std::string& name, Type type, std::uint32_t ttl);
  void end(Section section);
  void put16(std::uint16_t value);
  void put32(std::uint32_t value);
  void put_name(const std::string& name);
  std::size_t room() const;

  std::string out_;
  std::size_t most_;
  std::size_t question_end_;
  std::size_t record_begin_ = 0;
  std::size_t data_begin_ = 0;
  bool failed_ = false;     // the record that is being written does not fit
  bool truncated_ = false;  // one was left out that is missed
  bool edns_;
  std::array<std::uint16_t, 3> counts_{};
  std::map<std::string, std::uint16_t> offsets_;  // of names that are there already
};

}  // namespace agent::dns
