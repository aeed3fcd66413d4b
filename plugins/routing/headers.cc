// Messages go where the bindings that match their headers lead.
#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>
#include <yardmaster/routing.hpp>

namespace {

class Headers {
  public:
    static constexpr ym_setting value[] = {
        {"*", YM_TEXT, nullptr, nullptr, "the value that this header must have; \"*\": any", nullptr}, {}};
    static constexpr ym_setting binding[] = {
        {"all", YM_MAP, "{}", nullptr, "header: value; each of them must be so", value},
        {"any", YM_MAP, "{}", nullptr, "header: value; one of them must be so", value},
        {"to", YM_TARGET, nullptr, nullptr, "the queue or pipeline of the messages that match", nullptr},
        {}};
    static constexpr ym_setting item[] = {
        {"*", YM_MAP, nullptr, nullptr, "one binding; with neither `all` nor `any` it matches every message", binding},
        {}};
    static constexpr ym_setting settings[] = {
        {"bindings", YM_LIST, nullptr, "1..", "which headers lead to which address", item},
        {"take", YM_CHOICE, "all", "all|first", "all bindings that match, or the first one in the order of the file",
         nullptr},
        {}};

    explicit Headers(ym::Settings given) : takes_first_(given["take"].text() == "first") {
        for (const auto& [key, binding_given] : given["bindings"]) {
            Binding& made = bindings_.emplace_back();
            read(binding_given["all"], made.all);
            read(binding_given["any"], made.any);
            made.to = binding_given["to"].target();
        }
        build_index();
    }

    void route(ym::Batch batch, ym::Routes out) {
        for (std::uint32_t i = 0; i < batch.count(); ++i) {
            find_candidates(batch, i);
            for (const std::uint32_t candidate : candidates_) {
                const Binding& one = bindings_[candidate];
                if (!matches(one, batch, i)) continue;
                out.add(i, one.to);
                if (takes_first_) break;
            }
        }
    }

  private:
    struct Condition {
        std::uint32_t column;
        std::string value;
        bool is_any;  // the header must only be there
    };
    struct Binding {
        std::vector<Condition> all;
        std::vector<Condition> any;
        ym_target to = 0;
    };

    static void read(ym::Settings map, std::vector<Condition>& out) {
        for (const auto& [header, wanted] : map) {
            if (header.empty()) {
                wanted.refuse("a header has a name");
                continue;
            }
            out.push_back(
                {map.column("header." + std::string(header)), std::string(wanted.text()), wanted.text() == "*"});
        }
    }

    static bool holds(const Condition& condition, ym::Batch batch, std::uint32_t message) {
        const std::string_view found = batch.text(condition.column, message);
        return found.data() != nullptr && (condition.is_any || found == condition.value);
    }

    static bool matches(const Binding& binding, ym::Batch batch, std::uint32_t message) {
        for (const Condition& condition : binding.all) {
            if (!holds(condition, batch, message)) return false;
        }
        for (const Condition& condition : binding.any) {
            if (holds(condition, batch, message)) return true;
        }
        return binding.any.empty();
    }

    /// Bindings by the value that one of their headers must have: of all of them, only those that a message's own
    /// values lead to are looked at.
    void build_index() {
        std::map<std::pair<std::uint32_t, std::string_view>, std::size_t> uses;
        for (const Binding& one : bindings_) {
            for (const Condition& condition : one.all) ++uses[{condition.column, condition.value}];
        }
        for (std::uint32_t b = 0; b < bindings_.size(); ++b) {
            const Binding& one = bindings_[b];
            const Condition* rarest = nullptr;
            for (const Condition& condition : one.all) {
                if (condition.is_any) continue;
                const std::size_t count = uses[{condition.column, condition.value}];
                if (rarest == nullptr || count < uses[{rarest->column, rarest->value}]) rarest = &condition;
            }
            if (rarest != nullptr) {
                add_to_index(*rarest, b);
            } else if (!one.any.empty() && std::none_of(one.any.begin(), one.any.end(), is_open)) {
                for (const Condition& condition : one.any) add_to_index(condition, b);
            } else {
                always_.push_back(b);
            }
        }
    }
    static bool is_open(const Condition& condition) { return condition.is_any; }

    void add_to_index(const Condition& condition, std::uint32_t number) {
        auto column = std::find_if(index_.begin(), index_.end(),
                                   [&](const Column& one) { return one.number == condition.column; });
        if (column == index_.end()) column = index_.insert(index_.end(), Column{condition.column, {}});
        column->bindings[condition.value].push_back(number);
    }

    /// Fills `candidates_` with bindings that may match, in the order of the file.
    void find_candidates(ym::Batch batch, std::uint32_t message) {
        candidates_.assign(always_.begin(), always_.end());
        for (const Column& column : index_) {
            const std::string_view text = batch.text(column.number, message);
            if (text.data() == nullptr) continue;
            const auto found = column.bindings.find(text);
            if (found == column.bindings.end()) continue;
            candidates_.insert(candidates_.end(), found->second.begin(), found->second.end());
        }
        std::sort(candidates_.begin(), candidates_.end());
        candidates_.erase(std::unique(candidates_.begin(), candidates_.end()), candidates_.end());
    }

    struct Column {
        std::uint32_t number;
        std::unordered_map<std::string_view, std::vector<std::uint32_t>> bindings;  // views of conditions
    };

    bool takes_first_;
    std::vector<Binding> bindings_;
    std::vector<std::uint32_t> always_;  // bindings without such a value
    std::vector<Column> index_;
    std::vector<std::uint32_t> candidates_;  // of one message; kept for its memory only
};

}  // namespace

YM_ROUTING(Headers, "headers", "1.0.0", "matches the values of headers")
