// Objects that serve again and again: made where none is spare, destroyed with the pool. T is made of its
// owner. Thread: one.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

namespace balancer::proxy {

template <class T>
class Pool {
 public:
  template <class Owner>
  T& take(Owner& owner) {
    if (spare_.empty()) {
      all_.push_back(std::make_unique<T>(owner));
      return *all_.back();
    }
    T& one = *spare_.back();
    spare_.pop_back();
    return one;
  }
  // Spare at once: nobody is in a call from it.
  void give(T& one) { spare_.push_back(&one); }
  // Spare from the end of the turn on.
  void give_later(T& one) { later_.push_back(&one); }
  const std::vector<T*>& given_later() const { return later_; }
  void end_turn() {
    spare_.insert(spare_.end(), later_.begin(), later_.end());
    later_.clear();
  }
  std::size_t in_use() const { return all_.size() - spare_.size(); }

 private:
  std::vector<std::unique_ptr<T>> all_;
  std::vector<T*> spare_;
  std::vector<T*> later_;
};

}  // namespace balancer::proxy
