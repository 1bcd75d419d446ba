// The ACME server of the settings: exchanges over HTTPS, and keys made on a thread of their own, because a
// long RSA key takes seconds. Thread: the executor's.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "agent/acme/authority.h"
#include "agent/acme/exchange.h"
#include "shared/base/result.h"
#include "shared/env/executor.h"

namespace agent::acme {

class Transport {
 public:
  virtual ~Transport() = default;
  // Error: no whole answer of HTTP came, in a bounded time. `done` is called later.
  virtual void send(HttpRequest request,
                    std::function<void(shared::Result<shared::http::Response>)> done) = 0;
};

// Does `work` where it holds nobody up; `then` follows on the executor's thread.
using Workshop = std::function<void(std::function<void()> work, std::function<void()> then)>;
Workshop on_a_thread(shared::env::Executor& executor);

class Client final : public Authority {
 public:
  // All references outlive it.
  Client(shared::env::Executor& executor, std::unique_ptr<Transport> transport, Workshop workshop,
         std::string directory_url);
  ~Client() override;
  void ask(Ask ask, std::function<void(Reply)> done) override;
  void tell(const std::string& certificate, const std::string& what) override;

 private:
  struct Running;
  void go_on(const std::shared_ptr<Running>& running);
  void make_key(const std::string& algorithm, std::function<void(Reply)> done);

  shared::env::Executor& executor_;
  std::unique_ptr<Transport> transport_;
  Workshop workshop_;
  Known known_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace agent::acme
