"""Mutation testing: faults are planted into the engine, one at a time, and its tests must see them.

`python -m tests.mutation` runs it, `make mutants` too. In the order of reading: faults.py makes the
faults, plan.py says which tests can see which, planting.py puts a fault into running code or into
an import, judging.py runs the tests, and report.py writes benchmarks/mutants.md.
"""
