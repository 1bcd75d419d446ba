// Lists of JSON services, a page at a time: how many a call wants and after which one, by a token that holds
// the key of the last one given. Pure.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "shared/base/result.h"
#include "shared/crypto/hash.h"
#include "shared/json/reader.h"

namespace agent::api {

struct Page {
  std::size_t size = 0;
  std::string after;  // key of the last one before; empty: from the first on
};

struct PageTerms {
  std::string_view size_member = "MaxResults";
  std::size_t most = 0;
  std::size_t otherwise = 0;      // where the call does not say
  bool takes_empty_token = true;  // which is the first page
};

inline std::string token_of(const std::string& last) { return shared::crypto::base64_encode(last); }

// `Size`: the integer that the member is read as. `bad_size(text)` and `bad_token()` are the service's
// errors.
template <class Size, class BadSize, class BadToken>
shared::Result<Page> read_page(const shared::json::Reader& in, const PageTerms& terms, BadSize bad_size,
                               BadToken bad_token) {
  const auto size = in.integer<Size>(terms.size_member);
  const auto token = in.string("NextToken");
  if (!in.ok()) return in.error();
  if (size && (*size < 1 || *size > static_cast<Size>(terms.most))) return bad_size(std::to_string(*size));
  Page page{size ? static_cast<std::size_t>(*size) : terms.otherwise, {}};
  if (!token) return page;
  auto after = shared::crypto::base64_decode(*token);
  if (!after || (after->empty() && !terms.takes_empty_token)) return bad_token();
  page.after = *std::move(after);
  return page;
}

// Hands the rows that `wanted` wants to `add`, both as pairs of key and row, in key order, as many as a page
// has. The token of the next page; empty: there is none.
template <class Rows, class Wanted, class Add>
std::string page_through(const Rows& rows, const Page& page, Wanted wanted, Add add) {
  std::string last;
  std::size_t count = 0;
  for (auto it = rows.upper_bound(page.after); it != rows.end(); ++it) {
    if (!wanted(*it)) continue;
    if (count++ == page.size) return token_of(last);
    add(*it);
    last = it->first;
  }
  return {};
}

// The same of a list that is in the order of what `key_of` says of its members.
template <class List, class KeyOf, class Add>
std::string page_of_list(const List& list, const Page& page, KeyOf key_of, Add add) {
  std::string last;
  std::size_t count = 0;
  for (const auto& each : list) {
    const std::string& key = key_of(each);
    if (key <= page.after) continue;
    if (count++ == page.size) return token_of(last);
    add(each);
    last = key;
  }
  return {};
}

}  // namespace agent::api
