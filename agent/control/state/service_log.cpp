#include "agent/control/state/service_log.h"

#include "agent/control/state/table/owned.h"

namespace agent::control {
namespace {

using EventRow = std::map<std::string, model::ServiceEvent, std::less<>>::const_iterator;
struct EventRows {
  EventRow begin;
  EventRow end;
};

EventRows rows_of(const State& state, const std::string& service_key) {
  const auto& rows = state.service_events.rows();
  return {rows.lower_bound(service_key + "/"), rows.lower_bound(service_key + static_cast<char>('/' + 1))};
}

}  // namespace

std::vector<const model::ServiceEvent*> events_of(const State& state, const std::string& service_key) {
  std::vector<const model::ServiceEvent*> events;
  const EventRows rows = rows_of(state, service_key);
  for (auto it = rows.end; it != rows.begin;) events.push_back(&(--it)->second);
  return events;
}

const model::ServiceEvent* newest_event(const State& state, const std::string& service_key) {
  const EventRows rows = rows_of(state, service_key);
  return rows.begin == rows.end ? nullptr : &std::prev(rows.end)->second;
}

void append_event(State& state, const std::string& service_key, model::ServiceEvent event) {
  const EventRows rows = rows_of(state, service_key);
  const std::uint64_t number = rows.begin == rows.end ? 1 : log_number_in(std::prev(rows.end)->first) + 1;
  // Numbers have no gaps: what goes is at the front.
  std::vector<std::string> over;
  for (auto it = rows.begin; it != rows.end && log_number_in(it->first) + model::kMaxServiceEvents <= number;
       ++it) {
    over.push_back(it->first);
  }
  for (const std::string& key : over) state.service_events.erase(key);
  state.service_events.put(log_key(service_key, number), std::move(event));
}

void erase_history(State& state, const std::string& service_key) {
  erase_under(state.service_deployments, service_key);
  erase_under(state.service_revisions, service_key);
}

void erase_events(State& state, const std::string& service_key) {
  erase_under(state.service_events, service_key);
}

}  // namespace agent::control
