#include "balancer/codec/body.h"

#include <gtest/gtest.h>

#include <string>

#include "shared/env/random.h"
#include "tests/unit/balancer/codec/requests.h"

namespace balancer::codec {
namespace {

using Kind = BodyFraming::Kind;

struct Read {
  std::string payload;
  std::string problem;  // empty: done or still waiting
  bool done = false;
  std::size_t consumed = 0;
};

// Feeds `bytes` in pieces of the given size (0: random sizes).
Read read_in_pieces(BodyFraming framing, std::string_view bytes, std::size_t piece, std::uint64_t seed = 1) {
  shared::env::SeededRandom random(seed);
  BodyReader reader(framing);
  Read result;
  std::string waiting;
  std::size_t given = 0;
  while (!reader.done() && !reader.failed()) {
    const BodyReader::Step step = reader.read(waiting);
    result.payload += step.payload;
    result.consumed += step.consumed;
    waiting.erase(0, step.consumed);
    if (step.consumed != 0) continue;
    if (given == bytes.size()) break;
    const std::size_t size = std::min(piece == 0 ? 1 + random.below(7) : piece, bytes.size() - given);
    waiting += bytes.substr(given, size);
    given += size;
  }
  result.done = reader.done();
  result.problem = reader.problem();
  return result;
}

struct ChunkCase {
  std::string name;
  std::string bytes;
  std::string payload;
  std::string problem;
  std::string left;  // behind the body
};

class Chunked : public ::testing::TestWithParam<ChunkCase> {};

TEST_P(Chunked, ReadsTheSameHoweverTheBytesArrive) {
  const ChunkCase& c = GetParam();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, c.bytes.size() + 1}) {
    const Read read = read_in_pieces({Kind::kChunked, 0}, c.bytes, piece);
    EXPECT_EQ(read.problem, c.problem) << piece;
    EXPECT_EQ(read.done, c.problem.empty()) << piece;
    if (!c.problem.empty()) continue;
    EXPECT_EQ(read.payload, c.payload) << piece;
    EXPECT_EQ(c.bytes.substr(read.consumed), c.left) << piece;
  }
}

std::string bytes_with_nul(const char* text, std::size_t size) { return {text, size}; }

