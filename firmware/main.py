from umeter.app import run

run()
