// error: fanout: the type named here cannot be sent to another process: nobody knows which member of a union is meant
#include <fanout/serialize/codec.hpp>
#include <string>
#include <variant>

struct value {
    std::string name;
#ifndef CORRECTED
    union {
        int number;
        double real;
    };
#else
    std::variant<int, double> content;
#endif
};

void f(fanout::writer& to, const value& v) { to(v); }
