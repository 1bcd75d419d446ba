#include "tests/sim/control_process.h"

#include "agent/api/ecs/ecs.h"
#include "agent/api/elbv2/elbv2.h"
#include "shared/base/check.h"

namespace sim {

using agent::control::Engine;
using agent::control::Step;
using shared::Result;

namespace {

// Tells that control closes, before the other end hears of it.
class Closing final : public agent::link::Channel {
 public:
  Closing(std::shared_ptr<agent::link::Channel> inner, std::function<void()> closed)
      : inner_(std::move(inner)), closed_(std::move(closed)) {}
  void send(std::string text) override { inner_->send(std::move(text)); }
  void close(const std::string& reason) override {
    closed_();
    inner_->close(reason);
  }

 private:
  std::shared_ptr<agent::link::Channel> inner_;
  std::function<void()> closed_;
};

}  // namespace

ControlProcess::ControlProcess(World& world, Network& network, agent::control::Settings settings,
                               Millis slowest_commit)
    : world_(world),
      network_(network),
      process_(world, "control"),
      settings_(std::move(settings)),
      slowest_commit_(slowest_commit) {
  boot();
}

void ControlProcess::boot() {
  told_.forget();
  commits_ = std::make_unique<SlowStore>(process_, *store_, slowest_commit_);
  engine_ = std::make_unique<Engine>(process_, world_.random(), *commits_, settings_);
  if (complain_) engine_->check_turns(complain_);
  if (hooks_ != nullptr) engine_->use(*hooks_);
  const auto started = engine_->start();
  BERTH_CHECK(started.has_value(), "control must start on what it has written");
}

void ControlProcess::check_turns(std::function<void(const std::string&)> complain) {
  complain_ = std::move(complain);
  engine_->check_turns(complain_);
}

void ControlProcess::use(agent::hooks::Caller& hooks) {
  hooks_ = &hooks;
  engine_->use(hooks);
}

void ControlProcess::crash() {
  process_.crash();
  engine_.reset();
  commits_.reset();
  // What is on the disk is all that is left.
  store_ = std::make_unique<agent::store::MemoryStore>(*store_);
  network_.crashed(process_);
}

void ControlProcess::lose_since(const agent::store::MemoryStore& older) {
  if (up()) crash();
  store_ = std::make_unique<agent::store::MemoryStore>(older);
}

void ControlProcess::serve(const std::string& service, const std::string& operation, const std::string& body,
                           Answer answer) {
  agent::api::Call call;
  call.operation = operation;
  call.body = body;
  call.request_id = world_.random().uuid();
  call.account = settings_.account;
  call.caller_arn = "arn:aws:iam::" + settings_.account + ":user/simulated";
  call.caller_id = "AIDASIMULATED";
  auto text = std::make_shared<std::string>();
  engine_->submit(
      [call, service, text](Step& step) -> Result<void> {
        std::vector<std::string> resource_ids;
        auto result = service == "ecs" ? agent::api::ecs::handle(step, call, resource_ids)
                                       : agent::api::elbv2::handle(step, call);
        if (!result) return result.error();
        *text = *std::move(result);
        return {};
      },
      [text, answer](const Result<void>& result) {
        if (!result) return answer(result.error());
        answer(*text);
      });
}

std::shared_ptr<Network::End> ControlProcess::accept(
    Process& from, std::function<std::uint64_t(std::shared_ptr<agent::link::Channel>)> open,
    std::function<void(std::uint64_t, std::string)> text, std::function<void(std::uint64_t)> close) {
  auto [theirs, ours] = network_.connect(from, process_);
  const std::uint64_t session = open(ours);
  ours->on_text = [this, session, text](std::string message) {
    if (up()) text(session, std::move(message));
  };
  ours->on_close = [this, session, close](const std::string&) {
    if (up()) close(session);
  };
  return theirs;
}

std::shared_ptr<Network::End> ControlProcess::accept_agent(Process& from, const std::string& instance_arn) {
  return accept(
      from, [&](auto channel) { return engine_->agent_opened(instance_arn, std::move(channel)); },
      [this](std::uint64_t session, const std::string& message) { engine_->agent_message(session, message); },
      [this](std::uint64_t session) { engine_->agent_closed(session); });
}

std::shared_ptr<Network::End> ControlProcess::accept_feed(Process& from) {
  return accept(
      from,
      [&](auto channel) {
        const auto session = std::make_shared<std::uint64_t>(0);
        *session = engine_->feed_opened(
            std::make_shared<Closing>(std::move(channel), [this, session] { told_.left(*session); }));
        return *session;
      },
      [this](std::uint64_t session, const std::string& message) {
        told_.hear(session, message, world_.now());
        engine_->feed_message(session, message);
      },
      [this](std::uint64_t session) {
        told_.left(session);
        engine_->feed_closed(session);
      });
}

std::string text_in(const std::string& xml, const std::string& element) {
  const std::size_t begin = xml.find("<" + element + ">") + element.size() + 2;
  return xml.substr(begin, xml.find("</", begin) - begin);
}

}  // namespace sim
