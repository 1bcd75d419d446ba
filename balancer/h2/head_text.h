// Heads between HTTP/2 field lists and the HTTP/1.1 text that means the same. Inside the balancer every head
// is HTTP/1.1 text that went through one parser and one classifier, so that what is refused there is refused
// here, and a target never sees what HTTP/1.1 could not say (RFC 9113 section 10.3). Pure. Thread: any.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "balancer/codec/buffer.h"

namespace balancer::h2 {

// All bytes of a head's text; a longer one is not stored further.
inline constexpr std::size_t kMaxHeadText = 96 * 1024;
inline constexpr std::size_t kMaxListedFields = 128;  // the pieces of a cookie are one
inline constexpr std::size_t kPseudoFields = 8;       // beside them, more than there are

// Collects one request or response head as its fields come. Reusable.
class HeadText {
 public:
  enum class Of { kRequest, kResponse, kResponseToHead };
  void start(Of kind);
  // False: this cannot be said in HTTP/1.1, or must not be: the stream is in error (PROTOCOL_ERROR).
  bool add(std::string_view name, std::string_view value);
  // `ended`: no body follows. `websocket_key`: what a client of an extended CONNECT (RFC 8441) would have
  // sent. False: as above. Then text() is the head.
  bool finish(bool ended, std::string_view websocket_key = {});

  bool too_large() const { return too_large_; }
  bool extended_connect() const { return !protocol_.empty(); }
  int status() const { return status_; }
  std::string_view text() const { return text_.view(); }
  void clear();

 private:
  bool add_pseudo(std::string_view name, std::string_view value);
  void append_field(std::string_view name, std::string_view value);
  bool finish_request(bool ended, std::string_view websocket_key);

  Of kind_ = Of::kRequest;
  codec::Buffer text_;
  codec::Buffer fields_;
  std::string method_, path_, authority_, scheme_, protocol_, host_, cookie_;
  bool has_length_ = false;
  bool regular_seen_ = false;
  bool has_host_ = false;
  bool too_large_ = false;
  std::size_t count_ = 0;
  int status_ = 0;
};

// Collects one trailer section as lines "name: value\r\n"; those that may not be there
// (codec::may_be_trailer) are left out. Bounded as those of HTTP/1.1.
class TrailerText {
 public:
  void start();
  // False: malformed, the stream is in error (PROTOCOL_ERROR).
  bool add(std::string_view name, std::string_view value);
  bool too_large() const { return too_large_; }
  std::string_view text() const { return text_.view(); }

 private:
  codec::Buffer text_;
  std::size_t count_ = 0;
  bool too_large_ = false;
};

struct ListedField {
  std::string_view name;  // lower case
  std::string_view value;
};

// The field list of an HTTP/1.1 head that we wrote. Names are lowered in `lowered`, which the views point to
// beside `text`. Fields that speak about an HTTP/1.1 connection are left out.
class FieldList {
 public:
  // `text` ends with its empty line. `upgraded`: the answer to an extended CONNECT, whose 101 becomes a 200.
  void from_response(std::string_view text, bool upgraded);
  void from_request(std::string_view text, std::string_view scheme);
  void from_trailers(std::string_view lines);  // each with its end; an empty line may follow
  const std::vector<ListedField>& fields() const { return fields_; }

 private:
  void add_lines(std::string_view lines, bool request);

  std::vector<ListedField> fields_;
  std::string lowered_;
};

}  // namespace balancer::h2
