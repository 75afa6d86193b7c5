// The files that this process has been loaded from, and addresses in them that mean the same in another process.
#pragma once

#include <elf.h>
#include <link.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace fanout::detail {

/// An executable or a shared library, as it lies in memory.
struct module {
    struct segment {
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        bool runs = false;    // it holds code
        bool writes = false;  // it changes
    };

    std::string path;         // empty: the executable
    std::string identity;     // the linker's build-id, or a hash of what is in memory where it has left none
    std::uintptr_t base = 0;  // what all its addresses are relative to
    std::vector<segment> segments;

    bool contains(std::uintptr_t address) const noexcept {
        for (const segment& each : segments)
            if (each.begin <= address && address < each.end) return true;
        return false;
    }
    bool runs_at(std::uintptr_t address) const noexcept {
        for (const segment& each : segments)
            if (each.runs && each.begin <= address && address < each.end) return true;
        return false;
    }
    const char* shown() const noexcept { return path.empty() ? "the program itself" : path.c_str(); }
    std::string file() const { return path.substr(path.rfind('/') + 1); }
};

inline std::string in_hexadecimal(const unsigned char* bytes, std::size_t size) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text.append(1, digits[bytes[i] >> 4]).append(1, digits[bytes[i] & 15]);
    return text;
}

/// Of everything that does not change; without the header of the file, of which `strip` changes a part. Reads between
/// variables too, where a sanitizer has put its traps.
__attribute__((no_sanitize("address"))) inline std::string hash_of_image(const module& of, std::uintptr_t header) {
    std::uint64_t one = 0xcbf2'9ce4'8422'2325, other = 0x9e37'79b9'7f4a'7c15;
    for (const module::segment& each : of.segments) {
        if (each.writes) continue;
        std::uintptr_t at = each.begin == header ? each.begin + sizeof(ElfW(Ehdr)) : each.begin;
        for (; at + 8 <= each.end; at += 8) {
            using any_word __attribute__((may_alias)) = std::uint64_t;
            const std::uint64_t word = *reinterpret_cast<const any_word*>(at);
            one = (one ^ word) * 0x100'0000'01b3;
            other = (other + word) * 0xff51'afd7'ed55'8ccd;
            other ^= other >> 29;
        }
    }
    unsigned char bytes[16];
    std::memcpy(bytes, &one, 8);
    std::memcpy(bytes + 8, &other, 8);
    return "image-" + in_hexadecimal(bytes, sizeof bytes);
}

inline std::string build_id_in(const char* notes, std::size_t size) {
    for (std::size_t at = 0; at + sizeof(ElfW(Nhdr)) <= size;) {
        ElfW(Nhdr) note;
        std::memcpy(&note, notes + at, sizeof note);
        const std::size_t name = at + sizeof note;
        const std::size_t content = name + (note.n_namesz + 3u) / 4 * 4;
        if (content + note.n_descsz > size) break;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(notes + name, "GNU", 4) == 0)
            return in_hexadecimal(reinterpret_cast<const unsigned char*>(notes + content), note.n_descsz);
        at = content + (note.n_descsz + 3u) / 4 * 4;
    }
    return {};
}

/// All that are loaded now, the executable first.
inline std::vector<module> loaded_modules() {
    std::vector<module> all;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* to) {
            module found;
            found.path = info->dlpi_name ? info->dlpi_name : "";
            found.base = info->dlpi_addr;
            std::uintptr_t header = 0;
            for (int i = 0; i < info->dlpi_phnum; ++i) {
                const ElfW(Phdr)& part = info->dlpi_phdr[i];
                const std::uintptr_t begin = info->dlpi_addr + part.p_vaddr;
                if (part.p_type == PT_LOAD) {
                    if (part.p_offset == 0) header = begin;
                    found.segments.push_back(
                        {begin, begin + part.p_memsz, (part.p_flags & PF_X) != 0, (part.p_flags & PF_W) != 0});
                } else if (part.p_type == PT_NOTE && found.identity.empty()) {
                    found.identity = build_id_in(reinterpret_cast<const char*>(begin), part.p_memsz);
                }
            }
            if (found.identity.empty()) found.identity = hash_of_image(found, header);
            static_cast<std::vector<module>*>(to)->push_back(std::move(found));
            return 0;
        },
        &all);
    return all;
}

/// A place in the code of a program, as it is the same in all processes that were started from the same files.
struct code_place {
    std::string module = {};  // its identity
    std::uint64_t offset = 0;
    std::string library = {};  // the name of its file, for messages; empty: the program itself

    bool operator==(const code_place&) const = default;
};

/// Where this address lies; a place without a module if in none.
inline code_place place_of(const std::vector<module>& modules, const void* address) {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    for (const module& each : modules)
        if (each.contains(at)) return {each.identity, at - each.base, each.file()};
    return {};
}

inline const module* find_module(const std::vector<module>& modules, const std::string& identity) {
    for (const module& each : modules)
        if (each.identity == identity) return &each;
    return nullptr;
}

/// The identity of the executable. Costs a walk over all modules, once.
inline const std::string& own_identity() {
    static const std::string identity = [] {
        const std::vector<module> all = loaded_modules();
        return all.empty() ? std::string("unknown") : all.front().identity;
    }();
    return identity;
}

}  // namespace fanout::detail
