// Messages go where the bindings that match their headers lead.
#include <string>
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
    }

    void route(ym::Batch batch, ym::Routes out) const {
        for (std::uint32_t i = 0; i < batch.count(); ++i) {
            for (const Binding& one : bindings_) {
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

    bool takes_first_;
    std::vector<Binding> bindings_;
};

}  // namespace

YM_ROUTING(Headers, "headers", "1.0.0", "matches the values of headers")
