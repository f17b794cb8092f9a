__version__ = "0.1.0"
RELEASE = 1  # grows with every one that goes out
