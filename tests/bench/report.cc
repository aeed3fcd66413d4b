#include "bench/report.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace ym::bench {
namespace {

[[gnu::format(printf, 1, 2)]] std::string print_to_string(const char* format, ...) {
    char text[256];
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return text;
}

std::string number(double value, int digits) {
    return std::isnan(value) ? "-" : print_to_string("%.*f", digits, value);
}

std::string padded(const std::string& text, std::size_t width, bool to_the_right) {
    const std::string space(width > text.size() ? width - text.size() : 0, ' ');
    return to_the_right ? space + text : text + space;
}

bool has_a_number(const std::vector<double>& values) {
    return !std::ranges::all_of(values, [](double value) { return std::isnan(value); });
}

std::string spread_text(const Range& range, int digits) {
    return "(" + number(range.low, digits) + " to " + number(range.high, digits) + ")";
}

/// What a column prints for a row: one cell, or two that stand apart so that medians stand under each other.
void add_cells(std::vector<std::string>& cells, const Column& column, const Row& row) {
    if (column.show == Show::hidden) return;
    const Range range = range_of(row.of(column.name));
    cells.push_back(number(column.show == Show::high ? range.high : range.median, column.digits));
    if (column.show == Show::spread) cells.push_back(spread_text(range, column.digits));
}

/// Lines of cells as text; the first `left` columns start at the same place, the others end there.
std::string aligned(const std::vector<std::vector<std::string>>& lines, std::size_t left) {
    std::vector<std::size_t> widths(lines.front().size());
    for (const auto& line : lines) {
        for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
    }
    std::string text;
    for (const auto& line : lines) {
        std::string one;
        for (std::size_t i = 0; i < line.size(); ++i) {
            one += (i == 0 ? "" : "  ") + padded(line[i], widths[i], i >= left);
        }
        one.erase(one.find_last_not_of(' ') + 1);
        text += one + "\n";
    }
    return text;
}

}  // namespace

void Row::add(const std::vector<double>& round) {
    rounds_.push_back(round);
    rounds_.back().resize(columns_.size(), nothing);
}

std::vector<double> Row::of(const std::string& column) const {
    const auto found = std::ranges::find(columns_, column, &Column::name);
    std::vector<double> values;
    if (found == columns_.end()) return values;
    const auto at = static_cast<std::size_t>(found - columns_.begin());
    for (const auto& round : rounds_) values.push_back(round[at]);
    return values;
}

Table::Table(std::string title, std::vector<std::string> labels, std::vector<Column> columns)
    : title_(std::move(title)), labels_(std::move(labels)), columns_(std::move(columns)) {}

const Row* Table::find(const std::vector<std::string>& labels) const {
    const auto found = std::ranges::find(rows_, labels, &Row::labels);
    return found == rows_.end() ? nullptr : &*found;
}

Row& Table::row(const std::vector<std::string>& labels) {
    const auto found = std::ranges::find(rows_, labels, &Row::labels);
    return found == rows_.end() ? rows_.emplace_back(columns_, labels) : *found;
}

std::string Table::text() const {
    std::vector<std::vector<std::string>> lines{labels_};
    for (const Column& column : columns_) {
        if (column.show == Show::hidden) continue;
        lines.front().push_back(column.name);
        if (column.show == Show::spread) lines.front().emplace_back("(low to high)");
    }
    for (const Row& row : rows_) {
        std::vector<std::string> cells = row.labels();
        for (const Column& column : columns_) add_cells(cells, column, row);
        lines.push_back(std::move(cells));
    }
    return title_ + "\n" + aligned(lines, labels_.size());
}

bool Goal::is_reached(double median) const {
    return side == Side::none || (side == Side::at_least ? median >= value : median <= value);
}

Table& Report::table(const std::string& title, const std::vector<std::string>& labels,
                     const std::vector<Column>& columns) {
    return tables_.emplace_back(title, labels, columns);
}

void Report::figure(const std::string& what, const std::vector<double>& rounds, Goal goal, int digits) {
    if (has_a_number(rounds)) figures_.push_back({what, rounds, goal, digits});
}

void Report::ratio(const std::string& what, const Row* row, const Row* by, const std::string& column, Goal goal) {
    if (row == nullptr || by == nullptr) return;
    const std::vector<double> above = row->of(column);
    const std::vector<double> below = by->of(column);
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(above.size(), below.size()); ++i) ratios.push_back(above[i] / below[i]);
    figure(what, ratios, goal);
}

void Report::spread(const std::string& what, const std::vector<double>& rounds) {
    if (has_a_number(rounds)) spreads_.push_back({what, rounds, {}, 0});
}

void Report::print() const {
    for (const Table& table : tables_) std::printf("\n%s", table.text().c_str());
    std::vector<std::vector<std::string>> lines;
    for (const Figure& figure : figures_) {
        const Range range = range_of(figure.rounds);
        std::string goal, reached;
        if (figure.goal.side != Goal::Side::none) {
            goal = (figure.goal.side == Goal::Side::at_least ? "at least " : "at most ") +
                   number(figure.goal.value, figure.digits);
            reached = figure.goal.is_reached(range.median) ? "reached" : "MISSED";
        }
        lines.push_back(
            {figure.what, goal, reached, number(range.median, figure.digits), spread_text(range, figure.digits)});
    }
    if (!lines.empty()) std::printf("\n%s", aligned(lines, 3).c_str());
    for (const Figure& spread : spreads_) {
        const Range range = range_of(spread.rounds);
        std::printf("\nThe machine: %s was %s to %s, median %s, in %zu rounds (%.0f %% apart).\n", spread.what.c_str(),
                    short_number(range.low).c_str(), short_number(range.high).c_str(),
                    short_number(range.median).c_str(), spread.rounds.size(),
                    (range.high - range.low) / range.median * 100);
    }
    if (!complete_) std::printf("\nINCOMPLETE: see above. What is incomplete shows no speed.\n");
    std::fflush(stdout);
}

int Report::finish(const std::string& file) const {
    print();
    const bool written = file.empty() || write_json(file);
    return complete_ && written ? 0 : 1;
}

std::string short_number(double value) {
    if (std::isnan(value)) return "-";
    if (value >= 1e7) return print_to_string("%.0fM", value / 1e6);
    if (value >= 1e6) return print_to_string("%.2fM", value / 1e6);
    if (value >= 1e4) return print_to_string("%.0fk", value / 1e3);
    if (value >= 1e3) return print_to_string("%.1fk", value / 1e3);
    return print_to_string(value >= 100 ? "%.0f" : "%.2f", value);
}

}  // namespace ym::bench
