"""`make bench`: what Changeline itself costs, each figure beside a floor measured in the same run and beside its aim.

Problem: a time without anything to compare it with says more about the machine than about the program. Choice: the real
processes (embedded PostgreSQL, controller, fork server, workers, the scripted model at zero latency), and next to every
figure the same work done as barely as possible, minutes apart on the same machine. Invariant: nothing here ever fails
on a time; it prints. Everything lives in one temporary directory and on the loopback interface, and needs no key.

Read in this order: `figures` (what is reported), `runs` (which figures there are), `installation` (the processes),
`sample` (the work they are given), then one module per figure, `floors` and `machine` (what they are compared with).
"""
