// Backends by name: backend("processes?retries=0"), and how others get a name.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/core/concat.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/core/sequential.hpp"
#include "fanout/front/any_backend.hpp"
#include "fanout/front/backend_options.hpp"
#include "fanout/processes/processes.hpp"
#include "fanout/threads/threads.hpp"

namespace fanout {

namespace detail {

/// A name that was registered. None is ever taken away, so that they can be read without a lock, in a forked child too.
class named_backend {
public:
    explicit named_backend(std::string_view called) : name(called) {}
    virtual ~named_backend() = default;

    virtual any_backend make(backend_options& options) const = 0;

    const std::string name;
    const named_backend* next = nullptr;  // one that was registered before
};

template <class Factory>
class factory_of_backends final : public named_backend {
public:
    factory_of_backends(std::string_view called, Factory factory)
        : named_backend(called), factory_(std::move(factory)) {}

    any_backend make(backend_options& options) const override {
        if constexpr (std::is_invocable_v<const Factory&, backend_options&>)
            return factory_(options);
        else
            return factory_();
    }

private:
    Factory factory_;
};

inline constinit std::atomic<const named_backend*> named_backends = nullptr;

inline constexpr std::string_view built_in_backends[] = {"processes", "sequential", "threads"};

template <class Any, class Options>
Any make_built_in(std::string_view name, Options& options) {
    if (name.compare("sequential") == 0) return sequential();
    if (name.compare("threads") == 0) {
        threads made;
        options.read("spin", made.spin);
        return made;
    }
    processes made;
    options.read("retries", made.retries);
    options.read("memory_limit", made.memory_limit);
    options.read("max_tasks_per_worker", made.max_tasks_per_worker);
    options.read("inner_threads", made.inner_threads);
    return made;
}

/// The number of letters to be put in, left out or exchanged, to get from one to the other.
template <class Row = std::vector<std::size_t>>
std::size_t distance(std::string_view from, std::string_view to) {
    Row row(to.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = exchanged(row[0], i + 1);
        for (std::size_t j = 0; j < to.size(); ++j) {
            std::size_t best = diagonal + (from[i] == to[j] ? 0 : 1);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j + 1] + 1 < best) best = row[j + 1] + 1;
            diagonal = exchanged(row[j + 1], best);
        }
    }
    return row.back();
}

/// All names that there are, each once, sorted.
template <class Names = std::vector<std::string_view>>
Names names_of_backends() {
    Names names(std::begin(built_in_backends), std::end(built_in_backends));
    for (const auto* each = named_backends.load(std::memory_order_acquire); each; each = each->next) {
        auto place = names.begin();
        while (place != names.end() && *place < each->name) ++place;
        if (place == names.end() || *place != each->name) names.insert(place, each->name);
    }
    return names;
}

inline constexpr const char* tcp_is_written_at_the_call =
    ": tcp cannot be chosen as the program runs, since each call is compiled for being sent; write it at the call, "
    "parallel(n, tcp{})";

template <class Text>
[[noreturn]] void refuse_name(const Text& where, std::string_view name) {
    if (name.compare("tcp") == 0) throw std::invalid_argument(concat({"fanout: ", where, tcp_is_written_at_the_call}));
    std::string text = concat({"fanout: ", where, ": there is no backend of this name; there are: "});
    std::string_view closest;
    std::size_t least = 3;  // what is further away is no slip of the pen
    bool first = true;
    for (const std::string_view each : names_of_backends()) {
        text += concat({exchanged(first, false) ? "" : ", ", each});
        if (const std::size_t far = distance(name, each); far < least) {
            least = far;
            closest = each;
        }
    }
    if (!closest.empty()) text += concat({" (did you mean ", closest, "?)"});
    if (name.find_first_of(":=,& ") != name.npos) text += "; options stand behind a question mark: processes?retries=0";
    throw std::invalid_argument(text);
}

/// `where` is what the user has written, for messages.
template <class Text, class Any = any_backend>
Any backend_by_name(std::string_view whole, const Text& where) {
    const std::size_t question = whole.find('?');
    const std::string_view name = whole.substr(0, question);
    basic_backend_options<Text> options(where,
                                        question == whole.npos ? std::string_view() : whole.substr(question + 1));

    const auto* found = named_backends.load(std::memory_order_acquire);  // pairs with the exchange in register_backend
    while (found && found->name.compare(name) != 0) found = found->next;
    const auto make = [&]() -> Any {
        if (found) return found->make(options);
        for (const std::string_view each : built_in_backends)
            if (each.compare(name) == 0) return make_built_in<Any>(name, options);
        refuse_name(where, name);
    };
    Any made = make();
    options.expect_all_read();
    return made;
}

/// How the environment's choice of a backend is found. Null in a program that names no backend: finding any of them
/// takes much to compile, so that such a program knows threads and sequential only.
inline constinit std::atomic<any_backend (*)(std::string_view whole, const std::string& where)> find_backend = nullptr;

/// Whoever touches `are_known` puts the function there before the program begins.
template <class Text>
struct names_in_environment {
    static inline const bool are_known = [] {
        find_backend.store(backend_by_name<Text>, std::memory_order_release);
        return true;
    }();
};

/// Depends on a parameter of the caller's, so that nothing is compiled before there is a call.
template <class Name>
void make_names_known() {
    static_cast<void>(names_in_environment<std::conditional_t<true, std::string, Name>>::are_known);
}

}  // namespace detail

/// The backend of this name, chosen as the program runs: "sequential", "threads", "processes" or one that was
/// registered, with options of its own behind a question mark: "processes?retries=0&memory_limit=2G",
/// "threads?spin=0us". Throws `std::invalid_argument` that lists the known for a name or an option that is not. Any
/// thread, any time.
///
///     auto roots = parallel(4, backend(name))(delayed(root), numbers);
template <std::convertible_to<std::string_view> Name>
[[nodiscard]] any_backend backend(const Name& name) {
    detail::make_names_known<Name>();
    const std::string_view whole = name;
    return detail::backend_by_name(whole, detail::concat({"backend(\"", whole, "\")"}));
}

/// From now on `backend(name)` is what the factory gives: a backend, made anew each time. Called without arguments, or
/// with a `backend_options&` to read options from that stand in the name:
///
///     register_backend("mine", [](backend_options& given) {
///         my_backend made;
///         given.read("patience", made.patience);  // mine?patience=20ms
///         return made;
///     });
///
/// A name that is taken, also one of fanout's own, means the new backend from then on. Any thread, any time; the
/// factory is kept until the program ends, and may be called by several threads at once.
template <std::convertible_to<std::string_view> Name, class Factory>
void register_backend(const Name& name, Factory factory) {
    detail::make_names_known<Name>();
    const std::string_view called = name;
    if (called.empty() || called.find_first_of("?&=") != called.npos)
        throw std::invalid_argument(detail::concat(
            {"fanout: register_backend(\"", called, "\"): a name has at least one letter, and none of ? & ="}));
    auto* const added = new detail::factory_of_backends<Factory>(called, std::move(factory));
    added->next = detail::named_backends.load(std::memory_order_relaxed);
    while (!detail::named_backends.compare_exchange_weak(added->next, added, std::memory_order_acq_rel)) {
    }
}

/// The same for a backend that has no options to be read: each time a copy of this one.
template <std::convertible_to<std::string_view> Name, runs_jobs Backend>
void register_backend(const Name& name, Backend always) {
    register_backend(name, [always] { return always; });
}

}  // namespace fanout
