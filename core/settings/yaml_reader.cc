#include "settings/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <map>
#include <streambuf>

#include "settings/variables.h"
#include "settings/yaml_source.h"

namespace ym::settings {
namespace {

/// Ends the parse: the problem is told already, and what follows would make no sense. Caught in this file.
struct Stop {};

/// Lends a text to a stream without a copy.
class TextBuffer : public std::streambuf {
  public:
    explicit TextBuffer(std::string_view text) {
        char* const begin = const_cast<char*>(text.data());  // a get area is never written to
        setg(begin, begin, begin + text.size());
    }
};

/// Builds the tree from the parser's events, and finds what the parser lets pass.
class TreeBuilder : public YAML::EventHandler {
  public:
    TreeBuilder(const Source& source, Variable variable, Problems& problems)
        : source_(source), variable_(variable), problems_(problems) {}

    [[nodiscard]] Node take_root() { return std::move(root_); }
    [[nodiscard]] bool has_root() const { return has_root_; }
    /// Where the last value stood.
    [[nodiscard]] std::size_t understood() const { return understood_; }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (has_root_)
            stop("yaml.second_document", offset(mark), source_.rest_of_line(offset(mark)), "one document in a file",
                 "take the line `---` or `...` away, or write a second file");
        has_root_ = true;
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
        const std::size_t at = offset(mark);
        const bool written = source_.at(at) == '~' || source_.starts(at, "null") || source_.starts(at, "Null") ||
                             source_.starts(at, "NULL");
        if (wants_key()) stop("yaml.key", at, "a key without a name", "a name", "quote it if it is meant: \"~\"");
        Node node = make(NodeKind::null, at);
        if (source_.at(at) == '!' || source_.at(at) == '&') {
            refuse("yaml.tag", at, source_.rest_of_line(at), "a value without a tag or anchor", "quote the text");
            node.broken = true;
        } else if (in_map()) {
            check_empty_value(node, written);
        } else if (!written) {
            refuse("yaml.empty_item", item_start(at), "an item without a value",
                   "a value behind each `-` and between commas", "quote a text that begins with `#`");
            node.broken = true;
        }
        place_value(std::move(node));
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        const std::size_t at = offset(mark);
        if (wants_key()) stop("yaml.key", at, source_.rest_of_line(at), "a name", "quote a name that begins with `*`");
        refuse("yaml.alias", at, source_.rest_of_line(at), "a text in quotes, as `*` begins an alias in YAML",
               "quote the text; queues share settings with `like: TEMPLATE`");
        Node node = make(NodeKind::null, at);
        node.broken = true;
        place_value(std::move(node));
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        const std::size_t at = offset(mark);
        const bool quoted = tag == "!";
        const bool unmarked = check_marks(at, tag, anchor);
        if (unmarked) check_one_line(at, quoted, value);
        if (wants_key()) return take_key(at, quoted, value);
        check_no_comment_before_value();
        Node node = make(NodeKind::scalar, at);
        node.scalar = value;
        node.quoted = quoted;
        node.broken = !unmarked;
        if (unmarked) replace_variables(node, variable_, room_, problems_);
        place_value(std::move(node));
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value style) override {
        open(NodeKind::list, offset(mark), tag, anchor, style);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value style) override {
        open(NodeKind::map, offset(mark), tag, anchor, style);
    }
    void OnMapEnd() override { close(); }

  private:
    struct Level {
        Node node;
        std::size_t at = 0;
        bool flow = false;
        std::map<std::string, std::uint32_t> keys;  // and their lines
        // Of a map: the key whose value comes next.
        bool has_key = false;
        std::string key;
        std::size_t key_at = 0;
        std::size_t key_end = 0;
        bool key_dropped = false;
    };

    std::size_t offset(const YAML::Mark& mark) {
        understood_ = mark.pos < 0 ? 0 : static_cast<std::size_t>(mark.pos);
        return understood_;
    }
    [[nodiscard]] bool in_map() const { return !levels_.empty() && levels_.back().node.kind == NodeKind::map; }
    [[nodiscard]] bool wants_key() const { return in_map() && !levels_.back().has_key; }

    void refuse(const char* id, std::size_t at, std::string found, std::string expected, std::string hint) {
        problems_.add({id, source_.place(at), path(), std::move(found), std::move(expected), std::move(hint)});
    }
    [[noreturn]] void stop(const char* id, std::size_t at, std::string found, std::string expected, std::string hint) {
        refuse(id, at, std::move(found), std::move(expected), std::move(hint));
        throw Stop{};
    }

    /// The path of the value that comes next.
    [[nodiscard]] std::string path() const {
        if (levels_.empty()) return {};
        const Level& level = levels_.back();
        if (level.node.kind == NodeKind::list)
            return level.node.path + "[" + std::to_string(level.node.items.size()) + "]";
        return level.has_key ? join_path(level.node.path, level.key) : level.node.path;
    }

