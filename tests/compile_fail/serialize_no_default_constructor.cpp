// error: fanout: the type named here cannot be sent to another process: to be read by its serialize or load function
#include <fanout/serialize/codec.hpp>

class account {
public:
    explicit account(long cents) : cents_(cents) {}
    template <class Archive>
    void serialize(Archive& archive) {
        archive(cents_);
    }

private:
#ifdef CORRECTED
    friend fanout::access;
    account() = default;
#endif
    long cents_ = 0;
};

account f(fanout::reader& from) { return from.read<account>(); }
