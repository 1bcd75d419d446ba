// What IoLoop hides. For the .cpp files of this folder only.
#pragma once
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>
#include <vector>

#include "shared/httpd/io_loop.h"

namespace shared::httpd {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

struct IoLoop::Impl {
  asio::io_context context{1};  // one thread runs it
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::vector<std::shared_ptr<asio::signal_set>> signals;
};

}  // namespace shared::httpd
