// Much memory that is about to be written for the first time: its pages are better mapped many at once than one by one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fanout/core/platform.hpp"

#if FANOUT_ON_LINUX
#include <sys/mman.h>

#include <cerrno>
#endif

namespace fanout::detail {

/// Where pages are larger than these, the kernel refuses what does not begin with one. Elsewhere than on Linux nothing
/// is asked of it.
struct pages_within {
    static constexpr std::uintptr_t size = 4096;

    pages_within(const void* memory, std::size_t bytes) noexcept
        : first((reinterpret_cast<std::uintptr_t>(memory) + size - 1) / size * size),
          last((reinterpret_cast<std::uintptr_t>(memory) + bytes) / size * size) {}

    std::uintptr_t first, last;
};

/// Whether it is much, and has no pages yet, as far as the last one tells. Costs 1 us, if it is much.
inline bool is_fresh([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef MADV_POPULATE_WRITE
    constexpr std::size_t much = 1 << 19;
    if (bytes < much) return false;
    const int error = errno;
    unsigned char is_mapped = 0;
    const pages_within pages(memory, bytes);
    const int answer = mincore(reinterpret_cast<void*>(pages.last - pages.size), pages.size, &is_mapped);
    errno = error;
    return answer == 0 && (is_mapped & 1) == 0;
#else
    return false;
#endif
}

/// Has the kernel map all pages of it: as they are written, one by one, takes half as long again. Only a hint, which
/// kernels before 5.14 do not know. Not for much at a time: meanwhile no other thread can map memory, or give it back.
inline void map_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef MADV_POPULATE_WRITE
    const int error = errno;
    const pages_within pages(memory, bytes);
    if (pages.first < pages.last)
        madvise(reinterpret_cast<void*>(pages.first), pages.last - pages.first, MADV_POPULATE_WRITE);
    errno = error;
#endif
}

}  // namespace fanout::detail
