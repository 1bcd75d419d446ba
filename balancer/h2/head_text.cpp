#include "balancer/h2/head_text.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "balancer/codec/body.h"
#include "balancer/codec/chars.h"

namespace balancer::h2 {

namespace {

// A value that stands in a request line: no byte that could end it or begin something new.
bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// RFC 9113 section 8.2.1: no blank around it, nothing that ends a line or a string.
bool is_value(std::string_view text) {
  if (!text.empty() && (is_blank(text.front()) || is_blank(text.back()))) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
  });
}

constexpr std::array<std::string_view, 6> kOfTheConnection = {
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings"};

bool of_the_connection(std::string_view lowered) {
  return std::find(kOfTheConnection.begin(), kOfTheConnection.end(), lowered) != kOfTheConnection.end();
}

// RFC 9113 section 8.2.1: a name is lower case.
bool is_field(std::string_view name, std::string_view value) {
  for (const char c : name) {
    if (!codec::is(c, codec::kTokenChar) || codec::lower(c) != c) return false;
  }
  return !name.empty() && is_value(value);
}

void append_line(codec::Buffer& to, std::string_view name, std::string_view value) {
  to.append(name);
  to.append(": ");
  to.append(value);
  to.append("\r\n");
}

bool set_once(std::string& to, std::string_view value) {
  if (!to.empty() || value.empty()) return false;
  to.assign(value);
  return true;
}

constexpr std::size_t kStatusOffset = 9;  // "HTTP/1.1 "
constexpr std::size_t kStatusDigits = 3;

}  // namespace

void HeadText::start(Of kind) {
  clear();
  kind_ = kind;
}

void HeadText::clear() {
  text_.clear();
  fields_.clear();
  for (std::string* text : {&method_, &path_, &authority_, &scheme_, &protocol_, &host_, &cookie_})
    text->clear();
  has_length_ = regular_seen_ = has_host_ = too_large_ = false;
  count_ = 0;
  status_ = 0;
}

bool HeadText::add(std::string_view name, std::string_view value) {
  if (name != "cookie") ++count_;
  // More than may be: remembered, and not kept.
  if (count_ > kMaxListedFields + kPseudoFields ||
      fields_.size() + cookie_.size() + name.size() + value.size() > kMaxHeadText) {
    too_large_ = true;
    return true;
  }
  if (!name.empty() && name.front() == ':') return !regular_seen_ && add_pseudo(name, value);
  regular_seen_ = true;
  if (!is_field(name, value) || of_the_connection(name)) return false;
  if (name == "te" && value != "trailers") return false;
  if (kind_ == Of::kRequest && name == "host") {
    if (has_host_) return false;
    has_host_ = true;
    host_.assign(value);
    return true;
  }
  if (name == "cookie") {  // section 8.2.3: the pieces of one field
    if (!cookie_.empty()) cookie_ += "; ";
    cookie_.append(value);
    return true;
  }
  has_length_ |= name == "content-length";
  append_field(name, value);
  return true;
}

bool HeadText::add_pseudo(std::string_view name, std::string_view value) {
  if (kind_ != Of::kRequest) {
    if (name != ":status" || status_ != 0 || value.size() != kStatusDigits) return false;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), status_);
    return read.ec == std::errc() && read.ptr == value.data() + value.size() && status_ >= 100;
  }
  if (!is_visible(value)) return false;
  if (name == ":method") return codec::all(value, codec::kTokenChar) && set_once(method_, value);
  if (name == ":path") return set_once(path_, value);
  if (name == ":authority") return set_once(authority_, value);
  if (name == ":scheme") return (value == "http" || value == "https") && set_once(scheme_, value);
  if (name == ":protocol") return set_once(protocol_, value);
  return false;
}

void HeadText::append_field(std::string_view name, std::string_view value) {
  append_line(fields_, name, value);
}

bool HeadText::finish(bool ended, std::string_view websocket_key) {
  if (kind_ == Of::kRequest) {
    if (!finish_request(ended, websocket_key)) return false;
  } else {
    if (status_ == 0) return false;
    text_.append("HTTP/1.1 ");
    text_.append_decimal(static_cast<std::uint64_t>(status_));
    text_.append(" \r\n");
    text_.append(fields_.view());
    // Those that have no content whatever their fields say keep to these (RFC 9110 sections 8.6, 9.3.2).
    const bool empty = kind_ == Of::kResponseToHead || status_ < 200 || status_ == 204 || status_ == 304;
    if (!empty && !has_length_) {
      if (ended) {
        text_.append("content-length: 0\r\n");
      } else {
        text_.append("transfer-encoding: chunked\r\n");
      }
    }
  }
  text_.append("\r\n");
  return true;
}

