// Runs every script beside this file, one test each. `--update` writes the golden lines anew instead of comparing them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "scenario/line.h"
#include "scenario/script.h"

namespace ym::scenario {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
}

std::vector<fs::path> scripts() {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(YM_SCENARIOS)) {
        if (entry.path().extension() == ".scenario") paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    if (paths.empty()) std::abort();  // nothing would be tested
    return paths;
}

class Script final : public testing::Test {
  public:
    explicit Script(fs::path path) : path_(std::move(path)) {}
    void TestBody() override {
        const std::string have = text_of(path_);
        try {
            const std::string want = play(have);
            EXPECT_TRUE(have == want) << path_.string() << ": - as written, + as it is\n" << difference(have, want);
        } catch (const ScriptError& error) {
            FAIL() << path_.string() << ": " << error.what();
        }
    }

  private:
    fs::path path_;
};

int update() {
    int failed = 0;
    for (const fs::path& path : scripts()) {
        const std::string have = text_of(path);
        try {
            const std::string want = play(have);
            if (have == want) continue;
            std::ofstream(path) << want;
            std::cout << path.filename().string() << "\n" << difference(have, want);
        } catch (const ScriptError& error) {
            std::cerr << path.string() << ": " << error.what() << "\n";
            failed = 1;
        }
    }
    return failed;
}

}  // namespace
}  // namespace ym::scenario

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (argc > 1 && std::string_view(argv[1]) == "--update") return ym::scenario::update();
    for (const auto& path : ym::scenario::scripts()) {
        testing::RegisterTest("Scenario", path.stem().string().c_str(), nullptr, nullptr, __FILE__, __LINE__,
                              [path]() -> testing::Test* { return new ym::scenario::Script(path); });
    }
    return RUN_ALL_TESTS();
}
