// `yardmaster log`: looks at what `persistence/log` keeps.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.h"
#include "cli/log_command.h"

namespace ym::cli {
namespace {

constexpr const char* about =
    "DIR is what the settings call `dir` of the store, or the folder of one shard in it. Nothing in DIR is ever\n"
    "changed, and no lock is taken: a broker may be at work there, or start meanwhile. What it is just writing\n"
    "may then be missing from the answer.\n\n"
    "Exit codes: 0 fine; 1 damage: confirmed batches are gone, or files do not belong together;\n"
    "            2 wrong command line; 66 there is no such folder, or no log in it; 74 the disk cannot be read.";

CLI::App* subcommand(CLI::App& app, const char* name, const char* what, const std::string& examples,
                     LogOptions& options) {
    CLI::App* added = app.add_subcommand(name, what);
    added->add_option("DIR", options.dir, "The folder of the log")->required();
    added->footer(examples + "\n" + about);
    return added;
}

}  // namespace

Command add_log(CLI::App& program) {
    CLI::App* app = program.add_subcommand("log", "Look at a log on disk: is it whole, what is in it");
    app->require_subcommand(1);
    const auto options = std::make_shared<LogOptions>();
    CLI::App* verify =
        subcommand(*app, "verify", "Read all of it, and say what is damaged",
                   "Reads every frame and every record, and judges as the broker does when it starts. An unfinished\n"
                   "write at the end is no damage: it was never confirmed, and the next start cuts it. Damage is\n"
                   "shown with file, octets and batches; the broker does not start with it unless it is told to.\n\n"
                   "Example:\n"
                   "  yardmaster log verify ./data\n",
                   *options);
    verify->add_flag("--json", options->json, "One object of JSON");
    CLI::App* dump =
        subcommand(*app, "dump", "Print frames, batches and records in words",
                   "Prints segments, frames, batches and records as they lie. Frames that are left over from before a\n"
                   "crash are shown, and said not to count.\n\n"
                   "Examples:\n"
                   "  yardmaster log dump ./data --frames\n"
                   "  yardmaster log dump ./data --from 1000 --to 1010\n"
                   "  yardmaster log dump ./data --json | jq 'select(.kind == \"epoch\")'\n",
                   *options);
    dump->add_flag("--json", options->json, "One object of JSON a frame, one a line");
    dump->add_flag("--frames", options->frames, "Frames only, without batches and records");
    dump->add_option("--from", options->from, "The first batch")->capture_default_str();
    dump->add_option("--to", options->to, "The last batch");
    CLI::App* exported = subcommand(
        *app, "export", "Print every message that is still to be done, with its body",
        "Prints a line of JSON for each message that a queue still holds: its queues, attempts, fields, and\n"
        "the body in base64. Holds an index of all such messages in memory, about 150 octets each.\n\n"
        "Examples:\n"
        "  yardmaster log export ./data > messages.jsonl\n"
        "  yardmaster log export ./data --queue orders | jq -r .body_base64 | base64 -d\n",
        *options);
    exported->add_option("--queue", options->queue, "Messages of this queue only");
    return {app, [verify, dump, options] {
                if (verify->parsed()) return log_verify(*options);
                return dump->parsed() ? log_dump(*options) : log_export(*options);
            }};
}

}  // namespace ym::cli
