"""Makes a `kill -9` a power cut: takes back what was written and not synced, all of it or by chance, as the shim has noted it."""
import collections
import os
import struct

HEAD = struct.Struct("=6Q")
WRITE, SYNCED, RENAMED = 1, 2, 3
Write = collections.namedtuple("Write", "number path offset size old")


def read(journal):
    """The writes that no sync has covered, in their order, with the paths that their files have now."""
    pending = []
    with open(journal, "rb") as file:
        while len(head := file.read(HEAD.size)) == HEAD.size:
            kind, number, offset, size, old_length, path_length = HEAD.unpack(head)
            path, old = file.read(path_length), file.read(old_length)
            if len(path) < path_length or len(old) < old_length:
                break  # the kill came between this note and its write
            if kind == WRITE:
                pending.append(Write(number, path, offset, size, old))
            elif kind == SYNCED:
                pending = [one for one in pending if one.path != path or one.number > number]
            else:
                pending = [one._replace(path=old) if one.path == path else one for one in pending]
    return pending


def take_back(journal, random, kept=None):
    """What a power cut would leave: nothing of the unsynced writes, or some of them, or some of their blocks. Says how many there were."""
    pending = read(journal)
    kept = random.choice([0.0, 0.0, 0.5, 0.9]) if kept is None else kept  # of each block
    block = random.choice([512, 4096])
    for one in reversed(pending):
        if not os.path.exists(one.path):
            continue
        file = os.open(one.path, os.O_WRONLY)
        try:
            length = max(len(one.old), block)
            at = 0
            while at < length:
                until = min(length, (one.offset + at) // block * block + block - one.offset)
                if random.random() >= kept:
                    os.pwrite(file, one.old[at:until], one.offset + at)
                at = until
            if kept == 0.0 and one.size < os.fstat(file).st_size:
                os.ftruncate(file, one.size)
            os.fsync(file)
        finally:
            os.close(file)
    os.unlink(journal)
    return len(pending)
