// Work that waits for a moment of its worker's turn. Thread: the worker's.
#pragma once

namespace balancer::proxy {

// Has work left for the next turn, so that the others have theirs first.
class Resumable {
 public:
  virtual void advance() = 0;
  bool queued = false;  // the worker's

 protected:
  ~Resumable() = default;
};

// Writes once what all of a turn's events have to say.
class AtTurnEnd {
 public:
  virtual void turn_ends() = 0;
  bool ends_turn = false;  // the worker's

 protected:
  ~AtTurnEnd() = default;
};

}  // namespace balancer::proxy
