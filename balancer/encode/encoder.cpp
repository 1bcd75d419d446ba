#include "balancer/encode/encoder.h"

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdlib>
#include <new>

namespace balancer::encode {

namespace {

constexpr std::size_t kPiece = 8 * 1024;  // room for coded bytes that is made at once
// zlib's documentation: 1 << (windowBits + 2), 1 << (memLevel + 9), and a little.
constexpr int kGzipWindowBits = 15;
constexpr int kGzipFormat = 16;  // added to the window bits
constexpr int kGzipMemoryLevel = 8;
constexpr std::size_t kGzipBytes = 264 * 1024;

class GzipEncoder final : public Encoder {
 public:
  GzipEncoder() = default;
  ~GzipEncoder() override {
    if (made_) deflateEnd(&stream_);
  }
  Coding coding() const override { return Coding::kGzip; }
  bool restart(int level) override {
    if (!made_) {
      made_ = deflateInit2(&stream_, level, Z_DEFLATED, kGzipWindowBits + kGzipFormat, kGzipMemoryLevel,
                           Z_DEFAULT_STRATEGY) == Z_OK;
      return made_;
    }
    return deflateReset(&stream_) == Z_OK && deflateParams(&stream_, level, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  bool write(std::string_view input, Until until, codec::Buffer& out) override {
    constexpr int kModes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));  // is not written to
    stream_.avail_in = static_cast<uInt>(input.size());
    do {
      const std::span<char> room = out.prepare(kPiece);
      stream_.next_out = reinterpret_cast<Bytef*>(room.data());
      stream_.avail_out = static_cast<uInt>(room.size());
      const int done = deflate(&stream_, kModes[static_cast<int>(until)]);
      if (done == Z_STREAM_ERROR) return false;
      out.commit(room.size() - stream_.avail_out);
      // Room was left: there is nothing more.
    } while (stream_.avail_out == 0);
    return stream_.avail_in == 0;
  }
  std::size_t bytes() const override { return kGzipBytes; }

 private:
  z_stream stream_{};
  bool made_ = false;
};

class BrotliEncoder final : public Encoder {
 public:
  explicit BrotliEncoder(BlockCache& blocks) : blocks_(blocks) {}
  ~BrotliEncoder() override { BrotliEncoderDestroyInstance(state_); }
  Coding coding() const override { return Coding::kBrotli; }
  bool restart(int level) override {
    BrotliEncoderDestroyInstance(state_);
    state_ = BrotliEncoderCreateInstance(
        [](void* blocks, std::size_t size) { return static_cast<BlockCache*>(blocks)->take(size); },
        [](void* blocks, void* block) { static_cast<BlockCache*>(blocks)->give(block); }, &blocks_);
    return state_ != nullptr &&
           BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, static_cast<std::uint32_t>(level)) != 0 &&
           BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, kWindowBits) != 0;
  }
  bool write(std::string_view input, Until until, codec::Buffer& out) override {
    constexpr BrotliEncoderOperation kModes[] = {BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FLUSH,
                                                 BROTLI_OPERATION_FINISH};
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(input.data());
    std::size_t left = input.size();
    do {
      const std::span<char> room = out.prepare(kPiece);
      auto* next_out = reinterpret_cast<std::uint8_t*>(room.data());
      std::size_t free = room.size();
      if (BrotliEncoderCompressStream(state_, kModes[static_cast<int>(until)], &left, &next_in, &free,
                                      &next_out, nullptr) == BROTLI_FALSE)
        return false;
      out.commit(room.size() - free);
    } while (left != 0 || BrotliEncoderHasMoreOutput(state_) != 0);
    return true;
  }
  std::size_t bytes() const override { return blocks_.lent_bytes(); }

 private:
  BlockCache& blocks_;
  BrotliEncoderState* state_ = nullptr;
};

class ZstdEncoder final : public Encoder {
 public:
  ZstdEncoder() : context_(ZSTD_createCCtx()) {}
  ~ZstdEncoder() override { ZSTD_freeCCtx(context_); }
  Coding coding() const override { return Coding::kZstd; }
  bool restart(int level) override {
    if (context_ == nullptr) return false;
    const auto good = [](std::size_t code) { return ZSTD_isError(code) == 0; };
    return good(ZSTD_CCtx_reset(context_, ZSTD_reset_session_only)) &&
           good(ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level)) &&
           good(ZSTD_CCtx_setParameter(context_, ZSTD_c_windowLog, kWindowBits)) &&
           good(ZSTD_CCtx_setParameter(context_, ZSTD_c_hashLog, kWindowBits)) &&
           good(ZSTD_CCtx_setParameter(context_, ZSTD_c_chainLog, kWindowBits));
  }
  bool write(std::string_view input, Until until, codec::Buffer& out) override {
    constexpr ZSTD_EndDirective kModes[] = {ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end};
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    for (;;) {
      const std::span<char> room = out.prepare(kPiece);
      ZSTD_outBuffer to{room.data(), room.size(), 0};
      const std::size_t left = ZSTD_compressStream2(context_, &to, &in, kModes[static_cast<int>(until)]);
      if (ZSTD_isError(left) != 0) return false;
      out.commit(to.pos);
      if (in.pos == in.size && (left == 0 || until == Until::kMore)) return true;
    }
  }
  std::size_t bytes() const override { return ZSTD_sizeof_CCtx(context_); }

 private:
  ZSTD_CCtx* context_;
};

// In front of each block: its size.
struct alignas(std::max_align_t) BlockHead {
  std::size_t size;
};

}  // namespace

BlockCache::~BlockCache() {
  for (const auto& [size, block] : spare_) std::free(block);
}

void* BlockCache::take(std::size_t size) {
  void* block = nullptr;
  if (const auto same = spare_.find(size); same != spare_.end()) {
    block = same->second;
    spare_.erase(same);
    spare_bytes_ -= size;
  } else {
    block = std::malloc(sizeof(BlockHead) + size);
    if (block == nullptr) return nullptr;
    ::new (block) BlockHead{size};
  }
  lent_ += size;
  return static_cast<char*>(block) + sizeof(BlockHead);
}

void BlockCache::give(void* given) {
  if (given == nullptr) return;
  void* block = static_cast<char*>(given) - sizeof(BlockHead);
  const std::size_t size = static_cast<BlockHead*>(block)->size;
  lent_ -= size;
  if (spare_bytes_ + size > kMaxSpareBlockBytes) return std::free(block);
  spare_.emplace(size, block);
  spare_bytes_ += size;
}

std::unique_ptr<Encoder> EncoderPool::take(Coding coding, int level) {
  if (in_use_ >= kMaxEncodersInUse) return nullptr;
  auto& spare = spare_[static_cast<std::size_t>(coding)];
  std::unique_ptr<Encoder> encoder;
  if (!spare.empty()) {
    encoder = std::move(spare.back());
    spare.pop_back();
  } else if (coding == Coding::kGzip) {
    encoder = std::make_unique<GzipEncoder>();
  } else if (coding == Coding::kBrotli) {
    encoder = std::make_unique<BrotliEncoder>(blocks_);
  } else {
    encoder = std::make_unique<ZstdEncoder>();
  }
  if (!encoder->restart(level)) return nullptr;
  ++in_use_;
  return encoder;
}

void EncoderPool::give(std::unique_ptr<Encoder> encoder) {
  if (encoder == nullptr) return;
  --in_use_;
  auto& spare = spare_[static_cast<std::size_t>(encoder->coding())];
  if (spare.size() < kMaxSpareEncoders) spare.push_back(std::move(encoder));
}

}  // namespace balancer::encode
