#include "agent/control/engine/acme_sync.h"

#include <utility>

#include "agent/control/acme/requests.h"

namespace agent::control {

using shared::WallTime;

void AcmeSync::use(acme::Authority& authority, Heard heard) {
  authority_ = &authority;
  heard_ = std::move(heard);
}

std::optional<WallTime> AcmeSync::flush(const State& state, const Settings& settings, WallTime now,
                                        Outbox& messages) {
  if (authority_ == nullptr) return std::nullopt;
  std::erase_if(asked_, [&](const auto& each) {
    return each.first != settings.acme_directory && state.acme_orders.find(each.first) == nullptr;
  });
  AcmeAsks wanted = acme_asks(state, settings, now);
  for (AcmeAsk& each : wanted.asks) {
    const auto before = asked_.find(each.subject);
    if (before != asked_.end() && before->second == each.serial) continue;  // until the reply changes the row
    if (open_.size() >= kMaxAcmeAsks) break;  // the next reply is followed by another look
    if (open_.contains(each.subject)) continue;
    asked_[each.subject] = each.serial;
    open_[each.subject] = each.serial;
    messages.run(
        [this, ask = std::move(each.ask), subject = each.subject, serial = each.serial]() mutable {
          authority_->ask(std::move(ask),
                          [this, subject, serial, lives = std::weak_ptr<char>(alive_)](acme::Reply reply) {
                            if (lives.expired()) return;
                            open_.erase(subject);
                            heard_(subject, serial, std::move(reply));
                          });
        },
        [this, subject = each.subject] {
          open_.erase(subject);
          asked_.erase(subject);
        });
  }
  tell_problems(state, messages);
  return wanted.next;
}

void AcmeSync::tell_problems(const State& state, Outbox& messages) {
  const auto tell = [&](const std::string& arn, std::string what) {
    messages.run([this, arn, what = std::move(what)] { authority_->tell(arn, what); }, [] {});
  };
  for (const auto& [arn, order] : state.acme_orders.rows()) {
    std::string& told = told_[arn];
    if (told == order.problem) continue;
    told = order.problem;
    if (!told.empty()) tell(arn, told);
  }
  std::erase_if(told_, [&](const auto& each) {
    if (state.acme_orders.find(each.first) != nullptr) return false;
    const model::Certificate* row = state.certificates.find(each.first);
    if (row == nullptr || !row->request) return true;
    const bool issued = row->request->status == model::RequestStatus::kIssued;
    tell(each.first,
         issued ? "issued" : "given up: " + (each.second.empty() ? "72 hours passed" : each.second));
    return true;
  });
}

}  // namespace agent::control
