// With this in one source file of a program, FANOUT_BACKEND may name every backend there is. Without it, and in a
// program that calls `fanout::backend` nowhere, it may name threads and sequential: the others take long to compile.
#pragma once
// IWYU pragma: always_keep

#include <string>

#include "fanout/front/backend_names.hpp"

namespace fanout::detail {

inline const bool environment_can_name_all = names_in_environment<std::string>::are_known;

}  // namespace fanout::detail
