# SPDX-License-Identifier: MIT
# weft-gdb.py - "weft report" in gdb: who is where, on all communicators of a live process or in a core file. It reads what
# weft_comm_report reads, and needs the debug information of the library alone.
#
#     gdb -p PID -ex 'source weft-gdb.py' -ex 'weft report' -ex detach -ex quit
#     gdb -q PROGRAM core -ex 'source weft-gdb.py' -ex 'weft report'
import gdb
import time

RING = 64  # records of a rank, WEFT_RING_LINES
LEFT = ["", "has destroyed its handle; ", "has returned from its body; ", "its thread has ended; "]


def symbol(name, near):
    """A static variable, of the source file whose name ends in `near`."""
    try:
        return gdb.parse_and_eval("'%s'::%s" % (near, name))
    except gdb.error:
        found = gdb.lookup_static_symbol(name) or gdb.lookup_global_symbol(name)
        if found is None:
            raise gdb.GdbError("weft: %s is not known: the library has no debug information, or is not loaded" % name)
        return found.value()


def text(value):
    return value.string("utf-8", "replace")


def duration(ns):
    for unit, name in ((1000000000, "s"), (1000000, "ms"), (1000, "us")):
        if ns >= unit:
            return "%d.%d %s" % (ns // unit, ns % unit // (unit // 10), name)
    return "%d ns" % max(ns, 0)


def ranks_text(ranks):
    runs = []
    for rank in ranks:
        if runs and runs[-1][1] == rank - 1:
            runs[-1][1] = rank
        else:
            runs.append([rank, rank])
    words = ", ".join(str(a) if a == b else "%d-%d" % (a, b) for a, b in runs)
    return ("rank " if len(ranks) == 1 else "ranks ") + words


class State:
    """What a rank says of itself."""

    def __init__(self, slot):
        calls = int(slot["calls"])
        self.slot = slot
        self.number, self.in_call = (calls + 1) // 2, calls & 1
        self.left = int(slot["left"])
        self.since = int(slot["waits_since_ns"])
        self.message = text(slot["waits_in"]) if int(slot["waits_in"]) else None
        self.target, self.tag = int(slot["waits_for"]), int(slot["waits_tag"])
        self.processor, self.thread = int(slot["processor"]), int(slot["thread"])


def call_text(slot, number):
    record = slot["records"][number % RING]
    if int(record["number"]) != number:
        return "call %d" % number
    what, count = int(record["what"]), int(record["count"])
    of = symbol("collectives", "record.c")[what & 0x7f]
    names = [bytes(int(record["names"][i // 8]) >> i % 8 * 8 & 255 for i in range(at, at + 16)) for at in (0, 16)]
    names = [name.split(b"\0")[0].decode("utf-8", "replace") for name in names]
    kind, op = what >> 8 & 255, what >> 16 & 255
    root = (what >> 32 ^ 0x80000000) - 0x80000000
    said = []
    type_name = text(symbol("type_names", "record.c")[kind]) if kind < 128 else names[0]
    op_name = text(symbol("op_names", "record.c")[op]) if op < 128 else names[1]
    if int(of["elements"]) == 1:
        said.append("%d x %s" % (count, type_name))
    elif int(of["elements"]) == 2:
        said.append(type_name)
    if int(of["root"]) == 2:
        said[-1:] = ["%s in blocks #%08x" % (said[-1] if said else "", root & 0xffffffff)]
    if bool(of["reduces"]):
        said.append(op_name)
    if int(of["root"]) == 1:
        said.append("root %d" % root)
    if int(of["root"]) == 3:
        said.append(text(symbol("domains", "record.c")[root & 3]))
    return "call %d, %s%s(%s)" % (number, "i" if what & 0x80 else "", text(of["name"]), ", ".join(said))


class World:
    def __init__(self, world, now):
        self.world, self.now = world, now
        self.n_ranks = int(world["n_ranks"])
        self.states = [State(world["slots"][rank]) for rank in range(self.n_ranks)]

    def waits_for(self, waiting, rank):
        state = self.states[waiting]
        if state.since == 0 or state.left != 0:
            return False
        if state.target != self.n_ranks or state.message is not None:
            return state.target == rank
        return self.states[rank].number < state.number

    def longest(self, since):
        return " for at least %s" % duration(self.now - since) if self.now else ""

    def wait_text(self, rank):
        state = self.states[rank]
        awaited = [other for other in range(self.n_ranks) if self.waits_for(rank, other)]
        if state.message is not None and state.target > self.n_ranks:
            whom = "any rank"
        elif awaited:
            whom = ranks_text(awaited)
        else:
            whom = "ranks that have come and have not done their part"
        tag = " with tag %d" % state.tag if state.message is not None and state.tag >= 0 else ""
        return ", waiting for %s%s%s" % (whom, tag, self.longest(state.since))

    def rank_text(self, rank):
        state = self.states[rank]
        waits = state.since != 0 and state.left == 0
        said = LEFT[state.left]
        if waits and state.message is not None:
            said += "in %s%s; " % (state.message, self.wait_text(rank))
        if state.number == 0:
            said += "no collective yet"
        else:
            said += ("in " if state.in_call else "last finished ") + call_text(state.slot, state.number)
            if state.in_call and waits and state.message is None:
                said += self.wait_text(rank)
        by = [other for other in range(self.n_ranks) if other != rank and self.waits_for(other, rank)]
        if by:
            said += "; awaited by %s%s" % (ranks_text(by), self.longest(min(self.states[i].since for i in by)))
        if state.thread != 0 and state.left == 0:
            said += "; thread %d, last seen on processor %d" % (state.thread, state.processor)
        return "  rank %d: %s" % (rank, said)

    def report(self):
        world = self.world
        head = 'weft: communicator %d, "%s", of %d ranks' % (int(world["serial"]), text(world["name"]), self.n_ranks)
        if int(world["parent"]):
            head += ", made from %d" % int(world["parent"]["serial"])
        status = int(world["cause"]["status"])
        if status != 0:
            name = gdb.Value(status).cast(gdb.lookup_type("weft_status"))
            head += ", failed with %s: %s" % (name, text(world["cause"]["text"]))
        gdb.write(head + "\n")
        for rank in range(self.n_ranks):
            gdb.write(self.rank_text(rank) + "\n")


class Weft(gdb.Command):
    """What the ranks of Weft's communicators do."""

    def __init__(self):
        super().__init__("weft", gdb.COMMAND_STATUS, prefix=True)


class Report(gdb.Command):
    """weft report: for each communicator and rank, the call that it is in or finished last, whom it waits for, and for how long."""

    def __init__(self):
        super().__init__("weft report", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        # A live process's clock is this one's; a core file's stopped at a time that it does not tell.
        target = gdb.selected_inferior()
        live = target.pid > 0 and "core" not in gdb.execute("info target", to_string=True).split("Local exec file")[0]
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) if live else 0
        place, worlds = symbol("weft_worlds_table", "worlds.c"), 0
        while int(place):
            if int(place["world"]):
                World(place["world"].dereference(), now).report()
                worlds += 1
            place = place["next"]
        if worlds == 0:
            gdb.write("weft: no communicator\n")


Weft()
Report()
