// The node's memory across crashes: its identity and every task, as rows of a store. Changes are collected
// and committed together by flush(). Not control's store: a file of its own.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>

#include "agent/node/task/task_state.h"
#include "agent/store/store.h"

namespace agent::node {

struct Identity {
  std::string instance_id;             // "mi-" and 17 hex digits, once and for all
  std::string cluster;                 // the one the ARN below belongs to
  std::string container_instance_arn;  // empty until registered
  std::string installation;            // of the control it registered with; empty while it has told none
  std::int64_t watermark = -1;         // highest seqNum or timeline seen
};

class Records {
 public:
  explicit Records(store::Store& store) : store_(store) {}

  struct Loaded {
    Identity identity;
    std::map<std::string, Task> tasks;  // by ARN
    std::set<std::string> pulled_images;
  };
  // Error "corrupt" names the row that cannot be decoded.
  shared::Result<Loaded> load();

  void put(const Identity& identity);
  void put(const Task& task);
  void put_pulled_image(const std::string& image);
  void erase_task(const std::string& arn);
  bool dirty() const { return !pending_.empty(); }
  // What was collected stays collected after an error.
  shared::Result<void> flush();

 private:
  store::Store& store_;
  void put_row(std::string key, std::string value);

  std::map<std::string, std::string> payloads_;  // as in the row, by task ARN: they never change
  std::map<std::string, std::optional<std::string>> pending_;  // nullopt deletes
  std::map<std::string, std::size_t> written_;  // hash of the last value: equal ones are not written
};

std::string task_to_json(const Task& task);
shared::Result<Task> task_from_json(const std::string& text);

}  // namespace agent::node
