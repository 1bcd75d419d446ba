// Zones, regions, the account, and the images that stacks look up.
#include <algorithm>
#include <array>

#include "agent/api/ec2/operations.h"
#include "agent/control/state/faults.h"

namespace agent::api::ec2 {
namespace {

// ---- Zones and regions ----

std::optional<Values> zone_filter(const Step& step, const std::string& zone, std::string_view name) {
  if (name == "zone-name") return one(zone);
  if (name == "zone-id") return one(zone.empty() ? "" : network::zone_id(zone));
  if (name == "state") return one("available");
  if (name == "region-name" || name == "group-name") return one(step.settings.region);
  if (name == "opt-in-status") return one("opt-in-not-required");
  if (name == "zone-type") return one("availability-zone");
  if (name == "message" || name == "parent-zone-id" || name == "parent-zone-name") return Values{};
  return std::nullopt;
}

Done describe_availability_zones(Step& step, In in, Out out) {
  const auto names = in.strings_or_empty("ZoneName");
  const auto ids = in.strings_or_empty("ZoneId");
  const auto filters = filters_of(in);
  if (!in.ok()) return in.error();
  if (const auto known = passes(step, filters, std::string(), &zone_filter); !known) return known.error();
  const auto zones = network::zones_of(step.settings.region);
  for (const auto& name : names) {
    if (std::find(zones.begin(), zones.end(), name) == zones.end())
      return control::fault("InvalidParameterValue", "Invalid availability zone: [" + name + "]");
  }
  Out list = out.child("availabilityZoneInfo");
  for (const auto& zone : zones) {
    if (!names.empty() && std::find(names.begin(), names.end(), zone) == names.end()) continue;
    if (!ids.empty() && std::find(ids.begin(), ids.end(), network::zone_id(zone)) == ids.end()) continue;
    if (!*passes(step, filters, zone, &zone_filter)) continue;
    Out item = list.child("item");
    item.text("zoneName", zone);
    item.text("zoneId", network::zone_id(zone));
    item.text("zoneState", "available");
    item.text("zoneType", "availability-zone");
    item.text("regionName", step.settings.region);
    item.text("groupName", step.settings.region);
    item.text("networkBorderGroup", step.settings.region);
    item.text("optInStatus", "opt-in-not-required");
    item.child("messageSet");
  }
  return {};
}

Done describe_regions(Step& step, In in, Out out) {
  const auto names = in.strings_or_empty("RegionName");
  (void)filters_of(in);
  if (!in.ok()) return in.error();
  for (const auto& name : names) {
    if (name != step.settings.region)
      return control::fault("InvalidParameterValue", "Invalid region provided: " + name);
  }
  Out item = out.child("regionInfo").child("item");
  item.text("regionName", step.settings.region);
  item.text("regionEndpoint", step.settings.poll_endpoint);
  item.text("optInStatus", "opt-in-not-required");
  return {};
}

Done describe_account_attributes(Step& step, In in, Out out) {
  const auto names = in.strings_or_empty("AttributeName");
  if (!in.ok()) return in.error();
  std::string vpc = "none";
  for (const auto& [id, row] : step.state.neighbours().vpcs.rows()) {
    if (row.is_default) vpc = id;
  }
  const std::array<std::pair<std::string, std::string>, 3> attributes{{
      {"supported-platforms", "VPC"},
      {"default-vpc", vpc},
      {"vpc-max-security-groups-per-interface", "5"},
  }};
  for (const auto& name : names) {
    if (std::none_of(attributes.begin(), attributes.end(),
                     [&](const auto& each) { return each.first == name; }))
      return invalid_value(
          "attributeName", name,
          "It must be supported-platforms, default-vpc or vpc-max-security-groups-per-interface.");
  }
  Out list = out.child("accountAttributeSet");
  for (const auto& [name, value] : attributes) {
    if (!names.empty() && std::find(names.begin(), names.end(), name) == names.end()) continue;
    Out item = list.child("item");
    item.text("attributeName", name);
    item.child("attributeValueSet").child("item").text("attributeValue", value);
  }
  return {};
}

// ---- Images: what lookups by name find. No machine is ever started from one. ----

struct Image {
  std::string_view id;
  std::string_view name;
  std::string_view created;
  std::string_view architecture;
  std::string_view description;
};
constexpr auto kImages = std::to_array<Image>({
    {"ami-0be57000000000001", "al2023-ami-ecs-hvm-2023.0.20260101-kernel-6.1-x86_64",
     "2026-01-01T00:00:00.000Z", "x86_64",
     "Amazon Linux AMI 2023 for ECS, x86_64: stands for the hosts that join by themselves"},
    {"ami-0be57000000000002", "al2023-ami-ecs-hvm-2023.0.20260101-kernel-6.1-arm64",
     "2026-01-01T00:00:00.000Z", "arm64",
     "Amazon Linux AMI 2023 for ECS, arm64: stands for the hosts that join by themselves"},
    {"ami-0be57000000000003", "amzn2-ami-ecs-hvm-2.0.20260101-x86_64-ebs", "2026-01-01T00:00:00.000Z",
     "x86_64", "Amazon Linux AMI 2 for ECS, x86_64: stands for the hosts that join by themselves"},
    {"ami-0be57000000000004", "amzn2-ami-ecs-hvm-2.0.20260101-arm64-ebs", "2026-01-01T00:00:00.000Z", "arm64",
     "Amazon Linux AMI 2 for ECS, arm64: stands for the hosts that join by themselves"},
    {"ami-0be57000000000005", "al2023-ami-2023.0.20260101.0-kernel-6.1-x86_64", "2026-01-01T00:00:00.000Z",
     "x86_64", "Amazon Linux 2023 AMI, x86_64: stands for the hosts that join by themselves"},
    {"ami-0be57000000000006", "al2023-ami-2023.0.20260101.0-kernel-6.1-arm64", "2026-01-01T00:00:00.000Z",
     "arm64", "Amazon Linux 2023 AMI, arm64: stands for the hosts that join by themselves"},
});
constexpr const char* kImageOwner = "591542846629";  // of AWS's images for ECS

std::optional<Values> image_filter(const Step&, const Image& row, std::string_view name) {
  if (name == "image-id") return one(std::string(row.id));
  if (name == "name") return one(std::string(row.name));
  if (name == "description") return one(std::string(row.description));
  if (name == "architecture") return one(std::string(row.architecture));
  if (name == "creation-date") return one(std::string(row.created));
  if (name == "owner-alias") return one("amazon");
  if (name == "owner-id") return one(kImageOwner);
  if (name == "is-public") return flag(true);
  if (name == "ena-support") return flag(true);
  if (name == "state") return one("available");
  if (name == "image-type") return one("machine");
  if (name == "root-device-type") return one("ebs");
  if (name == "root-device-name") return one("/dev/xvda");
  if (name == "virtualization-type") return one("hvm");
  if (name == "hypervisor") return one("xen");
  if (name == "block-device-mapping.volume-type") return one("gp3");
  if (name == "platform" || name == "product-code") return Values{};
  return tag_filter({}, name);
}

Done describe_images(Step& step, In in, Out out) {
  const auto ids = in.strings_or_empty("ImageId");
  const auto owners = in.strings_or_empty("Owner");
  const auto filters = filters_of(in);
  if (!in.ok()) return in.error();
  if (const auto known = passes(step, filters, Image{}, &image_filter); !known) return known.error();
  for (const auto& id : ids) {
    if (std::none_of(kImages.begin(), kImages.end(), [&](const Image& each) { return each.id == id; }))
      return control::fault("InvalidAMIID.NotFound", "The image id '[" + id + "]' does not exist");
  }
  const bool owned = owners.empty() || std::find(owners.begin(), owners.end(), "amazon") != owners.end() ||
                     std::find(owners.begin(), owners.end(), kImageOwner) != owners.end();
  Out list = out.child("imagesSet");
  for (const Image& image : kImages) {
    if (!owned || (!ids.empty() && std::find(ids.begin(), ids.end(), image.id) == ids.end())) continue;
    if (!*passes(step, filters, image, &image_filter)) continue;
    Out item = list.child("item");
    item.text("imageId", image.id);
    item.text("imageLocation", "amazon/" + std::string(image.name));
    item.text("imageState", "available");
    item.text("imageOwnerId", kImageOwner);
    item.text("imageOwnerAlias", "amazon");
    item.text("creationDate", image.created);
    item.boolean("isPublic", true);
    item.text("architecture", image.architecture);
    item.text("imageType", "machine");
    item.text("name", image.name);
    item.text("description", image.description);
    item.text("rootDeviceType", "ebs");
    item.text("rootDeviceName", "/dev/xvda");
    Out device = item.child("blockDeviceMapping").child("item");
    device.text("deviceName", "/dev/xvda");
    Out volume = device.child("ebs");
    volume.integer("volumeSize", 30);
    volume.text("volumeType", "gp3");
    volume.boolean("deleteOnTermination", true);
    volume.boolean("encrypted", false);
    item.text("virtualizationType", "hvm");
    item.text("hypervisor", "xen");
    item.boolean("enaSupport", true);
    item.text("platformDetails", "Linux/UNIX");
    write_tags(item, {});
  }
  return {};
}

constexpr auto kPlaceOperations = std::to_array<Operation>({
    {"DescribeAccountAttributes", describe_account_attributes},
    {"DescribeAvailabilityZones", describe_availability_zones},
    {"DescribeImages", describe_images},
    {"DescribeRegions", describe_regions},
});

}  // namespace

std::span<const Operation> place_operations() { return kPlaceOperations; }

}  // namespace agent::api::ec2
