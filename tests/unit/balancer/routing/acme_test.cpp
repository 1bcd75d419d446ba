#include "balancer/routing/acme.h"

#include <gtest/gtest.h>

namespace balancer::routing {
namespace {

TEST(AcmeAnswers, AreForTheHostAndTheTokenOnly) {
  const AcmeAnswers answers({{"www.example.test", "tok", "tok.thumb"}, {"b.test", "tok", "tok.other"}});
  std::string space;
  const auto find = [&](const char* authority, const char* path) {
    return std::string(answers.find(authority, path, space));
  };
  EXPECT_EQ(find("www.example.test", "/.well-known/acme-challenge/tok"), "tok.thumb");
  EXPECT_EQ(find("WWW.Example.test.:8080", "/.well-known/acme-challenge/tok"), "tok.thumb");
  EXPECT_EQ(find("b.test", "/.well-known/acme-challenge/tok"), "tok.other");
  EXPECT_EQ(find("c.test", "/.well-known/acme-challenge/tok"), "");
  EXPECT_EQ(find("www.example.test", "/.well-known/acme-challenge/to"), "");
  EXPECT_EQ(find("www.example.test", "/.well-known/acme-challenge/tok/"), "");
  EXPECT_EQ(find("www.example.test", "/.well-known/acme-challenge/"), "");
  EXPECT_EQ(find("www.example.test", "/tok"), "");
}

}  // namespace
}  // namespace balancer::routing
