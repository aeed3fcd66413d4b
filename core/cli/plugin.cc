// `yardmaster plugin list` and `yardmaster plugin show`.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/load.h"
#include "host/describe.h"
#include "host/host.h"
#include "settings/node.h"

namespace ym::cli {
namespace {

namespace fs = std::filesystem;

int fail(const std::string& why, int code) {
    std::fprintf(stderr, "yardmaster: %s\n", why.c_str());
    return code;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

int list() {
    host::Host host;
    if (const auto loaded = host.load_bundled(bundled_folder()); !loaded) return fail(loaded.error().text, exit_failed);
    for (const char* wanted : host::interface_ids) {
        for (const host::PluginEntry& entry : host.plugins()) {
            if (entry.plugin->get(wanted) == nullptr) continue;
            std::printf("%-14s %-16s %-8s %s\n", wanted, entry.plugin->id, entry.plugin->version,
                        entry.plugin->doc == nullptr ? "" : entry.plugin->doc);
        }
    }
    return exit_ok;
}

/// Shows all plugins of a file, or the bundled one of this name.
int show(const std::string& what) {
    host::Host host;
    std::error_code ignored;
    const bool is_file = what.find('/') != std::string::npos || fs::exists(what, ignored);
    const bool is_bare = what.find('/') == std::string::npos;
    const auto loaded = is_file ? host.load_file(is_bare ? "./" + what : what) : host.load_bundled(bundled_folder());
    if (!loaded) return fail(loaded.error().text, exit_configuration);
    std::vector<std::string> names;
    std::string pages;
    for (const host::PluginEntry& entry : host.plugins()) {
        names.emplace_back(entry.plugin->id);
        if (!is_file && what != entry.plugin->id) continue;
        pages += (pages.empty() ? "" : "\n") + host::reference_page(entry);
    }
    if (pages.empty()) {
        const std::string near = settings::nearest(what, names);
        return fail("found no file and no bundled plugin " + what + "; " +
                        (near.empty() ? "the bundled ones are " + joined(names) : "did you mean " + near + "?"),
                    exit_failed);
    }
    std::fputs(pages.c_str(), stdout);
    return exit_ok;
}

}  // namespace

Command add_plugin(CLI::App& program) {
    CLI::App* app = program.add_subcommand("plugin", "List plugins, and show what their settings are");
    app->require_subcommand(1);
    CLI::App* list_app = app->add_subcommand("list", "The bundled plugins, by kind");
    CLI::App* show_app = app->add_subcommand("show", "The reference page of a plugin: every key of its settings");
    const auto what = std::make_shared<std::string>();
    show_app->add_option("FILE", *what, "A library, or the name of a bundled plugin")->required();
    app->footer(
        "Examples:\n"
        "  yardmaster plugin list\n"
        "  yardmaster plugin show topic\n"
        "  yardmaster plugin show ./by_country.so\n\n"
        "Exit codes: 0 done; 1 there is no such plugin; 2 wrong command line; 78 the file is no plugin.");
    return {app, [list_app, what] { return list_app->parsed() ? list() : show(*what); }};
}

}  // namespace ym::cli
