// Whoever carries asks out: the ACME server of the settings behind HTTPS, or a twin in tests.
#pragma once
#include <functional>
#include <string>

#include "agent/acme/messages.h"

namespace agent::acme {

class Authority {
 public:
  virtual ~Authority() = default;
  // `done` is called once, later, on the caller's thread; not after the authority's end.
  virtual void ask(Ask ask, std::function<void(Reply)> done) = 0;
  // For operators: why a certificate is not there yet, or that it is.
  virtual void tell(const std::string& certificate, const std::string& what) = 0;
};

}  // namespace agent::acme
