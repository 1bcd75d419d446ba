// What an exchange needs of whoever asks: the client's bytes, how a head is said to it, and what becomes of
// the connection afterwards. One implementation for each protocol that clients speak. Thread: its worker's.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "balancer/codec/exchange.h"
#include "balancer/codec/head.h"
#include "balancer/codec/own_response.h"
#include "balancer/codec/rewrite.h"
#include "balancer/proxy/log/access_log.h"
#include "balancer/proxy/stream.h"
#include "balancer/proxy/turn.h"
#include "balancer/routing/source.h"
#include "shared/base/time.h"

namespace balancer::proxy {

struct WorkerListener;
struct TrafficCounters;

// What was agreed on with a client that speaks TLS. The texts live as long as its connection.
struct PeerTls {
  std::string_view version;      // "TLSv1.3"
  std::string_view cipher;       // OpenSSL's name
  std::string_view server_name;  // by SNI, or empty
  std::string_view certificate;  // id of the one shown; empty where a session was resumed
  std::string request_fields;    // lines for targets: X-Amzn-Mtls-..., X-Amzn-Tls-...
};

// Who is at the other end of a client's connection.
struct Peer {
  std::string ip;  // numeric, without brackets
  std::uint16_t port = 0;
  routing::SourceAddress source;
  std::string_view scheme = "http";  // of the listener
  std::unique_ptr<PeerTls> tls{};
};

struct Served {
  bool keep = false;         // nothing of this exchange is in the way of the next one
  bool upload_done = false;  // the request was read to its end
};
// kIncomplete: an answer has begun and must not pass for a whole one. kReset: the client does not read.
enum class Cut { kPlain, kIncomplete, kReset };

class ClientSide : public Resumable {
 public:
  virtual Stream& stream() = 0;
  virtual const Peer& peer() const = 0;
  virtual WorkerListener& listener() = 0;
  // Of its connection, for the access log: made when it is first asked for.
  virtual const std::string& connection_id() = 0;
  // The address at which it reached us: whom a request without Host and authority is for.
  virtual const std::string& local_ip() = 0;
  // Whether the connection may serve another request after this one, as far as it is concerned itself.
  virtual bool may_serve_again() const = 0;

  // The protocol says by itself where a body ends: it goes to stream() unframed.
  virtual bool frames_bodies() const { return false; }

  // What followed the request's body, as lines "name: value\r\n" of those that may be trailers; whole once
  // that has ended. Of protocols that frame bodies by themselves: else the body has them.
  virtual std::string_view request_trailers() const { return {}; }

  // Each writes to stream().out what tells the client this.
  virtual void write_head(const codec::ResponseHead& head, const codec::ResponsePlan& plan,
                          const codec::RequestFacts& request, const codec::ResponseRewrite& rewrite) = 0;
  virtual void write_own(const codec::OwnResponse& response) = 0;
  virtual void write_status_page(const codec::OwnResponse& response) = 0;
  // 100 (Continue); false: this protocol needs none.
  virtual bool write_continue() = 0;
  // What is to follow the body, as lines "name: value\r\n"; before end_response(). Of protocols that frame
  // bodies by themselves: else the body has them.
  virtual void write_trailers(std::string_view lines) { (void)lines; }
  // Nothing follows what is in stream().out.
  virtual void end_response() = 0;

  // The last calls of an exchange, which must not be touched after them. The answer is with the client.
  virtual void on_served(Served how) = 0;
  // It ended before that.
  virtual void on_broken(EndedBy by, Cut cut) = 0;

 protected:
  ~ClientSide() = default;
};

}  // namespace balancer::proxy
