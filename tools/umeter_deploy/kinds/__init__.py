"""Kinds of front ends, relays and other parts: one file each, with the rules of its part of
board.json and what the board is given of it.

front_<kind>.py   BUSES: types of bus it hangs on, () for none
                  check(kit, path, channel): judge and take what it uses
                  derived(channel, document) -> dict: added to the channel for the board
relay_<type>.py   check(kit, path, relays): the same; returns how many relays there are
                  derived(relays) -> dict: added to the relays for the board
                  safe(relays, document) -> list: the steps of boot.py that open every contact
part_<key>.py     check(kit, path, thing)
"""
