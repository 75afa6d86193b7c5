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

    /// Of where all that belongs to the program itself lies: files with one build-id that were changed after linking
    /// differ in it.
    static std::uint64_t hash_of_places() {
        const std::vector<module> modules = loaded_modules();
        std::uint64_t hash = 1;
        for (const callable_code* each = first; each; each = each->next_) {
            const auto at = reinterpret_cast<std::uintptr_t>(each->address_);
            if (modules.empty() || !modules.front().contains(at)) continue;
            const std::uint64_t offset = (at - modules.front().base) * 0x9e37'79b9'7f4a'7c15;
            hash += offset ^ offset >> 29;  // in whatever order
        }
        return hash;
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

[[noreturn]] inline void refuse_module(const std::vector<module>& modules, const code_place& named) {
    const std::string library = named.library.empty() ? "a library" : named.library;
    for (const module& each : modules)
        if (!named.library.empty() && each.file() == named.library)
            throw serialization_error(
                concat({"fanout: the function lives in ", library, ", build ", named.module, "; the worker has build ",
                        each.identity, " of it, from ", each.path, "; install the same file everywhere"}));
    throw serialization_error(concat({"fanout: the function lives in ", library, " (build ", named.module,
                                      "), which is not loaded in the worker; load it there before worker_entry()"}));
}

/// The code that another process has named. Throws `serialization_error` with the reason if there is none here.
inline const void* find_code(const code_place& named) {
    const std::vector<module> modules = loaded_modules();
    const module* const in = find_module(modules, named.module);
    if (!in) refuse_module(modules, named);
    const auto* const address = reinterpret_cast<const void*>(in->base + named.offset);
    if (!callable_code::contains(address))
        throw serialization_error(
            concat({"fanout: the worker has no function at offset ", std::to_string(named.offset), " of ", in->shown(),
                    " that may be called from outside",
                    in->path.empty() ? ""
                                     : "; a program that loads libraries with tasks has to export its symbols "
                                       "(-rdynamic, in CMake the property ENABLE_EXPORTS)"}));
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
