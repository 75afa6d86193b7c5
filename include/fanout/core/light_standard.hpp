// What fanout needs of <ranges> and <memory>: the concepts of ranges, and the smart pointers. libstdc++ has them in
// files of their own; the whole of the two headers, with all views and the parallel algorithms on raw memory, would
// cost everybody who includes fanout a fifth of what <thread> costs.
#pragma once

#include <iterator>
#include <string_view>

#if __has_include(<bits/ranges_base.h>) && __has_include(<bits/shared_ptr.h>) && __has_include(<bits/unique_ptr.h>)
#include <bits/ranges_base.h>  // needs the two above
#include <bits/shared_ptr.h>
#include <bits/unique_ptr.h>
#else
#include <memory>
#include <ranges>
#endif
