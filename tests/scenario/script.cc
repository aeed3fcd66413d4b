#include "scenario/script.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include "scenario/stage.h"

namespace ym::scenario {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

/// The lines of a script one after the other; each that is read is written out again, but for the golden ones.
class Player {
  public:
    explicit Player(const std::string& script) : lines_(lines_of(script)) {}

    std::string play() {
        try {
            play_all();
        } catch (const ScriptError& error) {
            throw ScriptError("line " + std::to_string(at_) + ": " + error.what());
        }
        return out_;
    }

  private:
    void play_all() {
        while (at_ < lines_.size()) {
            const std::string& line = lines_[at_++];
            if (line.starts_with('>')) continue;
            out_ += line + "\n";
            if (line.empty() || line == "---" || line.starts_with('#')) continue;
            if (line == "settings:") {
                settings();
            } else if (!stage_) {
                throw ScriptError("a script begins with `settings:`");
            } else {
                tell(stage_->run(Line(line)));
            }
        }
    }

    /// The block of indented lines behind `settings:`.
    void settings() {
        std::string yaml;
        for (; at_ < lines_.size() && lines_[at_].starts_with("  "); ++at_) {
            yaml += lines_[at_].substr(2) + "\n";
            out_ += lines_[at_] + "\n";
        }
        if (stage_) {
            tell(stage_->change_settings(yaml));
        } else {
            stage_ = std::make_unique<Stage>(yaml);
        }
    }

    void tell(const std::vector<std::string>& said) {
        for (const std::string& line : said) out_ += "> " + line + "\n";
    }

    std::vector<std::string> lines_;
    std::size_t at_ = 0;
    std::unique_ptr<Stage> stage_;
    std::string out_;
};

}  // namespace

std::string play(const std::string& script) {
    return Player(script).play();
}

std::string difference(const std::string& have, const std::string& want) {
    const auto a = lines_of(have);
    const auto b = lines_of(want);
    // common[i][j]: how many lines a[i..] and b[j..] have in common, in order.
    std::vector<std::vector<std::size_t>> common(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = a.size(); i-- > 0;) {
        for (std::size_t j = b.size(); j-- > 0;) {
            common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
        }
    }
    std::string out;
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.size() || j < b.size()) {
        if (i < a.size() && j < b.size() && a[i] == b[j]) {
            out += "  " + a[i++] + "\n";
            ++j;
        } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
            out += "- " + a[i++] + "\n";
        } else {
            out += "+ " + b[j++] + "\n";
        }
    }
    return out;
}

}  // namespace ym::scenario
