// Messages to agents and balancers that wait until the rows they were made from are durable: what could still
// be taken back is not said. Thread: control's.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/link/channel.h"

namespace agent::control {

class Outbox {
 public:
  // `take_back` runs instead of the message when the rows were taken back: the sender puts right what it
  // noted as said.
  void send(std::shared_ptr<link::Channel> channel, std::string text, std::function<void()> take_back);
  // `deliver` runs instead of a message.
  void run(std::function<void()> deliver, std::function<void()> take_back);
  // Closes the channel in any case, as its session is gone; the reason is said only when it is durable.
  void close(std::shared_ptr<link::Channel> channel, std::string reason);

  // What the other one holds comes after what this one does.
  void append(Outbox&& other);

  void deliver();
  void take_back();  // the newest first

 private:
  struct Held {
    std::shared_ptr<link::Channel> channel;
    std::string text;                 // or the reason of a close
    std::function<void()> take_back;  // none: closes
    std::function<void()> run{};      // instead of a message
  };
  std::vector<Held> held_;
};

}  // namespace agent::control
