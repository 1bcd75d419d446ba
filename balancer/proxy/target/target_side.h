// What an exchange has of a target while it lasts: a place to send one request and to read one response, on a
// connection of its own (TargetConnection) or as one stream of many. Thread: its worker's.
#pragma once
#include <string_view>

#include "balancer/proxy/stream.h"

namespace balancer::proxy {

struct WorkerTarget;

// kNoDescriptor: our own shortage, the target has nothing to do with it.
enum class ConnectFailure { kRefused, kTimeout, kHandshake, kNoDescriptor };

// Of HTTP/2: which connection a request may share: any that has room; if it may not be repeated, none that is
// idle and has something to say, which may be its end; after one that had served before has ended, none that
// has.
enum class H2Share { kAny, kQuiet, kUnserved };

// The exchange, as seen from there.
class TargetOwner {
 public:
  virtual void on_target_ready() = 0;
  virtual void on_connect_failed(ConnectFailure failure) = 0;  // nothing was sent
  virtual void on_target_cut() = 0;                            // the target's drain limit passed

 protected:
  ~TargetOwner() = default;
};

class TargetSide {
 public:
  virtual Stream& stream() = 0;
  virtual WorkerTarget& target() = 0;
  virtual bool connected() const = 0;  // requests may be written before that, and wait
  virtual bool reused() const = 0;     // it has served before: the target may have ended it meanwhile

  // The connection serves on though this request broke on it.
  virtual bool goes_on() const { return false; }

  // The protocol says by itself where a body ends: both bodies are unframed.
  virtual bool frames_bodies() const { return false; }
  virtual void expect_body(bool /*follows*/) {}  // before the first write: whether the request has one
  // Behind the response's body, as lines "name: value\r\n"; whole once that has ended.
  virtual std::string_view trailers() const { return {}; }
  // What is to follow the request's body, likewise; before end_request(). Of protocols that frame bodies by
  // themselves.
  virtual void write_trailers(std::string_view /*lines*/) {}
  virtual void end_request() {}  // nothing follows what is in stream().out

  // The exchange is over and lets go of it: it may serve again, or not.
  virtual void keep() = 0;
  virtual void close() = 0;

 protected:
  ~TargetSide() = default;
};

}  // namespace balancer::proxy
