#include "agent/node/task/container_spec.h"

#include <gtest/gtest.h>

#include "agent/node/task/namespaces.h"
#include "agent/node/task/volumes.h"
#include "agent/runtime/pause/pause_image.h"
#include "shared/base/text.h"

namespace agent::node {
namespace {

Task two_containers() {
  Task t;
  t.payload.arn = "arn:aws:ecs:r:a:task/default/t1";
  t.payload.family = "shop";
  t.payload.version = "3";
  t.cgroup_parent = "/ecs/t1";
  Container db;
  db.spec.name = "db";
  db.engine_name = "ecs-shop-3-db-1";
  Container web;
  web.spec.name = "web_1";
  web.spec.image = "i";
  web.engine_name = engine_name(t, web, "00ff");
  t.containers = {db, web};
  return t;
}

TEST(ContainerSpec, NamesLabelsAndEnvironmentAreAsOnEcsHosts) {
  Task t = two_containers();
  t.containers[1].spec.environment = {{"AWS_REGION", "mine"}};
  NodeSettings settings;
  settings.region = "eu-west-1";
  const auto spec = container_spec(t, t.containers[1], settings, "mi-1");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->name, "ecs-shop-3-web1-00ff");
  EXPECT_EQ(spec->labels, (std::map<std::string, std::string>{
                              {"com.amazonaws.ecs.task-arn", "arn:aws:ecs:r:a:task/default/t1"},
                              {"com.amazonaws.ecs.container-name", "web_1"},
                              {"com.amazonaws.ecs.task-definition-family", "shop"},
                              {"com.amazonaws.ecs.task-definition-version", "3"},
                              {"com.amazonaws.ecs.cluster", "default"},
                              {"berth.instance-id", "mi-1"}}));
  EXPECT_EQ(spec->environment.at("AWS_REGION"), "mine");
  EXPECT_EQ(spec->environment.at("AWS_DEFAULT_REGION"), "eu-west-1");
  EXPECT_EQ(spec->cgroup_parent, "/ecs/t1");
}

TEST(ContainerSpec, ContainersAreToldWhereTheirMetadataIsUnlessTheyHaveNoNetwork) {
  Task t = two_containers();
  t.containers[1].endpoint_id = "id-1";
  t.containers[1].spec.environment = {{"ECS_CONTAINER_METADATA_URI_V4", "mine"}};
  NodeSettings settings;
  settings.metadata_url = "http://169.254.170.2";
  const auto spec = container_spec(t, t.containers[1], settings, "mi");
  EXPECT_EQ(spec->environment.at("ECS_CONTAINER_METADATA_URI"), "http://169.254.170.2/v3/id-1");
  EXPECT_EQ(spec->environment.at("ECS_CONTAINER_METADATA_URI_V4"), "http://169.254.170.2/v4/id-1");
  t.payload.network_mode = "none";
  EXPECT_FALSE(
      container_spec(t, t.containers[1], settings, "mi")->environment.contains("ECS_CONTAINER_METADATA_URI"));
  t.payload.network_mode = "bridge";
  t.containers[1].endpoint_id.clear();
  EXPECT_FALSE(
      container_spec(t, t.containers[1], settings, "mi")->environment.contains("ECS_CONTAINER_METADATA_URI"));
}

TEST(ContainerSpec, HostNetworkPublishesNothing) {
  Task t = two_containers();
  t.containers[1].spec.port_mappings = {{80, 80, "tcp"}};
  t.containers[1].spec.links = {"db:database"};
  EXPECT_EQ(container_spec(t, t.containers[1], {}, "mi")->ports.size(), 1u);
  EXPECT_EQ(container_spec(t, t.containers[1], {}, "mi")->links,
            (std::vector<std::string>{"ecs-shop-3-db-1:database"}));
  t.payload.network_mode = "host";
  EXPECT_TRUE(container_spec(t, t.containers[1], {}, "mi")->ports.empty());
  EXPECT_EQ(container_spec(t, t.containers[1], {}, "mi")->network_mode, "host");
}

TEST(ContainerSpec, ModesOfTheHostAndNoneAreTheEnginesOwn) {
  Task t = two_containers();
  EXPECT_EQ(container_spec(t, t.containers[1], {}, "mi")->pid_mode, "");
  EXPECT_EQ(container_spec(t, t.containers[1], {}, "mi")->ipc_mode, "");
  t.payload.pid_mode = "host";
  t.payload.ipc_mode = "none";
  add_pause_container(t);
  EXPECT_EQ(t.containers.size(), 2u) << "nothing is shared";
  EXPECT_EQ(container_spec(t, t.containers[1], {}, "mi")->pid_mode, "host");
  EXPECT_EQ(container_spec(t, t.containers[1], {}, "mi")->ipc_mode, "none");
}

TEST(ContainerSpec, SharedNamespacesAreThoseOfAContainerThatDoesNothingElse) {
  Task t = two_containers();
  t.payload.pid_mode = "host";
  t.payload.ipc_mode = "task";
  t.payload.network_mode = "host";
  t.containers[0].spec.docker_host_config = R"({"ShmSize":1048576})";
  t.containers[1].spec.docker_host_config = R"({"ShmSize":268435456})";
  t.containers[1].spec.port_mappings = {{80, 80, "tcp"}};
  add_pause_container(t);
  ASSERT_EQ(t.containers.size(), 3u);
  Container& pause = t.containers[2];
  pause.engine_name = engine_name(t, pause, "ff");
  EXPECT_EQ(pause.engine_name, "ecs-shop-3-internalecspausenamespace-ff");
  const auto web = container_spec(t, t.containers[1], {}, "mi");
  EXPECT_EQ(web->pid_mode, "host");
  EXPECT_EQ(web->ipc_mode, "container:" + pause.engine_name);
  const auto holder = container_spec(t, pause, {}, "mi");
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->image, runtime::pause::image_name());
  EXPECT_EQ(holder->entry_point, std::vector<std::string>{"/pause"});
  EXPECT_EQ(holder->pid_mode, "");
  EXPECT_EQ(holder->ipc_mode, "shareable");
  EXPECT_EQ(holder->network_mode, "none");
  EXPECT_EQ(holder->cgroup_parent, "/ecs/t1");
  EXPECT_EQ(holder->labels.at(kTaskArnLabel), t.arn());
  EXPECT_EQ(holder->engine_config, R"({"StopSignal":"SIGKILL"})");
  EXPECT_NE(holder->engine_host_config.find(R"("ShmSize":268435456)"), std::string::npos)
      << "/dev/shm is the owner's: " << holder->engine_host_config;
  EXPECT_NE(holder->engine_host_config.find(R"("CapDrop":["ALL"])"), std::string::npos);
}

