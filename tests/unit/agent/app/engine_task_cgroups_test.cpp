#include "agent/app/engine_task_cgroups.h"

#include <gtest/gtest.h>

namespace agent::app {
namespace {

using cgroup::TaskCgroups;
using shared::Error;
using shared::Result;

class Named final : public TaskCgroups {
 public:
  explicit Named(std::string name) : name_(std::move(name)) {}
  cgroup::Mode mode() const override { return cgroup::Mode::kV2; }
  Result<std::string> create(const std::string& id, const cgroup::Limits&) override { return name_ + id; }
  Result<void> remove(const std::string&) override { return {}; }
  Result<cgroup::Stats> read(const std::string&) const override { return cgroup::Stats{}; }

 private:
  std::string name_;
};

struct Host {
  std::string driver;
  bool bus = true;
  int opened = 0;
  EngineTaskCgroups cgroups(Insist insist) {
    const auto give = [this](const std::string& name) -> Result<std::unique_ptr<TaskCgroups>> {
      ++opened;
      if (name == "slice:" && !bus) return Error("cgroup", "systemd cannot be reached");
      return std::unique_ptr<TaskCgroups>(std::make_unique<Named>(name));
    };
    return EngineTaskCgroups(
        {[this] { return driver; }, [give] { return give("path:"); }, [give] { return give("slice:"); }},
        insist);
  }
};

TEST(EngineTaskCgroups, TheDriverOfTheEngineDecidesOnceItIsKnown) {
  Host host;
  auto cgroups = host.cgroups(Insist::kNo);
  EXPECT_EQ(host.opened, 0) << "nothing is made before it is asked for";
  host.driver = "systemd";
  EXPECT_EQ(*cgroups.create("a", {}), "slice:a");
  EXPECT_EQ(cgroups.mode(), cgroup::Mode::kV2);
  EXPECT_EQ(host.opened, 1);
  host.driver = "cgroupfs";  // another engine took its place
  EXPECT_EQ(*cgroups.create("a", {}), "path:a");
}

TEST(EngineTaskCgroups, WithoutWhatTheDriverNeedsTasksRunWithoutLimitsOfTheirOwn) {
  Host host{.driver = "systemd", .bus = false};
  auto cgroups = host.cgroups(Insist::kNo);
  EXPECT_EQ(cgroups.mode(), cgroup::Mode::kDisabled);
  EXPECT_TRUE(cgroups.usable());
  EXPECT_EQ(*cgroups.create("a", {}), "");
  EXPECT_TRUE(cgroups.remove("a"));
  host.driver = "none";
  EXPECT_EQ(*cgroups.create("a", {}), "");
}

TEST(EngineTaskCgroups, AnOperatorWhoInsistsGetsTheReasonUntilItIsThere) {
  Host host{.driver = "systemd", .bus = false};
  auto cgroups = host.cgroups(Insist::kYes);
  EXPECT_EQ(cgroups.mode(), cgroup::Mode::kDisabled);
  EXPECT_EQ(cgroups.usable().error().text(), "ECS_ENABLE_TASK_CPU_MEM_LIMIT: systemd cannot be reached");
  EXPECT_EQ(cgroups.create("a", {}).error().text(),
            "ECS_ENABLE_TASK_CPU_MEM_LIMIT: systemd cannot be reached");
  host.bus = true;
  EXPECT_TRUE(cgroups.usable());
  EXPECT_EQ(*cgroups.create("a", {}), "slice:a");
  host.driver = "none";
  EXPECT_NE(cgroups.create("a", {}).error().text().find("'none'"), std::string::npos);
}

}  // namespace
}  // namespace agent::app
