// error: fanout: the type named here cannot be sent to another process: locks, threads and the like belong to their
#include <fanout/serialize/codec.hpp>
#include <memory>
#include <mutex>

struct shared_counter {
#ifndef CORRECTED
    std::unique_ptr<std::mutex> lock;
#endif
    int count;
};

void f(fanout::writer& to, const shared_counter& value) { to(value); }