TEST(ContainerSpec, TheEngineChoosesHostPortsThatNobodyReserved) {
  Task t = two_containers();
  t.containers[1].spec.port_mappings = {{80, 0, "tcp"}, {53, 0, "udp"}, {81, 8081, "tcp"}};
  NodeSettings settings;
  settings.dynamic_ports = {40000, 60999};
  settings.reserved_ports_udp = {60999};
  const auto ports = container_spec(t, t.containers[1], settings, "mi")->ports;
  const auto range = [&](std::size_t i) { return std::pair(ports[i].choose_first, ports[i].choose_last); };
  EXPECT_EQ(range(0), std::pair(40000, 51677));
  EXPECT_EQ(range(1), std::pair(40000, 60998));
  EXPECT_EQ(range(2), std::pair(0, 0));
  EXPECT_EQ(ports[2].host_port, 8081);
  settings.dynamic_ports = kAgentPorts;
  const auto none = container_spec(t, t.containers[1], settings, "mi");
  EXPECT_EQ(none.error().code(), "CannotCreateContainerError");
  EXPECT_EQ(none.error().text(), "every tcp port that the engine may choose from (51678-51680) is reserved");
}

TEST(ContainerSpec, TinyMemoryLimitsAreRaisedToWhatTheEngineTakes) {
  Task t = two_containers();
  t.containers[1].spec.memory = 1;
  EXPECT_EQ(container_spec(t, t.containers[1], {}, "mi")->memory_bytes, 4 * 1024 * 1024);
}

