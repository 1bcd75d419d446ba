// A row's members, listed once for both ways: `fields(archive, row)` names each, and the archive writes them
// into JSON text or reads them from it. For rows whose members are plain values; a member that the text lacks
// keeps its default.
//
//   template <class Archive, RowOf<model::IamPolicy> Row>
//   void fields(Archive& in, Row& row) {
//     in("arn", row.arn);
//     in("versions", row.versions);
//   }
#pragma once
#include <concepts>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "agent/model/common.h"
#include "shared/json/reader.h"

namespace agent::control {

template <class Row, class T>
concept RowOf = std::same_as<std::remove_const_t<Row>, T>;

class FieldWriter {
 public:
  explicit FieldWriter(nlohmann::json& out) : out_(out) {}
  void operator()(std::string_view name, const std::string& value);
  void operator()(std::string_view name, std::int64_t value);
  void operator()(std::string_view name, int value) { (*this)(name, static_cast<std::int64_t>(value)); }
  void operator()(std::string_view name, bool value);
  void operator()(std::string_view name, double value);
  void operator()(std::string_view name, shared::WallTime value);
  void operator()(std::string_view name, const std::vector<std::string>& value);
  void operator()(std::string_view name, const std::map<std::string, std::string>& value);
  void operator()(std::string_view name, const std::vector<model::Tag>& value);
  template <class T>
  void operator()(std::string_view name, const std::vector<T>& rows) {
    begin_list(name);
    for (const T& row : rows) {
      FieldWriter each(add(name));
      fields(each, row);
    }
  }

 private:
  void begin_list(std::string_view name);
  nlohmann::json& add(std::string_view name);
  nlohmann::json& out_;
};

class FieldReader {
 public:
  explicit FieldReader(const shared::json::Reader& in) : in_(in) {}
  void operator()(std::string_view name, std::string& value);
  void operator()(std::string_view name, std::int64_t& value);
  void operator()(std::string_view name, int& value);
  void operator()(std::string_view name, bool& value);
  void operator()(std::string_view name, double& value);
  void operator()(std::string_view name, shared::WallTime& value);
  void operator()(std::string_view name, std::vector<std::string>& value);
  void operator()(std::string_view name, std::map<std::string, std::string>& value);
  void operator()(std::string_view name, std::vector<model::Tag>& value);
  template <class T>
  void operator()(std::string_view name, std::vector<T>& rows) {
    for (const shared::json::Reader& in : in_.children(name)) {
      FieldReader each(in);
      fields(each, rows.emplace_back());
    }
  }

 private:
  const shared::json::Reader& in_;
};

// Defined where the row's fields are, for the kinds that are named there.
template <class T>
std::string to_row(const T& row);
template <class T>
bool from_row(std::string_view text, T& row);

}  // namespace agent::control
