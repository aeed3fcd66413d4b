// A host for a plugin's own tests, with nothing of Yardmaster but the C headers: settings as YAML in one line, rows in,
// answers out. C++17, header-only. Link the plugin's sources into the test, then:
//
//     ym::fake::Routing routing(ym_plugin_1[0], "{field: key, countries: {de: germany}, other: world}");
//     routing.route({{{"key", "de"}}, {}});    // {{"germany"}, {"world"}}
//
// What cannot be made throws std::runtime_error: bad settings, a missing interface, a refusal (with the plugin's
// words). Only the form `{key: value, list: [a, b]}` of YAML is read, and units without ranges: the real host checks
// more.
#pragma once

#include <yardmaster/balance.h>
#include <yardmaster/common.h>
#include <yardmaster/retry.h>
#include <yardmaster/routing.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A value of the settings; the host of the broker has one of its own.
struct ym_value {
    int32_t kind = YM_NOTHING;
    bool given = false;
    std::string text;
    int64_t integer = 0;
    double number = 0;
    ym_target target = 0;
    std::vector<std::string> keys;  // of a map, as `inside`
    std::vector<ym_value> inside;   // of a list or map
};

namespace ym::fake {

/// `{a: 1, b: [x, "y z"], c: {d: ~}}` as a tree of YM_MAP, YM_LIST, YM_TEXT and YM_NOTHING.
class Reader {
  public:
    static ym_value read(std::string_view text) {
        Reader reader(text);
        ym_value value = reader.value();
        reader.skip();
        if (!reader.left_.empty()) reader.fail("the end");
        return value;
    }

  private:
    explicit Reader(std::string_view text) : left_(text) {}

    ym_value value() {
        skip();
        ym_value out;
        out.given = true;
        if (take('{')) {
            out.kind = YM_MAP;
            while (!take('}')) {
                out.keys.push_back(word());
                if (!take(':')) fail("a colon");
                out.inside.push_back(value());
                if (!take(',') && peek() != '}') fail("a comma or }");
            }
        } else if (take('[')) {
            out.kind = YM_LIST;
            while (!take(']')) {
                out.inside.push_back(value());
                if (!take(',') && peek() != ']') fail("a comma or ]");
            }
        } else {
            const bool quoted = peek() == '"' || peek() == '\'';
            out.text = word();
            out.kind = !quoted && (out.text.empty() || out.text == "~") ? YM_NOTHING : YM_TEXT;
        }
        return out;
    }
    std::string word() {
        skip();
        const char quote = peek();
        if (quote == '"' || quote == '\'') {
            const std::size_t end = left_.find(quote, 1);
            if (end == std::string_view::npos) fail("a closing quote");
            std::string text(left_.substr(1, end - 1));
            left_.remove_prefix(end + 1);
            return text;
        }
        std::size_t end = 0;
        while (end < left_.size() && std::string_view(",]}").find(left_[end]) == std::string_view::npos &&
               !(left_[end] == ':' && (end + 1 == left_.size() || left_[end + 1] == ' '))) {
            ++end;
        }
        std::string text(left_.substr(0, end));
        left_.remove_prefix(end);
        while (!text.empty() && text.back() == ' ') text.pop_back();
        return text;
    }
    void skip() {
        while (!left_.empty() && (left_.front() == ' ' || left_.front() == '\n')) left_.remove_prefix(1);
    }
    char peek() {
        skip();
        return left_.empty() ? '\0' : left_.front();
    }
    bool take(char c) {
        if (peek() != c) return false;
        left_.remove_prefix(1);
        return true;
    }
    [[noreturn]] void fail(const std::string& expected) const {
        throw std::runtime_error("settings: expected " + expected + " before `" + std::string(left_.substr(0, 20)) +
                                 "`");
    }

    std::string_view left_;
};

/// The host's side of one instance.
class Host {
  public:
    std::vector<std::string> columns;   // what the instance reads
    std::vector<std::string> targets;   // by ym_target
    std::vector<std::string> refusals;  // "value: why"
    std::vector<std::string> lines;     // of its log

