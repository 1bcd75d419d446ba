// Tables for a terminal of any width. Pure; no I/O. Thread: any.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "agent/cli/output/text.h"

namespace agent::cli {

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
  bool wide = false;  // shown with -o wide only
  // Where a terminal is too narrow, cells of columns with `least` are shortened to so many columns; 0: never.
  std::size_t least = 0;
  // After that whole columns go, the highest number first; 0: never.
  int drop = 0;
};

struct Cell {
  std::string text;
  Style style = Style::kPlain;
};

struct TableLook {
  std::size_t width = 0;  // of the terminal; 0: as wide as it gets
  Colour colour = Colour::kOff;
  bool wide = false;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as there are columns.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  std::size_t size() const { return rows_.size(); }
  // Titles and rows, a line each, without blanks at their ends. An empty cell is shown as "-".
  std::string render(const TableLook& look) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace agent::cli
