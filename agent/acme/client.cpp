#include "agent/acme/client.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "shared/crypto/signing_key.h"
#include "shared/log/log.h"

namespace agent::acme {
namespace {

using shared::Result;

class WorkThread {
 public:
  explicit WorkThread(shared::env::Executor& executor) : executor_(executor), thread_([this] { run(); }) {}
  ~WorkThread() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  WorkThread(const WorkThread&) = delete;
  WorkThread& operator=(const WorkThread&) = delete;

  void add(std::function<void()> work, std::function<void()> then) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.emplace_back(std::move(work), std::move(then));
    }
    changed_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
      if (ending_) return;
      auto [work, then] = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      work();
      executor_.post(std::move(then));
      lock.lock();
    }
  }

  shared::env::Executor& executor_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<std::function<void()>, std::function<void()>>> jobs_;
  bool ending_ = false;
  std::thread thread_;  // the last: it uses the others
};

}  // namespace

Workshop on_a_thread(shared::env::Executor& executor) {
  return [thread = std::make_shared<WorkThread>(executor)](std::function<void()> work,
                                                           std::function<void()> then) {
    thread->add(std::move(work), std::move(then));
  };
}

struct Client::Running {
  Running(Ask ask, Known& known, std::function<void(Reply)> then)
      : exchange(std::move(ask), known), done(std::move(then)) {}
  Exchange exchange;
  std::function<void(Reply)> done;
};

Client::Client(shared::env::Executor& executor, std::unique_ptr<Transport> transport, Workshop workshop,
               std::string directory_url)
    : executor_(executor), transport_(std::move(transport)), workshop_(std::move(workshop)) {
  known_.directory_url = std::move(directory_url);
}
Client::~Client() = default;

void Client::ask(Ask ask, std::function<void(Reply)> done) {
  if (ask.kind == Ask::Kind::kMakeKey) return make_key(ask.algorithm, std::move(done));
  const auto running = std::make_shared<Running>(std::move(ask), known_, std::move(done));
  executor_.post([this, running, lives = std::weak_ptr<char>(alive_)] {
    if (!lives.expired()) go_on(running);
  });
}

void Client::go_on(const std::shared_ptr<Running>& running) {
  auto next = running->exchange.next();
  if (auto* reply = std::get_if<Reply>(&next)) {
    if (reply->problem) shared::log::warn("acme_problem", {{"problem", to_string(*reply->problem)}});
    return running->done(std::move(*reply));
  }
  transport_->send(
      std::get<HttpRequest>(std::move(next)),
      [this, running, lives = std::weak_ptr<char>(alive_)](const Result<shared::http::Response>& response) {
        if (lives.expired()) return;
        running->exchange.heard(response, executor_.wall_now());
        go_on(running);
      });
}

void Client::make_key(const std::string& algorithm, std::function<void(Reply)> done) {
  const auto reply = std::make_shared<Reply>();
  workshop_(
      [algorithm, reply] {
        const auto key = shared::crypto::SigningKey::make(algorithm);
        if (!key) {
          reply->problem = Problem{std::string(kBadAnswer), key.error().text()};
          return;
        }
        reply->key = key->pem();
        reply->thumbprint = key->jwk_thumbprint();
      },
      [done = std::move(done), reply, lives = std::weak_ptr<char>(alive_)] {
        if (!lives.expired()) done(std::move(*reply));
      });
}

void Client::tell(const std::string& certificate, const std::string& what) {
  shared::log::info("certificate_request", {{"certificate", certificate}, {"state", what}});
}

}  // namespace agent::acme
