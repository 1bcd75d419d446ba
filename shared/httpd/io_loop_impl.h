// What IoLoop hides. For the .cpp files of this folder only.
#pragma once
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "shared/httpd/io_loop.h"

namespace shared::httpd {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

// Waits for a signal on a thread of its own: the loop's may be busy with a long queue.
class IoLoop::StopWatch {
 public:
  StopWatch(asio::io_context& loop, const std::vector<int>& signals);
  ~StopWatch();
  int signal() const { return signal_; }

 private:
  std::atomic<int> signal_{0};
  asio::io_context context_{1};
  asio::signal_set set_{context_};
  std::thread thread_;
};

struct IoLoop::Impl {
  asio::io_context context{1};  // one thread runs it
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::vector<std::shared_ptr<asio::signal_set>> signals;
  std::unique_ptr<StopWatch> stop_watch;
};

}  // namespace shared::httpd
