// <ranges>, and what fanout needs of <memory>: std::unique_ptr. libstdc++ has that in a file of its own; the whole of
// <memory>, with the parallel algorithms on raw memory, would cost everybody who includes fanout a tenth of what
// <thread> costs.
#pragma once

#include <ranges>

#if __has_include(<bits/unique_ptr.h>)
#include <bits/unique_ptr.h>
#else
#include <memory>
#endif
