#include "balancer/proxy_protocol/header.h"

#include <gtest/gtest.h>

namespace balancer::proxy_protocol {
namespace {

using namespace std::string_literals;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string binary(char command, char family, const std::string& said) {
  return kSignature + command + family + static_cast<char>(said.size() >> 8) +
         static_cast<char>(said.size() & 255) + said;
}
const std::string kIpv4 = "\xc0\x00\x02\x07\xc6\x33\x64\x01\xc7\x38\x01\xbb"s;  // 192.0.2.7, 198.51.100.1

std::string words_of(const Read& read) {
  if (read.state == ReadState::kIncomplete) return "incomplete";
  if (read.state == ReadState::kError) return std::string(read.problem);
  if (!read.told) return "own";
  return loop::to_string(read.told->source) + " to " + loop::to_string(read.told->destination);
}

TEST(ProxyHeader, TellsWhoTheClientIsInBothVersions) {
  const std::string v1 = "PROXY TCP4 192.0.2.7 198.51.100.1 51000 443\r\n";
  EXPECT_EQ(words_of(read(v1)), "192.0.2.7:51000 to 198.51.100.1:443");
  EXPECT_EQ(read(v1 + "GET /").bytes, v1.size());
  EXPECT_EQ(words_of(read("PROXY TCP6 2001:db8::7 ::1 51000 443\r\n")), "[2001:db8::7]:51000 to [::1]:443");
  const std::string v2 = binary('\x21', '\x11', kIpv4);
  EXPECT_EQ(words_of(read(v2)), "192.0.2.7:51000 to 198.51.100.1:443");
  EXPECT_EQ(read(v2 + "more").bytes, v2.size());
  const std::string extended = binary('\x21', '\x11', kIpv4 + "\x04\x00\x02xx"s);
  EXPECT_EQ(words_of(read(extended)), "192.0.2.7:51000 to 198.51.100.1:443");
  EXPECT_EQ(read(extended).bytes, extended.size());
}

TEST(ProxyHeader, OfWhoSpeaksForHimselfLeavesTheConnectionsOwnAddresses) {
  EXPECT_EQ(words_of(read("PROXY UNKNOWN\r\n")), "own");
  EXPECT_EQ(words_of(read("PROXY UNKNOWN ffff::1 whatever it says\r\n")), "own");
  EXPECT_EQ(words_of(read(binary('\x20', '\x00', ""))), "own");
  EXPECT_EQ(words_of(read(binary('\x20', '\x11', "abc"))), "own");  // a health check: what it says is skipped
  EXPECT_EQ(words_of(read(binary('\x21', '\x00', ""))), "own");
  EXPECT_EQ(words_of(read(binary('\x21', '\x12', kIpv4))), "own");  // UDP
  EXPECT_EQ(words_of(read(binary('\x21', '\x31', std::string(216, 'a')))), "own");
}

TEST(ProxyHeader, IsWaitedForOnlyWhileItCanBecomeOne) {
  for (const std::string& header :
       {"PROXY TCP4 192.0.2.7 198.51.100.1 51000 443\r\n"s, binary('\x21', '\x11', kIpv4)}) {
    for (std::size_t i = 0; i < header.size(); ++i)
      EXPECT_EQ(words_of(read(std::string_view(header).substr(0, i))), "incomplete") << i;
  }
  EXPECT_EQ(words_of(read("G")), "proxy_header_missing");
  EXPECT_EQ(words_of(read("PRI * HTTP/2.0\r\n")), "proxy_header_missing");
  EXPECT_EQ(words_of(read("\r\nx")), "proxy_header_missing");
  EXPECT_EQ(words_of(read("\x16\x03\x01")), "proxy_header_missing");
}

TEST(ProxyHeader, ThatIsWrongIsRefused) {
  for (const std::string& header :
       {"PROXY TCP4 192.0.2.7 198.51.100.1 51000\r\n"s, "PROXY TCP4 192.0.2.7 198.51.100.1 51000 443 1\r\n"s,
        "PROXY TCP4 192.0.2.7 198.51.100.1 051000 443\r\n"s,
        "PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n"s, "PROXY TCP4 192.0.2.7 198.51.100.1 -1 443\r\n"s,
        "PROXY TCP4 2001:db8::7 ::1 51000 443\r\n"s, "PROXY TCP6 192.0.2.7 198.51.100.1 51000 443\r\n"s,
        "PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n"s, "PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n"s,
        "PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n"s, binary('\x11', '\x11', kIpv4),
        binary('\x22', '\x11', kIpv4), binary('\x21', '\x13', kIpv4), binary('\x21', '\x41', kIpv4),
        binary('\x21', '\x11', kIpv4.substr(1)), binary('\x21', '\x21', kIpv4)}) {
    EXPECT_EQ(words_of(read(header)), "proxy_header_malformed") << header;
  }
  EXPECT_EQ(words_of(read("PROXY UNKNOWN " + std::string(100, 'x'))), "proxy_header_too_long");
  EXPECT_EQ(words_of(read(binary('\x21', '\x11', std::string(kMaxBinaryHeader, 'x')))),
            "proxy_header_too_long");
}

TEST(ProxyHeader, IsWrittenAsItIsRead) {
  const Addresses v4{*loop::make_address("192.0.2.7", 51000), *loop::make_address("198.51.100.1", 443)};
  EXPECT_EQ(write_v1(v4), "PROXY TCP4 192.0.2.7 198.51.100.1 51000 443\r\n");
  EXPECT_EQ(write_v2(v4), binary('\x21', '\x11', kIpv4));
  // What a socket of IPv6 says of a client with IPv4.
  const Addresses mapped{*loop::make_address("::ffff:192.0.2.7", 51000),
                         *loop::make_address("::ffff:198.51.100.1", 443)};
  EXPECT_EQ(write_v1(mapped), write_v1(v4));
  EXPECT_EQ(write_v2(mapped), write_v2(v4));
  const Addresses both{*loop::make_address("192.0.2.7", 1), *loop::make_address("2001:db8::7", 2)};
  EXPECT_EQ(write_v1(both), "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::7 1 2\r\n");
  EXPECT_EQ(words_of(read(write_v2(both))), "192.0.2.7:1 to [2001:db8::7]:2");
  EXPECT_EQ(words_of(read(write_v1({}))), "own");
  EXPECT_EQ(words_of(read(write_v2({}))), "own");
}

}  // namespace
}  // namespace balancer::proxy_protocol
