// error: fanout: the type named here cannot be sent to another process: a pointer means nothing in another process
#include <fanout/serialize/codec.hpp>
#include <string>
#include <vector>

struct node {
    std::string name;
#ifndef CORRECTED
    std::vector<node*> neighbours;
#else
    std::vector<node> neighbours;
#endif
};

void f(fanout::writer& to, const std::vector<node>& nodes) { to(nodes); }
