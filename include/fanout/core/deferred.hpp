// A type that is known from the start, of which a template takes note only when it is used.
#pragma once

namespace fanout::detail {

template <class T, class...>
struct deferring {
    using type = T;
};

/// T, in a template over `Parameters`. What a template does with a type that does not depend on its parameters is
/// looked up where the template is defined, among all overloads and with all their instantiations, by everybody who
/// includes it. What it does with this one is looked up by who uses the template.
template <class T, class... Parameters>
using deferred = typename deferring<T, Parameters...>::type;

}  // namespace fanout::detail
