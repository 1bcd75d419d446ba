#include "agent/runtime/oci/unpack/stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "shared/crypto/hash.h"

namespace agent::runtime::oci::unpack {
namespace {

using shared::Error;
using shared::Result;

constexpr std::size_t kPiece = 256 * 1024;
// Headers, padding and the end of a tar, on top of the files' bytes.
constexpr std::int64_t kHeadersPerEntry = 16 * 1024;

struct Free {
  void operator()(archive* a) const { archive_read_free(a); }
};
using Archive = std::unique_ptr<archive, Free>;

std::string words(archive* a) {
  const char* const text = archive_error_string(a);
  return text != nullptr ? text : "malformed";
}

// The outer stage: bytes of the file in, bytes of the tar out, counted and hashed.
class Inflated {
 public:
  Inflated(int input, std::int64_t most) : input_(input), most_(most), piece_(kPiece, '\0') {}

  Result<void> open() {
    // What the first bytes say; media types lie now and then.
    std::array<unsigned char, 4> head{};
    ssize_t got = 0;
    while (got < static_cast<ssize_t>(head.size())) {
      const ssize_t n = ::read(input_, head.data() + got, head.size() - static_cast<std::size_t>(got));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      got += n;
    }
    begin_.assign(reinterpret_cast<const char*>(head.data()), static_cast<std::size_t>(got));
    const bool gzip = got >= 2 && head[0] == 0x1f && head[1] == 0x8b;
    const bool zstd =
        got == 4 && ((head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd) ||
                     ((head[0] & 0xf0) == 0x50 && head[1] == 0x2a && head[2] == 0x4d && head[3] == 0x18));
    if (!gzip && !zstd) return {};
    filter_.reset(archive_read_new());
    archive_read_support_format_raw(filter_.get());
    archive_read_support_format_empty(filter_.get());
    archive_read_append_filter(filter_.get(), gzip ? ARCHIVE_FILTER_GZIP : ARCHIVE_FILTER_ZSTD);
    archive_entry* entry = nullptr;
    if (archive_read_open(filter_.get(), this, nullptr, &Inflated::read_input, nullptr) != ARCHIVE_OK ||
        archive_read_next_header(filter_.get(), &entry) < ARCHIVE_WARN)
      return Error("malformed", "decompression: " + words(filter_.get()));
    return {};
  }

  // 0 at the end, -1 after an error.
  la_ssize_t next(const void** out) {
    const ssize_t got = filter_ ? archive_read_data(filter_.get(), piece_.data(), piece_.size())
                                : raw(piece_.data(), piece_.size());
    if (got < 0) {
      problem_ =
          Error("malformed", filter_ ? "decompression: " + words(filter_.get()) : std::strerror(errno));
      return -1;
    }
    bytes_ += got;
    if (bytes_ > most_) {
      problem_ = Error("limit", "more than " + std::to_string(most_) + " bytes after decompression");
      return -1;
    }
    hash_.update({piece_.data(), static_cast<std::size_t>(got)});
    *out = piece_.data();
    return got;
  }
  const std::optional<Error>& problem() const { return problem_; }
  std::string digest() const { return "sha256:" + hash_.hex(); }

 private:
  static la_ssize_t read_input(archive*, void* self, const void** out) {
    auto* const me = static_cast<Inflated*>(self);
    if (me->in_.empty()) me->in_.resize(kPiece);
    *out = me->in_.data();
    return me->raw(me->in_.data(), me->in_.size());
  }
  ssize_t raw(char* out, std::size_t size) {
    if (!begin_.empty()) {
      const std::size_t n = std::min(size, begin_.size());
      std::memcpy(out, begin_.data(), n);
      begin_.erase(0, n);
      return static_cast<ssize_t>(n);
    }
    ssize_t got = 0;
    do {
      got = ::read(input_, out, size);
    } while (got < 0 && errno == EINTR);
    return got;
  }

