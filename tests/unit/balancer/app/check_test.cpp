#include "balancer/app/check.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/certificates.h"

namespace balancer::app {
namespace {

shared::WallTime now() {
  return std::chrono::time_point_cast<shared::WallTime::duration>(std::chrono::system_clock::now());
}

class CheckFile : public testing::Test {
 protected:
  CheckFile() : directory_(std::filesystem::temp_directory_path() / ("check." + std::to_string(::getpid()))) {
    std::filesystem::create_directory(directory_);
  }
  ~CheckFile() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::string path = directory_ / name;
    std::ofstream(path) << text;
    return path;
  }
  static std::string listener(const std::string& members) {
    return R"({"listeners": [{"id": "web", "port": 443, "default_action": {"type": "forward", "forward":
      {"target_groups": [{"target_group": "tg"}]}})" +
           members + R"(}], "target_groups": [{"id": "tg", "targets": []}])";
  }
  std::string refusal(const std::string& text) {
    const auto checked = check_file(write("b.json", text), now());
    return checked ? "" : checked.error().text();
  }

  const std::filesystem::path directory_;
};

TEST_F(CheckFile, SaysWhatIsInAGoodFileAndWhatShouldBeKnownOfIt) {
  const auto issued =
      tests::support::make_certificate({.common_name = "web", .names = {"a.test"}, .to_seconds = -60});
  write("web.crt", issued.certificate);
  write("web.key", issued.key);
  const std::string path = write(
      "b.json", listener(R"(, "protocol": "https", "tls": {"certificates": ["c"]})") +
                    R"(, "certificates": [{"id": "c", "chain_file": "web.crt", "key_file": "web.key"}]})");
  const auto checked = check_file(path, now());
  ASSERT_TRUE(checked) << checked.error().text();
  EXPECT_EQ(checked->substr(0, checked->find('\n')),
            path + ": good: 1 listener, 1 target group, 1 certificate");
  EXPECT_NE(checked->find("listener 'web': note: certificate 'c'"), std::string::npos) << *checked;
}

TEST_F(CheckFile, NamesTheFileTheMemberAndTheReason) {
  const std::string path = directory_ / "b.json";
  EXPECT_EQ(refusal(listener(R"(, "protocl": "https")") + "}").substr(0, path.size() + 14),
            path + ": listeners[0]");
  EXPECT_NE(refusal(listener(R"(, "protocol": "https", "tls": {"certificates": ["c"]})") +
                    R"(, "certificates": [{"id": "c", "chain_file": "no.crt", "key_file": "no.key"}]})")
                .find("certificates[0].chain_file"),
            std::string::npos);
  EXPECT_NE(refusal("{").find("invalid JSON"), std::string::npos);
  const auto missing = check_file("/nowhere/b.json", {});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().text().find("/nowhere/b.json: No such file"), std::string::npos);
}

TEST_F(CheckFile, AnActionThatIsNotDoneIsRefusedByName) {
  const std::string good = listener("") + "}";
  const std::size_t type = good.find("\"forward\"");
  ASSERT_NE(type, std::string::npos);
  for (const std::string action : {"authenticate-oidc", "authenticate-cognito"}) {
    std::string file = good;
    file.replace(type, std::string("\"forward\"").size(), "\"" + action + "\"");
    EXPECT_NE(
        refusal(file).find("default_action.type: expected one of forward, redirect, fixed-response, got '" +
                           action + "'"),
        std::string::npos)
        << refusal(file);
  }
}

}  // namespace
}  // namespace balancer::app
