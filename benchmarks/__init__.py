"""Benchmarks of the engine: training steps, growth with size, and memory, against other libraries.

Read models.py first, then contestants.py, worker.py and training.py. `make bench` runs them all.
"""
