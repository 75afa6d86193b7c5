// error: fanout: the type named here cannot be sent to another process: its fanout::codec lacks
#include <fanout/serialize/codec.hpp>

struct point {
    double x, y;
};

template <>
struct fanout::codec<point> {
#ifndef CORRECTED
    static void write(writer& to, point value) { to(value.x, value.y); }
    static void read(reader& from, point& value) { from(value.x, value.y); }
#else
    static void write(writer& to, point value) { to(value.x, value.y); }
    static point read(reader& from) { return {from.read<double>(), from.read<double>()}; }
#endif
};

void f(fanout::writer& to, const point& value) { to(value); }
