// What a call that does not make sense gives, so that its one readable error is not followed by a page of others.
#pragma once

#include <type_traits>

namespace fanout::detail {

/// Stands in for any result. Never made at run time: a static_assert has failed where it is returned.
struct misuse {
    template <class T>
    operator T() const;
    template <class... What>
    misuse operator()(What&&...) const;
    template <class... What>
    misuse outcomes(What&&...) const;
    template <class... What>
    misuse stream(What&&...) const;
    template <class... What>
    misuse stream_unordered(What&&...) const;
    template <class... What>
    misuse reduce(What&&...) const;
    template <class... What>
    misuse find_first(What&&...) const;
    template <class Index>
    misuse operator[](Index&&) const;
    misuse* begin() const;
    misuse* end() const;
    unsigned long size() const;
};

/// Whether one of them comes from a mistake that has been reported already.
template <class... Ts>
inline constexpr bool any_misuse = (std::is_same_v<std::remove_cvref_t<Ts>, misuse> || ...);

template <class...>
inline constexpr bool never = false;

}  // namespace fanout::detail
