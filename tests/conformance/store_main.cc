// The conformance suite of persistence/1. On the stores of this project, or on one of yours:
//
//     store_conformance --store FILE.so [--id ID] --settings "{file: DIR/data}" [--full YAML] [--unknown YAML]
//                       [--fenced YAML] [--failed YAML] [--patience SECONDS] [options of GoogleTest]
//
// In settings, DIR stands for a folder that each case has for itself. --full and the others are settings with which the
// store has that trouble; without them the cases about it are left out.
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "conformance/kit.h"
#include "conformance/store_script.h"

namespace ym::conformance {
namespace {

struct Options {
    std::map<std::string, std::string> given;
    [[nodiscard]] std::string operator[](const std::string& name) const {
        const auto found = given.find(name);
        return found == given.end() ? "" : found->second;
    }
};

[[noreturn]] void usage(const std::string& why) {
    std::cerr
        << "store_conformance: " << why
        << "\nusage: store_conformance [--store FILE.so [--id ID] --settings YAML [--full YAML] [--unknown YAML]\n"
           "                         [--fenced YAML] [--failed YAML]] [--patience SECONDS] [--gtest_...]\n"
           "In settings DIR is a folder of the case's own: --settings '{file: DIR/data}'.\n";
    std::exit(64);
}

/// Takes our options out of the arguments, and leaves GoogleTest its own.
Options take_options(int& argc, char** argv) {
    static const std::set<std::string> names{"store",  "id",       "settings", "full",    "unknown", "fenced",
                                             "failed", "patience", "play",     "subject", "folder"};
    Options options;
    int left = 1;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word.rfind("--gtest", 0) == 0 || word == "--help") {
            argv[left++] = argv[i];
            continue;
        }
        if (word.rfind("--", 0) != 0 || !names.contains(word.substr(2))) usage("there is no option '" + word + "'");
        if (i + 1 == argc) usage(word + " needs a value");
        options.given[word.substr(2)] = argv[++i];
    }
    argc = left;
    return options;
}

void add_stores_of_this_project() {
    if (const auto failed = registry().load(YM_STORES "/store_sqlite.so", "sqlite")) usage(failed->to_line());
    const std::string file = "file: DIR/batches.db";
    subjects().push_back({"memory", "memory", "{}"});
    subjects().push_back({"log", "log", "{dir: DIR/log, segment: 2MiB, reserve: 2MiB}"});
    subjects().push_back({"sqlite", "sqlite", "{" + file + "}", "{" + file + ", full: 1MiB}",
                          "{" + file + ", unknown: 5%}", "{" + file + ", fenced: 40}", "{" + file + ", failed: 40}"});
    subjects().push_back({"sqlite_late", "sqlite", "{" + file + ", late: 3ms}", "{" + file + ", full: 1MiB, late: 3ms}",
                          "{" + file + ", unknown: 5%, late: 3ms, random: 7}", "{" + file + ", fenced: 40, late: 3ms}",
                          "{" + file + ", failed: 40, late: 3ms}"});
    subjects().back().again = true;
}

void add_store_of_somebody(const Options& options) {
    if (options["settings"].empty()) usage("--store needs --settings");
    if (const auto failed = registry().load(options["store"], options["id"])) usage(failed->to_line());
    std::string id = options["id"];
    const auto library = host::open_library(options["store"]);
    for (const host::PluginEntry& entry : library.value()) {
        if (id.empty() && entry.plugin->get(YM_PERSISTENCE_1) != nullptr) id = entry.plugin->id;
    }
    if (id.empty()) usage("no plugin of " + options["store"] + " has " YM_PERSISTENCE_1);
    subjects().push_back(
        {"store", id, options["settings"], options["full"], options["unknown"], options["fenced"], options["failed"]});
}

int run(int argc, char** argv) {
    words_of_this_process().assign(argv, argv + argc);
    const Options options = take_options(argc, argv);
    if (!options["patience"].empty()) patience() = std::chrono::seconds(std::atoi(options["patience"].c_str()));
    if (options["store"].empty()) {
        add_stores_of_this_project();
    } else {
        add_store_of_somebody(options);
    }
    for (Subject& subject : subjects()) {
        const Ground ground;
        const Instance store(subject.plugin, subject.settings, ground.folder());
        if (!store.made()) usage(store.problem());
        subject.keeps = store.keeps();
    }
    if (!options["play"].empty()) {
        for (const Subject& subject : subjects()) {
            if (subject.name != options["subject"]) continue;
            play_as_child(subject, options["folder"], std::atoi(options["play"].c_str()));
        }
        usage("there is no store '" + options["subject"] + "'");
    }
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}

}  // namespace
}  // namespace ym::conformance

int main(int argc, char** argv) {
    return ym::conformance::run(argc, argv);
}