INSTANTIATE_TEST_SUITE_P(
    Grammar, Chunked,
    ::testing::Values(
        ChunkCase{"Plain", "5\r\nhello\r\n0\r\n\r\n", "hello", "", ""},
        ChunkCase{"NothingIsTakenBehindTheBody", "1\r\na\r\n0\r\n\r\nGET /", "a", "", "GET /"},
        ChunkCase{"Empty", "0\r\n\r\n", "", "", ""},
        ChunkCase{"HexadecimalInBothCases", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
                  "01234567890123456789", "", ""},
        ChunkCase{"LeadingZeros", "0005\r\nhello\r\n000\r\n\r\n", "hello", "", ""},
        ChunkCase{"ExtensionIsDropped", "5;name=\"v;1\"\r\nhello\r\n0;last\r\n\r\n", "hello", "", ""},
        ChunkCase{"TrailersAreDropped", "1\r\na\r\n0\r\nHost: b\r\nContent-Length: 9\r\n\r\nX", "a", "", "X"},
        ChunkCase{"ExtensionEndsInBareLf", "5;ext\nx\r\n0\r\n\r\n", "", "bad_chunk_extension", ""},
        ChunkCase{"SizeEndsInBareCr", "5\rhello\r\n0\r\n\r\n", "", "bad_chunk_size", ""},
        ChunkCase{"SizeEndsInBareLf", "5\nhello\r\n0\r\n\r\n", "", "bad_chunk_size", ""},
        ChunkCase{"SizeTooLarge", "FFFFFFFFFFFFFFFFF\r\n", "", "chunk_too_large", ""},
        ChunkCase{"SizeOverTheSignBit", "ffffffffffffffff\r\n", "", "chunk_too_large", ""},
        ChunkCase{"NegativeSize", "-1\r\n", "", "bad_chunk_size", ""},
        ChunkCase{"PrefixedSize", "0x5\r\nhello\r\n0\r\n\r\n", "", "bad_chunk_size", ""},
        ChunkCase{"SpaceBeforeSize", " 5\r\nhello\r\n", "", "bad_chunk_size", ""},
        ChunkCase{"SpaceAfterSize", "5 \r\nhello\r\n", "", "bad_chunk_size", ""},
        ChunkCase{"EmptySize", "\r\nhello\r\n", "", "bad_chunk_size", ""},
        ChunkCase{"OnlyAnExtension", ";a\r\n", "", "bad_chunk_size", ""},
        ChunkCase{"DataLongerThanItsSize", "3\r\nabcX\r\n0\r\n\r\n", "", "bad_chunk_end", ""},
        ChunkCase{"DataEndsInBareLf", "3\r\nabc\n0\r\n\r\n", "", "bad_chunk_end", ""},
        ChunkCase{"LastLineIsBareLf", "0\r\n\n", "", "bad_trailer", ""},
        ChunkCase{"LastLineIsCrThenByte", "0\r\n\rX", "", "bad_chunk_end", ""},
        ChunkCase{"TrailerWithoutColon", "0\r\nfoo\r\n\r\n", "", "bad_trailer", ""},
        ChunkCase{"TrailerFolded", "0\r\na: b\r\n c\r\n\r\n", "", "bad_trailer", ""},
        ChunkCase{"TrailerWithSpaceBeforeColon", "0\r\na : b\r\n\r\n", "", "bad_trailer", ""},
        ChunkCase{"TrailerWithNul", bytes_with_nul("0\r\na: \0\r\n\r\n", 11), "", "bad_trailer", ""},
        ChunkCase{"ExtensionOf100Kb", "1;" + std::string(100'000, 'e') + "\r\na\r\n0\r\n\r\n", "",
                  "chunk_extensions_too_long", ""},
        ChunkCase{"TooManyTrailers", "0\r\n" + repeated("a:b\r\n", kMaxTrailerFields + 1) + "\r\n", "",
                  "too_many_trailers", ""},
        ChunkCase{"TrailersOf100Kb", "0\r\na: " + std::string(100'000, 't') + "\r\n\r\n", "",
                  "trailers_too_long", ""}),
    [](const auto& test_info) { return test_info.param.name; });

TEST(BodyReader, CountsExtensionsOfAllChunksTogether) {
  std::string bytes;
  for (int i = 0; i < 2000; ++i) bytes += "1;" + std::string(500, 'e') + "\r\nx\r\n";
  const Read read = read_in_pieces({Kind::kChunked, 0}, bytes, 4096);
  EXPECT_EQ(read.problem, "chunk_extensions_too_long");
  EXPECT_LT(read.payload.size(), 40U);
}

TEST(BodyReader, TakesExactlyTheContentLength) {
  const Read read = read_in_pieces({Kind::kLength, 5}, "helloGET / HTTP/1.1", 100);
  EXPECT_TRUE(read.done);
  EXPECT_EQ(read.payload, "hello");
  EXPECT_EQ(read.consumed, 5U);
  EXPECT_TRUE(BodyReader({Kind::kLength, 0}).done());
  EXPECT_TRUE(BodyReader({Kind::kNone, 0}).done());
}

TEST(BodyReader, EndsWithTheConnectionOnlyWhereThatIsTheFraming) {
  BodyReader until_close({Kind::kUntilClose, 0});
  EXPECT_EQ(until_close.read("abc").payload, "abc");
  EXPECT_FALSE(until_close.done());
  until_close.finish();
  EXPECT_TRUE(until_close.done());
  for (const BodyFraming framing : {BodyFraming{Kind::kLength, 5}, BodyFraming{Kind::kChunked, 0}}) {
    BodyReader reader(framing);
    reader.read("1");
    reader.finish();
    EXPECT_TRUE(reader.failed());
    EXPECT_EQ(reader.problem(), "body_cut_short");
  }
}

// Whatever the framing on either side and however bytes arrive, the payload comes out whole and nothing
// behind it is touched.
TEST(TransferBody, CarriesThePayloadThroughAnyFramingAndAnyPieces) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    shared::env::SeededRandom random(seed);
    const std::string payload = random.hex(random.below(600));
    const bool chunked_in = random.below(2) == 0;
    const BodyForm form = random.below(2) == 0 ? BodyForm::kPlain : BodyForm::kChunked;
    Buffer framed;
    if (chunked_in) {
      std::string_view rest = payload;
      while (!rest.empty()) {
        const std::size_t size = 1 + random.below(rest.size());
        write_chunk(framed, rest.substr(0, size));
        rest.remove_prefix(size);
      }
      framed.append(kLastChunk);
    } else {
      framed.append(payload);
    }
    framed.append("NEXT");

    BodyReader reader(chunked_in ? BodyFraming{Kind::kChunked, 0}
                                 : BodyFraming{Kind::kLength, payload.size()});
    Buffer in, out;
    std::string sent;
    Transfer state = Transfer::kNeedInput;
    while (state != Transfer::kDone) {
      ASSERT_NE(state, Transfer::kFailed) << "seed " << seed;
      if (state == Transfer::kNeedInput) {
        ASSERT_FALSE(framed.empty()) << "seed " << seed;
        const std::size_t piece = 1 + random.below(framed.size());
        in.append(framed.view().substr(0, piece));
        framed.consume(piece);
      }
      state = transfer_body(reader, in, out, form, 64);
      ASSERT_LE(out.size(), 64U + 16U);
      sent += out.view();
      out.clear();
    }
    if (form == BodyForm::kChunked && !(payload.empty() && !chunked_in)) {
      const Read back = read_in_pieces({Kind::kChunked, 0}, sent, 0, seed);
      ASSERT_TRUE(back.done) << "seed " << seed;
      ASSERT_EQ(back.payload, payload) << "seed " << seed;
      ASSERT_EQ(back.consumed, sent.size()) << "seed " << seed;
    } else {
      ASSERT_EQ(sent, payload) << "seed " << seed;
    }
    ASSERT_EQ(std::string(in.view()) + std::string(framed.view()), "NEXT") << "seed " << seed;
  }
}

