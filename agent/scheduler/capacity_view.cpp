#include "agent/scheduler/capacity_view.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

namespace agent::scheduler {
namespace {

// When more than one in so many hosts changed, all are looked at again: that costs less than as many changes.
constexpr std::uint32_t kRebuildShare = 8;
// As many cells are compared one by one.
constexpr std::size_t kFewZones = 8;
// Cells of values that no host has any more are dropped when there are more than this and twice the hosts.
constexpr std::size_t kFewCells = 64;
// A rank's number for the tasks of a demand on one host: those of the deployment before those of the group.
constexpr int kDeploymentShift = 32;

bool takes_any(const std::vector<int>& taken, const std::set<int>& wanted) {
  return std::any_of(wanted.begin(), wanted.end(),
                     [&](int port) { return std::binary_search(taken.begin(), taken.end(), port); });
}

QueryFacts facts_of_host(const HostFacts& host, const std::map<std::string, int>& groups) {
  QueryFacts facts;
  facts.attributes = &host.attributes;
  facts.groups = &groups;
  facts.ec2_instance_id = host.ec2_instance_id;
  facts.agent_version = host.agent_version;
  facts.registered_at = host.registered_at;
  facts.running_tasks = host.running_tasks;
  facts.agent_connected = host.availability != Availability::kDisconnected;
  return facts;
}

bool matches_all(const std::vector<Query>& queries, const QueryFacts& facts) {
  return std::all_of(queries.begin(), queries.end(), [&](const Query& each) { return each.matches(facts); });
}

}  // namespace

void put_part(std::string& key, std::string_view part) {
  key += std::to_string(part.size());
  key += ':';
  key += part;
}

Filter::Filter(const Demand& demand) : required_(demand.required_attributes), platform_(demand.platform) {
  for (const Query& each : demand.member_of) {
    if (!each.depends_on_tasks()) queries_.push_back(each);
  }
}

std::string Filter::key_of(const Demand& demand) {
  std::string key;
  for (const std::string& name : demand.required_attributes) put_part(key, name);
  key += ';';
  for (const model::NameValue& each : demand.platform) {
    put_part(key, each.name);
    put_part(key, each.value);
  }
  key += ';';
  for (const Query& each : demand.member_of) {
    if (!each.depends_on_tasks()) put_part(key, each.text());
  }
  return key;
}

// Asked only for connected hosts, so that a query for the connection needs no new verdict when it changes.
Filter::Verdict Filter::verdict(std::uint32_t slot, const HostFacts& host) {
  if (slot >= verdicts_.size()) verdicts_.resize(slot + 1, Verdict::kUnknown);
  Verdict& known = verdicts_[slot];
  if (known == Verdict::kUnknown) known = judge(host);
  return known;
}

void Filter::forget(std::uint32_t slot) {
  if (slot < verdicts_.size()) verdicts_[slot] = Verdict::kUnknown;
}

Filter::Verdict Filter::judge(const HostFacts& host) const {
  for (const std::string& name : required_) {
    if (!host.attributes.contains(name)) return Verdict::kLacksAttribute;
  }
  for (const model::NameValue& each : platform_) {
    const auto it = host.attributes.find(each.name);
    if (it != host.attributes.end() && it->second != each.value) return Verdict::kLacksAttribute;
  }
  static const std::map<std::string, int> kNoGroups;
  return matches_all(queries_, facts_of_host(host, kNoGroups)) ? Verdict::kPasses : Verdict::kNotMember;
}

void Field::update(std::uint32_t slot, const HostFacts& host) {
  if (slot >= values_.size()) values_.resize(slot + 1, kNone);
  const auto it = host.attributes.find(name_);
  const bool has = it != host.attributes.end() && !it->second.empty();
  const std::uint32_t before = std::exchange(values_[slot], has ? names_.acquire(it->second) : kNone);
  if (before != kNone) names_.release(before);
}

std::vector<Criterion> criteria_of(const std::vector<model::PlacementStrategy>& strategies) {
  if (strategies.empty()) return {{Criterion::Kind::kField, kZoneAttribute}, {Criterion::Kind::kTasks, ""}};
  std::vector<Criterion> criteria;
  for (const model::PlacementStrategy& each : strategies) {
    if (each.type == model::StrategyType::kRandom) break;  // leaves one host: nothing remains to be decided
    Criterion next;
    if (each.type == model::StrategyType::kBinpack) {
      next.kind = packs_cpu(each) ? Criterion::Kind::kCpu : Criterion::Kind::kMemory;
    } else if (each.field.starts_with(kAttributePrefix)) {
      next = {Criterion::Kind::kField, each.field.substr(kAttributePrefix.size())};
    }
    // Hosts that tie once tie again.
    if (std::find(criteria.begin(), criteria.end(), next) == criteria.end()) criteria.push_back(next);
  }
  return criteria;
}

View::View(const Demand& demand, Names& names, std::vector<Criterion> criteria,
           std::shared_ptr<Filter> filter, std::vector<std::shared_ptr<Field>> fields)
    : names_(names),
      group_(names.acquire(demand.group)),
      deployment_(demand.deployment.empty() ? kNone : names.acquire(demand.deployment)),
      each_(demand.each),
      gpus_(demand.gpus),
      max_tasks_(demand.max_tasks),
      distinct_instance_(demand.distinct_instance),
      criteria_(std::move(criteria)),
      width_(criteria_.size() - fields.size()),
      filter_(std::move(filter)),
      fields_(std::move(fields)) {
  for (const Query& each : demand.member_of) {
    if (each.depends_on_tasks()) queries_.push_back(each);
  }
}

View::~View() {
  names_.release(group_);
  if (deployment_ != kNone) names_.release(deployment_);
}

void View::catch_up(const Hosts& hosts) {
  const auto stale = [&](std::uint32_t slot) { return slot != kNone && hosts.at(slot).changed > seen_; };
  std::uint32_t changes = hosts.slots() / kRebuildShare;
  std::uint32_t slot = hosts.newest();
  for (; stale(slot) && changes > 0; slot = hosts.at(slot).older) --changes;
  if (seen_ == 0 || (stale(slot) && hosts.slots() > kRebuildShare) ||
      cells_.size() > kFewCells + 2 * hosts.size()) {
    rebuild(hosts);
  } else {
    entries_.resize(hosts.slots());
    for (slot = hosts.newest(); stale(slot); slot = hosts.at(slot).older) update(slot, hosts);
  }
  seen_ = hosts.now();
}

void View::rebuild(const Hosts& hosts) {
  cells_.clear();
  cell_by_values_.clear();
  loads_.assign(fields_.size(), {});
  misfits_ = Tournament(1);
  entries_.assign(hosts.slots(), {});
  for (std::uint32_t slot = 0; slot < hosts.slots(); ++slot) {
    if (!hosts.at(slot).present) continue;
    const Standing now = assess(slot, hosts);
    Entry& entry = entries_[slot];
    entry.tasks = now.tasks;
    entry.cell = now.cell;
    entry.fits = now.fits;
    entry.position = tournament_of(entry).append(slot, now.rank) & INT32_MAX;
    add_load(now.cell, now.tasks);
  }
  for (Cell& cell : cells_) cell.fitting.settle();
  misfits_.settle();
}

void View::update(std::uint32_t slot, const Hosts& hosts) {
  Entry& entry = entries_[slot];
  const Entry before = entry;
  const bool was_there = before.cell != kNone;
  if (was_there) add_load(before.cell, -before.tasks);
  if (!hosts.at(slot).present) {
    entry = {};
    if (was_there) take_out(before);
    return;
  }
  const Standing now = assess(slot, hosts);
  add_load(now.cell, now.tasks);
  entry.tasks = now.tasks;
  entry.cell = now.cell;
  entry.fits = now.fits;
  if (was_there && before.fits == entry.fits && (!now.fits || before.cell == now.cell)) {
    tournament_of(entry).change(entry.position, now.rank);
    return;
  }
  if (was_there) take_out(before);
  entry.position = tournament_of(entry).add(slot, now.rank) & INT32_MAX;
}

void View::take_out(const Entry& entry) {
  const auto moved = tournament_of(entry).remove(entry.position);
  if (moved) entries_[*moved].position = entry.position;
}

View::Standing View::assess(std::uint32_t slot, const Hosts& hosts) {
  const HostFacts& host = hosts.at(slot);
  const int of_group = on_hosts(group_) ? count_in(host.groups, group_) : 0;
  const int of_deployment = on_hosts(deployment_) ? count_in(host.deployments, deployment_) : 0;
  Standing now;
  now.tasks = (std::int64_t{of_deployment} << kDeploymentShift) + of_group;
  now.cell = cell_of(slot);
  if (const auto in_the_way = obstacle(slot, hosts, of_group)) {
    now.rank[0] = (static_cast<std::int64_t>(*in_the_way) << 32) + slot;
    return now;
  }
  now.fits = true;
  std::size_t next = 0;
  for (const Criterion& each : criteria_) {
    switch (each.kind) {
      case Criterion::Kind::kTasks:
        now.rank[next++] = now.tasks;
        break;
      case Criterion::Kind::kCpu:
        now.rank[next++] = host.cpu;
        break;
      case Criterion::Kind::kMemory:
        now.rank[next++] = host.memory;
        break;
      case Criterion::Kind::kField:
        break;
    }
  }
  return now;
}

// Says the same as misfit() and obstacle_of() do.
std::optional<Obstacle> View::obstacle(std::uint32_t slot, const Hosts& hosts, int tasks_of_group) {
  const HostFacts& host = hosts.at(slot);
  if (host.availability != Availability::kUsable) return Obstacle::kAgent;
  const Filter::Verdict verdict = filter_->verdict(slot, host);
  if (verdict == Filter::Verdict::kLacksAttribute || gpus_ > 0) return Obstacle::kAttribute;
  if (verdict == Filter::Verdict::kNotMember) return Obstacle::kConstraint;
  if (!queries_.empty()) {
    const std::map<std::string, int> groups = hosts.texts(host.groups);
    if (!matches_all(queries_, facts_of_host(host, groups))) return Obstacle::kConstraint;
  }
  const bool has_room = (max_tasks_ <= 0 || host.tasks < max_tasks_) && host.cpu >= each_.cpu &&
                        host.memory >= each_.memory && !takes_any(host.tcp_ports, each_.tcp_ports) &&
                        !takes_any(host.udp_ports, each_.udp_ports) &&
                        (!distinct_instance_ || tasks_of_group == 0);
  return has_room ? std::nullopt : std::optional(Obstacle::kRoom);
}

std::uint32_t View::cell_of(std::uint32_t slot) {
  const auto is_of = [&](const Cell& cell) {
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (cell.values[i] != fields_[i]->value(slot)) return false;
    }
    return true;
  };
  const std::uint32_t before = entries_[slot].cell;
  if (before != kNone && is_of(cells_[before])) return before;
  if (const std::size_t few = cells_.size(); few <= kFewZones) {
    for (std::uint32_t i = 0; i < few; ++i) {
      if (is_of(cells_[i])) return i;
    }
    return new_cell(values_of(slot));
  }
  std::vector<std::uint32_t> values = values_of(slot);
  const auto it = cell_by_values_.find(values);
  return it == cell_by_values_.end() ? new_cell(std::move(values)) : it->second;
}

