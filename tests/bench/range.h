// What several rounds of a measurement show.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace ym::bench {

struct Range {
    double low = 0, median = 0, high = 0;
};

/// Of all that are numbers; if none is, of nothing.
inline Range range_of(std::vector<double> values) {
    std::erase_if(values, [](double value) { return std::isnan(value); });
    if (values.empty()) values.push_back(std::numeric_limits<double>::quiet_NaN());
    std::ranges::sort(values);
    const std::size_t half = values.size() / 2;
    const double median = values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
    return {values.front(), median, values.back()};
}

}  // namespace ym::bench
