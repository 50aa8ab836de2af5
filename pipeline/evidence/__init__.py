"""The deterministic proof: what tests, diffs and scans say, never what an agent says.

Read in this order: `test_reports` (what a test run is), `test_commands` and `test_runs` (how the pipeline's own run is
made and read), `red_green` (what counts as red and as green), `baseline` (the suite before and after),
`protected_tests` and `diff_scope` (what a writer may touch), `secret_scan` (what must never enter), `bundle` and `bundle_verification` (the evidence, and how anyone checks it without us). May import the
contracts of `pipeline`, never an adapter, the store or a stage.
"""
