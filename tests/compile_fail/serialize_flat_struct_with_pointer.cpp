// error: fanout: the type named here cannot be sent to another process: a pointer means nothing in another process
#include <fanout/serialize/codec.hpp>

struct buffer {
    int size;
#ifndef CORRECTED
    const char* data;
#else
    char data[64];
#endif
};

buffer f(fanout::reader& from) { return from.read<buffer>(); }
