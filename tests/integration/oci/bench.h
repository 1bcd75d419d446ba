// A runtime without a daemon in a folder of its own, asked and waited for.
#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <optional>
#include <sstream>

#include "tests/support/oci_host.h"

namespace agent::runtime::oci {

inline constexpr shared::Millis kPatience{60'000};

class OciTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = tests::no_oci(); !why.empty()) GTEST_SKIP() << why;
    host = std::make_unique<tests::OciHost>();
    open();
    ASSERT_TRUE(runtime);
    auto image =
        ask<ImageInfo>([&](auto done) { runtime->import_image("box:1", tests::busybox_tree(), done); });
    ASSERT_TRUE(image) << image.error().text();
  }
  void TearDown() override {
    if (!runtime) return;
    auto all = ask<std::vector<ContainerInfo>>([&](auto done) { runtime->recover("test", done); });
    for (const auto& each : *all) {
      (void)ask<ContainerInfo>([&](auto done) { runtime->stop(each.handle, shared::Millis(0), done); });
      (void)ask<bool>([&](auto done) { runtime->remove(each.handle, done); });
    }
    runtime.reset();
    EXPECT_FALSE(tests::shell("grep -q " + host->folder() + " /proc/mounts")) << "no mount is left";
    EXPECT_FALSE(tests::shell("ps -eo args | grep -v grep | grep -q 'berth-monitor " + host->folder() + "'"))
        << "no monitor is left";
    EXPECT_FALSE(tests::shell("ip link show " + host->settings.bridge.bridge + " >/dev/null 2>&1"))
        << "no bridge is left";
  }
  void open() {
    auto opened = OciRuntime::open(loop, host->settings);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().text());
    if (opened) runtime = *std::move(opened);
  }
  template <class T>
  shared::Result<T> ask(const std::function<void(Runtime::Done<T>)>& call) {
    std::optional<shared::Result<T>> answer;
    call([&](shared::Result<T> r) { answer.emplace(std::move(r)); });
    EXPECT_TRUE(loop.run_until([&] { return answer.has_value(); }, kPatience));
    return answer ? std::move(*answer) : shared::Result<T>(shared::Error("test", "no answer"));
  }
  ContainerSpec spec(const std::string& name, const std::string& script) {
    ContainerSpec s;
    s.name = name;
    s.image = "box:1";
    s.command = {"sh", "-c", script};
    s.labels = {{"test", "1"}};
    return s;
  }
  shared::Result<ContainerInfo> start(const ContainerSpec& s) {
    auto handle = ask<ContainerHandle>([&](auto done) { runtime->create(s, done); });
    if (!handle) return handle.error();
    return ask<ContainerInfo>([&](auto done) { runtime->start(*handle, done); });
  }
  ContainerInfo inspect(const std::string& name) {
    auto info = ask<ContainerInfo>([&](auto done) { runtime->inspect({"", name}, done); });
    return info ? *info : ContainerInfo{};
  }
  ContainerInfo ended(const std::string& name) {
    ContainerInfo info;
    EXPECT_TRUE(
        loop.run_until([&] { return (info = inspect(name)).phase == ContainerPhase::kExited; }, kPatience))
        << name;
    return info;
  }
  // Starts it and waits for its end: what it said, from its log.
  std::string output(const ContainerSpec& s) {
    auto started = start(s);
    EXPECT_TRUE(started) << (started ? "" : started.error().text());
    if (!started) return started.error().text();
    ended(s.name);
    return said(s.name);
  }
  std::string folder(const std::string& name) {
    return host->settings.data + "/containers/" + inspect(name).handle.id;
  }
  std::string said(const std::string& name);

  std::unique_ptr<tests::OciHost> host;
  shared::httpd::IoLoop loop;
  std::unique_ptr<OciRuntime> runtime;
};

}  // namespace agent::runtime::oci
