// How a function is named for another process of the same program, and found there.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fanout/core/bytes.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/tcp/modules.hpp"

namespace fanout::detail {

/// Code that may be named from outside. All of it is in one list, which is complete before `main` begins: a template
/// that is compiled anywhere in the program puts its own entry there. Nothing else can be called from outside.
///
/// Why not by the name of its type: those are not unique. Lambdas in functions of the same name in two files have one
/// and the same name, and are different code.
class callable_code {
public:
    explicit callable_code(const void* address) noexcept : address_(address), next_(first) { first = this; }
    callable_code(const callable_code&) = delete;
    callable_code& operator=(const callable_code&) = delete;

    const void* address() const noexcept { return address_; }

    static bool contains(const void* address) noexcept {
        for (const callable_code* each = first; each; each = each->next_)
            if (each->address_ == address) return true;
        return false;
    }

private:
    static inline constinit const callable_code* first = nullptr;

    const void* address_;
    const callable_code* next_;
};

template <class Function>
const void* address_of_code(Function* function) noexcept {
    return reinterpret_cast<const void*>(function);
}

/// `Code::enter` may be named from outside, if this is mentioned anywhere.
template <class Code>
inline const callable_code entry_of{address_of_code(&Code::enter)};

inline code_place place_of_code(const void* address) { return place_of(loaded_modules(), address); }

/// The code that another process has named. Throws `serialization_error` with the reason if there is none here.
inline const void* find_code(const code_place& named) {
    const std::vector<module> modules = loaded_modules();
    const module* const in = find_module(modules, named.module);
    if (!in)
        throw serialization_error(concat({"fanout: the function lives in a library (build ", named.module,
                                          ") that is not loaded in the worker, or is another build there; load it "
                                          "before worker_entry(), and install the same file everywhere"}));
    const auto* const address = reinterpret_cast<const void*>(in->base + named.offset);
    if (!callable_code::contains(address))
        throw serialization_error(concat({"fanout: the worker has no function at offset ", std::to_string(named.offset),
                                          " of ", in->shown(), " that may be called from outside"}));
    return address;
}

/// A pointer to a function of the user's, as it was given to `delayed`: it may point anywhere that code is.
inline code_place place_of_function(const void* function) {
    const auto place = place_of(loaded_modules(), function);
    if (place.module.empty())
        throw serialization_error(
            "fanout: this pointer to a function does not point into the program or one of its libraries, so it means "
            "nothing in another process");
    return place;
}

inline const void* find_function(const code_place& named) {
    const std::vector<module> modules = loaded_modules();
    const module* const in = find_module(modules, named.module);
    if (!in || !in->runs_at(in->base + named.offset))
        throw serialization_error(concat({"fanout: a pointer to a function (offset ", std::to_string(named.offset),
                                          " of build ", named.module, ") points to no code in the worker"}));
    return reinterpret_cast<const void*>(in->base + named.offset);
}

}  // namespace fanout::detail
