// error: fanout: the type named here cannot be sent to another process: a view means nothing in another process
#include <fanout/serialize/codec.hpp>
#include <string>
#include <string_view>
#include <utility>

#ifndef CORRECTED
using text = std::string_view;
#else
using text = std::string;
#endif

void f(fanout::writer& to, const std::pair<int, text>& value) { to(value); }
