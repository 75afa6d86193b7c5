// error: fanout: the type named here cannot be sent to another process: which class the pointer points to is not known
#include <fanout/serialize/codec.hpp>
#include <memory>
#include <variant>
#include <vector>

struct shape {
    virtual ~shape() = default;
    virtual double area() const = 0;
};
struct square {
    double side;
};
struct circle {
    double radius;
};

#ifndef CORRECTED
using shapes = std::vector<std::unique_ptr<shape>>;
#else
using shapes = std::vector<std::variant<square, circle>>;
#endif

void f(fanout::writer& to, const shapes& value) { to(value); }
