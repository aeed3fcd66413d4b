#include "rehearsal/script.h"

#include <charconv>
#include <fstream>
#include <functional>
#include <sstream>

#include "rehearsal/reader.h"
#include "rehearsal/wanted.h"
#include "settings/units.h"
#include "settings/yaml_reader.h"

namespace ym::rehearsal {

using settings::Node;
using settings::NodeKind;

namespace {

constexpr std::uint64_t messages_max = 100'000;

/// Paths of settings begin at their own top.
void take_off(std::string_view front, Node& node) {
    if (node.path.starts_with(front)) node.path.erase(0, front.size());
    for (Node& item : node.items) take_off(front, item);
    for (settings::Entry& entry : node.entries) take_off(front, entry.value);
}

void add_missing(Node& map, const std::string& key, const std::string& yaml) {
    if (map.find(key) != nullptr) return;
    settings::Problems none;
    auto made = settings::read_yaml(
        key + ": " + yaml, map.place.file, [](const char*) -> const char* { return nullptr; }, none);
    if (made) map.entries.push_back(std::move(made->entries.front()));
}

settings::Config read_config(const Node& node, const std::string& file, settings::Variable variable, Reader& reader) {
    if (node.kind == NodeKind::scalar) {
        const std::size_t slash = file.rfind('/');
        const bool is_whole = node.scalar.starts_with('/') || slash == std::string::npos;
        return settings::read(is_whole ? node.scalar : file.substr(0, slash + 1) + node.scalar, variable,
                              reader.problems());
    }
    if (node.kind != NodeKind::map) {
        reader.problem(node, "kind.config", "the path of a settings file, or settings");
        return {};
    }
    Node settings = node;
    // As the first key is called: `config.` or `steps[3].config.`
    take_off(node.path + ".", settings);
    settings.path.clear();
    add_missing(settings, "yardmaster", "1");
    add_missing(settings, "listeners", "{main: {bind: [\"ipc:///rehearsal\"]}}");
    return settings::read_tree(std::move(settings), file, variable, reader.problems());
}

/// `2`, `2..`, `2..4`
void read_attempts(const Node& node, Reader& reader, Conduct& conduct) {
    const std::string& text = node.scalar;
    const std::size_t dots = text.find("..");
    const auto number = [&](std::string_view part) -> std::uint32_t {
        std::uint32_t value = 0;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
        if (error != std::errc{} || end != part.data() + part.size() || value == 0)
            reader.problem(node, "attempt.syntax", "an attempt, or several: 2, 2.. or 2..4");
        return value;
    };
    conduct.attempt_first = number(std::string_view(text).substr(0, dots));
    if (dots == std::string::npos) {
        conduct.attempt_last = conduct.attempt_first;
    } else if (dots + 2 < text.size()) {
        conduct.attempt_last = number(std::string_view(text).substr(dots + 2));
    }
}

Conduct read_conduct(const Node& node, Reader& reader) {
    static const std::vector<std::string> words = {"ack",     "nack", "reject", "throttle",
                                                   "release", "hang", "freeze", "crash"};
    Conduct conduct;
    if (node.kind == NodeKind::scalar) {
        conduct.does = static_cast<Does>(reader.word(node, words));
        return conduct;
    }
    Node plain = node;
    std::erase_if(plain.entries, [&](const settings::Entry& entry) {
        if (!entry.key.starts_with("header.")) return false;
        conduct.patterns[entry.key] = reader.text(entry.value);
        return true;
    });
    reader.map(
        plain,
        {"attempt", "queue", "topic", "type", "key", "body", "then", "after", "retry_after", "reply", "parts", "error"},
        [&](const std::string& key, const Node& value) {
            if (key == "attempt") return read_attempts(value, reader, conduct);
            if (key == "then") {
                conduct.does = static_cast<Does>(reader.word(value, words));
            } else if (key == "after") {
                conduct.after = reader.duration(value);
            } else if (key == "retry_after") {
                conduct.retry_after = reader.duration(value);
            } else if (key == "reply" || key == "error") {
                conduct.text = reader.text(value);
            } else if (key == "parts") {
                conduct.parts = reader.texts(value);
            } else {
                conduct.patterns[key] = reader.text(value);
            }
        });
    return conduct;
}

std::vector<WorkerGiven> read_workers(const Node& node, Reader& reader) {
    std::vector<WorkerGiven> workers;
    reader.map(node, {}, [&](const std::string& name, const Node& given) {
        WorkerGiven& worker = workers.emplace_back();
        worker.name = name;
        if (name == "broker") reader.problem(given, "name.reserved", "another name than broker");
        reader.map(given, {"takes", "credit", "does"}, [&](const std::string& key, const Node& value) {
            if (key == "takes") worker.takes = reader.texts(value);
            if (key == "credit") worker.credit = reader.count(value);
            if (key != "does") return;
            for (const Node* item : reader.items(value)) worker.conducts.push_back(read_conduct(*item, reader));
        });
        if (given.kind == NodeKind::map && worker.takes.empty())
            reader.problem(given, "worker.takes", "a worker that takes a queue", "add takes: QUEUE");
    });
    return workers;
}

Sending read_sending(const Node& node, Reader& reader) {
    Sending sending;
    reader.map(node,
               {"again", "name", "from", "to", "topic", "type", "key", "priority", "headers", "body", "wants_reply",
                "count", "ttl", "delay"},
               [&](const std::string& key, const Node& value) {
                   if (key == "again") sending.again = reader.text(value);
                   if (key == "name") sending.name = reader.text(value);
                   if (key == "from") sending.from = reader.text(value);
                   if (key == "to") sending.to = reader.text(value);
                   if (key == "topic") sending.topic = reader.text(value);
                   if (key == "type") sending.type = reader.text(value);
                   if (key == "key") sending.key = reader.text(value);
                   if (key == "priority") sending.priority = reader.count(value);
                   if (key == "ttl") sending.ttl_ms = to_ms(reader.duration(value));
                   if (key == "delay") sending.delay_ms = to_ms(reader.duration(value));
                   if (key == "body") sending.body = reader.text(value);
                   if (key == "wants_reply") sending.wants_reply = reader.boolean(value);
                   if (key == "headers") {
                       reader.map(value, {}, [&](const std::string& name, const Node& text) {
                           sending.headers[name] = reader.text(text);
                       });
                   }
                   if (key != "count") return;
                   sending.count = reader.count(value);
                   if (sending.count == 0 || sending.count > messages_max)
                       reader.problem(value, "count.range", "a count from 1 to 100k");
               });
    if (sending.again.empty() && sending.to.empty() && node.kind == NodeKind::map)
        reader.problem(node, "send.to", "an address to send to", "add to: QUEUE");
    if (sending.name.empty()) sending.name = sending.body;
    if (sending.again.empty() && sending.name.empty() && node.kind == NodeKind::map)
        reader.problem(node, "send.name", "a message that expectations can name", "add body: TEXT or name: TEXT");
    return sending;
}

Clock read_clock(const Node& node, Reader& reader) {
    const bool forward = node.scalar.starts_with('+');
    const auto value = settings::parse_duration(node.scalar.empty() ? "" : node.scalar.substr(1));
    if (!value || (!forward && !node.scalar.starts_with('-')))
        reader.problem(node, "clock.syntax", "a jump such as +1h or -30m");
    const auto by = std::chrono::duration_cast<std::chrono::milliseconds>(value.value_or(Duration{0}));
    return {forward ? by : -by};
}

class StepReader {
  public:
    StepReader(const Script& script, settings::Variable variable, Reader& reader)
        : script_(script), variable_(variable), reader_(reader) {}

