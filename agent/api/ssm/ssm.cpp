#include "agent/api/ssm/ssm.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "agent/api/json/page.h"
#include "agent/api/json/tags.h"
#include "agent/api/ssm/access.h"
#include "agent/api/ssm/public_parameters.h"
#include "agent/control/parameters/parameters.h"
#include "agent/control/state/faults.h"
#include "shared/base/text.h"
#include "shared/crypto/hash.h"
#include "shared/json/reader.h"
#include "shared/regex/regex.h"

namespace agent::api::ssm {
namespace {

using control::fault;
using control::Step;
using nlohmann::json;
using shared::Error;
using shared::Result;
using In = const shared::json::Reader&;
using Answer = Result<json>;
namespace parameters = control::parameters;

constexpr std::size_t kMaxName = 1011;
constexpr std::ptrdiff_t kMaxLevels = 15;
constexpr std::size_t kMaxStandard = 4096;
constexpr std::size_t kMaxAdvanced = 8192;
constexpr std::size_t kMaxDescription = 1024;
constexpr std::size_t kMaxPattern = 1024;
constexpr std::size_t kMaxLabel = 100;
constexpr std::size_t kMaxNames = 10;
constexpr std::size_t kMaxPage = 50;
constexpr std::size_t kMaxPathPage = 10;
constexpr std::size_t kShown = 128;

struct Context {
  Step& step;
  const Call& call;
  Sealer* sealer;
};

Error refuse(const std::string& text) { return fault("ValidationException", text); }
Error constraint(std::string_view member, std::string_view value, std::string_view text) {
  return refuse("1 validation error detected: Value '" + shared::shortened(value, kShown) + "' at '" +
                std::string(member) + "' failed to satisfy constraint: " + std::string(text));
}
Error missing(std::string_view member) {
  return refuse("1 validation error detected: Value null at '" + std::string(member) +
                "' failed to satisfy constraint: Member must not be null");
}

Result<std::string> required(In in, std::string_view member, std::string_view shown) {
  auto text = in.string(member);
  if (!in.ok()) return in.error();
  if (!text || text->empty()) return missing(shown);
  return *std::move(text);
}

std::string arn_of(const Step& step, const std::string& name) {
  return "arn:" + step.settings.partition + ":ssm:" + step.settings.region + ":" + step.settings.account +
         ":parameter" + (name.starts_with('/') ? "" : "/") + name;
}

// A name as a caller may make it.
Result<void> check_name(const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("_.-/").find(c) != std::string_view::npos;
  });
  std::string start = name.substr(name.starts_with('/') ? 1 : 0, 3);
  std::transform(start.begin(), start.end(), start.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (name.size() > kMaxName)
    return constraint("name", name, "Member must have length less than or equal to 1011");
  if (!plain || name.ends_with('/') || name.find("//") != std::string::npos) {
    return refuse(
        "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can "
        "consist of sub-paths divided by "
        "slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols "
        ".-_ , got '" +
        shared::shortened(name, kShown) + "'");
  }
  if (start == "aws" || start == "ssm")
    return refuse("Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive), got '" +
                  shared::shortened(name, kShown) + "'");
  if (!name.starts_with('/') && name.find('/') != std::string::npos)
    return refuse("Parameter name must be a fully qualified name: a hierarchy begins with '/', got '" +
                  shared::shortened(name, kShown) + "'");
  if (std::count(name.begin(), name.end(), '/') > kMaxLevels)
    return fault("HierarchyLevelLimitExceededException",
                 "A parameter name hierarchy can have at most 15 levels.");
  return {};
}

// What a name, an ARN, or either with ":<version or label>" is of.
struct Named {
  std::string name;
  std::string selector;
};
Named named(const Step& step, const std::string& text) {
  Named out;
  std::string rest = text;
  const std::string prefix = arn_of(step, "/");
  const bool arn = text.starts_with(prefix);
  if (arn) rest = text.substr(prefix.size() - 1);
  const std::size_t colon = rest.find(':');
  out.name = rest.substr(0, colon);
  if (colon != std::string::npos) out.selector = rest.substr(colon + 1);
  // The ARN of "x" looks like that of "/x".
  if (arn && parameters::find_parameter(step.state, out.name) == nullptr &&
      parameters::find_parameter(step.state, out.name.substr(1)) != nullptr)
    out.name.erase(0, 1);
  return out;
}

// ---- Reading ----

json written(const Context& at, const std::string& name, const model::ParameterVersion& version,
             const std::string& selector, bool decrypt) {
  std::string value = version.value;
  if (version.type == "SecureString" && decrypt)
    value = at.sealer == nullptr ? "" : at.sealer->open(name, version.value).value_or("");
  json out{{"Name", name},
           {"Type", version.type},
           {"Value", value},
           {"Version", version.number},
           {"LastModifiedDate", shared::epoch_seconds(version.modified_at)},
           {"ARN", arn_of(at.step, name)},
           {"DataType", version.data_type}};
  if (!selector.empty()) out["Selector"] = ":" + selector;
  return out;
}

// nullopt: there is no such parameter. Errors: ParameterVersionNotFound, InvalidKeyId.
Result<std::optional<json>> read_one(const Context& at, const std::string& text, bool decrypt) {
  const Named what = named(at.step, text);
  if (const auto value = public_parameter(what.name)) {
    model::ParameterVersion version;
    version.value = *value;
    json out = written(at, what.name, version, what.selector, decrypt);
    out["ARN"] =
        "arn:" + at.step.settings.partition + ":ssm:" + at.step.settings.region + "::parameter" + what.name;
    return std::optional(std::move(out));
  }
  const auto* row = parameters::find_parameter(at.step.state, what.name);
  if (row == nullptr) return std::optional<json>();
  const auto* version = parameters::find_version(*row, what.selector);
  if (version == nullptr) {
    return fault("ParameterVersionNotFound", "Systems Manager could not find version " + what.selector +
                                                 " of " + what.name + ". Verify the version and try again.");
  }
  if (decrypt && version->type == "SecureString" &&
      (at.sealer == nullptr || !at.sealer->open(what.name, version->value)))
    return fault("InvalidKeyId",
                 "The value of " + what.name + " was sealed with another key of this installation.");
  return std::optional(written(at, what.name, *version, what.selector, decrypt));
}

Answer get_parameter(const Context& at, In in) {
  const auto name = required(in, "Name", "name");
  if (!name) return name.error();
  const bool decrypt = in.boolean_or("WithDecryption", false);
  if (!in.ok()) return in.error();
  auto found = read_one(at, *name, decrypt);
  if (!found) return found.error();
  if (!*found) return fault("ParameterNotFound", "There is no parameter " + shared::shortened(*name, kShown));
  return json{{"Parameter", **found}};
}

Answer get_parameters(const Context& at, In in) {
  const auto names = in.strings_or_empty("Names");
  const bool decrypt = in.boolean_or("WithDecryption", false);
  if (!in.ok()) return in.error();
  if (names.empty() || names.size() > kMaxNames)
    return constraint("names", "[" + std::to_string(names.size()) + "]",
                      "Member must have from 1 to 10 elements");
  json out{{"Parameters", json::array()}, {"InvalidParameters", json::array()}};
  for (const auto& name : names) {
    auto found = read_one(at, name, decrypt);
    if (found && *found)
      out["Parameters"].push_back(**found);
    else
      out["InvalidParameters"].push_back(name);
  }
  return out;
}

Result<Page> page_of(In in, std::size_t most) {
  return read_page<std::int64_t>(
      in, {.most = most, .otherwise = most},
      [&](const std::string& size) {
        return constraint("maxResults", size, "Member must have a value from 1 to " + std::to_string(most));
      },
      [] { return fault("InvalidNextToken", "The specified token isn't valid."); });
}

Answer get_parameters_by_path(const Context& at, In in) {
  auto path = required(in, "Path", "path");
  if (!path) return path.error();
  const bool recursive = in.boolean_or("Recursive", false);
  const bool decrypt = in.boolean_or("WithDecryption", false);
  const auto page = page_of(in, kMaxPathPage);
  if (!page) return page.error();
  if (!in.children("ParameterFilters").empty())
    return fault("InvalidFilterKey", "ParameterFilters is not offered with a path.");
  if (!path->starts_with('/'))
    return refuse(
        "The parameter doesn't meet the parameter name requirements. The path must begin with '/', got '" +
        shared::shortened(*path, kShown) + "'");
  if (!path->ends_with('/')) *path += '/';
  json out{{"Parameters", json::array()}};
  std::string last;
  for (const auto& [name, row] : at.step.state.neighbours().parameters.rows()) {
    if (!name.starts_with(*path) || name <= page->after) continue;
    if (!recursive && name.find('/', path->size()) != std::string::npos) continue;
    if (out["Parameters"].size() == page->size) {
      out["NextToken"] = token_of(last);
      break;
    }
    auto found = read_one(at, name, decrypt);
    if (!found) return found.error();
    out["Parameters"].push_back(**found);
    last = name;
  }
  return out;
}

Answer get_parameter_history(const Context& at, In in) {
  const auto name = required(in, "Name", "name");
  if (!name) return name.error();
  const bool decrypt = in.boolean_or("WithDecryption", false);
  const auto page = page_of(in, kMaxPage);
  if (!page) return page.error();
  const auto* row = parameters::find_parameter(at.step.state, named(at.step, *name).name);
  if (row == nullptr)
    return fault("ParameterNotFound", "There is no parameter " + shared::shortened(*name, kShown));
  std::int64_t after = 0;
  (void)std::from_chars(page->after.data(), page->after.data() + page->after.size(), after);
  json out{{"Parameters", json::array()}};
  std::int64_t last = 0;
  for (const auto& version : row->versions) {
    if (version.number <= after) continue;
    if (out["Parameters"].size() == page->size) {
      out["NextToken"] = token_of(std::to_string(last));
      break;
    }
    json each = written(at, row->name, version, "", decrypt);
    each.erase("ARN");
    each["LastModifiedUser"] = version.modified_by;
    each["Labels"] = version.labels;
    each["Tier"] = version.tier;
    each["Policies"] = json::array();
    if (!version.description.empty()) each["Description"] = version.description;
    if (!version.key_id.empty()) each["KeyId"] = version.key_id;
    if (!version.allowed_pattern.empty()) each["AllowedPattern"] = version.allowed_pattern;
    out["Parameters"].push_back(std::move(each));
    last = version.number;
  }
  return out;
}

// ---- Writing ----

Result<void> check_value(const model::ParameterVersion& version, const std::string& value) {
  const std::size_t most = version.tier == "Advanced" ? kMaxAdvanced : kMaxStandard;
  if (value.empty()) return constraint("value", value, "Member must have length greater than or equal to 1");
  if (value.size() > most) {
    return refuse("Value has " + std::to_string(value.size()) + " bytes: parameters of the tier " +
                  version.tier + " may have " + std::to_string(most) +
                  (most == kMaxStandard ? "; those of the tier Advanced have 8192" : ""));
  }
  if (version.allowed_pattern.empty()) return {};
  const auto regex =
      shared::regex::Regex::compile(version.allowed_pattern, shared::regex::Case::kSensitive, kMaxPattern);
  if (!regex) return fault("InvalidAllowedPatternException", "AllowedPattern " + regex.error().text());
  if (regex->found_in(value)) return {};
  return fault("ParameterPatternMismatchException",
               "Parameter value, cannot be validated against allowedPattern: " + version.allowed_pattern);
}

Answer put_parameter(const Context& at, In in) {
  const auto name = required(in, "Name", "name");
  if (!name) return name.error();
  const auto value = in.string("Value");
  const auto type = in.string("Type");
  parameters::NewVersion request;
  request.name = *name;
  request.overwrite = in.boolean_or("Overwrite", false);
  request.tags = read_tags(in);
  model::ParameterVersion& version = request.version;
  // What a new version does not say stays as it was.
  const auto* found = parameters::find_parameter(at.step.state, *name);
  if (found != nullptr) version = found->versions.back();
  version.labels.clear();
  version.description = in.string_or("Description", version.description);
  version.key_id = in.string_or("KeyId", type && *type != "SecureString" ? "" : version.key_id);
  version.allowed_pattern = in.string_or("AllowedPattern", version.allowed_pattern);
  version.tier = in.string_or("Tier", version.tier);
  version.data_type = in.string_or("DataType", version.data_type);
  version.modified_by = at.call.caller_arn;
  const std::string policies = in.string_or("Policies", "");
  if (!in.ok()) return in.error();
  if (!value) return missing("value");
  if (auto ok = check_name(*name); !ok) return ok.error();
  if (type)
    version.type = *type;
  else if (found == nullptr)
    return refuse("A parameter type is required when you create a parameter.");
  if (version.type != "String" && version.type != "StringList" && version.type != "SecureString")
    return fault("UnsupportedParameterType", "The parameter type isn't supported: '" +
                                                 shared::shortened(version.type, kShown) +
                                                 "' is none of String, StringList, SecureString");
  if (version.tier == "Intelligent-Tiering")
    version.tier = value->size() > kMaxStandard ? "Advanced" : "Standard";
  if (version.tier != "Standard" && version.tier != "Advanced")
    return constraint("tier", version.tier,
                      "Member must satisfy enum value set: [Standard, Advanced, Intelligent-Tiering]");
  if (version.data_type != "text" && version.data_type != "aws:ec2:image")
    return refuse("DataType '" + shared::shortened(version.data_type, kShown) +
                  "' is not offered: text and aws:ec2:image are");
  if (!policies.empty() && policies != "[]" && policies != "{}")
    return refuse("Policies is not offered: parameters do not expire");
  if (version.description.size() > kMaxDescription)
    return constraint("description", version.description,
                      "Member must have length less than or equal to 1024");
  if (auto ok = check_value(version, *value); !ok) return ok.error();
  version.value = *value;
  if (version.type == "SecureString") {
    if (at.sealer == nullptr)
      return fault("InvalidKeyId", "SecureString is not offered by this installation.");
    if (version.key_id.empty()) version.key_id = "alias/aws/ssm";
    version.value = at.sealer->seal(at.step.random, *name, *value);
  } else if (!version.key_id.empty()) {
    return refuse("KeyId is required for SecureString type parameter only.");
  }
  const auto made = parameters::put_parameter(at.step, request);
  if (!made) return made.error();
  return json{{"Version", (*made)->number}, {"Tier", (*made)->tier}};
}

Answer delete_parameter(const Context& at, In in) {
  const auto name = required(in, "Name", "name");
  if (!name) return name.error();
  if (!parameters::delete_parameter(at.step, named(at.step, *name).name))
    return fault("ParameterNotFound", "There is no parameter " + shared::shortened(*name, kShown));
  return json::object();
}

Answer delete_parameters(const Context& at, In in) {
  const auto names = in.strings_or_empty("Names");
  if (!in.ok()) return in.error();
  if (names.empty() || names.size() > kMaxNames)
    return constraint("names", "[" + std::to_string(names.size()) + "]",
                      "Member must have from 1 to 10 elements");
  json out{{"DeletedParameters", json::array()}, {"InvalidParameters", json::array()}};
  for (const auto& name : names)
    out[parameters::delete_parameter(at.step, named(at.step, name).name) ? "DeletedParameters"
                                                                         : "InvalidParameters"]
        .push_back(name);
  return out;
}

// ---- Metadata ----

struct Filter {
  std::string key;
  std::string option;
  std::vector<std::string> values;
};

Result<std::vector<Filter>> filters_of(In in) {
  std::vector<Filter> out;
  for (const auto& each : in.children("ParameterFilters"))
    out.push_back(
        {each.required_string("Key"), each.string_or("Option", ""), each.strings_or_empty("Values")});
  for (const auto& each : in.children("Filters"))
    out.push_back({each.required_string("Key"), "", each.strings_or_empty("Values")});
  if (!in.ok()) return in.error();
  for (Filter& each : out) {
    if (each.key != "Name" && each.key != "Type" && each.key != "KeyId" && each.key != "Tier" &&
        each.key != "Path" && !each.key.starts_with("tag:"))
      return fault("InvalidFilterKey", "The filter key '" + shared::shortened(each.key, kShown) +
                                           "' is none of Name, Type, KeyId, Tier, Path, tag:<key>");
    if (each.option.empty()) each.option = each.key == "Path" ? "OneLevel" : "Equals";
    constexpr std::array<std::string_view, 5> kOptions{"Equals", "BeginsWith", "Contains", "OneLevel",
                                                       "Recursive"};
    if (std::find(kOptions.begin(), kOptions.end(), each.option) == kOptions.end())
      return fault("InvalidFilterOption",
                   "The filter option '" + shared::shortened(each.option, kShown) + "' is not valid");
  }
  return out;
}

bool passes(const Filter& filter, const model::Parameter& row) {
  const model::ParameterVersion& now = row.versions.back();
  std::string value = filter.key == "Name" || filter.key == "Path" ? row.name
                      : filter.key == "Type"                       ? now.type
                      : filter.key == "KeyId"                      ? now.key_id
                                                                   : now.tier;
  if (filter.key.starts_with("tag:")) {
    const auto tag = std::find_if(row.tags.begin(), row.tags.end(),
                                  [&](const auto& each) { return each.key == filter.key.substr(4); });
    if (tag == row.tags.end()) return false;
    if (filter.values.empty()) return true;
    value = tag->value;
  }
  return std::any_of(filter.values.begin(), filter.values.end(), [&](const std::string& wanted) {
    if (filter.option == "BeginsWith") return value.starts_with(wanted);
    if (filter.option == "Contains") return value.find(wanted) != std::string::npos;
    if (filter.option == "Equals") return value == wanted;
    const std::string path = wanted.ends_with('/') ? wanted : wanted + "/";
    return value.starts_with(path) &&
           (filter.option == "Recursive" || value.find('/', path.size()) == std::string::npos);
  });
}

Answer describe_parameters(const Context& at, In in) {
  const auto filters = filters_of(in);
  if (!filters) return filters.error();
  const auto page = page_of(in, kMaxPage);
  if (!page) return page.error();
  json out{{"Parameters", json::array()}};
  std::string last;
  for (const auto& [name, row] : at.step.state.neighbours().parameters.rows()) {
    if (name <= page->after && !page->after.empty()) continue;
    if (!std::all_of(filters->begin(), filters->end(),
                     [&, &each_row = row](const Filter& each) { return passes(each, each_row); }))
      continue;
    if (out["Parameters"].size() == page->size) {
      out["NextToken"] = token_of(last);
      break;
    }
    const model::ParameterVersion& now = row.versions.back();
    json each{{"Name", name},
              {"ARN", arn_of(at.step, name)},
              {"Type", now.type},
              {"LastModifiedDate", shared::epoch_seconds(now.modified_at)},
              {"LastModifiedUser", now.modified_by},
              {"Version", now.number},
              {"Tier", now.tier},
              {"DataType", now.data_type},
              {"Policies", json::array()}};
    if (!now.description.empty()) each["Description"] = now.description;
    if (!now.key_id.empty()) each["KeyId"] = now.key_id;
    if (!now.allowed_pattern.empty()) each["AllowedPattern"] = now.allowed_pattern;
    out["Parameters"].push_back(std::move(each));
    last = name;
  }
  return out;
}

Result<std::pair<std::string, std::int64_t>> version_named(const Context& at, In in) {
  const auto name = required(in, "Name", "name");
  if (!name) return name.error();
  const auto number = in.integer<std::int64_t>("ParameterVersion");
  if (!in.ok()) return in.error();
  std::string plain = named(at.step, *name).name;
  const auto* row = parameters::find_parameter(at.step.state, plain);
  if (row == nullptr)
    return fault("ParameterNotFound", "There is no parameter " + shared::shortened(*name, kShown));
  return std::pair(std::move(plain), number.value_or(row->versions.back().number));
}

Answer label_parameter_version(const Context& at, In in) {
  const auto what = version_named(at, in);
  if (!what) return what.error();
  const auto labels = in.strings_or_empty("Labels");
  if (!in.ok()) return in.error();
  if (labels.empty()) return missing("labels");
  std::vector<std::string> good;
  json bad = json::array();
  for (const auto& label : labels) {
    const bool plain = std::all_of(label.begin(), label.end(), [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
             c == '.' || c == '-';
    });
    const bool begins = !label.empty() && !(label[0] >= '0' && label[0] <= '9') &&
                        !label.starts_with("aws") && !label.starts_with("ssm");
    if (plain && begins && label.size() <= kMaxLabel)
      good.push_back(label);
    else
      bad.push_back(label);
  }
  if (auto ok = parameters::add_labels(at.step, what->first, what->second, good); !ok) return ok.error();
  return json{{"InvalidLabels", std::move(bad)}, {"ParameterVersion", what->second}};
}

Answer unlabel_parameter_version(const Context& at, In in) {
  const auto what = version_named(at, in);
  if (!what) return what.error();
  const auto labels = in.strings_or_empty("Labels");
  if (!in.ok()) return in.error();
  const auto gone = parameters::remove_labels(at.step, what->first, what->second, labels);
  if (!gone) return gone.error();
  json bad = json::array();
  for (const auto& label : labels) {
    if (std::find(gone->begin(), gone->end(), label) == gone->end()) bad.push_back(label);
  }
  return json{{"RemovedLabels", *gone}, {"InvalidLabels", std::move(bad)}};
}

// ---- Tags ----

Result<std::string> tagged(const Context& at, In in) {
  const auto type = required(in, "ResourceType", "resourceType");
  if (!type) return type.error();
  if (*type != "Parameter")
    return fault("InvalidResourceType",
                 "ResourceType '" + shared::shortened(*type, kShown) + "' is not offered: Parameter is");
  const auto id = required(in, "ResourceId", "resourceId");
  if (!id) return id.error();
  return named(at.step, *id).name;
}

Answer add_tags(const Context& at, In in) {
  const auto name = tagged(at, in);
  if (!name) return name.error();
  const auto tags = read_tags(in);
  if (!in.ok()) return in.error();
  if (auto ok = parameters::add_parameter_tags(at.step, *name, tags); !ok) return ok.error();
  return json::object();
}

Answer remove_tags(const Context& at, In in) {
  const auto name = tagged(at, in);
  if (!name) return name.error();
  const auto keys = in.strings_or_empty("TagKeys");
  if (!in.ok()) return in.error();
  if (auto ok = parameters::remove_parameter_tags(at.step, *name, keys); !ok) return ok.error();
  return json::object();
}

Answer list_tags(const Context& at, In in) {
  const auto name = tagged(at, in);
  if (!name) return name.error();
  const auto* row = parameters::find_parameter(at.step.state, *name);
  if (row == nullptr)
    return fault("InvalidResourceId", "The resource ID is not valid: there is no parameter " + *name);
  return json{{"TagList", encode_tags(row->tags)}};
}

using Run = Answer (*)(const Context&, In);
constexpr auto kOperations = std::to_array<std::pair<std::string_view, Run>>({
    {"AddTagsToResource", add_tags},
    {"DeleteParameter", delete_parameter},
    {"DeleteParameters", delete_parameters},
    {"DescribeParameters", describe_parameters},
    {"GetParameter", get_parameter},
    {"GetParameterHistory", get_parameter_history},
    {"GetParameters", get_parameters},
    {"GetParametersByPath", get_parameters_by_path},
    {"LabelParameterVersion", label_parameter_version},
    {"ListTagsForResource", list_tags},
    {"PutParameter", put_parameter},
    {"RemoveTagsFromResource", remove_tags},
    {"UnlabelParameterVersion", unlabel_parameter_version},
});

}  // namespace

Result<std::string> handle(Step& step, const Call& call, Sealer* sealer) {
  const auto* const found = std::find_if(kOperations.begin(), kOperations.end(),
                                         [&](const auto& each) { return each.first == call.operation; });
  if (found == kOperations.end()) {
    return fault(
        "UnknownOperationException",
        "The operation " + call.operation +
            " does not exist, or is not offered here: of Systems Manager there is the Parameter Store.");
  }
  const auto document =
      shared::json::Document::parse(call.body.empty() ? "{}" : call.body, "SerializationException");
  if (!document) return document.error();
  const shared::json::Reader in = document->root();
  if (call.by_policy) {
    if (auto allowed = permit(step, call, accesses_of(step, call.operation, in)); !allowed)
      return allowed.error();
  }
  const Answer answer = found->second({step, call, sealer}, in);
  if (!in.ok()) return in.error();
  if (!answer) return answer.error();
  return shared::json::to_text(*answer);
}

Offers offers() {
  Offers out;
  add_offered(out, kOperations);
  return out;
}

}  // namespace agent::api::ssm
