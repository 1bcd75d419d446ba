// What two processes of one balancer do while the newer one takes over, and what is said to a service
// manager.
#include <sys/wait.h>

#include <algorithm>

#include "balancer/app/program.h"
#include "balancer/handover/spawn.h"
#include "shared/crypto/hash.h"
#include "shared/log/log.h"

namespace balancer::app {

using shared::Millis;
using shared::lbconfig::Config;
namespace log = shared::log;

namespace {

// A target that has not answered its first check by then counts as initial.
constexpr Millis kFirstChecksLimit{6'000};
constexpr Millis kFirstChecksPoll{20};
constexpr Millis kAdminRetry{200};  // the process before may still have the address

}  // namespace

// Nobody is served worse than before: a target is known to be good when the first request comes.
void Program::serve_when_checked() {
  if (serving_told_) return;
  if (checks_until_ == shared::SteadyTime{}) checks_until_ = loop_.now() + kFirstChecksLimit;
  if (board_->awaits_first_checks() && loop_.now() < checks_until_) {
    first_checks_ = loop_.after(kFirstChecksPoll, [this] { serve_when_checked(); });
    return;
  }
  serving_told_ = true;
  fleet_->accept([this] {
    loop_.post([this] {
      if (draining_) return;
      taker_->serving(
          loop_, [this] { on_yours(); }, [this] { on_older_ended(); });
    });
  });
}

void Program::on_yours() {
  if (draining_) return;
  taking_over_ = false;
  log::info("took_over", {{"from", taker_->older()}});
  state_->sign(lock_);
  if (const Config* config = pipeline_->applied()) save(*config);
  if (control_ && kept() == feed::Kept::kOnDisk) control_->on_kept();
  start_admin_soon();
  await_successor();
  keep_sockets();
  keep_targets_soon();
  if (control_) control_->start();
  manager_.tell("READY=1");
}

void Program::on_older_ended() {
  older_runs_ = false;
  log::info("older_ended");
  board_->hold_drains(false);
  watch_drains();
  if (draining_) stop_when_drained();
}

void Program::start_admin_soon() {
  const auto started = start_admin();
  if (started) return;
  if (!admin_retry_) log::warn("admin_not_listening", started.error());
  admin_retry_ = loop_.after(kAdminRetry, [this] { start_admin_soon(); });
}

void Program::await_successor() {
  if (!state_) return;
  handover::GiverEvents events;
  events.wished = [this] {
    if (draining_) return giver_->refuse("it drains");
    // The next one would serve an older one than this does.
    if (unsaved_) return giver_->refuse("its configuration is not on the disk: " + *unsaved_);
    log::info("takeover_wished");
    frozen_ = true;
    keep_targets();
    offer_when_idle();
  };
  events.serving = [this](int pid) { on_successor_serves(pid); };
  events.gone = [this](const std::string& why) { on_successor_gone(why); };
  auto giver = handover::Giver::listen(loop_, state_->handover_path(), std::move(events));
  if (!giver) return log::warn("takeover_not_possible", giver.error());
  giver_ = std::move(giver).value();
}

// Not while a configuration is on its way to the workers: which sockets there are is then not said yet.
void Program::offer_when_idle() {
  if (!frozen_ || offered_ || pipeline_->busy()) return;
  offered_ = true;
  fleet_->gather_sockets([this](std::vector<proxy::NewSocket> sockets) {
    auto box = std::make_shared<std::vector<proxy::NewSocket>>(std::move(sockets));
    loop_.post([this, box] { offer(*box); });
  });
}

void Program::offer(const std::vector<proxy::NewSocket>& sockets) {
  if (!frozen_) return;
  for (const proxy::NewSocket& socket : sockets) giver_->offer("listener " + socket.address, socket.fd.get());
  giver_->offer("lock", lock_.get());
  const auto age = std::chrono::duration_cast<Millis>(loop_.now() - tickets_rotated_);
  giver_->offer("tickets " + std::to_string(age.count()) + " " +
                shared::crypto::to_hex(pipeline_->tickets().secret()));
  giver_->offer("offered");
}

void Program::on_successor_serves(int pid) {
  handed_over_ = true;
  frozen_ = false;
  log::info("handed_over", {{"to", pid}});
  manager_.tell("MAINPID=" + std::to_string(pid));
  if (control_) control_->stop();
  file_.reset();
  pages_.reset();
  listener_poll_.cancel();
  admin_retry_.cancel();
  lock_.reset();
  giver_->yours();
  if (!draining_) shut_down(proxy::Drain::kHandedOver);
}

void Program::on_successor_gone(const std::string& why) {
  log::warn("takeover_failed", {{"reason", why}});
  frozen_ = offered_ = false;
  if (auto held = std::exchange(held_, std::nullopt)) apply(*std::move(held));
}

// This program's file as it is now, with the same arguments.
void Program::start_successor() {
  const auto refused = [](const std::string& reason) {
    log::error("upgrade_not_started", {{"reason", reason}});
  };
  if (!state_) return refused("without --state-dir nothing is handed over");
  if (draining_) return refused("the process drains");
  if (successor_ >= 0) return refused("process " + std::to_string(successor_) + " is starting");
  std::vector<std::string> arguments = options_.command_line;
  if (!options_.take_over) arguments.push_back("--take-over");
  // systemd waits for the end of its own children only.
  const auto parent = manager_.there() ? handover::Parent::kSibling : handover::Parent::kThis;
  auto spawned = handover::spawn(program_file_, std::move(arguments), parent);
  if (!spawned) return refused(spawned.error().text());
  successor_ = spawned->pid;
  log::info("upgrade_started", {{"pid", successor_}, {"program", program_file_}});
  successor_end_ = std::move(spawned->end);
  successor_watch_ = loop_.watch_readable(successor_end_.get(), [this] { on_successor_exit(); });
}

void Program::on_successor_exit() {
  siginfo_t how{};
  // One that is not this process' child is reaped, and its end told, by whose it is.
  const bool ours = ::waitid(P_PIDFD, static_cast<id_t>(successor_end_.get()), &how, WEXITED) == 0;
  log::warn("successor_ended", {{"pid", successor_},
                                {"exit_code", ours && how.si_code == CLD_EXITED ? how.si_status : -1},
                                {"signal", ours && how.si_code != CLD_EXITED ? how.si_status : 0}});
  successor_ = -1;
  successor_watch_.cancel();
  successor_end_.reset();
}

// What a service manager keeps is there for the next process, whatever becomes of this one.
void Program::keep_sockets() {
  if (!manager_.there() || taking_over_) return;
  const std::set<std::string>& listening = fleet_->listening();
  std::erase_if(kept_, [&](const std::string& address) {
    if (listening.count(address) != 0) return false;
    manager_.forget(address);
    return true;
  });
  std::set<std::string> fresh;
  for (const std::string& address : listening) {
    if (kept_.insert(address).second) fresh.insert(address);
  }
  if (fresh.empty()) return;
  fleet_->gather_sockets([this, fresh](std::vector<proxy::NewSocket> sockets) {
    auto box = std::make_shared<std::vector<proxy::NewSocket>>(std::move(sockets));
    loop_.post([this, box, fresh] {
      for (const proxy::NewSocket& socket : *box) {
        if (fresh.count(socket.address) != 0) manager_.keep(socket.address, socket.fd.get());
      }
    });
  });
}

}  // namespace balancer::app
