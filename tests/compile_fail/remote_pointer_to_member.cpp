// error: fanout: a pointer to a member cannot be sent to another process: wrap it in a lambda
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <vector>

using fanout::delayed, fanout::parallel, fanout::tcp;

struct account {
    int balance = 0;
    int doubled() const { return 2 * balance; }
};

void f(const std::vector<account>& accounts) {
#ifndef CORRECTED
    parallel(2, tcp{})(delayed(&account::doubled), accounts);
#else
    parallel(2, tcp{})(delayed([](const account& each) { return each.doubled(); }), accounts);
#endif
}