    Node make(NodeKind kind, std::size_t at) {
        if (++nodes_ > yaml_nodes_max)
            stop("yaml.nodes", at, "more than " + std::to_string(yaml_nodes_max) + " values", "fewer", {});
        Node node;
        node.kind = kind;
        node.place = source_.place(at);
        node.path = path();
        return node;
    }

    /// Anchors and tags are refused wherever they stand: templates do what they are used for.
    bool check_marks(std::size_t at, const std::string& tag, YAML::anchor_t anchor) {
        if (anchor != 0)
            refuse("yaml.anchor", at, source_.rest_of_line(at), "a value without an anchor",
                   "quote a text that begins with `&`; queues share settings with `like: TEMPLATE`");
        const bool tagged = !tag.empty() && tag != "?" && tag != "!";
        if (tagged)
            refuse("yaml.tag", at, source_.rest_of_line(at), "a value without a tag",
                   "quote a text that begins with `!`");
        return anchor == 0 && !tagged;
    }

    /// A quote that is not closed, a missing bracket or a wrong indentation makes YAML join lines in silence.
    void check_one_line(std::size_t at, bool quoted, const std::string& value) {
        const char first = source_.at(at);
        if (quoted && (first == '"' || first == '\'')) {
            if (source_.quote_end(at) == Source::npos)
                stop("yaml.quote", at, source_.rest_of_line(at), "the closing quote in the same line",
                     "close the quote, or quote the text with the other kind");
        } else if (!quoted && !source_.starts(at, value)) {
            stop("yaml.joined", at, source_.rest_of_line(at) + " that goes on in the next line", "a value in one line",
                 "look for a missing `,`, `:`, quote or bracket, or a wrong indentation");
        }
    }

    void take_key(std::size_t at, bool quoted, const std::string& key) {
        Level& level = levels_.back();
        if (key.size() > yaml_key_max)
            stop("yaml.key_length", at, "a key of " + std::to_string(key.size()) + " octets",
                 "at most " + std::to_string(yaml_key_max), {});
        const char first = source_.at(at);
        const bool in_quotes = quoted && (first == '"' || first == '\'');
        level.key = key;
        level.key_at = at;
        level.key_end = in_quotes ? source_.quote_end(at) : at + key.size();
        level.key_dropped = false;
        const bool merge = !quoted && key == "<<";
        if (merge) {
            refuse("yaml.merge", at, "<<", "no merge key", "queues share settings with `like: TEMPLATE`");
            level.key_dropped = true;
        }
        level.has_key = true;
        if (merge) return;
        const auto [first_place, fresh] = level.keys.emplace(key, source_.place(at).line);
        if (fresh) return;
        refuse("yaml.repeated", at, "the key " + key + " again", "each key once",
               "the first stands in line " + std::to_string(first_place->second));
        level.key_dropped = true;
    }

    /// `{match: a, b, to: c}` makes a key b, and `match: #` is no value but a comment.
    void check_empty_value(Node& node, bool written) {
        Level& level = levels_.back();
        const std::size_t behind = source_.skip_blanks(level.key_end);
        if (source_.at(behind) != ':') {
            refuse("yaml.bare_key", level.key_at, "`" + level.key + "` without a value",
                   "`:` and a value behind each key",
                   "quote a text that holds a comma, or write `" + level.key + ": ~`");
            node.broken = true;
            return;
        }
        const std::size_t value = source_.skip_blanks(behind + 1);
        if (written || source_.at(value) != '#') return;
        refuse("yaml.comment", value, "a comment where a value should stand", "a value",
               "quote a text that begins with #, as in \"#\"; write `~` for all defaults");
        node.broken = true;
        if (level.flow) throw Stop{};  // the comment has swallowed the bracket
    }

    /// The dash of the empty item that the parser noticed at `at`, which is already the next thing.
    [[nodiscard]] std::size_t item_start(std::size_t at) const {
        const std::string_view text = source_.text();
        if (source_.at(at) == ',' || source_.at(at) == ']') return at;
        std::size_t line_end = std::min(at, text.size());
        while (line_end > 0) {
            const std::size_t before = text.rfind('\n', line_end - 1);
            const std::size_t line = before == Source::npos ? 0 : before + 1;
            const std::size_t word = source_.skip_blanks(line);
            if (word < line_end && source_.at(word) == '-') return word;
            if (before == Source::npos) break;
            line_end = before;
        }
        return at;
    }

