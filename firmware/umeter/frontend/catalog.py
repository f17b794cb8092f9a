"""The front ends that a board.json can name."""


def by_name(name):
    """The module of a front end. One that no channel uses is not imported."""
    if name == "pzem":
        from umeter.frontend import pzem

        return pzem
    if name == "s0":
        from umeter.frontend import s0

        return s0
    raise ValueError("there is no front end %r" % name)
