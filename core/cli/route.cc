// `yardmaster route FILE`: where a message would go, and why.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/load.h"
#include "host/explain.h"
#include "settings/report.h"

namespace ym::cli {
namespace {

using host::Outcome;
using host::Verdict;

struct RouteOptions {
    std::string file;
    std::string to;
    std::string topic, type, key;
    std::vector<std::string> headers;
    bool has_topic = false, has_type = false, has_key = false;
    bool json = false;
};

std::string at(const settings::Place& place) {
    return place.file + ":" + std::to_string(place.line);
}

std::string percent(double share) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f %%", share * 100);
    return text;
}

/// Why a binding has not led anywhere, or that it has.
std::string why(const host::Step& step, const host::Explained& one) {
    switch (one.verdict) {
        case Verdict::taken: return "taken";
        case Verdict::chance: return "by chance, for about " + percent(one.share) + " of such messages";
        case Verdict::no_match: return "no match";
        case Verdict::not_chosen: return "not chosen";
        case Verdict::shadowed: break;
    }
    return "would match, but " + (step.take == "first" ? std::string("one before it took the message (take: first)")
                                                       : std::string("the plugin chose otherwise"));
}

std::string outcome(const host::Step& step) {
    switch (step.outcome) {
        case Outcome::queue: return "queue";
        case Outcome::made_queue: return "queue, made on demand";
        case Outcome::routed: return "plugin " + step.plugin;
        case Outcome::forwarded: return "plugin " + step.plugin + "; no binding matches: to `unmatched`";
        case Outcome::rejected: return "plugin " + step.plugin + "; no binding matches: rejected";
        case Outcome::dropped: return "plugin " + step.plugin + "; no binding matches: dropped and counted";
        case Outcome::failed: return "plugin " + step.plugin + " failed: see on_failure";
        case Outcome::not_direct: return "a queue to which only pipelines publish (publish: pipeline)";
        case Outcome::no_address: return "no such address";
    }
    return "";
}

void print(const host::Step& step, int depth) {
    const std::string where = step.place.line > 0 ? " (" + at(step.place) + ")" : "";
    std::printf("%*s%s: %s%s%s\n", depth * 4, "", step.address.c_str(), outcome(step).c_str(), where.c_str(),
                step.optional ? ", optional" : "");
    for (const host::Explained& one : step.bindings) {
        const bool leads = one.verdict == Verdict::taken || one.verdict == Verdict::chance;
        std::printf("%*s  %s %s  %s%s%s: %s\n", depth * 4, "", leads ? "->" : "  ", at(one.place).c_str(),
                    one.label.c_str(), one.label.empty() ? "to " : " to ", one.address.c_str(), why(step, one).c_str());
    }
    for (const host::Step& next : step.next) print(next, depth + 1);
}

/// A message is refused as a whole when one of its ways is, unless that one is optional.
bool refused(const host::Step& step) {
    const bool here = step.outcome == Outcome::rejected || step.outcome == Outcome::failed ||
                      step.outcome == Outcome::not_direct || step.outcome == Outcome::no_address;
    if (here && !step.optional) return true;
    for (const host::Step& next : step.next) {
        if (refused(next)) return true;
    }
    return false;
}

bool by_chance(const host::Step& step) {
    const auto chance = [](const host::Explained& one) { return one.verdict == Verdict::chance; };
    return std::any_of(step.bindings.begin(), step.bindings.end(), chance) ||
           std::any_of(step.next.begin(), step.next.end(), by_chance);
}

void gather(const host::Step& step, std::vector<std::string>& queues) {
    const bool is_queue = step.outcome == Outcome::queue || step.outcome == Outcome::made_queue;
    const bool is_new = std::find(queues.begin(), queues.end(), step.address) == queues.end();
    if (is_queue && is_new) queues.push_back(step.address);
    for (const host::Step& next : step.next) gather(next, queues);
}

std::vector<std::string> queues_of(const host::Step& step) {
    std::vector<std::string> queues;
    if (!refused(step)) gather(step, queues);
    return queues;
}

nlohmann::ordered_json json_of_step(const host::Step& step) {
    nlohmann::ordered_json out{{"address", step.address}, {"outcome", host::name_of(step.outcome)}};
    if (step.place.line > 0) out["at"] = at(step.place);
    if (!step.plugin.empty()) out["plugin"] = step.plugin;
    out["optional"] = step.optional;
    nlohmann::ordered_json bindings = nlohmann::ordered_json::array();
    for (const host::Explained& one : step.bindings) {
        bindings.push_back({{"to", one.address},
                            {"at", at(one.place)},
                            {"path", one.path},
                            {"label", one.label},
                            {"verdict", host::name_of(one.verdict)},
                            {"why", why(step, one)}});
        if (one.verdict == Verdict::chance) bindings.back()["share"] = one.share;
    }
    out["bindings"] = std::move(bindings);
    nlohmann::ordered_json next = nlohmann::ordered_json::array();
    for (const host::Step& below : step.next) next.push_back(json_of_step(below));
    out["next"] = std::move(next);
    return out;
}

/// The fields of the command line; false if a header is none.
bool read(const RouteOptions& options, host::MessageFields& message) {
    if (options.has_topic) message.topic = options.topic;
    if (options.has_type) message.type = options.type;
    if (options.has_key) message.key = options.key;
    for (const std::string& header : options.headers) {
        const std::size_t sign = header.find('=');
        if (sign == 0 || sign == std::string::npos) {
            std::fprintf(stderr, "yardmaster: found the header '%s'; expected NAME=VALUE\n", header.c_str());
            return false;
        }
        message.headers[header.substr(0, sign)] = header.substr(sign + 1);
    }
    return true;
}

int route(const RouteOptions& options) {
    host::MessageFields message;
    if (!read(options, message)) return exit_usage;
    const Loaded loaded = load(options.file, [](std::int32_t, std::string_view, std::string_view) {});
    if (!loaded.problems.empty()) {
        std::fputs(settings::problems_as_text(loaded.problems, settings::Colour::off).c_str(), stderr);
        return exit_configuration;
    }
    std::vector<std::string> addresses;
    if (!options.to.empty()) addresses.push_back(options.to);
    for (const settings::Pipeline& pipeline : loaded.config.pipelines) {
        if (options.to.empty()) addresses.push_back(pipeline.settings.name);
    }
    bool all_taken = !addresses.empty();
    for (const std::string& address : addresses) {
        const host::Step step = loaded.host->explain(loaded.config, address, message);
        const std::vector<std::string> queues = queues_of(step);
        all_taken = all_taken && !refused(step);
        if (options.json) {
            nlohmann::ordered_json out = json_of_step(step);
            out["refused"] = refused(step);
            out["by_chance"] = by_chance(step);
            out["queues"] = queues;
            std::printf("%s\n", out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
            continue;
        }
        print(step, 0);
        std::string names;
        for (const std::string& queue : queues) names += " " + queue;
        if (names.empty()) names = refused(step) ? " nowhere: the producer is told that it was refused" : " nowhere";
        std::printf("=>%s%s\n", by_chance(step) && !queues.empty() ? " as chance has it:" : "", names.c_str());
    }
    return all_taken ? exit_ok : exit_failed;
}

}  // namespace

Command add_route(CLI::App& program) {
    CLI::App* app = program.add_subcommand("route", "Say where a message would go, and why not elsewhere");
    const auto options = std::make_shared<RouteOptions>();
    app->add_option("FILE", options->file, "The settings file")->required();
    app->add_option("--to", options->to, "The address that it is published to; without it, each pipeline in turn");
    CLI::Option* topic = app->add_option("--topic", options->topic, "Its topic");
    CLI::Option* type = app->add_option("--type", options->type, "Its type");
    CLI::Option* key = app->add_option("--key", options->key, "Its key");
    app->add_option("--header", options->headers, "A header, NAME=VALUE; may be given several times");
    app->add_flag("--json", options->json, "Answer in JSON, one line for each address");
    app->footer(
        "Nothing is started and nothing is sent: the plugins of the file are loaded and asked. A binding that says\n"
        "`no match` does not match this message even alone. Where chance decides, a thousand draws are made.\n\n"
        "Examples:\n"
        "  yardmaster route broker.yaml --to orders --topic order.new.eu\n"
        "  yardmaster route broker.yaml --to scores --header customer=acme --json\n\n"
        "Exit codes: 0 it is taken; 1 it would be refused; 2 wrong command line; 78 the settings file has mistakes.");
    return {app, [options, topic, type, key] {
                options->has_topic = topic->count() > 0;
                options->has_type = type->count() > 0;
                options->has_key = key->count() > 0;
                return route(*options);
            }};
}

}  // namespace ym::cli
