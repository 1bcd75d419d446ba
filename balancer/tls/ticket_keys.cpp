#include "balancer/tls/ticket_keys.h"

#include <algorithm>

#include "shared/crypto/hash.h"

namespace balancer::tls {

namespace {

TicketKeys::Key new_key() {
  TicketKeys::Key key;
  const auto fill = [](auto& bytes) {
    const std::string random = shared::crypto::random_bytes(bytes.size());
    std::copy(random.begin(), random.end(), bytes.begin());
  };
  fill(key.name);
  fill(key.mac);
  fill(key.cipher);
  return key;
}

}  // namespace

TicketKeys::TicketKeys() : held_(std::make_shared<const Generations>(Generations{new_key()})) {}

void TicketKeys::rotate() {
  Generations next{new_key()};
  const std::lock_guard lock(mutex_);
  next.insert(next.end(), held_->begin(), held_->end());
  if (next.size() > kTicketGenerations) next.resize(kTicketGenerations);
  held_ = std::make_shared<const Generations>(std::move(next));
}

std::shared_ptr<const TicketKeys::Generations> TicketKeys::generations() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

std::string TicketKeys::secret() const {
  std::string out;
  for (const Key& key : *generations()) {
    out.append(key.name.begin(), key.name.end());
    out.append(key.mac.begin(), key.mac.end());
    out.append(key.cipher.begin(), key.cipher.end());
  }
  return out;
}

bool TicketKeys::take_over(std::string_view secret) {
  constexpr std::size_t kKeyBytes = sizeof(Key::name) + sizeof(Key::mac) + sizeof(Key::cipher);
  const std::size_t count = secret.size() / kKeyBytes;
  if (count == 0 || count > kTicketGenerations || secret.size() % kKeyBytes != 0) return false;
  Generations taken;
  const auto fill = [&secret](auto& bytes) {
    std::copy_n(secret.begin(), bytes.size(), bytes.begin());
    secret.remove_prefix(bytes.size());
  };
  while (!secret.empty()) {
    Key key;
    fill(key.name);
    fill(key.mac);
    fill(key.cipher);
    taken.push_back(key);
  }
  const std::lock_guard lock(mutex_);
  held_ = std::make_shared<const Generations>(std::move(taken));
  return true;
}

}  // namespace balancer::tls