std::vector<std::uint32_t> View::values_of(std::uint32_t slot) const {
  std::vector<std::uint32_t> values;
  values.reserve(fields_.size());
  for (const auto& each : fields_) values.push_back(each->value(slot));
  return values;
}

std::uint32_t View::new_cell(std::vector<std::uint32_t> values) {
  const auto cell = static_cast<std::uint32_t>(cells_.size());
  cell_by_values_.emplace(values, cell);
  cells_.push_back({std::move(values), Tournament(width_)});
  return cell;
}

void View::add_load(std::uint32_t cell, std::int64_t tasks) {
  for (std::size_t i = 0; i < fields_.size(); ++i) loads_[i][cells_[cell].values[i]] += tasks;
}

// Hosts without the attribute come after all others.
std::int64_t View::load(std::size_t field, std::uint32_t value) const {
  return value == kNone ? std::numeric_limits<std::int64_t>::max() : loads_[field].at(value);
}

int View::compare(const Cell& left, const Cell& right) const {
  std::size_t field = 0;
  std::size_t own = 0;
  for (const Criterion& each : criteria_) {
    std::int64_t a = 0;
    std::int64_t b = 0;
    if (each.kind == Criterion::Kind::kField) {
      a = load(field, left.values[field]);
      b = load(field, right.values[field]);
      ++field;
    } else {
      a = left.fitting.lowest(own);
      b = right.fitting.lowest(own);
      ++own;
    }
    if (a != b) return a < b ? -1 : 1;
  }
  return 0;
}

std::optional<std::uint32_t> View::choose(shared::env::Random& random) {
  first_.clear();
  std::uint64_t ties = 0;
  for (std::uint32_t i = 0; i < cells_.size(); ++i) {
    const Cell& cell = cells_[i];
    if (cell.fitting.empty()) continue;
    const int order = first_.empty() ? 0 : compare(cell, cells_[first_.front()]);
    if (order > 0) continue;
    if (order < 0) {
      first_.clear();
      ties = 0;
    }
    first_.push_back(i);
    ties += cell.fitting.ties();
  }
  if (ties == 0) return std::nullopt;
  auto nth = static_cast<std::uint32_t>(ties == 1 ? 0 : random.below(ties));
  for (const std::uint32_t cell : first_) {
    const Tournament& fitting = cells_[cell].fitting;
    if (nth < fitting.ties()) return fitting.slot_of_lowest(nth);
    nth -= fitting.ties();
  }
  return std::nullopt;
}

std::optional<std::uint32_t> View::closest() const {
  if (misfits_.empty()) return std::nullopt;
  return misfits_.slot_of_lowest(0);
}

}  // namespace agent::scheduler
