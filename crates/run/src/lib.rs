//! Runs of checks: runs, cases, calls, verdicts, statistics and JUnit.
