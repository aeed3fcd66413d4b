// Reports as JSON: every value of every round, so that others can look again.
#include <sys/utsname.h>
#include <time.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "bench/report.h"

namespace ym::bench {
namespace {

using Json = nlohmann::ordered_json;

Json value(double figure) {
    return std::isnan(figure) ? Json(nullptr) : Json(figure);
}

Json values(const std::vector<double>& figures) {
    Json all = Json::array();
    for (const double figure : figures) all.push_back(value(figure));
    return all;
}

Json json_of(const Table& table) {
    Json rows = Json::array();
    for (const Row& row : table.rows()) {
        Json one;
        for (std::size_t i = 0; i < table.labels().size(); ++i) one[table.labels()[i]] = row.labels()[i];
        one["rounds"] = Json::array();
        for (const auto& round : row.rounds()) {
            Json figures;
            for (std::size_t i = 0; i < round.size(); ++i) figures[table.columns()[i].name] = value(round[i]);
            one["rounds"].push_back(std::move(figures));
        }
        rows.push_back(std::move(one));
    }
    return {{"title", table.title()}, {"rows", std::move(rows)}};
}

std::string processor() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    }
    return "unknown";
}

Json machine() {
    utsname names{};
    uname(&names);
    char now[32] = "";
    const time_t seconds = time(nullptr);
    tm parts{};
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
    return {{"processor", processor()},
            {"cores", std::thread::hardware_concurrency()},
            {"kernel", names.release},
            {"ended", now}};
}

}  // namespace

bool Report::write_json(const std::string& file) const {
    Json all{{"name", name_}, {"complete", complete_}, {"machine", machine()}};
    all["tables"] = Json::array();
    for (const Table& table : tables_) all["tables"].push_back(json_of(table));
    all["figures"] = Json::array();
    for (const Figure& figure : figures_) {
        const Range range = range_of(figure.rounds);
        Json one{{"what", figure.what},
                 {"low", value(range.low)},
                 {"median", value(range.median)},
                 {"high", value(range.high)},
                 {"rounds", values(figure.rounds)}};
        if (figure.goal.side != Goal::Side::none) {
            one[figure.goal.side == Goal::Side::at_least ? "at_least" : "at_most"] = figure.goal.value;
            one["reached"] = figure.goal.is_reached(range.median);
        }
        all["figures"].push_back(std::move(one));
    }
    all["spread"] = Json::array();
    for (const Figure& spread : spreads_) {
        all["spread"].push_back({{"what", spread.what}, {"rounds", values(spread.rounds)}});
    }
    std::ofstream out(file);
    out << all.dump(1) << "\n";
    out.close();
    if (out) return true;
    std::fprintf(stderr, "bench: %s could not be written\n", file.c_str());
    return false;
}

}  // namespace ym::bench
