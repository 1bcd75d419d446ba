#include "balancer/loop/port_holder.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace balancer::loop {
namespace {

constexpr std::string_view kHead =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

std::vector<std::uint64_t> inodes(const std::string& lines, const char* ip, std::uint16_t port) {
  std::vector<std::uint64_t> out;
  for (const ListeningSocket& one : listening_at(std::string(kHead) + lines, *make_address(ip, port)))
    out.push_back(one.inode);
  return out;
}

std::string line(const std::string& address, const std::string& state, int uid, int inode) {
  return "   0: " + address + " 00000000:0000 " + state + " 00000000:00000000 00:00000000 00000000  " +
         std::to_string(uid) + "        0 " + std::to_string(inode) + " 1 ffff8881 100 0 0 10 0\n";
}

TEST(PortHolder, FindsWhoListensAtTheAddressAndWhoListensAtAllOfThem) {
  const std::string table = line("0100007F:1F90", "0A", 0, 11) + line("0200007F:1F90", "0A", 0, 12) +
                            line("00000000:1F90", "0A", 33, 13) + line("0100007F:1F91", "0A", 0, 14) +
                            line("0100007F:1F90", "01", 0, 15);
  EXPECT_EQ(inodes(table, "127.0.0.1", 8080), (std::vector<std::uint64_t>{11, 13}));
  EXPECT_EQ(inodes(table, "0.0.0.0", 8080), (std::vector<std::uint64_t>{11, 12, 13}));
  EXPECT_EQ(inodes(table, "127.0.0.1", 80), std::vector<std::uint64_t>());
  EXPECT_EQ(listening_at(line("00000000:0050", "0A", 33, 1), *make_address("10.0.0.1", 80)).at(0).uid, 33U);
}

TEST(PortHolder, KnowsAddressesOfIpv6) {
  const std::string table = line("00000000000000000000000001000000:0050", "0A", 0, 21) +
                            line("00000000000000000000000000000000:0050", "0A", 0, 22);
  EXPECT_EQ(inodes(table, "::1", 80), (std::vector<std::uint64_t>{21, 22}));
  EXPECT_EQ(inodes(table, "127.0.0.1", 80), std::vector<std::uint64_t>{22}) << "it may be for both";
}

TEST(PortHolder, PassesOverWhatItDoesNotUnderstand) {
  EXPECT_TRUE(
      inodes("nonsense\n\n 1: 0100007F 0 0A\n" + line("0100007F:ZZZZ", "0A", 0, 1), "127.0.0.1", 80).empty());
  EXPECT_TRUE(listening_at("", *make_address("127.0.0.1", 80)).empty());
}

TEST(PortHolder, NamesThisProcess) {
  auto listener = open_listener(*make_address("127.0.0.1", 0), Sharing::kExclusive);
  ASSERT_TRUE(listener);
  const std::string holder = describe_holder(local_address(listener->get()));
  EXPECT_NE(holder.find("(pid " + std::to_string(::getpid()) + ")"), std::string::npos) << holder;
  const Address at = local_address(listener->get());
  listener->reset();
  EXPECT_EQ(describe_holder(at), "");
}

TEST(Sockets, TheFirstOfAnAddressSharesWithNobodyAndFurtherOnesJoinIt) {
  auto first = open_listener(*make_address("127.0.0.1", 0), Sharing::kFirst);
  ASSERT_TRUE(first);
  const Address at = local_address(first->get());
  auto stranger = open_listener(at, Sharing::kFirst);
  ASSERT_FALSE(stranger) << "also where both would share with others";
  EXPECT_EQ(stranger.error().code(), "address_in_use");
  EXPECT_TRUE(open_listener(at, Sharing::kPerWorker));
}

}  // namespace
}  // namespace balancer::loop
