#include "tests/support/load/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace tests::load {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return text;
}

std::string header_value(const std::string& lower_head, const std::string& name) {
  const std::size_t at = lower_head.find("\r\n" + name + ":");
  if (at == std::string::npos) return {};
  std::size_t begin = at + 2 + name.size() + 1;
  while (begin < lower_head.size() && lower_head[begin] == ' ') ++begin;
  return lower_head.substr(begin, lower_head.find("\r\n", begin) - begin);
}

}  // namespace

void Client::disconnect() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  pending_.clear();
}

Answer Client::fail(Outcome outcome, int status) {
  disconnect();
  return {outcome, status, {}};
}

bool Client::connect_now() {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval limit{};
  limit.tv_sec = timeout_.count() / 1000;
  limit.tv_usec = (timeout_.count() % 1000) * 1000;
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const int one = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(target_.port);
  ::inet_pton(AF_INET, target_.host.c_str(), &address.sin_addr);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return true;
  disconnect();
  return false;
}

Answer Client::get(const std::string& path) {
  if (fd_ < 0 && !connect_now()) return fail(Outcome::kConnectFailed);
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + target_.host_header + "\r\n\r\n";
  if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return fail(Outcome::kReset);
  }
  const auto more = [this]() -> Outcome {
    char buffer[16 * 1024];
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
    if (got > 0) {
      pending_.append(buffer, static_cast<std::size_t>(got));
      return Outcome::kAnswered;
    }
    if (got == 0) return Outcome::kClosedEarly;
    return errno == EAGAIN || errno == EWOULDBLOCK ? Outcome::kTimeout : Outcome::kReset;
  };
  std::size_t end = 0;
  while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
    const Outcome outcome = more();
    if (outcome != Outcome::kAnswered) return fail(outcome);
  }
  const std::string head = lower(pending_.substr(0, end + 2));
  pending_.erase(0, end + 4);
  Answer answer;
  if (head.compare(0, 7, "http/1.") != 0 || head.size() < 12) return fail(Outcome::kMalformed);
  std::from_chars(head.data() + 9, head.data() + 12, answer.status);
  std::size_t length = 0;
  const std::string length_text = header_value(head, "content-length");
  if (length_text.empty()) return fail(Outcome::kMalformed, answer.status);
  std::from_chars(length_text.data(), length_text.data() + length_text.size(), length);
  while (pending_.size() < length) {
    const Outcome outcome = more();
    if (outcome == Outcome::kTimeout) return fail(outcome, answer.status);
    if (outcome != Outcome::kAnswered) return fail(Outcome::kShortBody, answer.status);
  }
  answer.body = pending_.substr(0, length);
  pending_.erase(0, length);
  if (header_value(head, "connection") == "close") disconnect();
  return answer;
}

}  // namespace tests::load
