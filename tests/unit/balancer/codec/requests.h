// Requests that more than one test file writes.
#pragma once
#include <string>

namespace balancer::codec {

inline const std::string kTe = "Transfer-Encoding: chunked";

// "GET / HTTP/1.1", Host, then `fields`, then the empty line and the body.
inline std::string get(const std::string& fields, const std::string& body = "") {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n" + body;
}
inline std::string post(const std::string& fields, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n" + body;
}
inline std::string line(const std::string& request_line) { return request_line + "\r\nHost: a\r\n\r\n"; }
// '@' becomes NUL.
inline std::string nul(std::string text) {
  for (char& c : text) c = c == '@' ? '\0' : c;
  return text;
}
inline std::string repeated(const std::string& what, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += what;
  return text;
}

}  // namespace balancer::codec
