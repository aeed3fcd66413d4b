// What several rounds of a measurement show.
#pragma once

#include <algorithm>
#include <vector>

namespace ym::bench {

struct Range {
    double low = 0, median = 0, high = 0;
};

/// Of one value at least.
inline Range range_of(std::vector<double> values) {
    std::ranges::sort(values);
    const std::size_t half = values.size() / 2;
    const double median = values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
    return {values.front(), median, values.back()};
}

}  // namespace ym::bench
