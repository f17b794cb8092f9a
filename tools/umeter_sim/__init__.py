"""The simulated umeter board: fakes below the firmware's drivers, the site behind them, and two
runtimes.
"""
