// error: fanout: the type named here cannot be sent to another process: a function means nothing in another process
#include <fanout/serialize/codec.hpp>
#include <functional>
#include <optional>

struct task {
    int id;
#ifndef CORRECTED
    std::function<int(int)> work;
#else
    std::optional<int> result;
#endif
};

void f(fanout::writer& to, const task& value) { to(value); }
