// Feeds mutated settings files to the reader: the repository's own files, and every broken one of the corpus.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz/mutate.h"
#include "fuzz/one_input.h"
#include "fuzz/run.h"
#include "settings/table.h"

namespace {

using ym::fuzz::SettingsCounts;

/// Every settings file below `folder`, by name, so that the order does not depend on the disk.
void read_files(const std::filesystem::path& folder, std::vector<std::string>& texts) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".yaml") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        std::ifstream stream(file, std::ios::binary);
        texts.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
        // A large file is only slow: what is in it stands in the small ones as well.
        if (texts.back().size() > 16384) texts.pop_back();
    }
}

/// Every key there is, what it may hold, and what YAML gives a meaning to.
void add_words(std::span<const ym::settings::Setting> settings, std::vector<std::string>& words) {
    for (const auto& setting : settings) {
        words.push_back(std::string(setting.key) + ": ");
        words.emplace_back(setting.otherwise);
        words.emplace_back(setting.range);
        add_words(setting.inside, words);
    }
}

std::vector<std::string> all_words() {
    std::vector<std::string> words{
        "&a ",
        "*a",
        "<<: ",
        "${PORT}",
        "${NONE:-x}",
        "${",
        "$$",
        "!!binary ",
        "? ",
        "- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        "|\n",
        ">-\n",
        "'",
        "\"",
        "\\x00",
        "%YAML 9",
        "\n---\n",
        "\n...\n",
        "\t",
        "#",
        " #",
        "~",
        "null",
        "yes",
        "0x10",
        "-1",
        "1e9",
        ".inf",
        "30s",
        "1h30m",
        "16MiB",
        "10/s",
        "5%",
        "none",
        "99999999999999999999",
        "1000000000000d",
        "\xff",
        "\xc3\xa9",
        "\xe2\x80\xa8",
        "\r\n",
        "[[[[[[[[[[[[[[[[",
        "{a: {a: {a: {a: {a: ",
        "like: default\n",
    };
    add_words(ym::settings::table(), words);
    return words;
}

/// Texts that need quotes, doubled dollars and escapes when they are printed.
constexpr const char* odd_texts = R"(yardmaster: 1
listeners: {main: {bind: ["tcp://127.0.0.1:5555", "ipc://a$$b.sock"]}}
pipelines:
  p: {set: {key: "$${x} é # ' \" : {", type: "~"}, route: {plugin: direct, to: "a b"}}
queues:
  "a b": {dead_letter: {to: "- c"}}
  "- c": ~
)";

int fuzz(const ym::fuzz::Run& run) {
    std::vector<std::string> corpus{odd_texts, odd_texts};
    read_files(std::filesystem::path(YM_SOURCE) / "config", corpus);
    const std::size_t good = corpus.size();
    read_files(std::filesystem::path(YM_SOURCE) / "tests/unit/settings/broken", corpus);
    const std::size_t broken_files = corpus.size() - good;
    // Half of the inputs begin with a good file, else nearly none would be good in the end.
    for (std::size_t i = good; i < broken_files; ++i) corpus.push_back(corpus[i % good]);
    const std::vector<std::string> words = all_words();
    SettingsCounts counts;
    const auto make = [&](ym::Prng& prng) { return ym::fuzz::mutated_text(corpus, words, prng); };
    const auto look = [&](const std::uint8_t* data, std::size_t size) {
        return ym::fuzz::fuzz_one_settings(data, size, counts);
    };
    if (!feed(run, make, look)) return 1;
    std::printf("%" PRIu64 " settings files: %" PRIu64 " good, %" PRIu64 " with %" PRIu64 " problems of %zu kinds\n",
                run.count, counts.good, counts.bad, counts.problems, counts.by_id.size());
    if (run.count >= 10'000 && (counts.good < run.count / 50 || counts.by_id.size() < 40)) {
        std::printf("broken: too few good files, or kinds of problems, to show much; see tests/fuzz/mutate.cc\n");
        return 1;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return ym::fuzz::program(argc, argv, 20'000, fuzz);
}
