// What a measurement found: tables of named figures, each of several rounds, with ratios and goals taken round by
// round. Prints aligned text, and writes every value as JSON.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "bench/range.h"

namespace ym::bench {

/// What a round did not show.
inline constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

enum class Show {
    median,
    spread,  // median, and (low to high)
    high,
    hidden,  // in the JSON alone
};

struct Column {
    std::string name;  // in the JSON, and above the column
    Show show = Show::median;
    int digits = 0;  // behind the point
};

/// A line of a table.
class Row {
  public:
    Row(const std::vector<Column>& columns, std::vector<std::string> labels)
        : columns_(columns), labels_(std::move(labels)) {}

    /// The figures of one round, in the order of the columns.
    void add(const std::vector<double>& round);
    /// One figure, of every round.
    [[nodiscard]] std::vector<double> of(const std::string& column) const;
    [[nodiscard]] const std::vector<std::string>& labels() const { return labels_; }
    [[nodiscard]] const std::vector<std::vector<double>>& rounds() const { return rounds_; }

  private:
    const std::vector<Column>& columns_;
    std::vector<std::string> labels_;
    std::vector<std::vector<double>> rounds_;
};

class Table {
  public:
    /// `labels` names what tells rows apart, such as {"middle", "batch"}.
    Table(std::string title, std::vector<std::string> labels, std::vector<Column> columns);
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    /// The row with these labels, new if there is none. Stays where it is.
    Row& row(const std::vector<std::string>& labels);
    /// Null: there is none.
    [[nodiscard]] const Row* find(const std::vector<std::string>& labels) const;

    [[nodiscard]] std::string text() const;
    [[nodiscard]] const std::string& title() const { return title_; }
    [[nodiscard]] const std::vector<std::string>& labels() const { return labels_; }
    [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
    [[nodiscard]] const std::deque<Row>& rows() const { return rows_; }

  private:
    std::string title_;
    std::vector<std::string> labels_;
    std::vector<Column> columns_;
    std::deque<Row> rows_;
};

/// What a figure shall be. Information: nothing fails by it.
struct Goal {
    enum class Side { none, at_least, at_most } side = Side::none;
    double value = 0;

    [[nodiscard]] bool is_reached(double median) const;
};
[[nodiscard]] inline Goal at_least(double value) {
    return {Goal::Side::at_least, value};
}
[[nodiscard]] inline Goal at_most(double value) {
    return {Goal::Side::at_most, value};
}

class Report {
  public:
    explicit Report(std::string name) : name_(std::move(name)) {}

    /// Stays where it is.
    Table& table(const std::string& title, const std::vector<std::string>& labels, const std::vector<Column>& columns);

    /// A figure to be held to a goal, of every round; printed behind the tables.
    void figure(const std::string& what, const std::vector<double>& rounds, Goal goal = {}, int digits = 2);
    /// One column of a row by the same of another, round by round. Nothing if one of the rows is null or empty.
    void ratio(const std::string& what, const Row* row, const Row* by, const std::string& column, Goal goal = {});
    /// How far rounds of something that does not change lie apart: the measure of what the machine itself does.
    void spread(const std::string& what, const std::vector<double>& rounds);
    void incomplete() { complete_ = false; }
    [[nodiscard]] bool is_complete() const { return complete_; }

    void print() const;
    /// False, and a line on stderr: it could not be written.
    bool write_json(const std::string& file) const;
    /// Prints, writes to `file` if it has a name, and returns the program's status: 1 if something was incomplete.
    int finish(const std::string& file) const;

  private:
    struct Figure {
        std::string what;
        std::vector<double> rounds;
        Goal goal;
        int digits;
    };

    std::string name_;
    std::deque<Table> tables_;
    std::vector<Figure> figures_;
    std::vector<Figure> spreads_;
    bool complete_ = true;
};

/// "12.3k" and the like, for lines of progress.
[[nodiscard]] std::string short_number(double value);

}  // namespace ym::bench
