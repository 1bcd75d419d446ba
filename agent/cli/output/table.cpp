#include "agent/cli/output/table.h"

#include <algorithm>
#include <numeric>

#include "shared/base/check.h"

namespace agent::cli {
namespace {

constexpr std::size_t kGap = 2;

struct Shown {
  std::size_t column = 0;
  std::size_t width = 0;
};

std::size_t total(const std::vector<Shown>& shown) {
  return std::accumulate(shown.begin(), shown.end(), std::size_t{0},
                         [](std::size_t sum, const Shown& each) { return sum + each.width + kGap; }) -
         (shown.empty() ? 0 : kGap);
}

// The widest column that may still give something gives one, until it fits or nothing is left to give.
void shrink(std::vector<Shown>& shown, const std::vector<Column>& columns, std::size_t width) {
  while (total(shown) > width) {
    Shown* widest = nullptr;
    for (Shown& each : shown) {
      const Column& column = columns[each.column];
      if (column.least == 0 || each.width <= std::max(column.least, columns_of(column.title))) continue;
      if (widest == nullptr || each.width > widest->width) widest = &each;
    }
    if (widest == nullptr) return;
    --widest->width;
  }
}

bool drop_one(std::vector<Shown>& shown, const std::vector<Column>& columns) {
  const auto first = std::max_element(shown.begin(), shown.end(), [&](const Shown& a, const Shown& b) {
    return columns[a.column].drop < columns[b.column].drop;
  });
  if (first == shown.end() || columns[first->column].drop == 0) return false;
  shown.erase(first);
  return true;
}

std::string line_of(const std::vector<Shown>& shown, const std::vector<Column>& columns,
                    const std::vector<Cell>& cells, Colour colour) {
  std::string line;
  std::size_t pending = 0;  // blanks that are only written before something
  for (const Shown& each : shown) {
    const Cell& cell = cells[each.column];
    const std::string text = shortened_to(cell.text.empty() ? "-" : harmless(cell.text), each.width);
    const std::size_t blanks = each.width - std::min(each.width, columns_of(text));
    const bool right = columns[each.column].align == Align::kRight;
    line += std::string(pending + (right ? blanks : 0), ' ');
    line += paint(text, cell.text.empty() ? Style::kDim : cell.style, colour);
    pending = kGap + (right ? 0 : blanks);
  }
  return line + "\n";
}

}  // namespace

std::string Table::render(const TableLook& look) const {
  std::vector<Shown> shown;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].wide && !look.wide) continue;
    Shown each{i, columns_of(columns_[i].title)};
    for (const auto& row : rows_) {
      BERTH_CHECK(row.size() == columns_.size(), "a row has a cell for each column");
      each.width = std::max({each.width, columns_of(harmless(row[i].text)), std::size_t{1}});
    }
    shown.push_back(each);
  }
  if (look.width != 0) {
    std::vector<Shown> fitted = shown;
    for (;;) {
      shrink(fitted, columns_, look.width);
      if (total(fitted) <= look.width || !drop_one(shown, columns_)) break;
      fitted = shown;
    }
    shown = std::move(fitted);
  }
  std::vector<Cell> titles;
  for (const Column& each : columns_) titles.push_back({each.title, Style::kBold});
  std::string out = line_of(shown, columns_, titles, look.colour);
  for (const auto& row : rows_) out += line_of(shown, columns_, row, look.colour);
  return out;
}

}  // namespace agent::cli
