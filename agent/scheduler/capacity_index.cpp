#include "agent/scheduler/capacity_index.h"

#include <algorithm>
#include <list>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "agent/scheduler/capacity_view.h"

namespace agent::scheduler {
namespace {

void put_number(std::string& key, std::int64_t number) {
  key += std::to_string(number);
  key += ',';
}

// All of a demand that decides where its tasks go.
std::string key_of(const std::string& filter_key, const Demand& demand) {
  std::string key;
  put_part(key, filter_key);
  for (const Query& each : demand.member_of) {
    if (each.depends_on_tasks()) put_part(key, each.text());
  }
  key += ';';
  for (const model::PlacementStrategy& each : demand.strategies) {
    put_number(key, static_cast<std::int64_t>(each.type));
    put_part(key, each.field);
  }
  key += ';';
  for (const std::set<int>* ports : {&demand.each.tcp_ports, &demand.each.udp_ports}) {
    for (const int port : *ports) put_number(key, port);
    key += ';';
  }
  put_number(key, demand.each.cpu);
  put_number(key, demand.each.memory);
  put_number(key, demand.gpus);
  put_number(key, demand.max_tasks);
  put_number(key, demand.distinct_instance ? 1 : 0);
  put_part(key, demand.group);
  put_part(key, demand.deployment);
  return key;
}

}  // namespace

struct CapacityIndex::Impl {
  Hosts hosts;
  std::unordered_map<std::string, std::shared_ptr<Filter>> filters;
  std::unordered_map<std::string, std::shared_ptr<Field>> fields;
  struct Kept {
    std::string key;
    std::unique_ptr<View> view;
  };
  std::list<Kept> views;  // the one that was used last in front
  std::unordered_map<std::string_view, std::list<Kept>::iterator> view_by_key;

  View& view_of(const Demand& demand);
  std::shared_ptr<Filter> filter_of(const std::string& key, const Demand& demand);
  std::shared_ptr<Field> field_of(const std::string& attribute);
  void make_room();
  void facts_changed(std::uint32_t slot);
};

View& CapacityIndex::Impl::view_of(const Demand& demand) {
  const std::string filter_key = Filter::key_of(demand);
  std::string key = key_of(filter_key, demand);
  if (const auto it = view_by_key.find(key); it != view_by_key.end()) {
    views.splice(views.begin(), views, it->second);
    return *views.front().view;
  }
  make_room();
  std::vector<Criterion> criteria = criteria_of(demand.strategies);
  std::vector<std::shared_ptr<Field>> wanted;
  for (const Criterion& each : criteria) {
    if (each.kind == Criterion::Kind::kField) wanted.push_back(field_of(each.attribute));
  }
  views.push_front(
      {std::move(key), std::make_unique<View>(demand, hosts.names(), std::move(criteria),
                                              filter_of(filter_key, demand), std::move(wanted))});
  view_by_key.emplace(views.front().key, views.begin());
  return *views.front().view;
}

std::shared_ptr<Filter> CapacityIndex::Impl::filter_of(const std::string& key, const Demand& demand) {
  auto& filter = filters[key];
  if (!filter) filter = std::make_shared<Filter>(demand);
  return filter;
}

std::shared_ptr<Field> CapacityIndex::Impl::field_of(const std::string& attribute) {
  auto& field = fields[attribute];
  if (!field) {
    field = std::make_shared<Field>(attribute);
    for (std::uint32_t slot = 0; slot < hosts.slots(); ++slot) field->update(slot, hosts.at(slot));
  }
  return field;
}

// For one more view.
void CapacityIndex::Impl::make_room() {
  const std::size_t by_hosts = kMaxViewedHosts / std::max<std::size_t>(1, hosts.slots());
  const std::size_t most = std::clamp<std::size_t>(by_hosts, 1, kMaxViews);
  if (views.size() < most) return;
  while (views.size() >= most) {
    view_by_key.erase(views.back().key);
    views.pop_back();
  }
  const auto is_unused = [](const auto& entry) { return entry.second.use_count() == 1; };
  std::erase_if(filters, is_unused);
  std::erase_if(fields, is_unused);
}

void CapacityIndex::Impl::facts_changed(std::uint32_t slot) {
  for (const auto& [key, filter] : filters) filter->forget(slot);
  for (const auto& [attribute, field] : fields) field->update(slot, hosts.at(slot));
}

CapacityIndex::CapacityIndex() : impl_(std::make_unique<Impl>()) {}
CapacityIndex::~CapacityIndex() = default;

void CapacityIndex::put(const Candidate& candidate) {
  Hosts& hosts = impl_->hosts;
  std::uint32_t slot = hosts.find(candidate.arn);
  const bool is_new = slot == kNone;
  if (is_new) slot = hosts.create(candidate.arn);
  HostFacts& host = hosts.edit(slot);
  bool facts = is_new;
  facts |= set_to(host.ec2_instance_id, candidate.ec2_instance_id);
  facts |= set_to(host.agent_version, candidate.agent_version);
  facts |= set_to(host.registered_at, candidate.registered_at);
  facts |= set_to(host.attributes, candidate.attributes);
  if (facts) impl_->facts_changed(slot);
  bool changed = facts;
  changed |= set_to(host.availability, candidate.availability);
  changed |= hosts.set_usage(host, candidate);
  if (changed) hosts.touch(slot);
}

void CapacityIndex::put_usage(const Candidate& candidate) {
  Hosts& hosts = impl_->hosts;
  const std::uint32_t slot = hosts.find(candidate.arn);
  if (slot != kNone && hosts.set_usage(hosts.edit(slot), candidate)) hosts.touch(slot);
}

void CapacityIndex::erase(const std::string& arn) {
  const std::uint32_t slot = impl_->hosts.find(arn);
  if (slot == kNone) return;
  impl_->hosts.erase(slot);
  impl_->facts_changed(slot);
}

bool CapacityIndex::contains(const std::string& arn) const { return impl_->hosts.find(arn) != kNone; }

std::size_t CapacityIndex::size() const { return impl_->hosts.size(); }

Placed CapacityIndex::place(const Demand& demand, shared::env::Random& random) {
  Hosts& hosts = impl_->hosts;
  Placed placed;
  if (demand.count <= 0) return placed;
  View& view = impl_->view_of(demand);
  for (int i = 0; i < demand.count; ++i) {
    view.catch_up(hosts);
    const auto slot = view.choose(random);
    if (!slot) {
      placed.unplaced = demand.count - i;
      if (const auto nearest = view.closest()) {
        const Candidate candidate = hosts.candidate(*nearest);
        const std::string reason = misfit(candidate, demand);
        placed.closest = Failure{candidate.arn, reason, detail_of(reason, candidate, demand)};
      }
      return placed;
    }
    placed.arns.push_back(hosts.at(*slot).arn);
    hosts.add_task(hosts.edit(*slot), demand, view.group(), view.deployment());
    hosts.touch(*slot);
  }
  return placed;
}

std::vector<Failure> CapacityIndex::failures(const Demand& demand) const {
  const Hosts& hosts = impl_->hosts;
  std::vector<Failure> all;
  all.reserve(hosts.size());
  for (const std::uint32_t slot : hosts.by_arn()) {
    const Candidate candidate = hosts.candidate(slot);
    std::string reason = misfit(candidate, demand);
    std::string detail = detail_of(reason, candidate, demand);
    all.push_back({candidate.arn, std::move(reason), std::move(detail)});
  }
  return all;
}

}  // namespace agent::scheduler
