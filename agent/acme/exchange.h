// One ask of an ACME server as HTTP requests: the directory and a nonce where they are not known, then the
// signed request, again with another nonce when the server wants one. Decides only: it is handed what came
// and says what goes. Thread: its owner's.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/acme/messages.h"
#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/http/message.h"

namespace agent::acme {

inline constexpr std::size_t kMaxNonces = 16;  // that are kept
inline constexpr int kMaxBadNonces = 5;        // of one ask

// Of a server, between the exchanges with it.
struct Known {
  std::string directory_url;
  std::optional<Directory> directory{};
  std::vector<std::string> nonces{};
};

struct HttpRequest {
  std::string method;
  std::string url;
  std::string body{};  // with the type application/jose+json, unless it is empty
};

class Exchange {
 public:
  // `known` outlives it and may be shared with others; `ask` is not kMakeKey.
  Exchange(Ask ask, Known& known) : ask_(std::move(ask)), known_(known) {}

  // What to send now; or, when it is over, the reply.
  std::variant<HttpRequest, Reply> next();
  // What came of the last next().
  void heard(const shared::Result<shared::http::Response>& response, shared::WallTime now);

 private:
  enum class Sent { kNothing, kDirectory, kNonce, kAsk };
  std::variant<HttpRequest, Reply> signed_request();
  void heard_of_ask(const shared::http::Response& response, shared::WallTime now);
  void end(Problem problem);

  Ask ask_;
  Known& known_;
  Sent sent_ = Sent::kNothing;
  int bad_nonces_ = 0;
  std::optional<Reply> reply_;
};

}  // namespace agent::acme
