// What is asked of the tasks all the time, kept up to date row by row instead of by walking all of them:
// which tasks are on an instance or of a service, what an instance's tasks hold, which tasks are on their way
// out. Derived: never stored, equal to what a walk over the rows would find. Thread: control's.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "agent/control/state/table/table.h"
#include "agent/model/task.h"

namespace agent::control {

// What the tasks of one instance that are not STOPPED hold. Ports can repeat only by a fault; they are
// counted so that the fault is seen and freeing one does not free the other.
struct InstanceUsage {
  std::int64_t cpu = 0;
  std::int64_t memory = 0;
  std::multiset<int> tcp_ports;
  std::multiset<int> udp_ports;
  int running = 0;  // last status RUNNING
  int pending = 0;  // before RUNNING
  std::map<std::string, int> groups;
  std::map<std::string, int> deployments;  // of services; without tasks that are on their way out
  std::set<std::string> tasks;             // row keys
  bool operator==(const InstanceUsage&) const = default;
};

class TaskIndex {
 public:
  explicit TaskIndex(Table<model::Task>::Reader changes) : changes_(changes) {}
  void refresh(const Table<model::Task>& tasks);

  const InstanceUsage& usage(const std::string& instance_arn) const;
  // Row keys of tasks that are not STOPPED, by service row key ("<cluster>/<name>").
  const std::set<std::string>& of_service(const std::string& service_key) const;
  // Grows whenever what some instance's tasks hold changes: while it stands, placing would find the same
  // room.
  std::uint64_t room() const { return room_; }
  // ARNs of instances of which what the tasks hold may have changed since this was last asked.
  std::set<std::string> take_changed_usage() { return std::exchange(changed_usage_, {}); }
  // A task that is not STOPPED is of this revision; by task definition ARN.
  bool uses_definition(const std::string& arn) const { return definitions_.contains(arn); }
  // Desired STOPPED, but not STOPPED yet.
  const std::set<std::string>& stopping() const { return stopping_; }
  // STOPPED, oldest first.
  const std::set<std::pair<shared::WallTime, std::string>>& stopped() const { return stopped_; }
  // Row keys of the tasks that RunTask made with this client token, STOPPED ones too, until they are purged.
  const std::set<std::string>& of_token(const std::string& cluster, const std::string& token) const;
  using Token = std::pair<std::string, std::string>;  // cluster, client token
  const std::map<Token, std::set<std::string>>& tokens() const { return tokens_; }

 private:
  struct Entry {
    std::string definition;
    std::string instance;
    std::string service;
    std::string group;
    std::string deployment;
    Token token;
    model::Resources reserved;
    model::TaskStatus status = model::TaskStatus::kPending;
    bool stopping = false;
    shared::WallTime stopped_at{};
  };
  const Entry& add(const std::string& key, const model::Task& task);
  // What it was; an empty one if there was none.
  Entry remove(const std::string& key);

  Table<model::Task>::Reader changes_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, int> definitions_;
  std::map<std::string, InstanceUsage> instances_;
  std::map<std::string, std::set<std::string>> services_;
  std::uint64_t room_ = 0;
  std::set<std::string> changed_usage_;
  std::set<std::string> stopping_;
  std::set<std::pair<shared::WallTime, std::string>> stopped_;
  std::map<Token, std::set<std::string>> tokens_;
};

}  // namespace agent::control
