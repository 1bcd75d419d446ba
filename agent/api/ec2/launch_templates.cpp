// Launch templates. What one holds is kept as the form that it came in, and written as the answer that EC2
// makes of it.
#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>

#include "agent/api/ec2/operations.h"
#include "agent/api/ec2/template_members.h"
#include "agent/control/state/faults.h"
#include "shared/http/message.h"

namespace agent::api::ec2 {
namespace {

constexpr std::string_view kDataPrefix = "LaunchTemplateData.";
constexpr std::size_t kMaxNameChars = 128;
constexpr std::size_t kLeastNameChars = 3;

using Form = std::vector<std::pair<std::string, std::string>>;  // without the prefix

// A tree of the form's names. Elements of lists are below their numbers.
struct Node {
  std::optional<std::string> text;
  std::map<std::string, std::unique_ptr<Node>> children;
};

const TemplateMember* member_of(int structure, std::string_view name) {
  const auto* const found =
      std::find_if(kTemplateMembers.begin(), kTemplateMembers.end(),
                   [&](const TemplateMember& each) { return each.of == structure && each.request == name; });
  return found == kTemplateMembers.end() ? nullptr : found;
}

std::unique_ptr<Node> tree_of(const Form& form) {
  auto root = std::make_unique<Node>();
  for (const auto& [name, value] : form) {
    Node* at = root.get();
    std::string_view rest = name;
    for (;;) {
      const std::size_t dot = rest.find('.');
      auto& child = at->children[std::string(rest.substr(0, dot))];
      if (!child) child = std::make_unique<Node>();
      at = child.get();
      if (dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
    }
    at->text = value;
  }
  return root;
}

// By their numbers: "10" after "9".
std::vector<const Node*> elements_of(const Node& list) {
  std::map<int, const Node*> ordered;
  for (const auto& [name, child] : list.children) {
    int number = 0;
    (void)std::from_chars(name.data(), name.data() + name.size(), number);
    ordered[number] = child.get();
  }
  std::vector<const Node*> out;
  for (const auto& [number, child] : ordered) out.push_back(child);
  return out;
}

// The first name that EC2's data does not have; empty: all are known.
std::string unknown_in(const Node& node, int structure, const std::string& path) {
  for (const auto& [name, child] : node.children) {
    const TemplateMember* member = member_of(structure, name);
    const std::string here = path + name;
    if (member == nullptr) return here;
    if (member->structure < 0) continue;
    const auto parts = member->list ? elements_of(*child) : std::vector<const Node*>{child.get()};
    for (const Node* each : parts) {
      if (auto bad = unknown_in(*each, member->structure, here + "."); !bad.empty()) return bad;
    }
  }
  return "";
}

void write_data(Out out, const Node& node, int structure) {
  for (const auto& [name, child] : node.children) {
    const TemplateMember* member = member_of(structure, name);
    if (member == nullptr) continue;
    if (!member->list) {
      if (member->structure < 0)
        out.text(member->answer, child->text.value_or(""));
      else
        write_data(out.child(member->answer), *child, member->structure);
      continue;
    }
    Out list = out.child(member->answer);
    for (const Node* each : elements_of(*child)) {
      if (member->structure < 0)
        list.text("item", each->text.value_or(""));
      else
        write_data(list.child("item"), *each, member->structure);
    }
  }
}

Form form_in(const std::string& text, std::string_view prefix) {
  Form out;
  const auto parsed = shared::http::parse_form(text);
  if (!parsed) return out;
  for (const auto& [name, value] : *parsed) {
    if (name.starts_with(prefix)) out.emplace_back(name.substr(prefix.size()), value);
  }
  return out;
}

std::string text_of(const Form& form) {
  std::string out;
  for (const auto& [name, value] : form) {
    if (!out.empty()) out += '&';
    out += shared::http::percent_encode(name, shared::http::Slash::kEncode) + "=" +
           shared::http::percent_encode(value, shared::http::Slash::kEncode);
  }
  return out;
}

shared::Result<Form> data_of(const std::string& body) {
  Form data = form_in(body, kDataPrefix);
  if (const std::string bad = unknown_in(*tree_of(data), 0, std::string(kDataPrefix)); !bad.empty())
    return control::fault("UnknownParameter", "The parameter " + bad + " is not recognized");
  return data;
}

void write_template(Out out, const Step& step, const model::LaunchTemplate& row) {
  out.text("launchTemplateId", row.id);
  out.text("launchTemplateName", row.name);
  out.time("createTime", row.created_at);
  out.text("createdBy",
           "arn:" + step.settings.partition + ":iam::" + step.settings.account + ":user/administrator");
  out.integer("defaultVersionNumber", row.default_version);
  out.integer("latestVersionNumber", row.versions.back().number);
  write_tags(out, row.tags);
}

void write_version(Out out, const Step& step, const model::LaunchTemplate& row,
                   const model::LaunchTemplateVersion& version) {
  out.text("launchTemplateId", row.id);
  out.text("launchTemplateName", row.name);
  out.integer("versionNumber", version.number);
  out.text_unless_empty("versionDescription", version.description);
  out.time("createTime", version.created_at);
  out.text("createdBy",
           "arn:" + step.settings.partition + ":iam::" + step.settings.account + ":user/administrator");
  out.boolean("defaultVersion", version.number == row.default_version);
  write_data(out.child("launchTemplateData"), *tree_of(form_in(version.data, "")), 0);
}

shared::Result<const model::LaunchTemplate*> named(Step& step, In in) {
  const auto id = in.string("LaunchTemplateId");
  const auto name = in.string("LaunchTemplateName");
  if (!in.ok()) return in.error();
  if (id.has_value() == name.has_value())
    return control::fault("MissingParameter",
                          "Exactly one of launchTemplateId and launchTemplateName must be given");
  return network::find_template(step.state, id.value_or(""), name.value_or(""));
}

Done create_launch_template(Step& step, In in, Out out, const std::string& body) {
  const std::string name = required(in, "LaunchTemplateName");
  const std::string description = in.string_or("VersionDescription", "");
  const std::string token = in.string_or("ClientToken", "");
  const Tags tags = tags_for(in, "launch-template");
  if (!in.ok()) return in.error();
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("()./_-").find(c) != std::string_view::npos;
  });
  if (!plain || name.size() < kLeastNameChars || name.size() > kMaxNameChars) {
    return control::fault(
        "InvalidLaunchTemplateName.MalformedException",
        "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and "
        "the following characters: - ( ) . / _");
  }
  const auto data = data_of(body);
  if (!data) return data.error();
  if (data->empty()) return missing("launchTemplateData");
  const auto id = network::create_template(step, name, {description, text_of(*data)}, token, tags);
  if (!id) return id.error();
  write_template(out.child("launchTemplate"), step, **network::find_template(step.state, *id, ""));
  return {};
}

Done create_launch_template_version(Step& step, In in, Out out, const std::string& body) {
  const auto row = named(step, in);
  const std::string description = in.string_or("VersionDescription", "");
  const auto source = in.string("SourceVersion");
  if (!in.ok()) return in.error();
  if (!row) return row.error();
  auto data = data_of(body);
  if (!data) return data.error();
  if (data->empty()) return missing("launchTemplateData");
  if (source) {
    const auto from = network::find_template_version(**row, *source);
    if (!from) return from.error();
    // What is given stands in place of what the source has, member by member.
    const auto top = [](const std::string& name) { return name.substr(0, name.find('.')); };
    Form merged;
    for (const auto& old : form_in((*from)->data, "")) {
      if (std::none_of(data->begin(), data->end(),
                       [&](const auto& each) { return top(each.first) == top(old.first); }))
        merged.push_back(old);
    }
    merged.insert(merged.end(), data->begin(), data->end());
    *data = std::move(merged);
  }
  const std::string id = (*row)->id;
  const auto number = network::create_template_version(step, id, {description, text_of(*data)});
  if (!number) return number.error();
  const model::LaunchTemplate& now = **network::find_template(step.state, id, "");
  write_version(out.child("launchTemplateVersion"), step, now, now.versions.back());
  return {};
}

Done modify_launch_template(Step& step, In in, Out out) {
  const auto row = named(step, in);
  const auto version = in.string("SetDefaultVersion");
  if (!in.ok()) return in.error();
  if (!row) return row.error();
  if (!version) return missing("setDefaultVersion");
  const auto found = network::find_template_version(**row, *version);
  if (!found) return found.error();
  const std::string id = (*row)->id;
  if (auto ok = network::set_default_template_version(step, id, (*found)->number); !ok) return ok;
  write_template(out.child("launchTemplate"), step, **network::find_template(step.state, id, ""));
  return {};
}

Done delete_launch_template(Step& step, In in, Out out) {
  const auto row = named(step, in);
  if (!row) return row.error();
  write_template(out.child("launchTemplate"), step, **row);
  const std::string id = (*row)->id;
  return network::delete_template(step, id);
}

Done delete_launch_template_versions(Step& step, In in, Out out) {
  const auto row = named(step, in);
  const auto versions = in.strings_or_empty("LaunchTemplateVersion");
  if (!in.ok()) return in.error();
  if (!row) return row.error();
  if (versions.empty()) return missing("launchTemplateVersion");
  const std::string id = (*row)->id;
  const std::string name = (*row)->name;
  Out good = out.child("successfullyDeletedLaunchTemplateVersionSet");
  Out bad = out.child("unsuccessfullyDeletedLaunchTemplateVersionSet");
  for (const auto& each : versions) {
    const auto found = network::find_template_version(**network::find_template(step.state, id, ""), each);
    const auto gone =
        found ? network::delete_template_version(step, id, (*found)->number) : Done(found.error());
    Out item = (gone ? good : bad).child("item");
    item.text("launchTemplateId", id);
    item.text("launchTemplateName", name);
    item.text("versionNumber", each);
    if (gone) continue;
    Out why = item.child("responseError");
    why.text("code", gone.error().code() == "OperationNotPermitted" ? "unexpectedError"
                                                                    : "launchTemplateVersionDoesNotExist");
    why.text("message", gone.error().text());
  }
  return {};
}

std::optional<Values> template_filter(const Step&, const model::LaunchTemplate& row, std::string_view name) {
  if (name == "launch-template-name") return one(row.name);
  if (name == "create-time") return one(shared::http::iso8601(row.created_at));
  return tag_filter(row.tags, name);
}

Done describe_launch_templates(Step& step, In in, Out out) {
  const auto names = in.strings_or_empty("LaunchTemplateName");
  if (!in.ok()) return in.error();
  if (names.empty()) {
    return describe<model::LaunchTemplate>(
        step, in, out, "LaunchTemplateId", "launchTemplates", "launch-template",
        step.state.neighbours().launch_templates, template_filter,
        [&](Out item, const auto& row) { write_template(item, step, row); });
  }
  Out list = out.child("launchTemplates");
  for (const auto& name : names) {
    const auto row = network::find_template(step.state, "", name);
    if (!row) return row.error();
    write_template(list.child("item"), step, **row);
  }
  return {};
}

Done describe_launch_template_versions(Step& step, In in, Out out) {
  const auto row = named(step, in);
  const auto versions = in.strings_or_empty("LaunchTemplateVersion");
  const auto least = in.integer<std::int64_t>("MinVersion");
  const auto most = in.integer<std::int64_t>("MaxVersion");
  const Page page = page_of(in);
  if (!in.ok()) return in.error();
  if (!row) return row.error();
  std::vector<const model::LaunchTemplateVersion*> found;
  for (const auto& each : versions) {
    const auto version = network::find_template_version(**row, each);
    if (!version) return version.error();
    found.push_back(*version);
  }
  if (versions.empty()) {
    for (auto it = (*row)->versions.rbegin(); it != (*row)->versions.rend(); ++it) found.push_back(&*it);
  }
  std::erase_if(found, [&](const auto* each) {
    return (least && each->number < *least) || (most && each->number > *most);
  });
  Out list = out.child("launchTemplateVersionSet");
  const std::size_t first = std::min(page.first, found.size());
  const std::size_t end = page.size == 0 ? found.size() : std::min(found.size(), first + page.size);
  for (std::size_t i = first; i < end; ++i) write_version(list.child("item"), step, **row, *found[i]);
  write_next(out, page, end, found.size());
  return {};
}

constexpr auto kTemplateOperations = std::to_array<Operation>({
    {"CreateLaunchTemplate", nullptr, create_launch_template},
    {"CreateLaunchTemplateVersion", nullptr, create_launch_template_version},
    {"DeleteLaunchTemplate", delete_launch_template},
    {"DeleteLaunchTemplateVersions", delete_launch_template_versions},
    {"DescribeLaunchTemplateVersions", describe_launch_template_versions},
    {"DescribeLaunchTemplates", describe_launch_templates},
    {"ModifyLaunchTemplate", modify_launch_template},
});

}  // namespace

std::span<const Operation> template_operations() { return kTemplateOperations; }

}  // namespace agent::api::ec2