TEST(ContainerSpec, VolumesBecomeBinds) {
  Task t = two_containers();
  t.payload.volumes =
      R"([{"name":"host","type":"host","host":{"sourcePath":"/srv"}},{"name":"task","host":{}},
      {"name":"shared","type":"docker","dockerVolumeConfiguration":{"scope":"shared"}}])";
  t.containers[1].spec.mount_points = {{"host", "/h", true}, {"task", "/t", false}, {"shared", "/s", false}};
  t.containers[1].spec.volumes_from = {{"db", true}};
  const auto spec = container_spec(t, t.containers[1], {}, "mi");
  ASSERT_TRUE(spec) << spec.error().text();
  EXPECT_EQ(
      spec->engine_host_config,
      R"({"Binds":["/srv:/h:ro","ecs-shop-3-task-t1:/t","shared:/s"],"VolumesFrom":["ecs-shop-3-db-1:ro"]})");
  EXPECT_EQ(task_volumes(t), (std::vector<std::string>{"ecs-shop-3-task-t1"}));
}

TEST(Volumes, KindsNamesAndLabelsAreTheTasksOwnOrTheUsers) {
  Task t = two_containers();
  t.payload.volumes = R"([
    {"name":"host","type":"host","host":{"sourcePath":"/srv"}}, {"name":"a_b","host":{}}, {"name":"ab"},
    {"name":"own","type":"docker","dockerVolumeConfiguration":{"driver":"nfs","driverOpts":{"o":"ro"},
      "labels":{"team":"x"}}},
    {"name":"made","type":"docker","dockerVolumeConfiguration":{"scope":"shared","autoprovision":true,
      "labels":{"team":"x"}}},
    {"name":"there","type":"docker","dockerVolumeConfiguration":{"scope":"shared"}}])";
  const auto volumes = volumes_of(t, "mi-1");
  ASSERT_TRUE(volumes) << volumes.error().text();
  std::vector<std::pair<std::string, VolumeKind>> got;
  for (const Volume& v : *volumes) got.emplace_back(v.source, v.kind);
  EXPECT_EQ(got, (std::vector<std::pair<std::string, VolumeKind>>{{"/srv", VolumeKind::kHostPath},
                                                                  {"ecs-shop-3-a_b-t1", VolumeKind::kTask},
                                                                  {"ecs-shop-3-ab-t1", VolumeKind::kTask},
                                                                  {"ecs-shop-3-own-t1", VolumeKind::kTask},
                                                                  {"made", VolumeKind::kShared},
                                                                  {"there", VolumeKind::kExisting}}));
  const auto& own = (*volumes)[3].spec;
  EXPECT_EQ(own.name, "ecs-shop-3-own-t1");
  EXPECT_EQ(own.driver, "nfs");
  EXPECT_EQ(own.options, (std::map<std::string, std::string>{{"o", "ro"}}));
  EXPECT_EQ(own.labels, (std::map<std::string, std::string>{
                            {"team", "x"}, {"berth.instance-id", "mi-1"}, {kTaskArnLabel, t.arn()}}));
  EXPECT_EQ((*volumes)[4].spec.labels, (std::map<std::string, std::string>{{"team", "x"}})) << "not ours";
  EXPECT_EQ(task_volumes(t),
            (std::vector<std::string>{"ecs-shop-3-a_b-t1", "ecs-shop-3-ab-t1", "ecs-shop-3-own-t1"}));
}

TEST(Volumes, LongNamesStayDifferentAndWithinWhatAFileSystemTakes) {
  Task t = two_containers();
  t.payload.family = std::string(255, 'f');
  const std::string stem(250, 'v');
  t.payload.volumes = R"([{"name":")" + stem + R"(1"},{"name":")" + stem + R"(2"}])";
  const auto names = task_volumes(t);
  ASSERT_EQ(names.size(), 2u);
  EXPECT_LE(names[0].size(), 255u);
}

TEST(Volumes, WhatCannotBeMountedIsNamed) {
  Task t = two_containers();
  const auto error_for = [&](const std::string& volumes) {
    t.payload.volumes = volumes;
    const auto read = volumes_of(t, "mi");
    return read ? std::string() : shared::with_code(read.error());
  };
  EXPECT_EQ(error_for(R"([{"name":"efs","type":"efs"}])"),
            "InvalidVolumeError: volume 'efs': type: 'efs' is not supported");
  EXPECT_EQ(error_for(R"([{"name":"d","type":"docker","dockerVolumeConfiguration":{"scope":"world"}}])"),
            "InvalidVolumeError: volume 'd': dockerVolumeConfiguration.scope: expected task or shared, got "
            "'world'");
  EXPECT_NE(error_for(R"([{"name":3}])").find("InvalidVolumeError"), std::string::npos);
}

}  // namespace
}  // namespace agent::node
