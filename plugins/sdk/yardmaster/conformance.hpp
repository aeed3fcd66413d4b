// The rules that every plugin keeps, for a plugin's own tests: nothing of Yardmaster but the C headers, and no test
// framework. Each function tries one plugin with one set of settings, and gives a sentence for each rule that it broke:
//
//     for (const std::string& broken : ym::conformance::routing(ym_plugin_1[0], "{to: a}")) std::puts(broken.c_str());
//
// Run it under a sanitizer too (-fsanitize=address,undefined): instances are made and ended, and fields are odd.
#pragma once

#include <yardmaster/fake_host.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ym::conformance {

using Broken = std::vector<std::string>;

namespace detail {

/// The same numbers in every run (splitmix64, by Sebastiano Vigna).
class Numbers {
  public:
    explicit Numbers(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31U);
    }
    std::uint64_t below(std::uint64_t end) { return next() % end; }

  private:
    std::uint64_t state_;
};

/// Runs one check; what it throws is a broken rule as well.
inline void check(Broken& broken, const std::string& rule, const std::function<bool()>& holds) {
    try {
        if (!holds()) broken.push_back(rule);
    } catch (const std::exception& error) {
        broken.push_back(rule + ": " + error.what());
    }
}

inline void check_schema(Broken& broken, const ym_setting* rows, int depth = 0) {
    for (; rows != nullptr && rows->key != nullptr && depth < 8; ++rows) {
        const std::string key = rows->key;
        const bool has_inside = rows->kind == YM_LIST || rows->kind == YM_MAP;
        if (rows->kind < YM_TEXT || rows->kind > YM_MAP) broken.push_back("the key " + key + " is of no kind");
        if (rows->doc == nullptr) broken.push_back("the key " + key + " says nothing of itself");
        if (has_inside != (rows->inside != nullptr))
            broken.push_back("lists and maps have an inside, and no others: " + key);
        check_schema(broken, rows->inside, depth + 1);
    }
}

inline std::string random_text(Numbers& numbers, std::size_t size_max) {
    std::string text(numbers.below(size_max + 1), ' ');
    for (char& c : text) c = static_cast<char>(numbers.below(256));
    return text;
}

inline std::vector<fake::Row> random_rows(Numbers& numbers, const std::vector<std::string>& columns, std::size_t count,
                                          std::size_t size_max) {
    std::vector<fake::Row> rows(count);
    for (fake::Row& row : rows) {
        row["random"] = std::to_string(numbers.next());
        for (const std::string& column : columns) {
            if (numbers.below(8) != 0) row[column] = random_text(numbers, size_max);  // else it is missing
        }
    }
    return rows;
}

inline std::vector<std::vector<std::string>> route_in_pieces(fake::Routing& routing, const std::vector<fake::Row>& rows,
                                                             Numbers& numbers) {
    std::vector<std::vector<std::string>> all;
    for (std::size_t first = 0; first < rows.size();) {
        const std::size_t last = std::min(rows.size(), first + numbers.below(20));
        const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(first);
        for (auto& to : routing.route({begin, rows.begin() + static_cast<std::ptrdiff_t>(last)})) all.push_back(to);
        first = last;
    }
    return all;
}

}  // namespace detail

