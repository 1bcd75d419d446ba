#include "agent/control/records/fields.h"

#include <nlohmann/json.hpp>

#include "agent/control/records/parts.h"
#include "agent/control/records/row_text.h"

namespace agent::control {

using nlohmann::json;

std::string row_text(void (*write)(FieldWriter&, const void*), const void* row) {
  json out = json::object();
  FieldWriter writer(out);
  write(writer, row);
  return shared::json::to_text(out);
}

void FieldWriter::operator()(std::string_view name, const std::string& value) {
  out_[std::string(name)] = value;
}
void FieldWriter::operator()(std::string_view name, std::int64_t value) { out_[std::string(name)] = value; }
void FieldWriter::operator()(std::string_view name, bool value) { out_[std::string(name)] = value; }
void FieldWriter::operator()(std::string_view name, double value) { out_[std::string(name)] = value; }
void FieldWriter::operator()(std::string_view name, shared::WallTime value) {
  out_[std::string(name)] = millis(value);
}
void FieldWriter::operator()(std::string_view name, const std::vector<std::string>& value) {
  out_[std::string(name)] = value;
}
void FieldWriter::operator()(std::string_view name, const std::map<std::string, std::string>& value) {
  out_[std::string(name)] = value;
}
void FieldWriter::operator()(std::string_view name, const std::vector<model::Tag>& value) {
  out_[std::string(name)] = tags_json(value);
}
void FieldWriter::begin_list(std::string_view name) { out_[std::string(name)] = json::array(); }
json& FieldWriter::add(std::string_view name) {
  json& list = out_[std::string(name)];
  list.push_back(json::object());
  return list.back();
}

void FieldReader::operator()(std::string_view name, std::string& value) {
  value = in_.string_or(name, value);
}
void FieldReader::operator()(std::string_view name, std::int64_t& value) {
  value = in_.integer_or<std::int64_t>(name, value);
}
void FieldReader::operator()(std::string_view name, int& value) { value = in_.integer_or<int>(name, value); }
void FieldReader::operator()(std::string_view name, bool& value) { value = in_.boolean_or(name, value); }
void FieldReader::operator()(std::string_view name, double& value) {
  value = in_.number(name).value_or(value);
}
void FieldReader::operator()(std::string_view name, shared::WallTime& value) { value = read_time(in_, name); }
void FieldReader::operator()(std::string_view name, std::vector<std::string>& value) {
  value = in_.strings_or_empty(name);
}
void FieldReader::operator()(std::string_view name, std::map<std::string, std::string>& value) {
  value = in_.string_map_or_empty(name);
}
void FieldReader::operator()(std::string_view name, std::vector<model::Tag>& value) {
  for (const shared::json::Reader& each : in_.children(name))
    value.push_back({each.string_or("key", ""), each.string_or("value", "")});
}

}  // namespace agent::control