    Host() {
        table = {sizeof(ym_host), this,     &Host::log_line, &get,    &count,  &at,     &kind,
                 &given,          &as_text, &integer,        &number, &target, &column, &refuse};
    }
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    /// `map` as `schema` wants it, defaults filled in.
    ym_value shape_map(const ym_setting* schema, const ym_value& map) {
        ym_value out;
        out.kind = YM_MAP;
        out.given = map.given;
        const ym_setting* any = nullptr;
        for (; schema != nullptr && schema->key != nullptr; ++schema) {
            if (std::string_view(schema->key) == "*" || std::string_view(schema->key) == "@") {
                any = schema;
                continue;
            }
            const auto found = std::find(map.keys.begin(), map.keys.end(), schema->key);
            const ym_value* value =
                found == map.keys.end() ? nullptr : &map.inside[std::size_t(found - map.keys.begin())];
            if (value == nullptr && schema->otherwise == nullptr) throw std::runtime_error(missing(*schema));
            out.keys.emplace_back(schema->key);
            out.inside.push_back(value != nullptr ? shape(*schema, *value) : otherwise(*schema));
        }
        for (std::size_t i = 0; i < map.keys.size(); ++i) {
            if (std::find(out.keys.begin(), out.keys.end(), map.keys[i]) != out.keys.end()) continue;
            if (any == nullptr) throw std::runtime_error("settings: unknown key " + map.keys[i]);
            out.keys.push_back(map.keys[i]);
            out.inside.push_back(shape(*any, map.inside[i]));
            if (std::string_view(any->key) == "@") out.inside.back().target = number_of(map.keys[i]);
        }
        return out;
    }

    ym_host table{};

  private:
    static std::string missing(const ym_setting& setting) { return "settings: no " + std::string(setting.key); }

    ym_value otherwise(const ym_setting& setting) {
        ym_value value = shape(setting, Reader::read(setting.otherwise));
        value.given = false;
        return value;
    }

    ym_value shape(const ym_setting& setting, const ym_value& raw) {
        if (raw.kind == YM_NOTHING) return raw;
        if (raw.kind == YM_MAP && setting.kind == YM_MAP) return shape_map(setting.inside, raw);
        ym_value out = raw;
        if (raw.kind == YM_LIST && setting.kind == YM_LIST) {
            for (ym_value& item : out.inside) item = shape(*setting.inside, item);
            return out;
        }
        if (raw.kind != YM_TEXT)
            throw std::runtime_error("settings: " + std::string(setting.key) + " is of another kind");
        out.kind = setting.kind == YM_MAP ? int32_t{YM_CHOICE} : setting.kind;
        read_units(out);
        if (out.kind == YM_TARGET) {
            out.target = number_of(out.text);
        }
        return out;
    }

    ym_target number_of(const std::string& address) {
        const auto found = std::find(targets.begin(), targets.end(), address);
        const auto number = static_cast<ym_target>(found - targets.begin());
        if (found == targets.end()) targets.push_back(address);
        return number;
    }

