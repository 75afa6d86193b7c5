// error: fanout: the type named here cannot be sent to another process: an aggregate with a base class that has members
#include <fanout/serialize/codec.hpp>
#include <string>

struct person {
    std::string name;
};
#ifndef CORRECTED
struct customer : person {
    int number;
};
#else
struct customer {
    person who;
    int number;
};
#endif

void f(fanout::writer& to, const customer& value) { to(value); }