// What comes out when `bytes` arrive in pieces and trailers are wanted.
std::string carried(const std::string& bytes, std::size_t piece, BodyForm form, bool trailers) {
  BodyReader reader({Kind::kChunked, 0, trailers});
  Buffer in, out;
  for (std::size_t given = 0; given < bytes.size(); given += piece) {
    in.append(std::string_view(bytes).substr(given, piece));
    const Transfer moved = transfer_body(reader, in, out, form, 1'000'000);
    if (moved == Transfer::kFailed) return std::string(reader.problem());
    if (moved == Transfer::kDone) return std::string(out.view());
  }
  return "incomplete";
}

TEST(Trailers, AreCarriedOnWhereTheyAreWanted) {
  const std::string bytes =
      "2\r\nab\r\n0\r\ngrpc-status: 0\r\nHost: evil\r\nServer-Timing:  a;dur=1 \r\nX-Checksum:x\r\n\r\n";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    const std::string got = carried(bytes, piece, BodyForm::kChunked, true);
    EXPECT_TRUE(got.ends_with("0\r\ngrpc-status: 0\r\nServer-Timing:  a;dur=1 \r\nX-Checksum:x\r\n\r\n"))
        << got;
    EXPECT_TRUE(carried(bytes, piece, BodyForm::kChunked, false).ends_with("\r\n0\r\n\r\n"));
    EXPECT_EQ(carried(bytes, piece, BodyForm::kPlain, true), "ab");
  }
  EXPECT_EQ(carried("0\r\nHost: evil\r\n\r\n", 100, BodyForm::kChunked, true), "0\r\n\r\n");
}

TEST(Trailers, NeverFrameRouteAuthenticateOrPoseAsOurs) {
  for (const char* name : {"Content-Length",
                           "content-type",
                           "Content-Encoding",
                           "Transfer-Encoding",
                           "Trailer",
                           "TE",
                           "Host",
                           "Connection",
                           "Keep-Alive",
                           "Upgrade",
                           "Proxy-Authorization",
                           "Authorization",
                           "WWW-Authenticate",
                           "Cookie",
                           "Set-Cookie",
                           "Expect",
                           "Range",
                           "If-Match",
                           "Cache-Control",
                           "Date",
                           "Location",
                           "Vary",
                           "Forwarded",
                           "X-Forwarded-For",
                           "X-Amzn-Trace-Id",
                           "x-amzn-oidc-data",
                           "Access-Control-Allow-Origin",
                           "Sec-WebSocket-Key",
                           "X-Real-IP",
                           "Content_Length",
                           "X.Y",
                           ""}) {
    EXPECT_FALSE(may_be_trailer(name)) << name;
  }
  for (const char* name : {"grpc-status", "Grpc-Message", "grpc-status-details-bin", "Server-Timing", "ETag",
                           "Digest", "Repr-Digest", "X-Checksum", "x-amz-checksum-crc32", "Hosts"}) {
    EXPECT_TRUE(may_be_trailer(name)) << name;
  }
  EXPECT_FALSE(may_be_trailer(std::string(300, 'a')));
}

TEST(Trailers, AreKeptWithoutThoseOfSomeNames) {
  const std::vector<std::string> names{"X-Person", "X-Tls"};
  EXPECT_EQ(without_trailers("x-person: root\r\nX-Personal: kept\r\nX-TLS:1\r\nx: y\r\n", names),
            "X-Personal: kept\r\nx: y\r\n");
  EXPECT_EQ(without_trailers("", names), "");
  EXPECT_EQ(without_trailers("X-Person: a\r\n", {}), "X-Person: a\r\n");
}

TEST(Trailers, AreBoundedAlsoWhereTheyAreKept) {
  EXPECT_EQ(
      carried("0\r\n" + repeated("a:b\r\n", kMaxTrailerFields + 1) + "\r\n", 64, BodyForm::kChunked, true),
      "too_many_trailers");
  EXPECT_EQ(
      carried("0\r\na: " + std::string(kMaxTrailerBytes, 't') + "\r\n\r\n", 4096, BodyForm::kChunked, true),
      "trailers_too_long");
}

TEST(Trailers, OfOneBodyAreNotThoseOfTheNext) {
  BodyReader reader({Kind::kChunked, 0, true});
  reader.read("0\r\nx-a: b\r\n\r\n");
  ASSERT_TRUE(reader.done());
  EXPECT_EQ(reader.trailers(), "x-a: b\r\n");
  reader.start({Kind::kChunked, 0, true});
  EXPECT_EQ(reader.trailers(), "");
}

TEST(TransferBody, EndsAnUntilCloseBodyWithTheLastChunk) {
  BodyReader reader({Kind::kUntilClose, 0});
  Buffer in, out;
  in.append("ab");
  EXPECT_EQ(transfer_body(reader, in, out, BodyForm::kChunked, 100), Transfer::kNeedInput);
  EXPECT_EQ(finish_body(reader, out, BodyForm::kChunked), Transfer::kDone);
  EXPECT_EQ(out.view(), "2\r\nab\r\n0\r\n\r\n");
}

}  // namespace
}  // namespace balancer::codec