    /// Sums up numbers with units: "1h30m", "64KiB", "10k", "5%".
    static void read_units(ym_value& value) {
        static const std::map<std::string, double> durations = {
            {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
        static const std::map<std::string, double> others = {
            {"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"k", 1000}, {"M", 1e6}, {"%", 0.01}};
        if (value.kind == YM_BOOL) value.integer = value.text == "true" ? 1 : 0;
        if (value.kind < YM_INTEGER || value.kind > YM_SHARE || value.kind == YM_BOOL) return;
        const std::map<std::string, double>& units = value.kind == YM_DURATION_NS ? durations : others;
        for (const char* at = value.text.c_str(); *at != '\0';) {
            char* end = nullptr;
            const double number = std::strtod(at, &end);
            const char* unit = end;
            while (*unit != '\0' && (*unit < '0' || *unit > '9')) ++unit;
            const auto found = units.find(std::string(static_cast<const char*>(end), unit));
            if (end == at || found == units.end()) throw std::runtime_error("settings: what is " + value.text + "?");
            value.number += number * found->second;
            at = unit;
        }
        value.integer = static_cast<int64_t>(value.number);
    }

    static std::string string_of(ym_text text) { return text.data == nullptr ? "" : std::string(text.data, text.size); }
    static void log_line(void* context, int32_t /*level*/, ym_text line) {
        static_cast<Host*>(context)->lines.push_back(string_of(line));
    }
    static const ym_value* get(const ym_value* map, const char* key) {
        static const ym_value nothing;
        const auto found = std::find(map->keys.begin(), map->keys.end(), key);
        return found == map->keys.end() ? &nothing : &map->inside[std::size_t(found - map->keys.begin())];
    }
    static std::size_t count(const ym_value* value) { return value->inside.size(); }
    static const ym_value* at(const ym_value* value, std::size_t index, ym_text* key) {
        if (key != nullptr) *key = value->keys.empty() ? ym_text{} : as_text_of(value->keys[index]);
        return &value->inside[index];
    }
    static int32_t kind(const ym_value* value) { return value->kind; }
    static int32_t given(const ym_value* value) { return value->given ? 1 : 0; }
    static ym_text as_text_of(const std::string& text) { return {text.data(), text.size()}; }
    static ym_text as_text(const ym_value* value) { return as_text_of(value->text); }
    static int64_t integer(const ym_value* value) { return value->integer; }
    static double number(const ym_value* value) { return value->number; }
    static ym_target target(const ym_value* value) { return value->target; }
    static uint32_t column(void* context, ym_text field) {
        auto& columns = static_cast<Host*>(context)->columns;
        columns.push_back(string_of(field));
        return static_cast<uint32_t>(columns.size() - 1);
    }
    static void refuse(void* context, const ym_value* where, ym_text why) {
        static_cast<Host*>(context)->refusals.push_back(where->text + ": " + string_of(why));
    }
};

/// An instance of one interface of `plugin`, made with `settings`.
template <class Table>
class Instance {
  public:
    Instance(const ym_plugin& plugin, const char* interface_id, std::string_view settings)
        : table_(static_cast<const Table*>(plugin.get(interface_id))) {
        if (table_ == nullptr) throw std::runtime_error(std::string(plugin.id) + " has no " + interface_id);
        const ym_value given = host_.shape_map(table_->settings, Reader::read(settings));
        self_ = table_->create(&host_.table, &given);
        if (self_ != nullptr && host_.refusals.empty()) return;
        if (self_ != nullptr) table_->destroy(self_);
        throw std::runtime_error(host_.refusals.empty() ? "no instance and no reason" : host_.refusals.front());
    }
    ~Instance() { table_->destroy(self_); }
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;

    [[nodiscard]] const Host& host() const { return host_; }

  protected:
    static void check(ym_status status) {
        if (status != YM_OK) throw std::runtime_error("the call failed with status " + std::to_string(status));
    }

    Host host_;
    const Table* table_;
    void* self_ = nullptr;
};

/// Fields of a message: "topic", "type", "key", "header.NAME"; for routing, "random" is its randomness, a number.
using Row = std::map<std::string, std::string>;

/// Rows as the columns that an instance reads. The rows must outlive it.
class Columns {
  public:
    Columns(const std::vector<std::string>& names, const std::vector<Row>& rows) {
        for (const std::string& name : names) {
            std::vector<ym_text>& texts = texts_.emplace_back();
            for (const Row& row : rows) {
                const auto found = row.find(name);
                const bool is_there = found != row.end();
                texts.push_back(is_there ? ym_text{found->second.data(), found->second.size()} : ym_text{});
            }
        }
        for (const std::vector<ym_text>& texts : texts_) columns_.push_back(texts.data());
    }
    [[nodiscard]] const ym_text* const* data() const { return columns_.data(); }

  private:
    std::vector<std::vector<ym_text>> texts_;
    std::vector<const ym_text*> columns_;
};

class Routing : public Instance<ym_routing> {
  public:
    using Row = fake::Row;

    Routing(const ym_plugin& plugin, std::string_view settings) : Instance(plugin, YM_ROUTING_1, settings) {}

    /// The targets of each row, in the order in which the plugin names them.
    std::vector<std::vector<std::string>> route(const std::vector<Row>& rows) {
        const Columns columns(host_.columns, rows);
        std::vector<uint64_t> random;
        for (const Row& row : rows) random.push_back(row.count("random") == 0 ? 0 : std::stoull(row.at("random")));

        Answer answer{host_.targets, std::vector<std::vector<std::string>>(rows.size())};
        const ym_batch batch{sizeof(ym_batch), static_cast<uint32_t>(rows.size()), columns.data(), random.data()};
        const ym_routes routes{sizeof(ym_routes), &answer, [](void* context, uint32_t message, ym_target to) {
                                   auto* to_fill = static_cast<Answer*>(context);
                                   to_fill->rows.at(message).push_back(to_fill->targets.at(to));
                               }};
        check(table_->route(self_, &batch, &routes));
        return answer.rows;
    }

  private:
    struct Answer {
        const std::vector<std::string>& targets;
        std::vector<std::vector<std::string>> rows;
    };
};

class Balance : public Instance<ym_balance> {
  public:
    struct Worker {
        uint64_t credit = 1;
        uint64_t in_flight = 0;
        uint64_t idle_ns = 0;
        std::string session = std::string(16, 's');
        std::string name;
    };

    Balance(const ym_plugin& plugin, std::string_view settings) : Instance(plugin, YM_BALANCE_1, settings) {}

    /// The worker of each of `messages` messages, all without fields, or YM_NOBODY.
    std::vector<uint32_t> pick(const std::vector<Worker>& workers, uint32_t messages) {
        return pick(workers, std::vector<Row>(messages));
    }
    /// The worker of the message of each row.
    std::vector<uint32_t> pick(const std::vector<Worker>& workers, const std::vector<Row>& rows) {
        std::vector<uint64_t> credit, in_flight, idle;
        std::vector<ym_text> session, name;
        for (const Worker& worker : workers) {
            credit.push_back(worker.credit);
            in_flight.push_back(worker.in_flight);
            idle.push_back(worker.idle_ns);
            session.push_back({worker.session.data(), worker.session.size()});
            name.push_back({worker.name.data(), worker.name.size()});
        }
        std::vector<uint32_t> picks(rows.size(), YM_NOBODY);
        const Columns fields(host_.columns, rows);
        const ym_workers columns{sizeof(ym_workers), static_cast<uint32_t>(workers.size()),
                                 credit.data(),      in_flight.data(),
                                 idle.data(),        session.data(),
                                 name.data()};
        const ym_ready ready{sizeof(ym_ready), static_cast<uint32_t>(rows.size()), fields.data()};
        check(table_->pick(self_, &columns, &ready, picks.data()));
        return picks;
    }

    /// The worker of this session has left.
    void gone(const std::string& session) {
        const bool has_gone = table_->size >= sizeof(ym_balance) && table_->gone != nullptr;
        if (has_gone) table_->gone(self_, {session.data(), session.size()});
    }
};

class Retry : public Instance<ym_retry> {
  public:
    struct Failure {
        int32_t reason = YM_NACK;
        uint32_t attempt = 1;
        uint64_t age_ns = 0;
        uint64_t retry_after_ns = 0;
        uint64_t random = 0;
    };

    Retry(const ym_plugin& plugin, std::string_view settings) : Instance(plugin, YM_RETRY_1, settings) {}

    /// The wait after one failure in nanoseconds, or YM_DEAD_LETTER.
    uint64_t decide(const Failure& failure) {
        uint64_t wait = YM_DEAD_LETTER;
        const ym_failures columns{
            sizeof(ym_failures), 1, &failure.reason, &failure.attempt, &failure.age_ns, &failure.retry_after_ns,
            &failure.random};
        check(table_->decide(self_, &columns, &wait));
        return wait;
    }
};

}  // namespace ym::fake
