#include "balancer/encode/encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "shared/env/random.h"
#include "tests/support/decoder.h"

namespace balancer::encode {
namespace {

using shared::env::SeededRandom;
using tests::support::decode;

constexpr Coding kAll[] = {Coding::kGzip, Coding::kBrotli, Coding::kZstd};

std::string_view word(Coding coding) {
  return shared::lbconfig::kCodingWords[static_cast<std::size_t>(coding)];
}

// Half of it repeats.
std::string text(std::size_t size, SeededRandom& random) {
  std::string out;
  while (out.size() < size) {
    if (random.below(2) == 0) out += "the same words again and again, ";
    for (std::uint64_t i = random.below(40); i > 0; --i) out += static_cast<char>(random.below(256));
  }
  out.resize(size);
  return out;
}

class Encoders : public testing::TestWithParam<Coding> {};

TEST_P(Encoders, WhateverThePiecesTheClientDecodesWhatTheTargetSaid) {
  EncoderPool pool;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SeededRandom random(seed);
    const int level = 1 + static_cast<int>(random.below(9));
    const std::string said = text(random.below(seed % 4 == 0 ? 200'000 : 3'000), random);
    auto encoder = pool.take(GetParam(), level);
    ASSERT_NE(encoder, nullptr);
    codec::Buffer coded;
    for (std::size_t at = 0; at < said.size();) {
      const std::size_t size =
          std::min(said.size() - at, 1 + random.below(random.below(2) == 0 ? 10 : 20'000));
      const bool flush = random.below(8) == 0;
      ASSERT_TRUE(encoder->write(std::string_view(said).substr(at, size),
                                 flush ? Until::kFlushed : Until::kMore, coded));
      at += size;
      if (flush) {
        ASSERT_EQ(decode(word(GetParam()), coded.view()).text, said.substr(0, at))
            << "seed " << seed << ": what was flushed can be read at once";
      }
    }
    ASSERT_TRUE(encoder->write({}, Until::kFinished, coded));
    const auto decoded = decode(word(GetParam()), coded.view());
    ASSERT_TRUE(decoded.whole) << "seed " << seed;
    ASSERT_EQ(decoded.text, said) << "seed " << seed;
    pool.give(std::move(encoder));
  }
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST_P(Encoders, AnUnfinishedResponseDoesNotPassForAWholeOne) {
  EncoderPool pool;
  auto encoder = pool.take(GetParam(), 4);
  codec::Buffer coded;
  ASSERT_TRUE(encoder->write("some of it", Until::kFlushed, coded));
  const auto decoded = decode(word(GetParam()), coded.view());
  EXPECT_EQ(decoded.text, "some of it");
  EXPECT_FALSE(decoded.whole);
}

TEST_P(Encoders, OneThatWasLeftInTheMiddleServesTheNextResponseAsANewOne) {
  EncoderPool pool;
  auto first = pool.take(GetParam(), 9);
  codec::Buffer coded;
  ASSERT_TRUE(first->write("a secret of the response before", Until::kMore, coded));
  pool.give(std::move(first));
  auto second = pool.take(GetParam(), 1);
  coded.clear();
  ASSERT_TRUE(second->write("hello", Until::kFinished, coded));
  const auto decoded = decode(word(GetParam()), coded.view());
  EXPECT_TRUE(decoded.whole);
  EXPECT_EQ(decoded.text, "hello");
}

TEST_P(Encoders, MakeTextSmaller) {
  EncoderPool pool;
  std::string said;
  for (int i = 0; i < 2'000; ++i) said += "{\"id\": " + std::to_string(i) + ", \"name\": \"a name\"},\n";
  auto encoder = pool.take(GetParam(), 4);
  codec::Buffer coded;
  ASSERT_TRUE(encoder->write(said, Until::kFinished, coded));
  EXPECT_LT(coded.size(), said.size() / 4);
}

TEST_P(Encoders, HoldABoundedAmountOfMemoryAtEveryLevel) {
  SeededRandom random(7);
  const std::string said = text(3 * 1024 * 1024, random);
  for (int level = 1; level <= 9; ++level) {
    EncoderPool pool;
    auto encoder = pool.take(GetParam(), level);
    codec::Buffer coded;
    for (std::size_t at = 0; at < said.size(); at += 16 * 1024) {
      coded.clear();
      ASSERT_TRUE(encoder->write(std::string_view(said).substr(at, 16 * 1024), Until::kMore, coded));
      EXPECT_LE(coded.size(), 512U * 1024) << "what one piece brings forth";
      ASSERT_LE(encoder->bytes(), kMaxEncoderBytes) << word(GetParam()) << " at level " << level;
    }
  }
}

TEST_P(Encoders, BeyondTheLimitThereIsNone) {
  EncoderPool pool;
  std::vector<std::unique_ptr<Encoder>> taken;
  for (std::size_t i = 0; i < kMaxEncodersInUse; ++i) taken.push_back(pool.take(GetParam(), 1));
  EXPECT_EQ(pool.take(GetParam(), 1), nullptr);
  pool.give(std::move(taken.back()));
  EXPECT_NE(pool.take(GetParam(), 1), nullptr);
  taken.pop_back();
  for (auto& each : taken) pool.give(std::move(each));
}

INSTANTIATE_TEST_SUITE_P(All, Encoders, testing::ValuesIn(kAll),
                         [](const auto& each) { return std::string(word(each.param)); });

}  // namespace
}  // namespace balancer::encode
