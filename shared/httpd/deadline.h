// Deadline: a limit that moves often and fires seldom. Moving it later costs no timer operation. Owned by
// value by the object that its function refers to; destroying it cancels. For the .cpp files of this folder
// only.
#pragma once
#include <functional>
#include <memory>

#include "shared/base/time.h"
#include "shared/httpd/io_loop_impl.h"

namespace shared::httpd {

class Deadline {
 public:
  // `expired` may destroy the Deadline.
  Deadline(IoLoop& loop, std::function<void()> expired);
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline();

  void set(Millis from_now);
  void clear();

 private:
  struct Inner;
  static void arm(const std::shared_ptr<Inner>& inner);
  std::shared_ptr<Inner> inner_;
};

}  // namespace shared::httpd
