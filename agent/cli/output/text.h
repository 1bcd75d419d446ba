// How things are shown to people: colours, times, ids, widths. Pure; no I/O. Thread: any.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "shared/base/time.h"

namespace agent::cli {

enum class Style { kPlain, kBold, kDim, kGood, kWarn, kBad, kAccent };
enum class Colour { kOff, kOn };

// `text` between the escape sequences of a style; as it is when colours are off or the style is plain.
std::string paint(std::string_view text, Style style, Colour colour);
// One of a dozen colours, always the same for the same index: a task's lines among those of others.
std::string paint_nth(std::string_view text, std::size_t index, Colour colour);

// Columns that UTF-8 text takes, counting each character as one; control characters count nothing.
std::size_t columns_of(std::string_view text);
// At most `columns` of it, the last one an ellipsis when something is missing.
std::string shortened_to(std::string_view text, std::size_t columns);
// What a container or a peer has said, without what would change the terminal (control characters but tabs).
std::string harmless(std::string_view text);

// "350ms", "3.4s", "12s", "4m 3s", "3h 20m", "2d 4h"; what is below zero is "0s".
std::string span(shared::Millis length);
// span() of the coarsest unit alone, as a column has it: "12s", "4m", "3h", "2d".
std::string age(shared::Millis length);
// "14:03:27" of UTC, "2026-11-30 14:03:27" with the date.
std::string clock_text(shared::WallTime time);
std::string clock_millis(shared::WallTime time);  // "14:03:27.042"
std::string date_text(shared::WallTime time);
// Epoch seconds with a fraction, as the APIs' JSON has them.
shared::WallTime from_epoch_seconds(double seconds);

// What is behind the last slash of an ARN; all of a text that has none.
std::string_view name_in(std::string_view arn);
// The first eight characters of a long id of hexadecimal digits, as tasks and container instances have them.
std::string short_id(std::string_view arn_or_id);
// "web:3" of a task definition's ARN.
std::string_view revision_in(std::string_view arn);

}  // namespace agent::cli
