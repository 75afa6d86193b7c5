// error: fanout: the type named here cannot be sent to another process: a reference means nothing in another process
#include <fanout/serialize/codec.hpp>
#include <string>

struct greeting {
#ifndef CORRECTED
    const std::string& text;
#else
    std::string text;
#endif
};

void f(fanout::writer& to, const greeting& value) { to(value); }
