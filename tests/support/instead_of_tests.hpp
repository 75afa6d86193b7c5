// For test programs that are also started as something else: a worker, for example.
#pragma once

/// Defined by a test program that needs it. True: what it was started for is done, and `status` is the exit code.
[[gnu::weak]] bool run_instead_of_tests(int argc, char** argv, int* status);
