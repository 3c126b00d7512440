/* The transport in memory keeps the contract too, or what is tested on it would prove nothing. */
#include "contract_transport.h"
#include "fakes/memory_transport.h"

static const struct contract_transport memory = {&fr_transport_memory, memory_pair, memory_reset};

CONTRACT_TRANSPORT(memory)
