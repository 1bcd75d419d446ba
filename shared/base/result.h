// Result<T>: a value or an Error. Spelled like std::expected, so that C++23 can make it an alias.
#pragma once
#include <optional>
#include <utility>
#include <variant>

#include "shared/base/check.h"
#include "shared/base/error.h"

namespace shared {

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : data_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(runtime/explicit)
  Result(Error error) : data_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(runtime/explicit)

  bool has_value() const { return data_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return checked(), std::get<0>(data_); }
  const T& value() const& { return checked(), std::get<0>(data_); }
  T&& value() && { return checked(), std::get<0>(std::move(data_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Calling error() on a success is a programmer error and stops the program.
  const Error& error() const& {
    BERTH_CHECK(!has_value(), "error() of a successful Result");
    return std::get<1>(data_);
  }
  Error&& error() && {
    BERTH_CHECK(!has_value(), "error() of a successful Result");
    return std::get<1>(std::move(data_));
  }
  template <class U>
  T value_or(U&& other) const& {
    return has_value() ? std::get<0>(data_) : static_cast<T>(std::forward<U>(other));
  }

 private:
  void checked() const { BERTH_CHECK(has_value(), "value() of a failed Result"); }
  std::variant<T, Error> data_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(runtime/explicit)

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  const Error& error() const {
    BERTH_CHECK(error_.has_value(), "error() of a successful Result");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace shared