bool HeadText::finish_request(bool ended, std::string_view websocket_key) {
  if (method_.empty()) return false;
  const bool connect = method_ == "CONNECT";
  if (extended_connect() && (!connect || protocol_ != "websocket" || ended)) return false;
  if (connect && !extended_connect()) {
    // Section 8.5: no scheme, no path. The reader of the text has an answer for it.
    if (!path_.empty() || !scheme_.empty() || authority_.empty()) return false;
  } else {
    if (scheme_.empty() || path_.empty()) return false;
    if (path_.front() != '/' && !(path_ == "*" && method_ == "OPTIONS")) return false;
  }
  // Section 8.3.1: one of both names whom the request is for, and they must not differ.
  if (has_host_ && !authority_.empty() && host_ != authority_) return false;
  text_.append(extended_connect() ? std::string_view("GET") : std::string_view(method_));
  text_.append(' ');
  text_.append(connect && !extended_connect() ? authority_ : path_);
  text_.append(" HTTP/1.1\r\nhost: ");
  text_.append(authority_.empty() ? host_ : authority_);
  text_.append("\r\n");
  if (!cookie_.empty()) append_field("cookie", cookie_);
  text_.append(fields_.view());
  if (extended_connect()) {
    text_.append("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ");
    text_.append(websocket_key);
    text_.append("\r\n");
  } else if (!has_length_) {
    // RFC 9110 section 8.6: methods that expect content say so when there is none.
    const bool expects = method_ == "POST" || method_ == "PUT" || method_ == "PATCH";
    if (!ended) {
      text_.append("transfer-encoding: chunked\r\n");
    } else if (expects) {
      text_.append("content-length: 0\r\n");
    }
  }
  return true;
}

void TrailerText::start() {
  text_.clear();
  count_ = 0;
  too_large_ = false;
}

bool TrailerText::add(std::string_view name, std::string_view value) {
  if (!is_field(name, value) || of_the_connection(name)) return false;
  if (++count_ > codec::kMaxTrailerFields ||
      text_.size() + name.size() + value.size() > codec::kMaxTrailerBytes) {
    too_large_ = true;
  } else if (codec::may_be_trailer(name)) {
    append_line(text_, name, value);
  }
  return true;
}

void FieldList::from_response(std::string_view text, bool upgraded) {
  fields_.clear();
  lowered_.clear();
  std::string_view status = text.substr(kStatusOffset, kStatusDigits);
  if (upgraded && status == "101") status = "200";
  fields_.push_back({":status", status});
  add_lines(text.substr(text.find("\r\n") + 2), false);
}

void FieldList::from_request(std::string_view text, std::string_view scheme) {
  fields_.clear();
  lowered_.clear();
  const std::size_t first = text.find(' ');
  const std::size_t end = text.find("\r\n");
  const std::size_t last = text.rfind(' ', end);
  fields_.push_back({":method", text.substr(0, first)});
  fields_.push_back({":scheme", scheme});
  fields_.push_back({":authority", {}});
  fields_.push_back({":path", text.substr(first + 1, last - first - 1)});
  add_lines(text.substr(end + 2), true);
}

void FieldList::from_trailers(std::string_view lines) {
  fields_.clear();
  lowered_.clear();
  add_lines(lines, false);
}

void FieldList::add_lines(std::string_view lines, bool request) {
  lowered_.reserve(lines.size());  // views into it stay
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 2);
    if (line.empty()) return;
    const std::size_t colon = line.find(':');
    const std::size_t at = lowered_.size();
    for (const char c : line.substr(0, colon)) lowered_ += codec::lower(c);
    const std::string_view name = std::string_view(lowered_).substr(at);
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    if (of_the_connection(name) || name == "sec-websocket-accept") continue;
    if (request && name == "host") {
      fields_[2].value = value;
    } else {
      fields_.push_back({name, value});
    }
  }
}

}  // namespace balancer::h2
