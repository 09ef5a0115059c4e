// SPDX-License-Identifier: MIT
// std_barrier.cpp - std::barrier of the C++ library, arrive_and_wait with an empty completion.
#include "std_barrier.h"

#include <barrier>

void *std_barrier_create(int n_ranks)
{
    return new std::barrier<>(n_ranks);
}

void std_barrier_wait(void *barrier, int)
{
    static_cast<std::barrier<> *>(barrier)->arrive_and_wait();
}

void std_barrier_destroy(void *barrier)
{
    delete static_cast<std::barrier<> *>(barrier);
}
