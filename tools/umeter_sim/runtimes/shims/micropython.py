"""The names of `micropython` that firmware uses, meaning nothing on CPython."""


def const(value):
    return value


def heap_lock():
    return 1


def heap_unlock():
    return 0


def kbd_intr(character):
    pass


def alloc_emergency_exception_buf(size):
    pass


def native(function):
    return function


viper = native
