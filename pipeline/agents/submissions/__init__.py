"""What each role hands in: the pydantic models behind the `submit_*` tools.

Problem: a model's free text cannot be checked, and a reviewer whose JSON does not parse must not count as a pass.
Choice: every result is one closed model whose field descriptions become the tool's JSON Schema and whose validators
name what is wrong and what would be right, so that the model corrects itself. Invariant: what is contradictory (a pass
with blocking findings, an uncovered criterion, a quote that was never written) never leaves this package as a value.

Read in this order: `fields` (texts, ids, facts), `intake`, `specs`, `work`, `reviews`, `closing`. `pipeline.agents.roles`
says which role hands in what, `pipeline.agents.submissions.validation` makes tools of the models and validates what comes back.
"""