  int input_;
  std::int64_t most_;
  std::int64_t bytes_ = 0;
  std::string begin_;  // what was read to see how it is compressed
  std::string in_;
  std::string piece_;
  Archive filter_;
  shared::crypto::Sha256 hash_;
  std::optional<Error> problem_;
};

la_ssize_t read_tar(archive*, void* from, const void** out) {
  return static_cast<Inflated*>(from)->next(out);
}

Result<Entry> entry_of(archive_entry* in) {
  Entry out;
  const char* const name =
      archive_entry_pathname(in) != nullptr ? archive_entry_pathname(in) : archive_entry_pathname_utf8(in);
  if (name == nullptr) return Error("unsafe", "an entry without a readable name");
  out.name = name;
  const auto text = [](const char* plain, const char* utf8) {
    return std::string(plain != nullptr ? plain : utf8 != nullptr ? utf8 : "");
  };
  out.mode = archive_entry_perm(in);
  const la_int64_t uid = archive_entry_uid(in);
  const la_int64_t gid = archive_entry_gid(in);
  if (uid < 0 || gid < 0 || uid > 0xffffffffLL - 1 || gid > 0xffffffffLL - 1)
    return Error("unsafe", "entry '" + out.name + "': owner out of range");
  out.uid = static_cast<uid_t>(uid);
  out.gid = static_cast<gid_t>(gid);
  out.size = archive_entry_size(in);
  out.modified = {archive_entry_mtime(in), archive_entry_mtime_nsec(in)};
  if (archive_entry_hardlink(in) != nullptr || archive_entry_hardlink_utf8(in) != nullptr) {
    out.kind = Kind::kHardLink;
    out.link = text(archive_entry_hardlink(in), archive_entry_hardlink_utf8(in));
  } else {
    switch (archive_entry_filetype(in)) {
      case AE_IFREG:
        out.kind = Kind::kFile;
        break;
      case AE_IFDIR:
        out.kind = Kind::kDirectory;
        break;
      case AE_IFLNK:
        out.kind = Kind::kSymlink;
        out.link = text(archive_entry_symlink(in), archive_entry_symlink_utf8(in));
        break;
      case AE_IFCHR:
        out.kind = Kind::kCharacter;
        out.device = archive_entry_rdev(in);
        break;
      case AE_IFBLK:
        out.kind = Kind::kBlock;
        out.device = archive_entry_rdev(in);
        break;
      case AE_IFIFO:
        out.kind = Kind::kFifo;
        break;
      default:
        return Error("unsafe", "entry '" + out.name + "': of a kind that layers do not have");
    }
  }
  archive_entry_xattr_reset(in);
  const char* attribute = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  while (archive_entry_xattr_next(in, &attribute, &value, &size) == ARCHIVE_OK)
    out.attributes.emplace_back(attribute, std::string(static_cast<const char*>(value), size));
  return out;
}

// Holes stay holes.
Result<void> write_contents(archive* a, int fd, std::int64_t size) {
  const void* bytes = nullptr;
  size_t count = 0;
  la_int64_t at = 0;
  for (;;) {
    const int got = archive_read_data_block(a, &bytes, &count, &at);
    if (got == ARCHIVE_EOF) return {};
    if (got < ARCHIVE_WARN) return Error("malformed", words(a));
    if (at < 0 || at + static_cast<la_int64_t>(count) > size)
      return Error("malformed", "a file longer than its header says");
    const char* from = static_cast<const char*>(bytes);
    while (count > 0) {
      const ssize_t wrote = ::pwrite(fd, from, count, at);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return Error("file", std::string("write: ") + std::strerror(errno));
      from += wrote;
      at += wrote;
      count -= static_cast<size_t>(wrote);
    }
  }
}

}  // namespace

Result<std::string> unpack_stream(int input, const Limits& limits, Tree& tree) {
  Inflated inflated(input,
                    limits.bytes + kHeadersPerEntry * std::min<std::int64_t>(limits.entries, 1'000'000));
  if (auto opened = inflated.open(); !opened) return opened.error();
  const Archive tar(archive_read_new());
  archive_read_support_format_tar(tar.get());
  archive_read_support_format_empty(tar.get());
  const auto blame = [&](const Error& otherwise) {
    return inflated.problem() ? *inflated.problem() : otherwise;
  };
  if (archive_read_open(tar.get(), &inflated, nullptr, &read_tar, nullptr) != ARCHIVE_OK)
    return blame(Error("malformed", words(tar.get())));
  for (;;) {
    archive_entry* entry = nullptr;
    const int got = archive_read_next_header(tar.get(), &entry);
    if (got == ARCHIVE_EOF) break;
    if (got < ARCHIVE_WARN) return blame(Error("malformed", words(tar.get())));
    auto read = entry_of(entry);
    if (!read) return read.error();
    auto added = tree.add(*read, [&](int fd) { return write_contents(tar.get(), fd, read->size); });
    if (!added) return blame(added.error());
  }
  // Zeros and whatever else follows the end are part of what the diffID is of.
  const void* rest = nullptr;
  la_ssize_t left = 0;
  while ((left = inflated.next(&rest)) > 0) {
  }
  if (left < 0) return *inflated.problem();
  if (auto finished = tree.finish(); !finished) return finished.error();
  return inflated.digest();
}

}  // namespace agent::runtime::oci::unpack
