"""From what each test runner writes to test cases."""
