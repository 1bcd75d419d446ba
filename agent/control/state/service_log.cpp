#include "agent/control/state/service_log.h"

#include <charconv>

namespace agent::control {
namespace {

constexpr std::size_t kNumberDigits = 20;

using EventRow = std::map<std::string, model::ServiceEvent, std::less<>>::const_iterator;
struct EventRows {
  EventRow begin;
  EventRow end;
};

EventRows rows_of(const State& state, const std::string& service_key) {
  const auto& rows = state.service_events.rows();
  return {rows.lower_bound(service_key + "/"), rows.lower_bound(service_key + static_cast<char>('/' + 1))};
}

std::uint64_t number_in(const std::string& key) {
  std::uint64_t number = 0;
  std::from_chars(key.data() + key.rfind('/') + 1, key.data() + key.size(), number);
  return number;
}

std::string event_key(const std::string& service_key, std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return service_key + "/" + std::string(kNumberDigits - digits.size(), '0') + digits;
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
  const std::uint64_t number = rows.begin == rows.end ? 1 : number_in(std::prev(rows.end)->first) + 1;
  // Numbers have no gaps: what goes is at the front.
  std::vector<std::string> over;
  for (auto it = rows.begin; it != rows.end && number_in(it->first) + model::kMaxServiceEvents <= number;
       ++it) {
    over.push_back(it->first);
  }
  for (const std::string& key : over) state.service_events.erase(key);
  state.service_events.put(event_key(service_key, number), std::move(event));
}

void erase_history(State& state, const std::string& service_key) {
  const auto erase_from = [&](auto& table) {
    std::vector<std::string> keys;
    const std::string prefix = service_key + "/";
    for (auto it = table.rows().lower_bound(prefix);
         it != table.rows().end() && it->first.starts_with(prefix); ++it)
      keys.push_back(it->first);
    for (const std::string& key : keys) table.erase(key);
  };
  erase_from(state.service_deployments);
  erase_from(state.service_revisions);
}

void erase_events(State& state, const std::string& service_key) {
  const EventRows rows = rows_of(state, service_key);
  std::vector<std::string> keys;
  for (auto it = rows.begin; it != rows.end; ++it) keys.push_back(it->first);
  for (const std::string& key : keys) state.service_events.erase(key);
}

}  // namespace agent::control
