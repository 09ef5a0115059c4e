// SPDX-License-Identifier: MIT
// consumer.cpp - the same as consumer.c in C++, through find_package.
#include <iostream>
#include <weft/weft.hpp>

int main()
{
    int sum = 0;
    weft::run(4, [&](weft::comm &comm) {
        int all = comm.allreduce(comm.rank() + 1, WEFT_SUM);
        if (comm.rank() == 0)
            sum = all;
    });
    std::cout << "weft " << weft_version() << ": 1 + 2 + 3 + 4 = " << sum << "\n";
    return sum == 10 ? 0 : 1;
}