    /// In brackets a comment that begins where a value should makes YAML take the next line for the value.
    void check_no_comment_before_value() {
        if (levels_.empty() || !levels_.back().flow) return;
        const Level& level = levels_.back();
        std::size_t value = 0;
        if (level.node.kind == NodeKind::map) {
            const std::size_t colon = source_.skip_blanks(level.key_end);
            if (source_.at(colon) != ':') return;
            value = source_.skip_blanks(colon + 1);
        } else {
            if (!level.node.items.empty()) return;
            value = level.at + 1;
        }
        if (source_.at(value) == '#')
            stop("yaml.comment", value, "a comment where a value should stand", "a value",
                 "quote a text that begins with #, as in \"#\"");
    }

    void open(NodeKind kind, std::size_t at, const std::string& tag, YAML::anchor_t anchor,
              YAML::EmitterStyle::value style) {
        if (wants_key() && comment_in_line(source_, at) != Source::npos)
            stop("yaml.comment", comment_in_line(source_, at), "a comment that hides the rest of the line", "a value",
                 "quote a text that begins with #, as in \"#\"");
        if (wants_key())
            stop("yaml.key", at, "a bracket where a name should stand", "a name",
                 "each bracket needs its closing one; quote a name that begins with a bracket");
        check_no_comment_before_value();
        const bool unmarked = check_marks(at, tag, anchor);
        if (levels_.size() >= yaml_depth_max)
            stop("yaml.depth", at, "more than " + std::to_string(yaml_depth_max) + " levels", "fewer", {});
        Level level;
        level.at = at;
        level.node = make(kind, at);
        level.node.broken = !unmarked;
        level.flow = style == YAML::EmitterStyle::Flow;
        levels_.push_back(std::move(level));
    }

    void close() {
        Node node = std::move(levels_.back().node);
        levels_.pop_back();
        place_value(std::move(node));
    }

    void place_value(Node node) {
        if (levels_.empty()) {
            root_ = std::move(node);
            return;
        }
        Level& level = levels_.back();
        if (level.node.kind == NodeKind::list) {
            level.node.items.push_back(std::move(node));
            return;
        }
        if (!level.key_dropped)
            level.node.entries.push_back({std::move(level.key), source_.place(level.key_at), std::move(node)});
        level.has_key = false;
    }

    const Source& source_;
    Variable variable_;
    Problems& problems_;
    std::vector<Level> levels_;
    Node root_;
    bool has_root_ = false;
    std::size_t understood_ = 0;
    std::size_t nodes_ = 0;
    std::size_t room_ = yaml_octets_max;
};

/// Feeds the whole text to `builder`. False: the parse ended early, and the problem is told.
bool parse(const Source& source, TreeBuilder& builder, Problems& problems) {
    TextBuffer buffer(source.text());
    std::istream stream(&buffer);
    try {
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
        return true;
    } catch (const Stop&) {
        return false;
    } catch (const YAML::Exception& error) {
        const std::size_t offset = error.mark.pos < 0 ? source.text().size() : static_cast<std::size_t>(error.mark.pos);
        problems.add(explain(source, offset, builder.understood(), error.msg));
        return false;
    }
}

}  // namespace

std::string join_path(std::string_view path, std::string_view key) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    constexpr std::size_t longest = 300;
    std::string joined(path);
    if (!joined.empty()) joined += '.';
    if (!key.empty() && key.find_first_not_of(plain) == std::string_view::npos) {
        joined += key;
    } else {
        joined += '"';
        joined += key;
        joined += '"';
    }
    if (joined.size() <= longest) return joined;
    return joined.substr(0, longest / 2) + "..." + joined.substr(joined.size() - longest / 2);
}

std::optional<Node> read_yaml(std::string_view text, const std::string& file, Variable variable, Problems& problems) {
    if (text.size() > yaml_octets_max) {
        problems.add({"file.size",
                      {file, 1, 1},
                      {},
                      std::to_string(text.size()) + " octets",
                      "at most " + std::to_string(yaml_octets_max),
                      "use templates and `like:` instead of repetition"});
        return std::nullopt;
    }
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    const Source source(text, file);
    if (!check_text(source, problems)) return std::nullopt;
    TreeBuilder builder(source, variable, problems);
    if (!parse(source, builder, problems)) return std::nullopt;
    Node root = builder.has_root() ? builder.take_root() : Node{};
    if (root.kind == NodeKind::map) return root;
    const std::string begin = "begin the file with `yardmaster: 1`";
    if (root.kind == NodeKind::null && !root.broken) {
        problems.add({"yaml.empty", {file, 1, 1}, {}, "no settings", "a map of settings", begin});
    } else if (!root.broken) {
        const bool list = root.kind == NodeKind::list;
        problems.add("yaml.map", root, list ? "a list" : "a text", "a map of settings",
                     list ? begin : "write a blank behind each `:`, and " + begin);
    }
    return std::nullopt;
}

}  // namespace ym::settings
