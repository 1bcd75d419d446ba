#include "agent/api/servicediscovery/servicediscovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/control/discovery/discovery.h"
#include "agent/control/discovery/zones.h"
#include "agent/control/records/fields.h"
#include "agent/control/state/neighbours.h"
#include "tests/support/control_api.h"

namespace agent::api::servicediscovery {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

class CloudMap : public tests::ControlState, public testing::Test {
 public:
  CloudMap() : ControlState(1'796'000'000'000) {}
  shared::Result<json> call(const std::string& operation, const json& request) {
    return in_a_step([&](control::Step& step) -> shared::Result<json> {
      auto answer = handle(step, {operation, request.dump(), "id",
                                  "arn:aws:iam::000000000000:user/administrator", "000000000000", ""});
      if (!answer) return answer.error();
      return json::parse(*answer);
    });
  }
  json good(const std::string& operation, const json& request) {
    return tests::expect_good(operation, call(operation, request), json::object());
  }
  std::string error(const std::string& operation, const json& request) {
    return tests::error_of(call(operation, request));
  }
  // What the operation was about.
  std::string target(const json& answer, const char* kind) {
    const json operation =
        good("GetOperation", {{"OperationId", answer.value("OperationId", "")}})["Operation"];
    EXPECT_EQ(operation.value("Status", ""), "SUCCESS");
    return operation["Targets"].value(kind, "");
  }
  std::string private_namespace(const std::string& name) {
    return target(good("CreatePrivateDnsNamespace", {{"Name", name}, {"Vpc", "vpc-1"}}), "NAMESPACE");
  }
  json service(const std::string& space, const std::string& name, json more = json::object()) {
    more["Name"] = name;
    if (!more.contains("DnsConfig")) more["NamespaceId"] = space;
    return good("CreateService", more)["Service"];
  }
  static json records(const std::string& space, const std::string& type, const std::string& routing) {
    json record{{"Type", type}, {"TTL", 30}};
    json dns{{"NamespaceId", space}, {"RoutingPolicy", routing}};
    dns["DnsRecords"] = json::array();
    dns["DnsRecords"].push_back(record);
    json out = json::object();
    out["DnsConfig"] = dns;
    return out;
  }
};

TEST_F(CloudMap, ANamespaceIsThereOnceItsOperationIsKnown) {
  const json made =
      good("CreatePrivateDnsNamespace",
           {{"Name", "apps.local"}, {"Vpc", "vpc-1"}, {"CreatorRequestId", "r"}, {"Description", "d"}});
  const std::string id = target(made, "NAMESPACE");
  EXPECT_THAT(id, MatchesRegex("ns-[a-z0-9]{16}"));
  const json row = good("GetNamespace", {{"Id", id}})["Namespace"];
  EXPECT_EQ(row["Arn"], "arn:aws:servicediscovery:us-east-1:000000000000:namespace/" + id);
  EXPECT_EQ(row["Type"], "DNS_PRIVATE");
  EXPECT_THAT(row["Properties"]["DnsProperties"]["HostedZoneId"].get<std::string>(), StartsWith("Z"));
  EXPECT_EQ(row["CreatorRequestId"], "r");
  EXPECT_THAT(error("CreatePrivateDnsNamespace", {{"Name", "apps.local"}, {"Vpc", "vpc-1"}}),
              StartsWith("NamespaceAlreadyExists: "));
  EXPECT_EQ(error("CreatePrivateDnsNamespace", {{"Name", "apps.local"}, {"Vpc", "vpc-2"}}), "");
  EXPECT_THAT(error("CreatePrivateDnsNamespace", {{"Name", "a b"}, {"Vpc", "v"}}), HasSubstr("Name"));
  EXPECT_THAT(error("CreatePrivateDnsNamespace", {{"Name", "a"}}), HasSubstr("Vpc: is required"));
  EXPECT_THAT(error("GetNamespace", {{"Id", "ns-none"}}), StartsWith("NamespaceNotFound"));
}

TEST_F(CloudMap, IsFoundByTypeAndNameAPageAtATime) {
  for (const char* name : {"a.local", "b.local", "c.local"}) private_namespace(name);
  good("CreateHttpNamespace", {{"Name", "plain"}});
  json filter{{"Name", "TYPE"}, {"Condition", "EQ"}};
  filter["Values"] = json::array({"DNS_PRIVATE"});
  json request{{"MaxResults", 2}};
  request["Filters"] = json::array();
  request["Filters"].push_back(filter);
  const json first = good("ListNamespaces", request);
  EXPECT_EQ(first["Namespaces"].size(), 2U);
  request["NextToken"] = first["NextToken"];
  const json second = good("ListNamespaces", request);
  EXPECT_EQ(second["Namespaces"].size(), 1U);
  EXPECT_FALSE(second.contains("NextToken"));
  request["Filters"][0]["Name"] = "COLOUR";
  EXPECT_THAT(error("ListNamespaces", request), HasSubstr("Filters[0].Name"));
}

TEST_F(CloudMap, AServiceKeepsItsRecordsAndChangesTheirTimesOnly) {
  const std::string space = private_namespace("apps.local");
  const json web = service(space, "web", records(space, "A", "MULTIVALUE"));
  EXPECT_THAT(web["Id"].get<std::string>(), MatchesRegex("srv-[a-z0-9]{16}"));
  EXPECT_EQ(web["Type"], "DNS_HTTP");
  EXPECT_EQ(web["NamespaceId"], space);
  json again = records(space, "A", "MULTIVALUE");
  again["Name"] = "WEB";
  EXPECT_THAT(error("CreateService", again), StartsWith("ServiceAlreadyExists"));
  json change{{"Id", web["Id"]}};
  change["Service"] = {{"Description", "new"}};
  change["Service"]["DnsConfig"] = records(space, "A", "MULTIVALUE")["DnsConfig"];
  change["Service"]["DnsConfig"]["DnsRecords"][0]["TTL"] = 5;
  good("UpdateService", change);
  const json later = good("GetService", {{"Id", web["Id"]}})["Service"];
  EXPECT_EQ(later["DnsConfig"]["DnsRecords"][0]["TTL"], 5);
  EXPECT_EQ(later["Description"], "new");
  change["Service"]["DnsConfig"]["DnsRecords"][0]["Type"] = "SRV";
  EXPECT_THAT(error("UpdateService", change), HasSubstr("A is missing"));
  EXPECT_THAT(error("DeleteNamespace", {{"Id", space}}), StartsWith("ResourceInUse"));
  good("DeleteService", {{"Id", web["Id"]}});
  good("DeleteNamespace", {{"Id", space}});
}

TEST_F(CloudMap, RefusesRecordsThatCannotBe) {
  const std::string space = private_namespace("apps.local");
  const auto refused = [&](json request) {
    request["Name"] = "x";
    return error("CreateService", request);
  };
  EXPECT_THAT(refused(records(space, "TXT", "MULTIVALUE")), HasSubstr("DnsRecords[0].Type"));
  EXPECT_THAT(refused(records(space, "CNAME", "MULTIVALUE")), HasSubstr("must be WEIGHTED for CNAME"));
  EXPECT_THAT(refused(records(space, "A", "LATENCY")), HasSubstr("RoutingPolicy"));
  const std::string http = target(good("CreateHttpNamespace", {{"Name", "plain"}}), "NAMESPACE");
  EXPECT_THAT(refused(records(http, "A", "MULTIVALUE")), HasSubstr("HTTP namespace"));
  json checked = records(space, "A", "MULTIVALUE");
  checked["HealthCheckConfig"] = {{"Type", "HTTP"}};
  EXPECT_THAT(refused(checked), HasSubstr("not offered"));
}

TEST_F(CloudMap, AnInstanceNeedsWhatItsServicesRecordsAreMadeOf) {
  const std::string space = private_namespace("apps.local");
  const std::string web = service(space, "web", records(space, "SRV", "MULTIVALUE"))["Id"];
  json request{{"ServiceId", web}, {"InstanceId", "i-1"}};
  request["Attributes"] = {{"AWS_INSTANCE_IPV4", "10.0.0.1"}};
  EXPECT_THAT(error("RegisterInstance", request), HasSubstr("Attributes.AWS_INSTANCE_PORT: is required"));
  request["Attributes"]["AWS_INSTANCE_PORT"] = "70000";
  EXPECT_THAT(error("RegisterInstance", request), HasSubstr("'70000' is not a port"));
  request["Attributes"]["AWS_INSTANCE_PORT"] = "80";
  EXPECT_EQ(target(good("RegisterInstance", request), "INSTANCE"), "i-1");
  request["Attributes"]["colour"] = "red";
  good("RegisterInstance", request);  // again: replaces
  EXPECT_EQ(
      good("GetInstance", {{"ServiceId", web}, {"InstanceId", "i-1"}})["Instance"]["Attributes"]["colour"],
      "red");
  EXPECT_EQ(good("ListInstances", {{"ServiceId", web}})["Instances"].size(), 1U);
  EXPECT_THAT(error("DeleteService", {{"Id", web}}), HasSubstr("Service contains registered instances"));
  request["InstanceId"] = "a b";
  EXPECT_THAT(error("RegisterInstance", request), HasSubstr("InstanceId"));
  good("DeregisterInstance", {{"ServiceId", web}, {"InstanceId", "i-1"}});
  EXPECT_THAT(error("DeregisterInstance", {{"ServiceId", web}, {"InstanceId", "i-1"}}),
              StartsWith("InstanceNotFound"));
}

TEST_F(CloudMap, InstancesAreDiscoveredByHealthAndAttributes) {
  const std::string space = target(good("CreateHttpNamespace", {{"Name", "plain"}}), "NAMESPACE");
  json custom = json::object();
  custom["HealthCheckCustomConfig"] = {{"FailureThreshold", 1}};
  const std::string web = service(space, "web", custom)["Id"];
  for (const char* id : {"one", "two"}) {
    json request{{"ServiceId", web}, {"InstanceId", id}};
    request["Attributes"] = {{"stage", id}, {"all", "yes"}};
    good("RegisterInstance", request);
  }
  const auto discover = [&](json more) {
    more["NamespaceName"] = "plain";
    more["ServiceName"] = "web";
    std::set<std::string> ids;
    const json found = good("DiscoverInstances", more);
    for (const json& each : found["Instances"]) ids.insert(each["InstanceId"]);
    return ids;
  };
  using Ids = std::set<std::string>;
  EXPECT_EQ(discover(json::object()), (Ids{"one", "two"}));
  const json names{{"NamespaceName", "plain"}, {"ServiceName", "web"}};
  const auto revision = good("DiscoverInstancesRevision", names)["InstancesRevision"].get<int>();
  good("UpdateInstanceCustomHealthStatus",
       {{"ServiceId", web}, {"InstanceId", "two"}, {"Status", "UNHEALTHY"}});
  EXPECT_GT(good("DiscoverInstancesRevision", names)["InstancesRevision"].get<int>(), revision);
  EXPECT_EQ(discover(json::object()), Ids{"one"});
  EXPECT_EQ(discover({{"HealthStatus", "UNHEALTHY"}}), Ids{"two"});
  json query = json::object();
  query["QueryParameters"] = {{"stage", "two"}};
  EXPECT_EQ(discover(query), Ids{});
  query["HealthStatus"] = "HEALTHY_OR_ELSE_ALL";
  EXPECT_EQ(discover(query), Ids{"two"});
  json optional = json::object();
  optional["OptionalParameters"] = {{"stage", "nowhere"}};
  EXPECT_EQ(discover(optional), Ids{"one"});
  EXPECT_THAT(error("DiscoverInstances", {{"NamespaceName", "none"}, {"ServiceName", "web"}}),
              StartsWith("NamespaceNotFound"));
  EXPECT_EQ(good("GetInstancesHealthStatus", {{"ServiceId", web}})["Status"],
            json({{"one", "HEALTHY"}, {"two", "UNHEALTHY"}}));
}

TEST_F(CloudMap, TagsAreOfNamespacesAndServices) {
  const std::string space = private_namespace("apps.local");
  const std::string arn = good("GetNamespace", {{"Id", space}})["Namespace"]["Arn"];
  json request{{"ResourceARN", arn}};
  request["Tags"] = json::array();
  request["Tags"].push_back({{"Key", "team"}, {"Value", "web"}});
  good("TagResource", request);
  EXPECT_EQ(good("ListTagsForResource", {{"ResourceARN", arn}})["Tags"], request["Tags"]);
  json untag{{"ResourceARN", arn}};
  untag["TagKeys"] = json::array({"team"});
  good("UntagResource", untag);
  EXPECT_EQ(good("ListTagsForResource", {{"ResourceARN", arn}})["Tags"], json::array());
  EXPECT_THAT(error("ListTagsForResource", {{"ResourceARN", arn + "x"}}),
              StartsWith("ResourceNotFoundException"));
}

TEST_F(CloudMap, OfOperationsTheNewestThousandAreKept) {
  const std::string first = good("CreateHttpNamespace", {{"Name", "n"}})["OperationId"];
  const std::string id = target(json{{"OperationId", first}}, "NAMESPACE");
  json change{{"Id", id}};
  change["Namespace"] = {{"Description", "d"}};
  for (std::size_t i = 0; i < control::discovery::kMaxOperations; ++i) good("UpdateHttpNamespace", change);
  EXPECT_THAT(error("GetOperation", {{"OperationId", first}}), StartsWith("OperationNotFound"));
}

TEST_F(CloudMap, ZonesHaveTheInstancesOfDnsNamespaces) {
  const std::string space = private_namespace("Apps.local");
  const std::string web = service(space, "web", records(space, "A", "WEIGHTED"))["Id"];
  service(space, "empty", records(space, "A", "MULTIVALUE"));
  json request{{"ServiceId", web}, {"InstanceId", "i-1"}};
  request["Attributes"] = {{"AWS_INSTANCE_IPV4", "10.0.0.1"}};
  good("RegisterInstance", request);
  const auto zones = control::discovery::build_zones(state, 7);
  const auto& zone = zones->zones.at("apps.local");
  ASSERT_EQ(zone.names.size(), 1U);  // a service without instances has no name
  const auto& named = zone.names.at("web.apps.local");
  EXPECT_TRUE(named.one_at_a_time);
  EXPECT_EQ(named.a, 30U);
  EXPECT_EQ(named.hosts.at(0).name, "i-1.web.apps.local");
}

TEST_F(CloudMap, RowsAreReadAsTheyWereWritten) {
  const std::string space = private_namespace("apps.local");
  const std::string web = service(space, "web", records(space, "A", "WEIGHTED"))["Id"];
  model::DiscoveryService copy;
  const auto& row = *state.neighbours().discovery_services.find(web);
  ASSERT_TRUE(control::from_row(control::to_row(row), copy));
  EXPECT_EQ(control::to_row(copy), control::to_row(row));
  EXPECT_EQ(copy.records, row.records);
}

}  // namespace
}  // namespace agent::api::servicediscovery
