// Where the tests kill a worker in the middle of the protocol. In every other build these are nothing.
#pragma once

#ifndef FANOUT_FAULT_POINT
#define FANOUT_FAULT_POINT(where) static_cast<void>(0)
#endif
