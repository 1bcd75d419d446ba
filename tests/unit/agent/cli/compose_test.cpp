// Compose files as task definitions and services: what is carried, and that nothing is silent.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/cli/compose/compose.h"
#include "agent/cli/deploy/document.h"

namespace agent::cli {
namespace {

using nlohmann::json;

ComposeResult imported(const std::string& yaml, const std::string& project = "shop") {
  const auto file = parse_yaml(yaml);
  EXPECT_TRUE(file) << (file ? "" : file.error().text());
  auto result = import_compose(*file, project);
  EXPECT_TRUE(result) << (result ? "" : result.error().text());
  return result ? *std::move(result) : ComposeResult();
}

const json& container(const ComposeResult& result, std::size_t at = 0) {
  return result.documents()[at]["taskDefinition"]["containerDefinitions"][0];
}

Carried carried(const ComposeResult& result, const std::string& member) {
  for (const ComposeNote& each : result.notes)
    if (each.member == member) return each.carried;
  ADD_FAILURE() << "nothing is said of " << member;
  return Carried::kNo;
}

const char* kShop = R"(
name: shop
services:
  web:
    image: web:1
    command: serve --port 80 "--title=my shop"
    entrypoint: [/bin/web]
    environment: {A: 1, B: "two"}
    ports: ["8080:80", "127.0.0.1:9000:9000", "53:53/udp", "7000-7005:7000-7005"]
    volumes: ["data:/data", "/etc/ssl:/ssl:ro", "./here:/here", "/scratch"]
    depends_on: {db: {condition: service_healthy}}
    restart: unless-stopped
    stop_grace_period: 1m30s
    healthcheck: {test: curl -f localhost, interval: 10s, timeout: 1s, retries: 3}
    deploy:
      replicas: 3
      resources: {limits: {memory: 256m, cpus: "0.5"}, reservations: {memory: 64m}}
      update_config: {order: start-first, failure_action: rollback}
    container_name: web
    frobnicate: 1
  db:
    image: postgres:15
    mem_limit: 1g
    cap_add: [NET_ADMIN]
    shm_size: 64mb
    ulimits: {nofile: {soft: 1000, hard: 2000}, nproc: 5}
    sysctls: ["net.core.somaxconn=1024"]
    extra_hosts: ["a.example:10.0.0.1"]
    logging: {driver: json-file, options: {max-size: 10m}}
    x-other: 1
volumes: {data: {}}
networks: {default: {}}
)";

TEST(Compose, MembersBecomeThoseOfEcs) {
  const ComposeResult result = imported(kShop);
  ASSERT_EQ(result.documents().size(), 2U);
  EXPECT_EQ(result.documents()[0]["service"]["serviceName"], "db");  // others wait for it
  const json& web = container(result, 1);
  EXPECT_EQ(result.documents()[1]["taskDefinition"]["family"], "shop-web");
  EXPECT_EQ(web["command"], json({"serve", "--port", "80", "--title=my shop"}));
  EXPECT_EQ(web["entryPoint"], json::array({"/bin/web"}));
  EXPECT_EQ(web["environment"], json::parse(R"([{"name":"A","value":"1"},{"name":"B","value":"two"}])"));
  EXPECT_EQ(web["memory"], 256);
  EXPECT_EQ(web["memoryReservation"], 64);
  EXPECT_EQ(web["cpu"], 512);
  EXPECT_EQ(web["stopTimeout"], 90);
  EXPECT_EQ(
      web["healthCheck"],
      json::parse(R"({"command":["CMD-SHELL","curl -f localhost"],"interval":10,"timeout":2,"retries":3})"));
  const json& service = result.documents()[1]["service"];
  EXPECT_EQ(service["desiredCount"], 3);
  EXPECT_EQ(
      service["deploymentConfiguration"],
      json::parse(
          R"({"minimumHealthyPercent":100,"maximumPercent":200,"deploymentCircuitBreaker":{"enable":true,"rollback":true}})"));
  const json& db = container(result, 0);
  EXPECT_EQ(db["memory"], 1024);
  EXPECT_EQ(db["linuxParameters"],
            json::parse(R"({"capabilities":{"add":["NET_ADMIN"]},"sharedMemorySize":64})"));
  EXPECT_EQ(
      db["ulimits"],
      json::parse(
          R"([{"name":"nofile","softLimit":1000,"hardLimit":2000},{"name":"nproc","softLimit":5,"hardLimit":5}])"));
  EXPECT_EQ(db["systemControls"], json::parse(R"([{"namespace":"net.core.somaxconn","value":"1024"}])"));
  EXPECT_EQ(db["extraHosts"], json::parse(R"([{"hostname":"a.example","ipAddress":"10.0.0.1"}])"));
  EXPECT_EQ(db["logConfiguration"]["options"]["max-size"], "10m");
}

TEST(Compose, PortsBecomeListenersAndVolumesMounts) {
  const ComposeResult result = imported(kShop);
  ASSERT_EQ(result.ports.size(), 2U);
  EXPECT_EQ(result.ports[0].listener_port, 8080);
  EXPECT_EQ(result.ports[0].container_port, 80);
  EXPECT_EQ(result.ports[1].listener_port, 9000);
  const json& web = container(result, 1);
  EXPECT_EQ(
      web["portMappings"],
      json::parse(
          R"([{"containerPort":80},{"containerPort":9000},{"containerPort":53,"protocol":"udp","hostPort":53}])"));
  EXPECT_EQ(web["mountPoints"].size(), 3U);
  EXPECT_EQ(web["mountPoints"][1],
            json::parse(R"({"sourceVolume":"etc-ssl","containerPath":"/ssl","readOnly":true})"));
  const json& volumes = result.documents()[1]["taskDefinition"]["volumes"];
  EXPECT_EQ(volumes[0]["dockerVolumeConfiguration"]["scope"], "shared");
  EXPECT_EQ(volumes[1]["host"]["sourcePath"], "/etc/ssl");
}

TEST(Compose, NothingIsSilent) {
  const ComposeResult result = imported(kShop);
  EXPECT_EQ(carried(result, "ports[3]"), Carried::kNo);
  EXPECT_EQ(carried(result, "ports[0]"), Carried::kChanged);
  EXPECT_EQ(carried(result, "volumes[2]"), Carried::kNo);
  EXPECT_EQ(carried(result, "container_name"), Carried::kNo);
  EXPECT_EQ(carried(result, "frobnicate"), Carried::kNo);
  EXPECT_EQ(carried(result, "x-other"), Carried::kNo);
  EXPECT_EQ(carried(result, "networks"), Carried::kNo);
  EXPECT_EQ(carried(result, "healthcheck.timeout"), Carried::kChanged);
  EXPECT_EQ(carried(result, "depends_on.db"), Carried::kChanged);
  EXPECT_EQ(carried(result, "restart"), Carried::kYes);
}

// Each member that compose has is said to be something: a name of it is looked for in the notes.
TEST(Compose, EveryMemberOfAServiceIsInTheReport) {
  const auto file = parse_yaml(kShop);
  const ComposeResult result = imported(kShop);
  for (const auto& [name, service] : (*file)["services"].items()) {
    for (const auto& [member, value] : service.items()) {
      const bool told = std::any_of(result.notes.begin(), result.notes.end(),
                                    [&, wanted = member, of = name](const ComposeNote& each) {
                                      return each.service == of && each.member.starts_with(wanted);
                                    });
      EXPECT_TRUE(told) << name << "." << member;
    }
  }
}

TEST(Compose, ServicesOfOneTaskWaitInsideOfIt) {
  const ComposeResult result = imported(R"(
services:
  web: {image: w, x-berth: {task: app, host: a.example, path: /x*, health: /up}, ports: ["80:8000"], depends_on: {migrate: {condition: service_completed_successfully}}}
  migrate: {image: m, x-berth: {task: app}}
)");
  ASSERT_EQ(result.documents().size(), 1U);
  const json& containers = result.documents()[0]["taskDefinition"]["containerDefinitions"];
  ASSERT_EQ(containers.size(), 2U);
  EXPECT_EQ(containers[1]["dependsOn"],
            json::parse(R"([{"containerName":"migrate","condition":"SUCCESS"}])"));
  // What ends is not what keeps the task alive.
  EXPECT_EQ(containers[0]["essential"], false);
  ASSERT_EQ(result.ports.size(), 1U);
  EXPECT_EQ(result.ports[0].host, "a.example");
  EXPECT_EQ(result.ports[0].health_path, "/up");
  EXPECT_EQ(result.ports[0].service, "app");
}

TEST(Compose, WithoutMemoryANumberIsReservedAndSaidSo) {
  const ComposeResult result = imported("services: {a: {image: x}}");
  EXPECT_EQ(container(result)["memoryReservation"], 128);
  EXPECT_EQ(carried(result, "mem_reservation"), Carried::kChanged);
}

TEST(Compose, GlobalServicesAreDaemons) {
  const json service =
      imported("services: {a: {image: x, deploy: {mode: global}}}").documents()[0]["service"];
  EXPECT_EQ(service["schedulingStrategy"], "DAEMON");
  EXPECT_FALSE(service.contains("desiredCount"));
}

TEST(Compose, MistakesAreNamed) {
  const auto refusal = [](const std::string& yaml) {
    const auto result = import_compose(*parse_yaml(yaml), "p");
    return result ? std::string() : result.error().text();
  };
  EXPECT_NE(refusal("a: 1").find("no services"), std::string::npos);
  EXPECT_NE(refusal("services: {a: {command: x}}").find("services.a: has neither image nor build"),
            std::string::npos);
  EXPECT_NE(refusal("services: {a: {image: x, depends_on: [b]}}").find("no service 'b'"), std::string::npos);
  EXPECT_NE(refusal("services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}")
                .find("leads back to itself"),
            std::string::npos);
}

TEST(ComposeVariables, AreThoseOfDockerCompose) {
  std::vector<ComposeNote> notes;
  const std::map<std::string, std::string> variables = {{"A", "1"}, {"E", ""}};
  EXPECT_EQ(*compose_interpolated("$A ${A} ${N:-d} ${E:-d} ${E-d} ${A:+y} ${N+y} $$A $", variables, notes),
            "1 1 d d  y  $A $");
  EXPECT_TRUE(notes.empty());
  EXPECT_EQ(*compose_interpolated("[$N]", variables, notes), "[]");
  EXPECT_EQ(notes.size(), 1U);
  EXPECT_NE(compose_interpolated("\n${N:?give it}", variables, notes)
                .error()
                .text()
                .find("line 2: N must be set: give it"),
            std::string::npos);
}

TEST(ComposeWords, AreReadAsPeopleWriteThem) {
  EXPECT_EQ(bytes_of("1.5g"), 1'610'612'736);
  EXPECT_EQ(bytes_of("64mb"), 64 << 20);
  EXPECT_FALSE(bytes_of("much"));
  EXPECT_EQ(seconds_of("1h2m3s"), 3723);
  EXPECT_EQ(seconds_of("500ms"), 1);
  EXPECT_EQ(seconds_of(json(7)), 7);
  EXPECT_FALSE(seconds_of("soon"));
  EXPECT_EQ(shell_words(R"(a 'b c' "d \"e\"" f\ g '')"),
            (std::vector<std::string>{"a", "b c", "d \"e\"", "f g", ""}));
}

TEST(Compose, ComesBackAsItWas) {
  std::vector<ComposeNote> notes;
  const ComposeResult once = imported(
      "services: {a: {image: x, command: [run, it], environment: {K: v}, mem_limit: 64m, ports: "
      "[\"8080:80\"], volumes: [\"d:/d\"]}}");
  const json file = export_compose(once.documents(), notes);
  EXPECT_EQ(file["services"]["a"]["image"], "x");
  EXPECT_EQ(file["services"]["a"]["environment"]["K"], "v");
  const auto again = import_compose(file, "shop");
  ASSERT_TRUE(again);
  EXPECT_EQ(container(*again)["command"], container(once)["command"]);
  EXPECT_EQ(container(*again)["memory"], 64);
  EXPECT_EQ(container(*again)["mountPoints"], container(once)["mountPoints"]);
}

}  // namespace
}  // namespace agent::cli