    void read(const Node& node, std::vector<Step>& steps) {
        if (node.kind == NodeKind::map && node.entries.size() != 1) {
            reader_.problem(node, "step.one", "one key in each step", "begin each with a dash");
            return;
        }
        reader_.map(node,
                    {"send", "advance", "clock", "workers", "crash", "freeze", "resume", "drain", "bye", "config",
                     "store", "expect"},
                    [&](const std::string& key, const Node& value) {
                        Step& step = steps.emplace_back();
                        step.place = node.entries.front().key_place;
                        fill(key, value, step);
                    });
    }

  private:
    void fill(const std::string& key, const Node& value, Step& step) {
        static const std::map<std::string, PeerDoes> peers = {{"crash", PeerDoes::crash},
                                                              {"freeze", PeerDoes::freeze},
                                                              {"resume", PeerDoes::resume},
                                                              {"drain", PeerDoes::drain},
                                                              {"bye", PeerDoes::bye}};
        if (const auto found = peers.find(key); found != peers.end())
            step.what = PeerStep{found->second, reader_.text(value)};
        if (key == "send") step.what = read_sending(value, reader_);
        if (key == "advance") step.what = Advance{reader_.duration(value)};
        if (key == "clock") step.what = read_clock(value, reader_);
        if (key == "workers") step.what = Workers{read_workers(value, reader_)};
        if (key == "config") step.what = Reconfigure{read_config(value, script_.file, variable_, reader_)};
        if (key == "store") step.what = StoreStep{reader_.word(value, {"completes", "pauses"}) == 1};
        if (key == "expect") step.what = read_expectation(value, reader_);
    }

    const Script& script_;
    settings::Variable variable_;
    Reader& reader_;
};

void read_given(const Node& node, Reader& reader, Script& script) {
    reader.map(node, {"time", "seed", "producers", "workers"}, [&](const std::string& key, const Node& value) {
        if (key == "time") script.time = reader.time(value);
        if (key == "seed") script.seed = reader.count(value);
        if (key == "producers") script.producers = reader.texts(value);
        if (key == "workers") script.workers = read_workers(value, reader);
    });
}

}  // namespace

Script read_script(const std::string& file, settings::Variable variable, settings::Problems& problems, bool& has_test) {
    Script script;
    script.file = file;
    script.time = WallTime{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}.time_since_epoch()};
    has_test = true;
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    if (!stream) {
        problems.add({"file.read", {file, 0, 0}, {}, "no readable file", "a scenario", "see examples/scenarios"});
        return script;
    }
    const auto root = settings::read_yaml(text.str(), file, variable, problems);
    if (!root) return script;
    has_test = root->find("test") != nullptr;
    Reader reader(problems);
    StepReader steps(script, variable, reader);
    const auto need = [&](const char* key) {
        if (root->find(key) == nullptr)
            problems.add(
                {"key.missing", root->place, key, "no key " + std::string(key), "a key " + std::string(key), {}});
    };
    need("test");
    need("config");
    need("steps");
    reader.map(*root, {"test", "about", "config", "given", "steps"}, [&](const std::string& key, const Node& value) {
        if (key == "test" && value.scalar != "1") reader.problem(value, "format.version", "1");
        if (key == "about") script.about = reader.text(value);
        if (key == "config") script.config = read_config(value, file, variable, reader);
        if (key == "given") read_given(value, reader, script);
        if (key != "steps") return;
        for (const Node* item : reader.items(value)) steps.read(*item, script.steps);
    });
    if (script.producers.empty()) script.producers = {"producer"};
    return script;
}

}  // namespace ym::rehearsal
