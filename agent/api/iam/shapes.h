// What IAM's operations have in common: names, paths, tags, pages, and how entities are written. Internal to
// agent/api/iam.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/api/call.h"
#include "agent/aws/query.h"
#include "agent/aws/xml.h"
#include "agent/control/iam/iam.h"
#include "shared/base/result.h"

namespace agent::api::iam {

using Done = shared::Result<void>;
using In = const aws::QueryReader&;
using Out = aws::XmlElement;
using control::Step;
using control::iam::Kind;

inline constexpr std::size_t kMaxNameChars = 64;       // of roles and users
inline constexpr std::size_t kMaxLongNameChars = 128;  // of groups, policies and instance profiles
inline constexpr std::size_t kMaxPathChars = 512;
inline constexpr std::size_t kMaxDescriptionChars = 1000;
inline constexpr std::size_t kMaxDocumentChars = 131'072;
inline constexpr int kDefaultPage = 100;
inline constexpr int kMaxPage = 1000;

// "1 validation error detected: Value null at 'roleName' ..." when it is absent.
std::string required(In in, std::string_view member);
// 1 to `most` of A-Z a-z 0-9 _ + = , . @ -
std::string name_of(In in, std::string_view member, std::size_t most = kMaxNameChars);
std::optional<std::string> optional_name(In in, std::string_view member, std::size_t most);
std::string path_of(In in, std::string_view member = "Path");  // "/" when absent
std::string prefix_of(In in);                                  // PathPrefix
std::string arn_of(In in, std::string_view member);
std::string document_of(In in, std::string_view member);
std::vector<model::Tag> tags_of(In in);
std::vector<std::string> tag_keys_of(In in);

void write_tags(Out out, const std::vector<model::Tag>& tags);
void write_document(Out out, std::string_view member, std::string_view document);  // percent-encoded
std::string_view name_member(Kind kind);                                           // "RoleName"

enum class Detail { kWhole, kInList };  // lists leave out tags and boundaries
void write_identity(Out out, Kind kind, const model::IamIdentity& row, Detail detail);
void write_profile(Out out, const control::State& state, const model::IamInstanceProfile& row, Detail detail);

// One page of `items` (in the order of their keys, which are unique) as a list `member`, with IsTruncated and
// Marker. `write` gets a list and adds its element.
template <class Item>
using Items = std::vector<std::pair<std::string, Item>>;
struct Page {
  std::size_t first = 0;
  std::size_t end = 0;
};
Page page_of(In in, const std::vector<std::string>& keys);
void end_page(Out out, const std::vector<std::string>& keys, const Page& page);

template <class Item, class Write>
Done write_page(In in, Out out, std::string_view member, const Items<Item>& items, Write write) {
  std::vector<std::string> keys;
  for (const auto& [key, item] : items) keys.push_back(key);
  const Page page = page_of(in, keys);
  if (!in.ok()) return in.error();
  Out list = out.child(member);
  for (std::size_t i = page.first; i < page.end; ++i) write(list, items[i].second);
  end_page(out, keys, page);
  return {};
}
Done write_names(In in, Out out, std::string_view member, const std::vector<std::string>& names);
Done write_tag_page(In in, Out out, const std::vector<model::Tag>& tags);

}  // namespace agent::api::iam
