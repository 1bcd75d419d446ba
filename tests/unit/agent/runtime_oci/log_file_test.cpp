#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "agent/runtime/oci/monitor/log_file.h"

namespace agent::runtime::oci::monitor {
namespace {

std::string escaped(const std::string& text) {
  std::string out(text.size() * 6, '\0');
  out.resize(escape(text.data(), text.size(), out.data()));
  return out;
}

std::string slurp(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(ContainerLog, LinesAreEscapedAsDockerDoes) {
  EXPECT_EQ(escaped("a\"b\\c\n\t\r"), R"(a\"b\\c\n\t\r)");
  EXPECT_EQ(escaped("<&>"), R"(\u003c\u0026\u003e)");
  EXPECT_EQ(escaped("\x01\x1b"), R"(\u0001\u001b)");
  EXPECT_EQ(escaped("\xE2\x80\xA8"), R"(\u2028)");
  EXPECT_EQ(escaped("\xC3\xA4 \xF0\x9F\x98\x80"), "\xC3\xA4 \xF0\x9F\x98\x80");
}

TEST(ContainerLog, BytesThatAreNoTextBecomeTheReplacementCharacter) {
  EXPECT_EQ(escaped("a\xFF"
                    "b"),
            R"(a\ufffdb)");
  EXPECT_EQ(escaped("\xC3"), R"(\ufffd)") << "half a character";
  EXPECT_EQ(escaped("\xED\xA0\x80"), R"(\ufffd\ufffd\ufffd)") << "a surrogate";
}

TEST(ContainerLog, ARecordHasTextStreamAndTime) {
  const std::string path = testing::TempDir() + "berth-log-record";
  std::filesystem::remove(path);
  const auto log = std::make_unique<LogFile>();
  log->open(path.c_str(), 0, 1);
  log->write("stderr", "hello\n", 6, {1'767'322'096, 7});
  const auto record = nlohmann::json::parse(slurp(path));
  EXPECT_EQ(record.at("log"), "hello\n");
  EXPECT_EQ(record.at("stream"), "stderr");
  EXPECT_EQ(record.at("time"), "2026-01-02T02:48:16.000000007Z");
  std::filesystem::remove(path);
}

TEST(ContainerLog, RotationKeepsAsManyFilesAsAskedFor) {
  const std::string path = testing::TempDir() + "berth-log-rotation";
  for (const char* end : {"", ".1", ".2", ".3"}) std::filesystem::remove(path + end);
  const auto log = std::make_unique<LogFile>();
  log->open(path.c_str(), 200, 3);
  for (char c = 'a'; c <= 'j'; ++c) log->write("stdout", &c, 1, {0, 0});
  EXPECT_NE(slurp(path).find("\"j\""), std::string::npos) << "the newest is where it always is";
  EXPECT_TRUE(std::filesystem::exists(path + ".1"));
  EXPECT_TRUE(std::filesystem::exists(path + ".2"));
  EXPECT_FALSE(std::filesystem::exists(path + ".3"));
  for (const char* end : {"", ".1", ".2"}) {
    EXPECT_LE(std::filesystem::file_size(path + end), 200u);
    std::filesystem::remove(path + end);
  }
}

}  // namespace
}  // namespace agent::runtime::oci::monitor
