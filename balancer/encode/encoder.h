// Content codings of responses (RFC 9110 section 8.4.1), sans-io: payload in, coded bytes out, on zlib,
// brotli and zstd. Windows are small, so that a thousand responses that trickle cost a bounded amount of
// memory.
//
//   auto encoder = pool.take(Coding::kGzip, 4);       // null: too many are in use, the response goes as it
//   is encoder->write(payload, Until::kMore, out);        // kFlushed: a reader can decode all so far
//   encoder->write({}, Until::kFinished, out);
//   pool.give(std::move(encoder));
//
// Thread: its owner's. Encoders do not outlive their pool.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "balancer/codec/buffer.h"
#include "shared/lbconfig/traffic.h"

namespace balancer::encode {

using shared::lbconfig::Coding;

inline constexpr std::size_t kCodings = 3;
// The largest of them at the highest level takes less than that (a test says so).
inline constexpr std::size_t kMaxEncoderBytes = 3 * 1024 * 1024;
inline constexpr std::size_t kMaxEncodersInUse = 128;  // of one pool, which is a worker's
inline constexpr std::size_t kMaxSpareEncoders = 4;    // of each coding
inline constexpr std::size_t kMaxSpareBlockBytes = 8 * 1024 * 1024;
// Of brotli and zstd; gzip's format has half of that.
inline constexpr int kWindowBits = 16;

// What the caller wants to be in `out` afterwards: kMore leaves that to the encoder.
enum class Until { kMore, kFlushed, kFinished };

class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual Coding coding() const = 0;
  // Takes all of `input` and appends to `out`. False: out of memory, nothing more will come.
  [[nodiscard]] virtual bool write(std::string_view input, Until until, codec::Buffer& out) = 0;
  // Ready for another response. False: not possible.
  virtual bool restart(int level) = 0;
  virtual std::size_t bytes() const = 0;  // of memory, about
};

// Blocks that a library has freed, for its next request of the same size: brotli's state cannot be restarted.
class BlockCache {
 public:
  BlockCache() = default;
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;
  ~BlockCache();
  void* take(std::size_t size);
  void give(void* block);
  std::size_t lent_bytes() const { return lent_; }

 private:
  std::multimap<std::size_t, void*> spare_;
  std::size_t spare_bytes_ = 0;
  std::size_t lent_ = 0;
};

class EncoderPool {
 public:
  // `level`: 1 to 9. Null: kMaxEncodersInUse are in use, or there is no memory.
  std::unique_ptr<Encoder> take(Coding coding, int level);
  void give(std::unique_ptr<Encoder> encoder);
  std::size_t in_use() const { return in_use_; }

 private:
  BlockCache blocks_;  // outlives the encoders
  std::array<std::vector<std::unique_ptr<Encoder>>, kCodings> spare_;
  std::size_t in_use_ = 0;
};

}  // namespace balancer::encode
