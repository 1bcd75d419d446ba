// Where tasks of one demand go: the hosts where one more fits, ranked by the demand's strategies, and the
// rest by what is in the way. A view is brought up to date with the hosts that changed since it was asked
// last. Not for others; see capacity_index.h.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/scheduler/capacity_host.h"
#include "agent/scheduler/tournament.h"
#include "shared/env/random.h"

namespace agent::scheduler {

// Parts of a key joined so that no two lists of them look the same.
void put_part(std::string& key, std::string_view part);

// What a demand asks of a host's own facts; what was found is kept until these change.
class Filter {
 public:
  explicit Filter(const Demand& demand);
  static std::string key_of(const Demand& demand);

  enum class Verdict : std::uint8_t { kUnknown, kPasses, kLacksAttribute, kNotMember };
  Verdict verdict(std::uint32_t slot, const HostFacts& host);
  void forget(std::uint32_t slot);

 private:
  Verdict judge(const HostFacts& host) const;

  std::vector<std::string> required_;
  std::vector<model::NameValue> platform_;
  std::vector<Query> queries_;
  std::vector<Verdict> verdicts_;  // by slot
};

// The values that hosts have for one attribute, as numbers.
class Field {
 public:
  explicit Field(std::string name) : name_(std::move(name)) {}
  void update(std::uint32_t slot, const HostFacts& host);
  // kNone: the host has no value, or an empty one.
  std::uint32_t value(std::uint32_t slot) const { return values_[slot]; }

 private:
  std::string name_;
  Names names_;
  std::vector<std::uint32_t> values_;  // by slot
};

// A demand's strategies as what they compare.
struct Criterion {
  enum class Kind { kTasks, kCpu, kMemory, kField };
  Kind kind = Kind::kTasks;
  std::string attribute;  // of kField
  bool operator==(const Criterion&) const = default;
};
std::vector<Criterion> criteria_of(const std::vector<model::PlacementStrategy>& strategies);

class View {
 public:
  // The fields are those of the criteria of kind kField, in their order.
  View(const Demand& demand, Names& names, std::vector<Criterion> criteria, std::shared_ptr<Filter> filter,
       std::vector<std::shared_ptr<Field>> fields);
  ~View();
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  void catch_up(const Hosts& hosts);
  // Any of the hosts that rank first, each with the same probability; nothing: a task fits nowhere.
  std::optional<std::uint32_t> choose(shared::env::Random& random);
  // The host with the least in the way, of several the one with the lowest slot; nothing: a task fits
  // everywhere.
  std::optional<std::uint32_t> closest() const;

  std::uint32_t group() const { return group_; }
  std::uint32_t deployment() const { return deployment_; }  // kNone: the demand has none

 private:
  // Hosts with the same values of all fields: nothing but the hosts' own facts decides between them.
  struct Cell {
    std::vector<std::uint32_t> values;
    Tournament fitting;
  };
  struct Entry {
    std::int64_t tasks = 0;      // as counted in the loads
    std::uint32_t cell = kNone;  // kNone: there is no host
    std::uint32_t position : 31 = 0;
    std::uint32_t fits : 1 = 0;
  };
  struct Standing {
    std::int64_t tasks = 0;
    std::uint32_t cell = kNone;
    bool fits = false;
    Rank rank{};
  };

  void rebuild(const Hosts& hosts);
  void update(std::uint32_t slot, const Hosts& hosts);
  Standing assess(std::uint32_t slot, const Hosts& hosts);
  std::optional<Obstacle> obstacle(std::uint32_t slot, const Hosts& hosts, int tasks_of_group);
  std::uint32_t cell_of(std::uint32_t slot);
  std::vector<std::uint32_t> values_of(std::uint32_t slot) const;
  std::uint32_t new_cell(std::vector<std::uint32_t> values);
  Tournament& tournament_of(const Entry& entry) { return entry.fits ? cells_[entry.cell].fitting : misfits_; }
  void take_out(const Entry& entry);
  void add_load(std::uint32_t cell, std::int64_t tasks);
  int compare(const Cell& left, const Cell& right) const;
  std::int64_t load(std::size_t field, std::uint32_t value) const;

  Names& names_;
  // Two views can ask for one name, so that more than one use does not say that a host has it; one use says
  // that none has.
  bool on_hosts(std::uint32_t name) const { return name != kNone && names_.uses(name) > 1; }
  const std::uint32_t group_;
  const std::uint32_t deployment_;
  model::Resources each_;
  int gpus_ = 0;
  int max_tasks_ = 0;
  bool distinct_instance_ = false;
  std::vector<Query> queries_;  // those that depend on tasks
  std::vector<Criterion> criteria_;
  std::size_t width_ = 0;  // of ranks: criteria that are not fields
  std::shared_ptr<Filter> filter_;
  std::vector<std::shared_ptr<Field>> fields_;

  std::uint64_t seen_ = 0;      // Hosts::now()
  std::vector<Entry> entries_;  // by slot
  std::vector<Cell> cells_;
  std::map<std::vector<std::uint32_t>, std::uint32_t> cell_by_values_;
  std::vector<std::unordered_map<std::uint32_t, std::int64_t>> loads_;  // by field, by value
  Tournament misfits_{1};
  std::vector<std::uint32_t> first_;  // for choose(): kept for its memory
};

}  // namespace agent::scheduler
