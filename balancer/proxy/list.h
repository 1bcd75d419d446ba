// Intrusive doubly linked list: membership costs no allocation, and removal needs only the element. T derives
// from ListHook<T>. An element is in at most one list. Thread: one.
#pragma once
#include <cstddef>

namespace balancer::proxy {

template <class T>
class List;

template <class T>
class ListHook {
 private:
  friend class List<T>;
  T* list_previous_ = nullptr;
  T* list_next_ = nullptr;
};

template <class T>
class List {
 public:
  T* front() const { return first_; }
  T* back() const { return last_; }
  bool empty() const { return first_ == nullptr; }
  std::size_t size() const { return size_; }

  void push_front(T& item) {
    hook(item).list_previous_ = nullptr;
    hook(item).list_next_ = first_;
    (first_ != nullptr ? hook(*first_).list_previous_ : last_) = &item;
    first_ = &item;
    ++size_;
  }
  void remove(T& item) {
    ListHook<T>& h = hook(item);
    (h.list_previous_ != nullptr ? hook(*h.list_previous_).list_next_ : first_) = h.list_next_;
    (h.list_next_ != nullptr ? hook(*h.list_next_).list_previous_ : last_) = h.list_previous_;
    h.list_previous_ = h.list_next_ = nullptr;
    --size_;
  }
  static T* previous(const T& item) { return static_cast<const ListHook<T>&>(item).list_previous_; }
  static T* next(const T& item) { return static_cast<const ListHook<T>&>(item).list_next_; }

 private:
  static ListHook<T>& hook(T& item) { return item; }
  T* first_ = nullptr;
  T* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace balancer::proxy
