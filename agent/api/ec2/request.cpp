#include <algorithm>
#include <charconv>

#include "agent/api/ec2/operations.h"
#include "agent/control/state/faults.h"
#include "shared/base/text.h"
#include "shared/base/wildcard.h"
#include "shared/crypto/hash.h"

namespace agent::api::ec2 {

using control::fault;

namespace {

constexpr std::size_t kMaxFilters = 50;
constexpr std::size_t kMaxFilterValues = 200;
constexpr std::size_t kShownBytes = 128;
constexpr int kMinPage = 5;
constexpr int kMaxPage = 1000;

// '*', '?', and a backslash before what is meant as it stands.
bool matches_filter(std::string_view pattern, std::string_view text) {
  struct Place {
    char c;
    bool escaped;
  };
  std::vector<Place> places;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool escaped = pattern[i] == '\\' && i + 1 < pattern.size();
    if (escaped) ++i;
    places.push_back({pattern[i], escaped});
  }
  const auto is = [&](std::size_t place, char wild) {
    return !places[place].escaped && places[place].c == wild;
  };
  return shared::fits_pattern(
      places.size(), [&](std::size_t place) { return is(place, '*'); },
      [&](std::size_t place, char c) { return is(place, '?') || places[place].c == c; }, text);
}

}  // namespace

shared::Error missing(std::string_view member) {
  return fault("MissingParameter", "The request must contain the parameter " + std::string(member));
}

shared::Error invalid_value(std::string_view member, std::string_view value, std::string_view why) {
  return fault("InvalidParameterValue", "Value (" + shared::shortened(value, kShownBytes) +
                                            ") for parameter " + std::string(member) + " is invalid. " +
                                            std::string(why));
}

std::string required(In in, std::string_view member) {
  auto text = in.string(member);
  if (!text) in.fail(missing(in.path_of(member)));
  return std::move(text).value_or("");
}

std::optional<bool> value_of(In in, std::string_view member) {
  const auto child = in.child(member);
  return child ? child->boolean("Value") : std::nullopt;
}

Tags tags_for(In in, std::string_view resource_type) {
  Tags tags;
  for (const auto& each : in.children("TagSpecification")) {
    const std::string type = required(each, "ResourceType");
    if (in.ok() && type != resource_type) {
      in.fail(
          invalid_value(each.path_of("ResourceType"), type,
                        "Tags of this call are for the resource type " + std::string(resource_type) + "."));
    }
    for (const auto& tag : each.children("Tag"))
      tags.push_back({required(tag, "Key"), tag.string_or("Value", "")});
  }
  return tags;
}

std::vector<Filter> filters_of(In in) {
  std::vector<Filter> out;
  for (const auto& each : in.children("Filter")) {
    Filter filter{required(each, "Name"), each.strings_or_empty("Value")};
    if (in.ok() && filter.values.empty()) in.fail(missing(each.path_of("Value")));
    if (filter.values.size() > kMaxFilterValues)
      in.fail(fault("FilterLimitExceeded",
                    "The maximum number of filter values is " + std::to_string(kMaxFilterValues) + "."));
    out.push_back(std::move(filter));
  }
  if (out.size() > kMaxFilters)
    in.fail(fault("FilterLimitExceeded",
                  "The maximum number of filters is " + std::to_string(kMaxFilters) + "."));
  return out;
}

bool any_matches(const Filter& filter, const Values& values) {
  return std::any_of(filter.values.begin(), filter.values.end(), [&](const std::string& pattern) {
    return std::any_of(values.begin(), values.end(),
                       [&](const std::string& value) { return matches_filter(pattern, value); });
  });
}

std::optional<Values> tag_filter(const Tags& tags, std::string_view name) {
  constexpr std::string_view kPrefix = "tag:";
  Values values;
  if (name.starts_with(kPrefix)) {
    for (const auto& tag : tags) {
      if (tag.key == name.substr(kPrefix.size())) values.push_back(tag.value);
    }
    return values;
  }
  if (name != "tag-key") return std::nullopt;
  for (const auto& tag : tags) values.push_back(tag.key);
  return values;
}

Page page_of(In in) {
  Page page;
  if (const auto size = in.integer<int>("MaxResults")) {
    if (*size < kMinPage || *size > kMaxPage)
      in.fail(invalid_value("MaxResults", std::to_string(*size), "Expecting a value from 5 to 1000."));
    page.size = static_cast<std::size_t>(std::max(*size, 0));
  }
  if (const auto token = in.string("NextToken")) {
    const auto place = shared::crypto::base64_decode(*token);
    const auto parsed = place ? std::from_chars(place->data(), place->data() + place->size(), page.first)
                              : std::from_chars_result{nullptr, std::errc::invalid_argument};
    if (parsed.ec != std::errc())
      in.fail(fault("InvalidNextToken",
                    "The token '" + shared::shortened(*token, kShownBytes) + "' is invalid."));
  }
  return page;
}

void write_next(Out out, const Page& page, std::size_t end, std::size_t total) {
  if (page.size != 0 && end < total)
    out.text("nextToken", shared::crypto::base64_encode(std::to_string(end)));
}

}  // namespace agent::api::ec2