/// routing/1.
inline Broken routing(const ym_plugin& plugin, std::string_view settings) {
    Broken broken;
    const auto* table = static_cast<const ym_routing*>(plugin.get(YM_ROUTING_1));
    if (table == nullptr) return {std::string(plugin.id) + " has no routing/1"};
    if (plugin.get("routing/0") != nullptr) broken.emplace_back("it answers to an interface that there is not");
    detail::check_schema(broken, table->settings);
    detail::check(broken, "it takes batches of any size, and fields that are odd, missing or large", [&] {
        fake::Routing one(plugin, settings);
        detail::Numbers numbers(1);
        for (const std::size_t count : {0, 1, 100, 5000, 0, 3}) {
            one.route(detail::random_rows(numbers, one.host().columns, count, 40));
        }
        one.route(detail::random_rows(numbers, one.host().columns, 5, 1U << 20U));
        return true;
    });
    detail::check(broken, "two instances give the same answers, however the messages are cut into batches", [&] {
        fake::Routing one(plugin, settings);
        fake::Routing other(plugin, settings);
        detail::Numbers numbers(2);
        for (int round = 0; round < 20; ++round) {
            const auto rows = detail::random_rows(numbers, one.host().columns, 200, 8);
            if (one.route(rows) != detail::route_in_pieces(other, rows, numbers)) return false;
        }
        return true;
    });
    detail::check(broken, "instances can be made and ended at any time", [&] {
        for (int i = 0; i < 100; ++i) fake::Routing one(plugin, settings);
        return true;
    });
    return broken;
}

/// balance/1.
inline Broken balance(const ym_plugin& plugin, std::string_view settings) {
    Broken broken;
    const auto* table = static_cast<const ym_balance*>(plugin.get(YM_BALANCE_1));
    if (table == nullptr) return {std::string(plugin.id) + " has no balance/1"};
    detail::check_schema(broken, table->settings);
    const auto workers_of = [](detail::Numbers& numbers) {
        std::vector<fake::Balance::Worker> workers(numbers.below(12));
        for (std::size_t i = 0; i < workers.size(); ++i) {
            workers[i].credit = 1 + numbers.below(5);
            workers[i].in_flight = numbers.below(4);
            workers[i].session = "session-" + std::to_string(10'000'000 + i);
        }
        return workers;
    };
    detail::check(broken, "it gives no worker more than its credit, and names none that there is not", [&] {
        fake::Balance one(plugin, settings);
        detail::Numbers numbers(1);
        for (int round = 0; round < 200; ++round) {
            auto workers = workers_of(numbers);
            const auto rows = detail::random_rows(numbers, one.host().columns, numbers.below(40), 1);
            for (const std::uint32_t pick : one.pick(workers, rows)) {
                if (pick == YM_NOBODY) continue;
                if (pick >= workers.size() || workers[pick].credit-- == 0) return false;
            }
            if (!workers.empty() && numbers.below(3) == 0) one.gone(workers.front().session);
        }
        return true;
    });
    detail::check(broken, "two instances give the same answers", [&] {
        fake::Balance one(plugin, settings);
        fake::Balance other(plugin, settings);
        detail::Numbers numbers(2);
        for (int round = 0; round < 200; ++round) {
            const auto workers = workers_of(numbers);
            const auto rows = detail::random_rows(numbers, one.host().columns, numbers.below(40), 1);
            if (one.pick(workers, rows) != other.pick(workers, rows)) return false;
        }
        return true;
    });
    return broken;
}

/// retry/1.
inline Broken retry(const ym_plugin& plugin, std::string_view settings) {
    Broken broken;
    const auto* table = static_cast<const ym_retry*>(plugin.get(YM_RETRY_1));
    if (table == nullptr) return {std::string(plugin.id) + " has no retry/1"};
    detail::check_schema(broken, table->settings);
    detail::check(broken, "two instances give the same answers, also to reasons and ages that they do not know", [&] {
        fake::Retry one(plugin, settings);
        fake::Retry other(plugin, settings);
        detail::Numbers numbers(3);
        for (int round = 0; round < 2000; ++round) {
            fake::Retry::Failure failure;
            failure.reason = static_cast<std::int32_t>(numbers.below(8));
            failure.attempt = 1 + static_cast<std::uint32_t>(numbers.below(round % 2 == 0 ? 5 : UINT32_MAX));
            failure.age_ns = numbers.next() >> numbers.below(64);
            failure.retry_after_ns = numbers.next() >> numbers.below(64);
            failure.random = numbers.next();
            if (one.decide(failure) != other.decide(failure)) return false;
        }
        return true;
    });
    return broken;
}

}  // namespace ym::conformance
