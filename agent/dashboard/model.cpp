#include "agent/dashboard/model.h"

namespace agent::dashboard {

bool Filter::wants(std::string_view kind, std::string_view id, std::string_view owner) const {
  if (kinds.contains(kind)) return true;
  if (watched.empty()) return false;
  return (!owner.empty() && watched.contains(owner)) ||
         watched.contains(std::string(kind) + ":" + std::string(id));
}

void Model::put(const std::string& kind, const std::string& id, const std::string& owner, std::string text) {
  Thing& thing = things_[{kind, id}];
  if (thing.changed != 0 && thing.text == text && thing.owner == owner) return;
  if (thing.changed != 0) order_.erase(thing.changed);
  thing.owner = owner;
  thing.text = std::move(text);
  thing.changed = ++newest_;
  order_[newest_] = {kind, id};
}

void Model::erase(const std::string& kind, const std::string& id) {
  const auto found = things_.find({kind, id});
  if (found == things_.end()) return;
  order_.erase(found->second.changed);
  gone_[++newest_] = {found->first, std::move(found->second.owner)};
  things_.erase(found);
  while (gone_.size() > kMostGone) {
    forgotten_ = gone_.begin()->first;
    gone_.erase(gone_.begin());
  }
}

void Model::erase_owned(const std::string& kind, const std::string& owner) {
  std::vector<std::string> ids;
  for (auto it = things_.lower_bound({kind, ""}); it != things_.end() && it->first.first == kind; ++it) {
    if (it->second.owner == owner) ids.push_back(it->first.second);
  }
  for (const std::string& id : ids) erase(kind, id);
}

Batch Model::since(std::uint64_t position, const Filter& filter, std::size_t most_bytes) const {
  Batch batch;
  batch.anew = position == 0 || position < forgotten_ || position > newest_;
  if (batch.anew) position = 0;
  batch.position = newest_;
  std::size_t bytes = 0;
  // Of both kinds of news in their order, so that a cut leaves a position that is true of both.
  auto thing = order_.upper_bound(position);
  auto gone = batch.anew ? gone_.end() : gone_.upper_bound(position);
  while (thing != order_.end() || gone != gone_.end()) {
    const bool is_gone = thing == order_.end() || (gone != gone_.end() && gone->first < thing->first);
    if (bytes > most_bytes) {
      batch.more = true;
      break;
    }
    if (is_gone) {
      const auto& [key, owner] = gone->second;
      if (filter.wants(key.first, key.second, owner)) {
        batch.gone.push_back(key.first + "/" + key.second);
        bytes += batch.gone.back().size();
      }
      batch.position = (gone++)->first;
      continue;
    }
    const Thing& found = things_.find(thing->second)->second;
    if (filter.wants(thing->second.first, thing->second.second, found.owner)) {
      batch.set.push_back(found.text);
      bytes += found.text.size();
    }
    batch.position = (thing++)->first;
  }
  return batch;
}

}  // namespace agent::dashboard
